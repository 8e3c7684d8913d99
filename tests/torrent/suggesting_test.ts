import { assertEquals } from "@std/assert";
import { Bitfield } from "../../src/bytes/bitfield.ts";
import type { PeerKey } from "../../src/torrent/vocabulary.ts";
import { BLOCK, Machine, type MachineOptions, sentIn } from "./machine.ts";

/** A seed and three peers that it serves and that have the pieces 0 to 5 of eight. */
function seeding(options: MachineOptions & { readonly fast?: boolean } = {}): [Machine, PeerKey[]] {
  const { fast = true } = options, machine = new Machine({ have: "all", ...options });
  const peers = [1, 2, 3].map(() => machine.connect({ fast }));
  for (const peer of peers) {
    const bits = new Bitfield(8);
    for (let piece = 0; piece < 6; piece++) bits.set(piece);
    machine.message(peer, { type: "bitfield", bits: bits.toBytes() });
    machine.message(peer, { type: "interested" });
  }
  return [machine, peers];
}

Deno.test("cached suggests pieces that are behind to everybody who is served and lacks them, once", () => {
  const [machine, [a, b, c]] = seeding();
  const effects = machine.input({ type: "cached", pieces: [1, 6] });
  assertEquals(
    effects,
    [a!, b!, c!].map((peer) => {
      return { type: "send", peer, message: { type: "suggest", piece: 6 } };
    }),
  );
  assertEquals(machine.input({ type: "cached", pieces: [1, 6] }), []);
  assertEquals(sentIn(machine.input({ type: "cached", pieces: [6, 7] }), "suggest", b!), [{
    type: "suggest",
    piece: 7,
  }]);
});

Deno.test("cached suggests no piece that has as many copies as others: it would become more frequent than they", () => {
  const [machine, [a, b]] = seeding();
  for (const peer of [a!, b!]) machine.message(peer, { type: "have", piece: 6 });
  assertEquals(machine.input({ type: "cached", pieces: [6] }), []);
  const fresh = new Machine({ have: "all" }), lonely = fresh.connect();
  fresh.message(lonely, { type: "haveNone" });
  fresh.message(lonely, { type: "interested" });
  assertEquals(fresh.input({ type: "cached", pieces: [1, 2] }), []);
});

Deno.test("cached suggests nothing without the fast extension, to choked peers, or what is not ours", () => {
  assertEquals(seeding({ fast: false })[0].input({ type: "cached", pieces: [6] }), []);
  const [machine, peers] = seeding({ limits: { uploadSlots: 1 } });
  const served = peers.filter((peer) => !machine.peer(peer).flags.amChoking);
  const effects = machine.input({ type: "cached", pieces: [6] });
  assertEquals(served.length, 1);
  assertEquals(peers.filter((peer) => sentIn(effects, "suggest", peer).length > 0), served);
  const [losing] = seeding();
  losing.input({ type: "piecesLost", pieces: [6] });
  assertEquals(losing.input({ type: "cached", pieces: [6, 99] }), []);
});

Deno.test("cached suggests four pieces at a time, the latest, and remembers a thousand per peer", () => {
  const machine = new Machine({ have: "all", geometry: geometryOf(8000) });
  const [a, ...others] = [1, 2, 3, 4].map(() => machine.connect());
  for (const peer of others) machine.message(peer, { type: "bitfield", bits: bitsUpTo(6000, 8000) });
  machine.message(a!, { type: "haveNone" });
  machine.message(a!, { type: "interested" });
  const suggested: number[] = [];
  for (let piece = 6000; piece < 8000; piece += 8) {
    const pieces = Array.from({ length: 8 }, (_, i) => piece + i);
    suggested.push(
      ...sentIn(machine.input({ type: "cached", pieces }), "suggest", a!).map(({ piece }) => piece),
    );
    suggested.push(
      ...sentIn(machine.input({ type: "cached", pieces }), "suggest", a!).map(({ piece }) => piece),
    );
  }
  assertEquals(suggested.slice(0, 8), [6004, 6005, 6006, 6007, 6000, 6001, 6002, 6003]);
  assertEquals([new Set(suggested).size, suggested.length], [2000, 2000]);
  assertEquals(machine.peer(a!).up.suggested.size, 1024);
});

function geometryOf(pieceCount: number) {
  return { pieceCount, pieceLength: BLOCK, pieceSize: () => BLOCK };
}

function bitsUpTo(end: number, length: number): Uint8Array {
  const bits = new Bitfield(length);
  for (let piece = 0; piece < end; piece++) bits.set(piece);
  return bits.toBytes();
}
