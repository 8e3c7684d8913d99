import { assert, assertEquals, assertThrows } from "@std/assert";
import { Bitfield } from "../../src/bytes/bitfield.ts";
import { uniformGeometry } from "../../src/torrent/options.ts";
import { Torrent } from "../../src/torrent/torrent.ts";
import { BLOCK, OUR_ID } from "./machine.ts";
import { RubbishBuffers, seededRandom, Swarm } from "./swarm.ts";

function create(have?: Bitfield): Torrent {
  const geometry = uniformGeometry(4 * BLOCK, BLOCK);
  const buffers = new RubbishBuffers();
  return new Torrent(
    { geometry, buffers, random: seededRandom(1), peerId: OUR_ID, ...(have && { have }) },
    0,
  );
}

Deno.test("Torrent has no deadline while it is alone, and one while it has peers", () => {
  const torrent = create();
  assertEquals(torrent.deadline(), undefined);
  const [dial] = torrent.handle({
    type: "candidates",
    source: "user",
    addresses: [{ host: "10.0.0.1", port: 1 }],
  }, 5);
  assert(dial?.type === "dial");
  assertEquals(torrent.deadline(), undefined);
  torrent.handle({ type: "dialFailed", address: dial.address }, 10);
  assertEquals(torrent.deadline(), 15_010);
  assertEquals(torrent.handle({ type: "tick" }, 15_010), [dial]);
  torrent.handle({
    type: "peerConnected",
    peer: 1,
    address: dial.address,
    direction: "outgoing",
    peerId: new Uint8Array(20),
    fast: true,
    extended: true,
    allowedFast: [],
  }, 15_020);
  torrent.handle({ type: "tick" }, 15_020);
  assertEquals(torrent.deadline(), 20_020);
});

Deno.test("Torrent.have() is a copy", () => {
  const have = new Bitfield(4);
  have.set(1);
  const torrent = create(have);
  have.set(2);
  torrent.have().set(3);
  assertEquals([...torrent.have().indexes()], [1]);
  assertEquals([torrent.hasPiece(1), torrent.hasPiece(2), torrent.hasPiece(-1)], [true, false, false]);
});

Deno.test("new Torrent() refuses pieces of another torrent", () => {
  assertThrows(
    () => create(new Bitfield(5)),
    RangeError,
    'Cannot start torrent: "have" is for 5 pieces, not 4',
  );
});

Deno.test("Torrent.stats() and peers() tell what goes on", () => {
  const swarm = new Swarm({ length: 1024 * 1024, pieceLength: 128 * 1024 });
  const seed = swarm.add({ have: "all", upRate: 100_000 });
  const leecher = swarm.add();
  swarm.connect(leecher, seed);
  swarm.run(() => false, 5000);
  const stats = leecher.torrent.stats(swarm.now);
  assert(Math.abs(stats.downloadRate - 100_000) < 10_000, `${stats.downloadRate}`);
  assert(Math.abs(stats.downloaded - 500_000) < 50_000);
  assertEquals(stats.left, (8 - stats.piecesHave) * 128 * 1024);
  assertEquals([stats.piecesWanted, stats.peers, stats.uploaded], [8 - stats.piecesHave, 1, 0]);
  const [peer] = leecher.torrent.peers(swarm.now);
  assertEquals([peer?.pieces, peer?.uploadOnly, peer?.amInterested, peer?.peerChoking], [
    8,
    true,
    true,
    false,
  ]);
  assertEquals([peer?.direction, peer?.listenAddress], ["outgoing", seed.address]);
  assert(peer!.requests > 0 && peer!.downloaded === stats.downloaded);
  const [other] = seed.torrent.peers(swarm.now);
  assertEquals([other?.amChoking, other?.peerInterested, other?.listenAddress], [false, true, undefined]);
  assertEquals(other!.uploaded, seed.torrent.stats(swarm.now).uploaded);
  assert(other!.requestsQueued > 0);
  assertEquals(leecher.torrent.availabilityOf(0), 1);
});
