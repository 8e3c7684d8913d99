/** What peers notice of a check: nothing, but for pieces that turn out to be bad (BEP 54). */

import { assert, assertEquals } from "@std/assert";
import { encodeHex } from "../../src/bytes/text.ts";
import { decodeResume } from "../../src/client/resume.ts";
import { MemoryStateStore, openMemoryStore } from "../../src/testing/mod.ts";
import { ScriptedPeer } from "./scripted_peer.ts";
import { PORT, VirtualSwarm } from "./virtual_swarm.ts";

const HOST = "10.0.0.1", SEEDER = { host: "10.0.0.9", port: PORT };

Deno.test("TorrentHandle.recheck() keeps connections, and takes bad pieces back from peers until they are here again", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ pieceLength: 16384 }), storage = await swarm.full(metainfo);
  const { infoHash, info: { pieceCount } } = metainfo;
  await swarm.seeder(SEEDER.host, metainfo);
  const client = await swarm.client(HOST, { storage });
  const handle = (await swarm.clock.runUntil(client.add(metainfo, { announce: false })))!;
  await swarm.clock.runUntil(handle.completed());
  const facts = { swarm, to: HOST, infoHash, pieceCount };
  const hears = await ScriptedPeer.connect({ ...facts, host: "10.0.0.2", extensions: ["lt_donthave"] });
  const mute = await ScriptedPeer.connect({ ...facts, host: "10.0.0.3" });
  for (const peer of [hears, mute]) peer.say({ type: "haveNone" }, { type: "interested" });
  await swarm.clock.advance(1000);

  await swarm.clock.runUntil(handle.recheck());
  await swarm.clock.advance(1000);
  assertEquals([hears.closed, mute.closed, handle.status().peers], [undefined, undefined, 2]);
  assertEquals(handle.status().state, "seeding");

  await storage.write(0, 3 * 16384 + 5, new Uint8Array(10));
  await swarm.clock.runUntil(handle.recheck());
  await swarm.clock.advance(1000);
  assertEquals(hears.extensions.filter(({ type }) => type === "dontHave"), [{ type: "dontHave", piece: 3 }]);
  assertEquals([hears.closed, mute.closed !== undefined], [undefined, true]);
  assertEquals([handle.status().state, handle.status().completedPieces], ["downloading", pieceCount - 1]);
  hears.say({ type: "request", piece: 0, begin: 0, length: 16384 });
  await swarm.clock.advance(1000);
  assertEquals(hears.heard("piece").map(({ piece }) => piece), [0]);

  handle.addPeers([SEEDER]);
  await swarm.clock.runUntil(handle.completed());
  await swarm.clock.advance(1000);
  assertEquals(hears.heard("have").map(({ piece }) => piece), [3]);
  for (const peer of [hears, mute]) peer.close();
});

Deno.test("TorrentHandle.recheck() of a torrent that downloads asks nobody meanwhile, and goes on with the same peers", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ pieceLength: 16384 });
  await swarm.seeder(SEEDER.host, metainfo, { uploadLimit: 20_000 });
  const client = await swarm.client(HOST), closed: string[] = [];
  const handle = (await swarm.clock.runUntil(client.add(metainfo, { peers: [SEEDER] })))!;
  await swarm.clock.runUntil(() => handle.status().completedPieces >= 3);
  void (async () => {
    for await (const event of handle.events()) if (event.type === "peerClosed") closed.push(event.reason);
  })();
  await swarm.clock.runUntil(handle.recheck());
  assertEquals([handle.status().state, handle.status().peers], ["downloading", 1]);
  assert(handle.status().completedPieces >= 3);
  await swarm.clock.runUntil(handle.completed());
  assertEquals(closed.filter((reason) => reason !== "both complete"), []);
});

Deno.test("pieces that a check found bad are not vouched for, even if the client is killed then", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ pieceLength: 16384 }), storage = await swarm.full(metainfo);
  const resume = new MemoryStateStore(), { pieceCount } = metainfo.info;
  const first = await swarm.client(HOST, { storage, resume });
  await swarm.clock.runUntil((await first.add(metainfo)).completed());
  await swarm.clock.runUntil(first.close());
  const second = await swarm.client("10.0.0.4", { storage, resume }), handle = await second.add(metainfo);
  await swarm.clock.runUntil(handle.completed());
  await storage.write(0, 3 * 16384 + 5, new Uint8Array(10));
  await swarm.clock.runUntil(handle.recheck());
  await swarm.clock.advance(31_000);
  const notes = decodeResume((await resume.read(`${handle.infoHash}.resume`))!, pieceCount);
  assertEquals([notes.pieces.count, notes.pieces.has(3)], [pieceCount - 1, false]);
});

Deno.test("a piece layer that comes during a check waits for its end: no file gets its name while it is read", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ version: "2", pieceLength: 16384 }),
    storage = await swarm.full(metainfo);
  await swarm.seeder(SEEDER.host, metainfo);
  const seen: string[] = [], { read } = storage;
  const client = await swarm.client(HOST, {
    openStore: (metainfo) => {
      const store = openMemoryStore(metainfo, storage), { checkAll, finish } = store;
      store.checkAll = async (options) => {
        seen.push("checking");
        const found = await checkAll.call(store, options);
        seen.push("checked");
        return found;
      };
      store.check = () => Promise.resolve(true); // sooner than all others are checked
      store.finish = (file) => {
        seen.push("named");
        return finish.call(store, file);
      };
      return Promise.resolve(store);
    },
  });
  const link = `magnet:?xt=urn:btmh:1220${encodeHex(metainfo.infoHashV2!)}`;
  const handle = (await swarm.clock.runUntil(client.add(link, { peers: [SEEDER] })))!;
  await swarm.clock.runUntil(handle.checked());
  seen.length = 0;
  storage.read = async (file, offset, into) => {
    await new Promise<void>((resolve) => swarm.clock.schedule(swarm.clock.now() + 1000, resolve));
    await read.call(storage, file, offset, into);
  };
  const checking = handle.recheck();
  await swarm.clock.runUntil(handle.completed());
  await swarm.clock.runUntil(checking);
  assertEquals(seen, ["checking", "checked", "named", "named"]);
  assertEquals(handle.status().downloaded, 0);
});
