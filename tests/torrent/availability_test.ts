import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Bitfield } from "../../src/bytes/bitfield.ts";
import { Availability, type Chooser } from "../../src/torrent/availability.ts";
import { seededRandom } from "./swarm.ts";

function bits(length: number, pieces: Iterable<number>): Bitfield {
  const bitfield = new Bitfield(length);
  for (const piece of pieces) bitfield.set(piece);
  return bitfield;
}

function chooser(has: Bitfield, seed = 1, patch: Partial<Chooser> = {}): Chooser {
  return { has, refused: new Set(), suggested: [], random: seededRandom(seed), ...patch };
}

const PIECES = 20;
const MAX_PEERS = 5;
const piece = fc.nat(PIECES - 1);
const step = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.uniqueArray(piece, { maxLength: PIECES, size: "max" }).map((pieces) => ({
      do: "add" as const,
      pieces,
    })),
  },
  { weight: 1, arbitrary: fc.nat(MAX_PEERS - 1).map((peer) => ({ do: "remove" as const, peer })) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("flip" as const), peer: fc.nat(MAX_PEERS - 1), piece }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("insert" as const),
      piece,
      level: fc.integer({ min: 1, max: 7 }),
    }),
  },
  { weight: 1, arbitrary: piece.map((piece) => ({ do: "take" as const, piece })) },
);

interface Model {
  readonly peers: { have: Bitfield; inverse: boolean }[];
  readonly levels: Map<number, number>;
}

function apply(
  availability: Availability,
  model: Model,
  action: typeof step extends fc.Arbitrary<infer T> ? T : never,
) {
  const { peers, levels } = model;
  if (action.do === "add" && peers.length < MAX_PEERS) {
    const have = bits(PIECES, action.pieces);
    peers.push({ have, inverse: availability.addPeer(have) });
  } else if (action.do === "remove") {
    for (const { have, inverse } of peers.splice(action.peer, 1)) availability.removePeer(have, inverse);
  } else if (action.do === "flip") {
    const have = peers[action.peer]?.have;
    if (have === undefined) return;
    if (have.set(action.piece)) availability.change(action.piece, 1);
    else if (have.clear(action.piece)) availability.change(action.piece, -1);
  } else if (action.do === "insert") {
    availability.insert(action.piece, action.level);
    levels.set(action.piece, action.level);
  } else if (action.do === "take") {
    availability.remove(action.piece);
    levels.delete(action.piece);
  }
}

Deno.test("Availability picks what a plain search would pick", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 100, size: "max" }), fc.integer(), (steps, seed) => {
    const availability = new Availability(PIECES, MAX_PEERS);
    const random = seededRandom(seed);
    const model: Model = { peers: [], levels: new Map() };
    for (const action of steps) {
      apply(availability, model, action);
      const { peers, levels } = model;
      const count = (piece: number) => peers.filter(({ have }) => have.has(piece)).length;
      assertEquals(availability.reachable, [...levels.keys()].filter((piece) => count(piece) > 0).length);
      for (const { have } of peers) {
        const held = [...levels.keys()].filter((piece) => have.has(piece));
        const top = Math.max(...held.map((piece) => levels.get(piece)!));
        const rarest = Math.min(...held.filter((piece) => levels.get(piece) === top).map(count));
        const picked = availability.pickRarest(chooser(have, 0, { random }));
        assertEquals(picked !== undefined, held.length > 0);
        if (picked !== undefined) assertEquals([levels.get(picked), count(picked)], [top, rarest]);
        assertEquals(availability.pickFirst(chooser(have)), held.length > 0 ? Math.min(...held) : undefined);
        const drawn = availability.pickRandom(chooser(have, 0, { random }));
        assertEquals(drawn !== undefined && held.includes(drawn), held.length > 0);
      }
    }
  }));
});

Deno.test("Availability.pickRarest() breaks ties at random", () => {
  const availability = new Availability(100, 2);
  availability.addPeer(Bitfield.full(100));
  for (let piece = 0; piece < 100; piece++) availability.insert(piece, 4);
  const random = seededRandom(1);
  const picked = new Set(
    Array.from({ length: 50 }, () => availability.pickRarest(chooser(Bitfield.full(100), 0, { random }))),
  );
  assert(picked.size > 20);
});

Deno.test("Availability.pickRarest() takes a suggestion among equals, not before a rarer piece", () => {
  const availability = new Availability(10, 2);
  const all = Bitfield.full(10);
  availability.addPeer(all);
  for (let piece = 0; piece < 10; piece++) availability.insert(piece, 4);
  assertEquals(availability.pickRarest(chooser(all, 1, { suggested: [7] })), 7);
  availability.change(7, 1);
  assert(availability.pickRarest(chooser(all, 1, { suggested: [7] })) !== 7);
});

Deno.test("Availability.pickRandom() takes a suggestion if it has the highest priority", () => {
  const availability = new Availability(10, 2), all = Bitfield.full(10);
  availability.addPeer(all);
  for (let piece = 0; piece < 10; piece++) availability.insert(piece, 4);
  assertEquals(availability.pickRandom(chooser(all, 1, { suggested: [3, 7] })), 3);
  availability.insert(7, 5);
  assertEquals(availability.pickRandom(chooser(all, 1, { suggested: [3, 7] })), 7);
  availability.insert(8, 6);
  assertEquals(availability.pickRandom(chooser(all, 1, { suggested: [3, 7] })), 8);
});

Deno.test("Availability never picks what was refused", () => {
  const availability = new Availability(3, 2);
  const all = Bitfield.full(3);
  availability.addPeer(all);
  for (let piece = 0; piece < 3; piece++) availability.insert(piece, 4);
  for (let seed = 0; seed < 20; seed++) {
    const careful = chooser(all, seed, { refused: new Set([0, 2]), suggested: [2] });
    assertEquals(
      [availability.pickRarest(careful), availability.pickRandom(careful), availability.pickFirst(careful)],
      [1, 1, 1],
    );
  }
  const none = chooser(all, 1, { refused: new Set([0, 1, 2]) });
  assertEquals([availability.pickRarest(none), availability.pickRandom(none), availability.pickFirst(none)], [
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("Availability.pickRarest() finds the few pieces of a peer among a million rarer ones", () => {
  const count = 1_000_000;
  const availability = new Availability(count, 3);
  const ours = bits(count, [999_990, 999_991, 999_995]);
  for (let piece = 0; piece < count; piece++) availability.insert(piece, piece === 999_995 ? 5 : 4);
  availability.addPeer(Bitfield.full(count));
  availability.addPeer(ours);
  const other = Bitfield.full(count);
  availability.addPeer(other);
  assertEquals(availability.pickRarest(chooser(ours)), 999_995);
  availability.remove(999_995);
  assert(ours.has(availability.pickRarest(chooser(ours))!));
});

Deno.test("Availability.pickRarest() for a peer whose few pieces are all refused is one pass over the bits at most", () => {
  const count = 2000, availability = new Availability(count, 3), refused = [1500, 1700];
  for (let piece = 0; piece < count; piece++) availability.insert(piece, 4);
  for (const have of [Bitfield.full(count), bits(count, refused)]) availability.addPeer(have);
  const { fresh } = availability, starts: number[] = [];
  fresh.nextShared = (other, from) => {
    starts.push(from);
    return Bitfield.prototype.nextShared.call(fresh, other, from);
  };
  for (let round = 0; round < 3; round++) {
    starts.length = 0;
    assertEquals(
      availability.pickRarest(chooser(bits(count, refused), 1, { refused: new Set(refused) })),
      undefined,
    );
    assert(starts.length <= 4, starts.join());
  }
});
