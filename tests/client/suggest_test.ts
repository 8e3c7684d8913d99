import { assertEquals } from "@std/assert";
import type { PeerMessage } from "../../src/wire/messages/message.ts";
import { ScriptedPeer } from "./scripted_peer.ts";
import { VirtualSwarm } from "./virtual_swarm.ts";

/** A seed at 10.0.0.1 with thirteen pieces of 16 KiB. */
async function seeding(swarm: VirtualSwarm) {
  const metainfo = await swarm.torrent({ pieceLength: 16384 }), { infoHash, info: { pieceCount } } = metainfo;
  await swarm.seeder("10.0.0.1", metainfo);
  return { swarm, to: "10.0.0.1", infoHash, pieceCount };
}

Deno.test("a seed suggests the piece it has in memory to peers that lack it like most others do", async () => {
  await using swarm = new VirtualSwarm();
  const facts = await seeding(swarm), bits = Uint8Array.of(0b1110_1111, 0b1111_1000); // all but piece 3
  const a = await ScriptedPeer.connect({ ...facts, host: "10.0.0.2" });
  const others = [
    await ScriptedPeer.connect({ ...facts, host: "10.0.0.3" }),
    await ScriptedPeer.connect({ ...facts, host: "10.0.0.4" }),
    await ScriptedPeer.connect({ ...facts, host: "10.0.0.5", fast: false }),
  ];
  for (const peer of others) peer.say({ type: "bitfield", bits }, { type: "interested" });
  a.say({ type: "haveNone" }, { type: "interested" });
  await swarm.clock.advance(1000);
  a.say({ type: "request", piece: 3, begin: 0, length: 16384 });
  await swarm.clock.advance(1000);
  assertEquals(a.heard("piece").length, 1);
  assertEquals(others.map((peer) => peer.heard("suggest").map(({ piece }) => piece)), [[3], [3], []]);
  for (const peer of [a, ...others]) peer.close();
});

Deno.test("a seed answers every request under the fast extension: allowed pieces while it chokes, rejects for others", async () => {
  await using swarm = new VirtualSwarm();
  const facts = await seeding(swarm), peer = await ScriptedPeer.connect({ ...facts, host: "10.0.0.2" });
  peer.say({ type: "haveNone" });
  await swarm.clock.advance(1000);
  const allowed = peer.heard("allowedFast").map(({ piece }) => piece);
  assertEquals(allowed.length, 10);
  const ask = (piece: number): PeerMessage => ({
    type: "request",
    piece,
    begin: 0,
    length: piece === 12 ? 3392 : 16384,
  });
  const pieces = Array.from({ length: 13 }, (_, piece) => piece);
  peer.say(...pieces.map(ask)); // never interested, so never unchoked
  await swarm.clock.advance(1000);
  assertEquals(peer.heard("unchoke"), []);
  assertEquals(peer.heard("piece").map(({ piece }) => piece).toSorted(), allowed.toSorted());
  assertEquals(
    peer.heard("reject").map(({ piece }) => piece).toSorted(),
    pieces.filter((piece) => !allowed.includes(piece)).toSorted(),
  );
  peer.close();
});

/** A download at 10.0.0.1, and a peer that has everything and takes one request at a time. */
async function downloading(swarm: VirtualSwarm): Promise<ScriptedPeer> {
  const metainfo = await swarm.torrent({ pieceLength: 16384 }), client = await swarm.client("10.0.0.1");
  const { infoHash, info: { pieceCount } } = metainfo, handshake = { requestQueue: 1 };
  await swarm.clock.runUntil(client.add(metainfo, { announce: false }));
  const facts = { swarm, host: "10.0.0.2", to: "10.0.0.1", infoHash, pieceCount, handshake };
  return await ScriptedPeer.connect(facts);
}

Deno.test("a download asks a peer that chokes it for what that allows, and not again once it is refused", async () => {
  await using swarm = new VirtualSwarm();
  const peer = await downloading(swarm), asked = () => peer.heard("request").map(({ piece }) => piece);
  peer.say({ type: "haveAll" }, { type: "allowedFast", piece: 5 });
  await swarm.clock.advance(1000);
  assertEquals(asked(), [5]);
  peer.say({ type: "reject", piece: 5, begin: 0, length: 16384 });
  await swarm.clock.advance(30_000);
  assertEquals(asked(), [5]);
  peer.say({ type: "unchoke" });
  await swarm.clock.advance(1000);
  assertEquals(asked(), [5, 5]);
  peer.close();
});

Deno.test("a download asks for what is suggested first", async () => {
  await using swarm = new VirtualSwarm();
  const peer = await downloading(swarm);
  peer.say({ type: "haveAll" }, { type: "suggest", piece: 9 }, { type: "unchoke" });
  await swarm.clock.advance(1000);
  assertEquals(peer.heard("request").map(({ piece }) => piece), [9]);
  peer.close();
});
