import { assert, assertEquals, assertRejects } from "@std/assert";
import { BanList } from "../../src/client/ban_list.ts";
import type { TorrentEvent } from "../../src/client/events.ts";
import { createClient } from "../../src/client/client.ts";
import type { TorrentHandle } from "../../src/client/torrent_handle.ts";
import { ConnectionCount } from "../../src/client/client_context.ts";
import { decodeResume } from "../../src/client/resume.ts";
import { encodeHex } from "../../src/bytes/text.ts";
import { StateError, StorageError, TransportError } from "../../src/errors.ts";
import type { PieceStore } from "../../src/io/storage.ts";
import { MemoryStateStore, MemoryStorage, openMemoryStore } from "../../src/testing/mod.ts";
import { PORT, VirtualSwarm } from "./virtual_swarm.ts";

const SEEDER = { host: "10.0.0.1", port: PORT }, LEECHER = "10.0.0.2", TRACKER = "10.0.0.9";

/** Collects a torrent's events. */
function collect(handle: TorrentHandle): TorrentEvent[] {
  const events: TorrentEvent[] = [];
  void (async () => {
    for await (const event of handle.events()) events.push(event);
  })();
  return events;
}

/** A store with some of its calls replaced. */
function changed(store: PieceStore, changes: Partial<PieceStore>): PieceStore {
  return new Proxy(store, {
    get(target, key) {
      const value = changes[key as keyof PieceStore] ?? target[key as keyof PieceStore];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

Deno.test("createClient() whose signal fires meanwhile leaves no listener behind", async () => {
  await using swarm = new VirtualSwarm();
  const host = swarm.network.host(LEECHER), abort = new AbortController();
  const network = {
    ...{ dial: host.dial, bindDatagram: host.bindDatagram, fetch: host.fetch, resolve: host.resolve },
    async listen() {
      const listener = await host.listen({ port: PORT });
      abort.abort(new Error("enough"));
      return listener;
    },
  };
  const options = { clock: swarm.clock, resume: false, dht: false, signal: abort.signal } as const;
  await assertRejects(() => createClient({ network, ...options }), Error, "enough");
  (await host.listen({ port: PORT })).close();
});

Deno.test("Client.remove() says so once", async () => {
  await using swarm = new VirtualSwarm();
  const client = await swarm.client(LEECHER), seen: string[] = [];
  void (async () => {
    for await (const { type } of client.events()) seen.push(type);
  })();
  const handle = await client.add(await swarm.torrent());
  await swarm.clock.runUntil(Promise.all([client.remove(handle), client.remove(handle)]));
  assertEquals(seen.filter((type) => type === "removed").length, 1);
});

Deno.test("a magnet link that is added paused asks nobody until it is resumed", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent(), tracker = swarm.tracker(TRACKER, [SEEDER]);
  const seeder = await swarm.seeder(SEEDER.host, metainfo), client = await swarm.client(LEECHER);
  const { infoHash } = seeder.torrents[0]!;
  const handle = await client.add(`magnet:?xt=urn:btih:${infoHash}`, {
    trackers: [tracker.url],
    paused: true,
  });
  await swarm.clock.advance(60_000);
  assertEquals([handle.status().state, tracker.announces], ["paused", []]);
  handle.resume();
  await swarm.clock.runUntil(handle.completed());
});

Deno.test("TorrentHandle.pause() during the check counts once the check is over", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ announce: [[swarm.tracker(TRACKER).url]] });
  await swarm.seeder(SEEDER.host, metainfo);
  const client = await swarm.client(LEECHER), handle = await client.add(metainfo, { peers: [SEEDER] });
  assertEquals(handle.status().state, "checking");
  handle.pause();
  await swarm.clock.runUntil(handle.checked());
  await swarm.clock.advance(60_000);
  assertEquals([handle.status().state, handle.status().completedPieces], ["paused", 0]);
  handle.resume();
  await swarm.clock.runUntil(handle.completed());
});

Deno.test("TorrentHandle.addPeers() before the check is over is not in vain", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent();
  await swarm.seeder(SEEDER.host, metainfo);
  const client = await swarm.client(LEECHER), handle = await client.add(metainfo);
  handle.addPeers([SEEDER]);
  await swarm.clock.runUntil(handle.completed());
});

Deno.test("a complete torrent that is added paused is complete", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent();
  const client = await swarm.client(LEECHER, { storage: await swarm.full(metainfo) });
  const handle = await client.add(metainfo, { paused: true });
  await swarm.clock.runUntil(handle.completed());
  assertEquals(handle.status().state, "paused");
  handle.resume();
  assertEquals(handle.status().state, "seeding");
});

Deno.test("a torrent that is paused while its last piece is written stays paused", async () => {
  await using swarm = new VirtualSwarm();
  const tracker = swarm.tracker(TRACKER), storage = new MemoryStorage((await swarm.torrent()).info.files);
  const metainfo = await swarm.torrent({ announce: [[tracker.url]] });
  await swarm.seeder(SEEDER.host, await swarm.torrent());
  const client = await swarm.client(LEECHER, {
    openStore: (metainfo) => {
      const store = openMemoryStore(metainfo, storage);
      return Promise.resolve(changed(store, {
        async store(piece, bytes) {
          const result = await store.store(piece, bytes);
          if (client.torrents[0]!.status().completedPieces === metainfo.info.pieceCount - 1) handle.pause();
          return result;
        },
      }));
    },
  });
  const handle = await client.add(metainfo, { peers: [SEEDER] });
  await swarm.clock.runUntil(handle.completed());
  assertEquals(handle.status().state, "paused");
  await swarm.clock.advance(10_000);
  handle.resume();
  assertEquals(handle.status().state, "seeding");
  await swarm.clock.advance(10_000);
  assertEquals(tracker.announces.slice(1), ["stopped 32768", "started 0"]);
});

Deno.test("TorrentHandle.recheck() that cannot look at the content fails the torrent, which may go on later", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ announce: [[swarm.tracker(TRACKER).url]] });
  let broken = true;
  const storage = await swarm.full(metainfo);
  const client = await swarm.client(LEECHER, {
    openStore: (metainfo) => {
      const store = openMemoryStore(metainfo, storage);
      const checkAll: PieceStore["checkAll"] = (options) =>
        broken && client.torrents[0]?.pieces()
          ? Promise.reject(new StorageError("Cannot look"))
          : store.checkAll(options);
      return Promise.resolve(changed(store, { checkAll }));
    },
  });
  const handle = await client.add(metainfo);
  await swarm.clock.runUntil(handle.completed());
  await assertRejects(() => handle.recheck(), StorageError, "Cannot look");
  assertEquals(handle.status().state, "failed");
  broken = false;
  await handle.recheck();
  assertEquals(handle.status().state, "seeding");
});

for (const revive of ["recheck", "resume"] as const) {
  Deno.test(`TorrentHandle.${revive}() of a failed torrent announces it again`, async () => {
    await using swarm = new VirtualSwarm();
    const tracker = swarm.tracker(TRACKER, [SEEDER]);
    const metainfo = await swarm.torrent({ announce: [[tracker.url]] });
    await swarm.seeder(SEEDER.host, await swarm.torrent());
    let broken = true;
    const client = await swarm.client(LEECHER, {
      openStore: (metainfo) => {
        const store = openMemoryStore(metainfo);
        return Promise.resolve(changed(store, {
          store: (piece, bytes) =>
            broken ? Promise.reject(new StorageError("Cannot write")) : store.store(piece, bytes),
        }));
      },
    });
    const handle = await client.add(metainfo);
    await assertRejects(() => swarm.clock.runUntil(handle.completed()), StorageError);
    await swarm.clock.advance(10_000);
    broken = false;
    await swarm.clock.runUntil(Promise.resolve(handle[revive]()));
    await swarm.clock.runUntil(handle.completed());
    await swarm.clock.advance(1000);
    assertEquals(tracker.announces, ["started 200000", "stopped 200000", "started 200000", "completed 0"]);
  });
}

Deno.test("a file that cannot get its name fails the torrent until it can", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent(), storage = await swarm.full(metainfo);
  let broken = true;
  const client = await swarm.client(LEECHER, {
    openStore: (metainfo) => {
      const store = openMemoryStore(metainfo, storage);
      return Promise.resolve(changed(store, {
        finish: (file) => broken ? Promise.reject(new StorageError("Cannot rename")) : store.finish(file),
      }));
    },
  });
  const handle = await client.add(metainfo), events = collect(handle);
  await assertRejects(() => swarm.clock.runUntil(handle.completed()), StorageError, "Cannot rename");
  await swarm.clock.advance(1000);
  assertEquals(handle.status().state, "failed");
  assert(!events.some(({ type }) => type === "completed"));
  broken = false;
  handle.resume();
  await swarm.clock.runUntil(handle.completed());
  assertEquals((await storage.stamps()).map((stamp) => stamp?.partial), [false, false]);
});

Deno.test("a magnet link whose content cannot be opened is silent until it is resumed, and after its end", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent(), tracker = swarm.tracker(TRACKER, [SEEDER]);
  const seeder = await swarm.seeder(SEEDER.host, metainfo);
  let broken = true;
  const client = await swarm.client(LEECHER, {
    openStore: (metainfo) =>
      broken ? Promise.reject(new StorageError("Cannot open")) : Promise.resolve(openMemoryStore(metainfo)),
  });
  const { infoHash } = seeder.torrents[0]!;
  const handle = await client.add(`magnet:?xt=urn:btih:${infoHash}&tr=${tracker.url}`);
  await assertRejects(() => swarm.clock.runUntil(handle.completed()), StorageError);
  await swarm.clock.advance(10_000);
  assertEquals(handle.status().peers, 0);
  assertEquals(tracker.announces.map((text) => text.split(" ")[0]), ["started", "stopped"]);
  broken = false;
  handle.resume();
  await swarm.clock.runUntil(handle.completed());
  await swarm.clock.runUntil(client.remove(handle));
  const { length } = tracker.announces;
  assertEquals(tracker.announces.at(-1), "stopped 0");
  await swarm.clock.advance(3 * 3_600_000);
  assertEquals(tracker.announces.length, length);
});

Deno.test("a torrent that has what is wanted but not all says so to its tracker, until more is wanted (BEP 21)", async () => {
  await using swarm = new VirtualSwarm();
  const tracker = swarm.tracker(TRACKER);
  const metainfo = await swarm.torrent({ announce: [[tracker.url]] });
  await swarm.seeder(SEEDER.host, await swarm.torrent());
  const storage = await swarm.full(metainfo), half = new MemoryStorage(metainfo.info.files);
  await half.write(0, 0, storage.content(0)!);
  await half.write(1, 0, storage.content(1)!.subarray(0, 40_000));
  const client = await swarm.client(LEECHER, { storage: half });
  const handle = await client.add(metainfo, { files: [0] });
  await swarm.clock.runUntil(handle.completed());
  await swarm.clock.advance(1_900_000);
  assertEquals(tracker.announces.map((text) => text.split(" ")[0]), ["paused", "paused"]);
  handle.select([0, 1]);
  await swarm.clock.advance(1_900_000);
  assertEquals(tracker.announces.at(-1)!.split(" ")[0], "-");
  handle.addPeers([SEEDER]);
  await swarm.clock.runUntil(handle.completed());
  await swarm.clock.advance(1000);
  assertEquals(tracker.announces.at(-1), "completed 0");
});

Deno.test("what is being written when the client closes is known to the next run", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent(), storage = new MemoryStorage(metainfo.info.files);
  await swarm.seeder(SEEDER.host, metainfo);
  const resume = new MemoryStateStore(), checked: number[] = [];
  const open = () =>
    swarm.client(LEECHER, {
      resume,
      openStore: (metainfo) => {
        const store = openMemoryStore(metainfo, storage);
        return Promise.resolve(changed(store, {
          async store(piece, bytes) {
            await new Promise<void>((resolve) => swarm.clock.schedule(swarm.clock.now() + 500, resolve));
            return await store.store(piece, bytes);
          },
          check: (piece) => {
            checked.push(piece);
            return store.check(piece);
          },
        }));
      },
    });
  const first = await open(), handle = await first.add(metainfo, { peers: [SEEDER] });
  await swarm.clock.runUntil(() => handle.status().downloaded > 100_000);
  await swarm.clock.runUntil(first.close());
  const second = await open(), again = await second.add(metainfo);
  await swarm.clock.runUntil(again.checked());
  assertEquals(checked, []);
  assert(again.status().completedPieces > 0);
});

Deno.test("a host that one torrent banned is dialled by no other", async () => {
  await using swarm = new VirtualSwarm();
  const good = await swarm.torrent(), other = await swarm.torrent({ name: "other" });
  const liar = await swarm.client(SEEDER.host, {
    openStore: async (metainfo) => {
      const store = openMemoryStore(metainfo, await swarm.full(metainfo));
      return changed(store, { read: (_piece, _begin, into) => Promise.resolve(void into.fill(0)) });
    },
  });
  for (const metainfo of [good, other]) {
    await swarm.clock.runUntil(liar.add(metainfo).then((torrent) => torrent.completed()));
  }
  const client = await swarm.client(LEECHER), handle = await client.add(good, { peers: [SEEDER] });
  const events = collect(handle);
  await swarm.clock.runUntil(() => events.some(({ type }) => type === "peerBanned"));
  const second = await client.add(other, { peers: [SEEDER] }), seen = collect(second);
  await swarm.clock.advance(60_000);
  assertEquals(seen.filter(({ type }) => type === "peerConnected"), []);
});

Deno.test("a host that one torrent bans is let go by all others", async () => {
  await using swarm = new VirtualSwarm();
  const good = await swarm.torrent(), other = await swarm.torrent({ name: "other" });
  const liar = await swarm.client(SEEDER.host, {
    openStore: async (metainfo) => {
      const isGood = metainfo.info.name === good.info.name;
      const store = openMemoryStore(metainfo, isGood ? await swarm.full(metainfo) : undefined);
      return changed(store, { read: (_piece, _begin, into) => Promise.resolve(void into.fill(0)) });
    },
  });
  await swarm.clock.runUntil(liar.add(good).then((torrent) => torrent.completed()));
  const full = await swarm.full(other);
  const client = await swarm.client(LEECHER, {
    uploadLimit: 1000,
    openStore: (metainfo) =>
      Promise.resolve(openMemoryStore(metainfo, metainfo.info.name === "other" ? full : undefined)),
  });
  const seeding = await client.add(other), events = collect(seeding);
  await swarm.clock.runUntil(seeding.completed());
  await liar.add(other, { peers: [{ host: LEECHER, port: PORT }] });
  await swarm.clock.advance(5000);
  assertEquals(seeding.status().peers, 1);
  const handle = await client.add(good, { peers: [SEEDER] }), seen = collect(handle);
  await swarm.clock.runUntil(() => seen.some(({ type }) => type === "peerBanned"));
  await swarm.clock.advance(60_000);
  assertEquals(seeding.status().peers, 0);
  for (const each of [events, seen]) {
    const closed = each.flatMap((event) => event.type === "peerClosed" ? [event.reason] : []);
    assertEquals(closed, ["banned"]);
  }
});

Deno.test("Client.add() refuses to want a file that is not there, and opens nothing", async () => {
  await using swarm = new VirtualSwarm();
  const openStore = () => Promise.reject(new Error("nobody asked for this"));
  const client = await swarm.client(LEECHER, { openStore });
  const metainfo = await swarm.torrent();
  await assertRejects(() => client.add(metainfo, { files: [0, 2] }), RangeError, "Cannot select file 2");
  assertEquals(client.torrents, []);
});

Deno.test("Client.listen() listens once", async () => {
  await using swarm = new VirtualSwarm();
  const client = await swarm.client(LEECHER);
  await assertRejects(() => client.listen(), StateError, "Cannot listen");
  const other = await swarm.client("10.0.0.3", { port: false });
  await swarm.clock.runUntil(other.close());
  await assertRejects(() => other.listen(), StateError, "Cannot listen");
});

Deno.test("notes of another torrent are not believed, whatever name they have", async () => {
  await using swarm = new VirtualSwarm();
  const one = await swarm.torrent(),
    two = await swarm.torrent({ name: "other" }),
    resume = new MemoryStateStore();
  const storage = await swarm.full(one), first = await swarm.client(LEECHER, { storage, resume });
  const handle = await first.add(one, { recheck: true });
  await swarm.clock.runUntil(handle.completed());
  await swarm.clock.runUntil(first.close());
  const notes = await resume.read(`${encodeHex(one.infoHash)}.resume`) ?? new Uint8Array();
  if (notes.length > 0) await resume.write(`${encodeHex(two.infoHash)}.resume`, notes);
  await storage.write(0, 5, Uint8Array.of(1, 2, 3));
  let checks = 0;
  const second = await swarm.client("10.0.0.3", {
    resume,
    openStore: (metainfo) => {
      const store = openMemoryStore(metainfo, storage);
      return Promise.resolve(changed(store, { checkAll: (options) => (checks++, store.checkAll(options)) }));
    },
  });
  const again = await second.add(two);
  await swarm.clock.runUntil(again.checked());
  assertEquals([notes.length > 0, checks], [true, 1]);
});

Deno.test("BanList bans an IPv6 network of the internet as a whole, and forgets the oldest of very many", () => {
  const banned = new BanList();
  banned.add("2600:1::1");
  assertEquals(["2600:1::2", "2600:1:0:1::1"].map((host) => banned.has(host)), [true, false]);
  for (let i = 0; i < 4096; i++) banned.add(`10.0.${i >> 8}.${i & 255}`);
  assertEquals(["2600:1::1", "10.0.0.0", "10.0.15.255"].map((host) => banned.has(host)), [false, true, true]);
});

Deno.test("a tracker's warning does not tell the passkey", async () => {
  await using swarm = new VirtualSwarm();
  const tracker = swarm.tracker(TRACKER, [], "15:warning message4:slow");
  const client = await swarm.client(LEECHER);
  const handle = await client.add(await swarm.torrent({ announce: [[tracker.url]] })),
    events = collect(handle);
  await swarm.clock.advance(1000);
  const [warning] = events.filter((event) => event.type === "warning");
  assertEquals(warning?.message, `http://${TRACKER}:8000: slow`);
});

Deno.test("a peer whose handshake began before the metadata was here is of use afterwards", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent(), far = { host: "10.0.0.3", port: PORT };
  await swarm.seeder(SEEDER.host, metainfo);
  const { infoHash } = (await swarm.seeder(far.host, metainfo)).torrents[0]!;
  const client = await swarm.client(LEECHER);
  swarm.network.link(LEECHER, far.host, { latencyMs: 70 });
  const handle = await client.add(`magnet:?xt=urn:btih:${infoHash}`, { peers: [SEEDER, far] });
  await swarm.clock.runUntil(handle.metadata());
  swarm.network.cut(LEECHER, SEEDER.host);
  await swarm.clock.runUntil(handle.completed(), { limitMs: 5_000 });
});

Deno.test("what trackers tell of a magnet link's peers is not forgotten with the metadata", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent(), late = { host: "10.0.0.3", port: PORT };
  const { infoHash } = (await swarm.seeder(SEEDER.host, metainfo)).torrents[0]!;
  const tracker = swarm.tracker(TRACKER, [SEEDER, late]), client = await swarm.client(LEECHER);
  const handle = await client.add(`magnet:?xt=urn:btih:${infoHash}&tr=${tracker.url}`);
  await swarm.clock.runUntil(handle.metadata());
  swarm.network.cut(LEECHER, SEEDER.host);
  await swarm.seeder(late.host, metainfo);
  await swarm.clock.runUntil(handle.completed(), { limitMs: 120_000 });
});

Deno.test("a dial waits for its place, and is made as soon as there is one", async () => {
  await using swarm = new VirtualSwarm();
  const far = { host: "10.0.0.3", port: PORT }, tracker = swarm.tracker(TRACKER, [far]);
  const slow = await swarm.torrent({ name: "slow" });
  const metainfo = await swarm.torrent({ announce: [[tracker.url]] });
  await swarm.seeder(SEEDER.host, slow, { uploadLimit: 1000 });
  await swarm.seeder(far.host, await swarm.torrent());
  const client = await swarm.client(LEECHER, { maxConnections: 1 });
  const first = await client.add(slow, { peers: [SEEDER] }), second = await client.add(metainfo);
  await swarm.clock.advance(120_000);
  assertEquals([second.status().peers, second.status().completedPieces], [0, 0]);
  await swarm.clock.runUntil(client.remove(first));
  await swarm.clock.runUntil(second.completed(), { limitMs: 5_000 });
});

Deno.test("resume data counts what all runs have moved", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent(), resume = new MemoryStateStore();
  await swarm.seeder(SEEDER.host, metainfo);
  for (const pieces of [7, 7]) {
    const client = await swarm.client(LEECHER, { resume, storage: new MemoryStorage(metainfo.info.files) });
    const handle = await client.add(metainfo, { peers: [SEEDER], recheck: true });
    await swarm.clock.runUntil(handle.completed());
    assertEquals(handle.status().completedPieces, pieces);
    await swarm.clock.runUntil(client.close());
  }
  const kept = decodeResume((await resume.read(`${encodeHex(metainfo.infoHash)}.resume`))!, 7);
  assertEquals(kept.downloaded, 400_000);
});

Deno.test("Client.dht() may succeed after it failed", async () => {
  await using swarm = new VirtualSwarm();
  const dht = { routers: [], port: 7000 }, client = await swarm.client(LEECHER, { dht });
  const other = await swarm.network.host(LEECHER).bindDatagram({ port: 7000 });
  await assertRejects(() => client.dht(), TransportError, "in use");
  other.close();
  await swarm.clock.runUntil(client.dht());
});

Deno.test("ConnectionCount keeps places for those who dial us, and the order of those who wait", async () => {
  const places = new ConnectionCount(10), abort = new AbortController(), order: string[] = [];
  for (let i = 0; i < 9; i++) await places.wait(abort.signal);
  const other = new AbortController();
  const waiting = [
    places.wait(other.signal).catch(() => order.push("given up")),
    places.wait(abort.signal).then(() => order.push("second")),
    places.wait(abort.signal).then(() => order.push("third")),
  ];
  assertEquals([places.take(), places.take()], [true, false]);
  other.abort();
  await waiting[0];
  places.give();
  places.give();
  await waiting[1];
  assertEquals(order, ["given up", "second"]);
  places.give();
  await waiting[2];
  await assertRejects(() => places.wait(AbortSignal.abort(new Error("over"))), Error, "over");
});
