/** BitTorrent v2 from end to end in virtual time: torrents and links, their piece layers, and what is kept of them (BEP 52). */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { encodeHex } from "../../src/bytes/text.ts";
import { StateError, StorageError } from "../../src/errors.ts";
import type { AddOptions } from "../../src/client/options.ts";
import type { TorrentHandle } from "../../src/client/torrent_handle.ts";
import { createTorrent } from "../../src/metainfo/create.ts";
import { type Metainfo, readMetainfo } from "../../src/metainfo/metainfo.ts";
import { MemoryStateStore, MemoryStorage, openMemoryStore } from "../../src/testing/mod.ts";
import { PORT, VirtualSwarm } from "./virtual_swarm.ts";

const SEEDER = { host: "10.0.0.1", port: PORT }, LEECHER = "10.0.0.2", OTHER = "10.0.0.3";

const linkOf = ({ infoHashV2 }: Metainfo) => `magnet:?xt=urn:btmh:1220${encodeHex(infoHashV2!)}`;

const magnetV1 = ({ infoHashV1 }: Metainfo) => `magnet:?xt=urn:btih:${encodeHex(infoHashV1!)}`;

/** Asserts that a storage holds all of the swarm's content. */
async function assertContent(swarm: VirtualSwarm, { info }: Metainfo, storage: MemoryStorage): Promise<void> {
  let start = 0;
  for (const { index, length, pad } of info.files) {
    if (pad) continue;
    const bytes = new Uint8Array(length);
    await storage.read(index, 0, bytes);
    assertEquals(bytes, swarm.content.slice(start, start + length));
    start += length;
  }
}

/** Downloads from the seeder, asserts that all is there, and answers how. */
async function download(
  swarm: VirtualSwarm,
  source: Metainfo | string,
  metainfo: Metainfo,
  options: AddOptions & { readonly host?: string; readonly storage?: MemoryStorage } = {},
): Promise<TorrentHandle> {
  const { host = LEECHER, storage = new MemoryStorage(metainfo.info.files), ...add } = options;
  const client = await swarm.client(host, { storage });
  const torrent = (await swarm.clock.runUntil(client.add(source, { peers: [SEEDER], ...add })))!;
  await swarm.clock.runUntil(torrent.completed());
  await assertContent(swarm, metainfo, storage);
  return torrent;
}

for (const version of ["2", "hybrid"] as const) {
  for (const pieceLength of [16384, 32768, 131072]) {
    Deno.test(`a torrent of version ${version} in pieces of ${pieceLength} comes from its file and from its link`, async () => {
      await using swarm = new VirtualSwarm();
      const metainfo = await swarm.torrent({ version, pieceLength });
      await swarm.seeder(SEEDER.host, metainfo);
      await download(swarm, metainfo, metainfo);
      const byLink = await download(swarm, linkOf(metainfo), metainfo, { host: OTHER });
      assertEquals(byLink.metainfo.pieceLayers, metainfo.pieceLayers);
    });
  }

  Deno.test(`a torrent of version ${version} whose file lacks its layers gets them from peers`, async () => {
    await using swarm = new VirtualSwarm();
    const metainfo = await swarm.torrent({ version }), bare = { ...metainfo, pieceLayers: new Map() };
    await swarm.seeder(SEEDER.host, metainfo);
    const torrent = await download(swarm, bare, metainfo);
    assertEquals(torrent.metainfo.pieceLayers, metainfo.pieceLayers);
    assertEquals(bare.pieceLayers.size, 0, "the caller's torrent was changed");
  });
}

Deno.test("one bare v2 file comes from its link", async () => {
  await using swarm = new VirtualSwarm();
  const source = { path: ["one"], content: swarm.content };
  const metainfo = await readMetainfo(await createTorrent([source], { version: "2", pieceLength: 16384 }));
  await swarm.seeder(SEEDER.host, metainfo);
  await download(swarm, linkOf(metainfo), metainfo);
});

Deno.test("a leecher that has its layers from peers gives them to others while it downloads", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ version: "2", pieceLength: 16384 });
  await swarm.seeder(SEEDER.host, metainfo, { uploadLimit: 20_000 });
  const middle = await swarm.client(LEECHER), last = await swarm.client(OTHER);
  const peers = [{ host: LEECHER, port: PORT }], link = linkOf(metainfo);
  const first = (await swarm.clock.runUntil(middle.add(link, { peers: [SEEDER] })))!;
  const second = (await swarm.clock.runUntil(last.add(link, { peers })))!;
  await swarm.clock.runUntil(Promise.all([first.completed(), second.completed()]));
});

Deno.test("layers are kept for the next run, and content that is here is not downloaded again", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ version: "2" }), resume = new MemoryStateStore();
  const seeder = await swarm.seeder(SEEDER.host, metainfo, { uploadLimit: 50_000 });
  const storage = new MemoryStorage(metainfo.info.files);
  const client = await swarm.client(LEECHER, { storage, resume });
  const first = (await swarm.clock.runUntil(client.add(linkOf(metainfo), { peers: [SEEDER] })))!;
  while (first.status().completedPieces < 3) await swarm.clock.advance(500);
  const name = `${first.infoHash}.layers`;
  await swarm.clock.runUntil(client.close());
  assert(await resume.read(name));
  await swarm.clock.runUntil(seeder.close());
  // The next run knows the layers without asking: what is here is verified although nobody else is.
  const bare = { ...metainfo, pieceLayers: new Map() };
  const again = await swarm.client(OTHER, { storage, resume });
  const second = (await swarm.clock.runUntil(again.add(bare, { recheck: true })))!;
  await swarm.clock.runUntil(second.checked());
  assert(second.status().completedPieces >= 3);
  assertEquals(second.metainfo.pieceLayers, metainfo.pieceLayers);
  await swarm.clock.runUntil(again.remove(second));
  assertEquals(await resume.read(name), undefined);
});

Deno.test("notes of layers that are cut, changed or of another torrent are asked for anew", async () => {
  for (const change of ["cut", "changed", "strange"]) {
    await using swarm = new VirtualSwarm();
    const metainfo = await swarm.torrent({ version: "2" }), resume = new MemoryStateStore();
    await swarm.seeder(SEEDER.host, metainfo);
    const [[root, layer]] = [...metainfo.pieceLayers] as [[string, Uint8Array]];
    const note = new Uint8Array([...Uint8Array.fromHex(root), ...layer]);
    if (change === "changed") note[40]! ^= 1;
    if (change === "strange") note[0]! ^= 1;
    const client = await swarm.client(LEECHER, { resume });
    const infoHash = encodeHex(metainfo.infoHash);
    await resume.write(`${infoHash}.layers`, change === "cut" ? note.subarray(0, -1) : note);
    const torrent = (await swarm.clock.runUntil(client.add(linkOf(metainfo), { peers: [SEEDER] })))!;
    await swarm.clock.runUntil(torrent.completed());
    assertEquals(torrent.metainfo.pieceLayers, metainfo.pieceLayers);
    // What came instead is noted so that the next run finds it.
    await swarm.clock.runUntil(client.close());
    const again = await swarm.client(OTHER, { resume, network: swarm.network.host("10.0.0.4") });
    const second = await again.add({ ...metainfo, pieceLayers: new Map() });
    await swarm.clock.runUntil(second.checked());
    assertEquals(second.metainfo.pieceLayers, metainfo.pieceLayers);
  }
});

Deno.test("content that is on the disk before its layers are known is verified when they come", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ version: "2" });
  await swarm.seeder(SEEDER.host, metainfo);
  const storage = await swarm.full(metainfo);
  const torrent = await download(swarm, linkOf(metainfo), metainfo, { storage });
  assertEquals(torrent.status().downloaded, 0);
});

/** All of a torrent's content under its final names. */
async function finished(swarm: VirtualSwarm, metainfo: Metainfo): Promise<MemoryStorage> {
  const storage = await swarm.full(metainfo);
  for (const { index } of metainfo.info.files) await storage.finish(index);
  return storage;
}

Deno.test("layers that nobody tells are worked out from content that is here, which is then seeded", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ version: "2" }), resume = new MemoryStateStore();
  const storage = await finished(swarm, metainfo);
  const client = await swarm.client(SEEDER.host, { storage, resume });
  const torrent = await client.add({ ...metainfo, pieceLayers: new Map() });
  await swarm.clock.runUntil(torrent.completed());
  assertEquals(torrent.metainfo.pieceLayers, metainfo.pieceLayers);
  await download(swarm, linkOf(metainfo), metainfo);
  // The next run need not work them out again.
  await swarm.clock.runUntil(client.close());
  assert(await resume.read(`${torrent.infoHash}.layers`));
});

Deno.test("layers of content that is not what it should be, or not whole, are left to peers", async () => {
  for (const fault of ["changed", "unreadable", "partial"]) {
    await using swarm = new VirtualSwarm();
    const metainfo = await swarm.torrent({ version: "2" });
    const storage = fault === "partial" ? await swarm.full(metainfo) : await finished(swarm, metainfo),
      { read } = storage;
    if (fault === "changed") storage.content(0)![70_000]! ^= 1;
    if (fault === "unreadable") {
      storage.read = (file, offset, into) =>
        file === 0 ? Promise.reject(new StorageError("Cannot read")) : read.call(storage, file, offset, into);
    }
    const client = await swarm.client(LEECHER, { storage });
    const torrent = await client.add({ ...metainfo, pieceLayers: new Map() });
    await swarm.clock.runUntil(torrent.checked());
    const roots = metainfo.info.files.map(({ piecesRoot }) =>
      torrent.metainfo.pieceLayers.has(encodeHex(piecesRoot!))
    );
    assertEquals([fault, roots], [fault, [false, fault !== "partial"]]);
    assertEquals(torrent.status().state, "downloading");
    storage.read = read;
    await swarm.seeder(SEEDER.host, metainfo);
    torrent.addPeers([SEEDER]);
    await swarm.clock.runUntil(torrent.completed());
  }
});

Deno.test("a torrent whose layers are being worked out can be removed", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ version: "2", pieceLength: 16384 });
  const storage = await finished(swarm, metainfo), { read } = storage, reads: number[] = [];
  storage.read = async (file, offset, into) => {
    reads.push(offset);
    await new Promise<void>((resolve) => swarm.clock.schedule(swarm.clock.now() + 1000, resolve));
    await read.call(storage, file, offset, into);
  };
  const client = await swarm.client(LEECHER, { storage });
  const torrent = await client.add({ ...metainfo, pieceLayers: new Map() });
  await swarm.clock.advance(1500);
  assertEquals(torrent.status().state, "checking");
  await swarm.clock.runUntil(client.remove(torrent));
  assertEquals(reads.length, 2);
});

Deno.test("a range of a v2 file is streamed from a link, its layer first", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ version: "2", pieceLength: 16384 });
  await swarm.seeder(SEEDER.host, metainfo);
  const client = await swarm.client(LEECHER);
  const torrent = (await swarm.clock.runUntil(client.add(linkOf(metainfo), { peers: [SEEDER] })))!;
  await swarm.clock.runUntil(torrent.checked());
  const stream = torrent.stream(1, { start: 50_000, end: 90_000 });
  const bytes = await swarm.clock.runUntil(new Response(stream).bytes());
  assertEquals(bytes, swarm.content.slice(150_000, 190_000));
});

for (const version of ["2", "hybrid"] as const) {
  Deno.test(`metadataOnly of a link of version ${version} comes with the layers, and with the content after resume()`, async () => {
    await using swarm = new VirtualSwarm();
    const metainfo = await swarm.torrent({ version });
    await swarm.seeder(SEEDER.host, metainfo);
    const links = version === "2" ? [linkOf(metainfo)] : [linkOf(metainfo), magnetV1(metainfo)];
    for (const [i, link] of links.entries()) {
      const storage = new MemoryStorage(metainfo.info.files);
      const client = await swarm.client(`10.0.1.${i + 1}`, { storage });
      const torrent = await client.add(link, { peers: [SEEDER], metadataOnly: true });
      const found = (await swarm.clock.runUntil(torrent.metadata()))!;
      assertEquals(found.pieceLayers, metainfo.pieceLayers);
      assertEquals([torrent.status().state, torrent.status().peers], ["paused", 0]);
      torrent.resume();
      await swarm.clock.runUntil(torrent.completed());
      await assertContent(swarm, metainfo, storage);
    }
  });
}

Deno.test("metadataOnly of a hybrid whose peers have no layers comes without them after a minute", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ version: "hybrid" }), bare = { ...metainfo, pieceLayers: new Map() };
  await swarm.seeder(SEEDER.host, bare);
  const client = await swarm.client(LEECHER), warnings: string[] = [];
  const torrent = await client.add(linkOf(metainfo), { peers: [SEEDER], metadataOnly: true });
  void (async () => {
    for await (const event of torrent.events()) if (event.type === "warning") warnings.push(event.message);
  })();
  const startedAt = swarm.clock.now(), found = (await swarm.clock.runUntil(torrent.metadata()))!;
  assertEquals(found.pieceLayers.size, 0);
  assert(swarm.clock.now() - startedAt >= 60_000);
  await swarm.clock.advance(1);
  assertEquals(warnings, ["no peer gave the piece layers; the torrent is that of the v1 swarm"]);
});

Deno.test("metadataOnly can be given up while the layers are looked for", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ version: "2" });
  // A leecher with nothing has the metadata and no layers: it never gives any.
  const idle = await swarm.client(SEEDER.host), bare = { ...metainfo, pieceLayers: new Map() };
  await swarm.clock.runUntil(idle.add(bare).then((torrent) => torrent.checked()));
  const client = await swarm.client(LEECHER);
  const torrent = await client.add(linkOf(metainfo), { peers: [SEEDER], metadataOnly: true });
  await swarm.clock.advance(30_000);
  assertEquals(torrent.status().state, "metadata");
  await swarm.clock.runUntil(client.remove(torrent));
});

Deno.test("a peer that lies about hashes is banned, and they come from another", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ version: "2" });
  const liar = await swarm.seeder(OTHER, metainfo);
  for (const layer of liar.torrents[0]!.metainfo.pieceLayers.values()) layer[0]! ^= 1;
  const again = await swarm.torrent({ version: "2" });
  await swarm.seeder(SEEDER.host, again);
  const client = await swarm.client(LEECHER), banned: string[] = [];
  const peers = [{ host: OTHER, port: PORT }];
  const torrent = (await swarm.clock.runUntil(client.add(linkOf(metainfo), { peers })))!;
  void (async () => {
    for await (const event of torrent.events()) if (event.type === "peerBanned") banned.push(event.host);
  })();
  await swarm.clock.advance(10_000);
  assertEquals(banned, [OTHER]);
  torrent.addPeers([SEEDER]);
  await swarm.clock.runUntil(torrent.completed());
  assertEquals(torrent.metainfo.pieceLayers, again.pieceLayers);
});

Deno.test("of two links to one hybrid, which nobody can tell before, the second fails; the first has both names", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ version: "hybrid" });
  const storage = new MemoryStorage(metainfo.info.files), opened: string[] = [];
  await swarm.seeder(SEEDER.host, metainfo, { uploadLimit: 20_000 });
  const client = await swarm.client(LEECHER, {
    openStore: (metainfo) => {
      opened.push(metainfo.info.name);
      return Promise.resolve(openMemoryStore(metainfo, storage));
    },
  });
  const first = await client.add(magnetV1(metainfo), { peers: [SEEDER] });
  const second = await client.add(linkOf(metainfo));
  await swarm.clock.runUntil(first.metadata());
  second.addPeers([SEEDER]);
  const { message } = (await swarm.clock.runUntil(assertRejects(() => second.metadata(), StateError)))!;
  assertEquals(message, `Cannot add torrent ${first.infoHash}: it is here already`);
  await swarm.clock.runUntil(first.completed());
  assertEquals([second.status().state, opened.length], ["failed", 1]);
  await assertContent(swarm, metainfo, storage);
  for (const isThere of [true, false]) { // who calls the second one is led to the first
    const other = await swarm.client(`10.0.2.${isThere ? 1 : 2}`, { encryption: "required" });
    const peers = [{ host: LEECHER, port: PORT }];
    const torrent = (await swarm.clock.runUntil(other.add(linkOf(metainfo), { peers })))!;
    await swarm.clock.runUntil(torrent.completed());
    await swarm.clock.runUntil(client.remove(second));
  }
});

for (const version of ["2", "hybrid"] as const) {
  Deno.test(`of a piece that two peers sent (version ${version}), the hashes of its blocks tell at once who lied`, async () => {
    await using swarm = new VirtualSwarm();
    const sources = [{ path: ["one"], content: swarm.content }], pieceLength = 262_144;
    const metainfo = await readMetainfo(await createTorrent(sources, { name: "t", version, pieceLength }));
    await swarm.seeder(SEEDER.host, metainfo, { uploadLimit: 50_000 });
    const openStore = async (metainfo: Metainfo) => {
      const store = openMemoryStore(metainfo, await swarm.full(metainfo)), right = store.read.bind(store);
      return Object.assign(store, {
        async read(piece: number, begin: number, into: Uint8Array) {
          await right(piece, begin, into);
          if (begin === 11 * 16384) into[0]! ^= 1;
        },
      });
    };
    const liar = await swarm.client(OTHER, { openStore });
    await swarm.clock.runUntil(liar.add(metainfo).then((torrent) => torrent.completed()));
    const client = await swarm.client(LEECHER), banned: string[] = [];
    const torrent = (await swarm.clock.runUntil(client.add(metainfo, { peers: [SEEDER] })))!;
    void (async () => {
      for await (const event of torrent.events()) if (event.type === "peerBanned") banned.push(event.host);
    })();
    await swarm.clock.runUntil(() => torrent.status().downloaded > 60_000);
    torrent.addPeers([{ host: OTHER, port: PORT }]);
    await swarm.clock.runUntil(torrent.completed());
    assertEquals(banned, [OTHER]);
    // One block is asked for again, besides those that were on their way when they came from elsewhere; else it would be all.
    const { downloaded } = torrent.status();
    assert(downloaded < 1.5 * swarm.content.length, `${downloaded} bytes`);
  });
}
