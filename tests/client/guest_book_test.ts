/** What peers said of themselves, whoever heard it. */

import { assertEquals } from "@std/assert";
import { ScriptedPeer } from "./scripted_peer.ts";
import { PORT, VirtualSwarm } from "./virtual_swarm.ts";

const HOST = "10.0.0.1", SEEDER = { host: "10.0.0.9", port: PORT };

Deno.test("what a peer said of itself in a torrent's first life counts in the second", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ pieceLength: 16384 }), storage = await swarm.full(metainfo);
  const { infoHash, info: { pieceCount } } = metainfo;
  const seeder = await swarm.seeder(SEEDER.host, metainfo), client = await swarm.client(HOST, { storage });
  const link = `magnet:?xt=urn:btih:${seeder.torrents[0]!.infoHash}`;
  const handle = (await swarm.clock.runUntil(client.add(link, { announce: false })))!;
  const facts = { swarm, host: "10.0.0.2", to: HOST, infoHash, pieceCount };
  const peer = await ScriptedPeer.connect({ ...facts, extensions: ["lt_donthave"] });
  peer.say({ type: "haveNone" }, { type: "interested" });
  handle.addPeers([SEEDER]);
  await swarm.clock.runUntil(handle.completed());
  await storage.write(0, 3 * 16384 + 5, new Uint8Array(10));
  await swarm.clock.runUntil(handle.recheck());
  await swarm.clock.advance(1000);
  assertEquals(peer.extensions.filter(({ type }) => type === "dontHave"), [{ type: "dontHave", piece: 3 }]);
  peer.close();
});

Deno.test("a peer that said in a torrent's first life that it wants nothing is not asked what it wants in the second", async () => {
  for (const type of ["uploadOnly", "extensionHandshake"] as const) {
    await using swarm = new VirtualSwarm();
    const metainfo = await swarm.torrent({ pieceLength: 16384 }),
      { infoHash, info: { pieceCount } } = metainfo;
    const seeder = await swarm.seeder(SEEDER.host, metainfo, { uploadLimit: 2000 });
    const client = await swarm.client(HOST), link = `magnet:?xt=urn:btih:${seeder.torrents[0]!.infoHash}`;
    const handle = (await swarm.clock.runUntil(client.add(link, { announce: false })))!;
    const peer = await ScriptedPeer.connect({
      swarm,
      host: "10.0.0.2",
      to: HOST,
      infoHash,
      pieceCount,
      extensions: [],
    });
    peer.extend({ type, uploadOnly: true });
    peer.say({ type: "haveNone" });
    handle.addPeers([SEEDER]);
    await swarm.clock.runUntil(handle.checked());
    await swarm.clock.advance(1000);
    const seen = handle.peers().find(({ address }) => address.host === "10.0.0.2");
    assertEquals([type, seen?.uploadOnly], [type, true]);
    peer.close();
  }
});
