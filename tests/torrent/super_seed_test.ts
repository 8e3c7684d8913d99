import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Bitfield } from "../../src/bytes/bitfield.ts";
import { uniformGeometry } from "../../src/torrent/options.ts";
import type { PeerKey, TorrentEffect } from "../../src/torrent/vocabulary.ts";
import { BLOCK, closedIn, Machine, type MachineOptions, sentIn } from "./machine.ts";
import { Swarm, type SwarmNode } from "./swarm.ts";

const request = { type: "request", begin: 0, length: BLOCK } as const;

function superSeed(options: MachineOptions = {}): Machine {
  return new Machine({ have: "all", superSeed: true, ...options });
}

/** Connects an empty peer; answers with what it was shown at once. */
function connectEmpty(machine: Machine, fast = true): { peer: PeerKey; shown: number[] } {
  const { peer, effects } = machine.connectWith({ fast });
  const all = fast ? [...effects, ...machine.message(peer, { type: "haveNone" })] : effects;
  return { peer, shown: shownIn(all, peer) };
}

function shownIn(effects: readonly TorrentEffect[], peer: PeerKey): number[] {
  return sentIn(effects, "have", peer).map(({ piece }) => piece);
}

Deno.test("superSeed looks empty: have none under the fast extension, no bitfield without", () => {
  for (const fast of [true, false]) {
    const { effects } = superSeed().connectWith({ fast });
    assertEquals(sentIn(effects, "haveAll"), []);
    assertEquals(sentIn(effects, "bitfield"), []);
    assertEquals(sentIn(effects, "haveNone").length, fast ? 1 : 0);
  }
});

Deno.test("superSeed shows a new peer two pieces that it lacks, and different ones to different peers", () => {
  const machine = superSeed();
  const shown = [true, false, true].map((fast) => connectEmpty(machine, fast).shown);
  assertEquals(shown.map((pieces) => pieces.length), [2, 2, 2]);
  assertEquals(new Set(shown.flat()).size, 6);
});

Deno.test("superSeed waits for a fast peer to say what it has", () => {
  const machine = superSeed();
  const { peer, effects } = machine.connectWith();
  assertEquals(shownIn(effects, peer), []);
  const bits = Bitfield.full(8);
  bits.clear(5);
  assertEquals(shownIn(machine.message(peer, { type: "bitfield", bits: bits.toBytes() }), peer), [5]);
});

Deno.test("superSeed shows the next piece when another peer shows the last one, not before", () => {
  const machine = superSeed();
  const a = connectEmpty(machine), b = connectEmpty(machine);
  const [piece] = a.shown;
  assertEquals(shownIn(machine.message(a.peer, { type: "have", piece: piece! }), a.peer), []);
  const next = shownIn(machine.message(b.peer, { type: "have", piece: piece! }), a.peer);
  assertEquals(next.length, 1);
  assert(![...a.shown, ...b.shown].includes(next[0]!));
});

Deno.test("superSeed shows no next piece for one that others got elsewhere and the peer lacks still", () => {
  const machine = superSeed();
  const a = connectEmpty(machine), b = connectEmpty(machine);
  assertEquals(sentIn(machine.message(b.peer, { type: "have", piece: a.shown[0]! }), "have"), []);
});

Deno.test("superSeed goes on by itself with the only peer", () => {
  const machine = superSeed();
  const { peer, shown } = connectEmpty(machine);
  const told = [...shown];
  for (let piece = told[0]; piece !== undefined; piece = told[told.indexOf(piece) + 1]) {
    told.push(...shownIn(machine.message(peer, { type: "have", piece }), peer));
  }
  assertEquals(told.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7]);
  assert(!machine.isConnected(peer));
});

Deno.test("superSeed goes on with the peer that is left when the others leave", () => {
  const machine = superSeed();
  const a = connectEmpty(machine), b = connectEmpty(machine);
  machine.message(a.peer, { type: "have", piece: a.shown[0]! });
  assertEquals(shownIn(machine.input({ type: "peerClosed", peer: b.peer }), a.peer).length, 1);
});

Deno.test("superSeed serves what it has shown and nothing else", () => {
  const machine = superSeed();
  const { peer, shown } = connectEmpty(machine);
  machine.message(peer, { type: "interested" });
  const hidden = [0, 1, 2, 3, 4, 5, 6, 7].find((piece) => !shown.includes(piece))!;
  assertEquals(machine.message(peer, { ...request, piece: shown[0]! })[0]?.type, "read");
  assertEquals(sentIn(machine.message(peer, { ...request, piece: hidden }), "reject").length, 1);
});

Deno.test("superSeed gives no allowed-fast set away", () => {
  const machine = superSeed();
  const peer = machine.connect({ allowedFast: [1, 2, 3] });
  assertEquals(sentIn(machine.message(peer, { type: "haveNone" }), "allowedFast"), []);
});

Deno.test("superSeed shows a peer that wants none of its pieces another one each round", () => {
  const machine = superSeed();
  const { peer, shown } = connectEmpty(machine);
  const wishes = machine.wait(10_000);
  assertEquals(shownIn(wishes, peer).length, 1);
  machine.message(peer, { type: "interested" });
  assertEquals(shownIn(machine.wait(60_000), peer), []);
  assertEquals(shown.length, 2);
});

Deno.test("superSeed is patient with pieces that nobody takes, but not for ever", () => {
  const machine = superSeed();
  const a = connectEmpty(machine), b = connectEmpty(machine);
  for (const piece of a.shown) machine.message(a.peer, { type: "have", piece });
  for (const piece of b.shown) machine.message(b.peer, { type: "have", piece });
  for (const { peer } of [a, b]) machine.message(peer, { type: "interested" });
  assertEquals(sentIn(machine.wait(299_000), "have"), []);
  const late = machine.wait(11_000);
  assertEquals([shownIn(late, a.peer).length, shownIn(late, b.peer).length], [1, 1]);
  assertEquals(sentIn(machine.wait(9_000), "have"), []);
});

Deno.test("superSeed shows nothing to a peer that wants nothing", () => {
  const machine = superSeed();
  const { peer } = machine.connectWith();
  assertEquals(closedIn(machine.message(peer, { type: "haveAll" })), ["both complete"]);
  const partial = machine.connect();
  machine.input({ type: "peerCapabilities", peer: partial, uploadOnly: true });
  assertEquals(machine.isConnected(partial), false);
});

Deno.test("superSeed switched off shows each peer what it does not know and lacks", () => {
  const machine = superSeed();
  const { peer, shown } = connectEmpty(machine);
  machine.message(peer, { type: "have", piece: 7 });
  const before = new Set([...shown, 7]);
  const told = shownIn(machine.input({ type: "superSeed", superSeed: false }), peer);
  assertEquals(
    told.length + machine.peer(peer).content.have.count + shown.filter((piece) => piece !== 7).length,
    8,
  );
  assert(told.every((piece) => !before.has(piece)));
  assertEquals(sentIn(machine.connectWith().effects, "haveAll").length, 1);
});

Deno.test("superSeed switched on disguises new connections only", () => {
  const machine = new Machine({ have: "all" });
  const old = machine.connect();
  machine.message(old, { type: "haveNone" });
  machine.message(old, { type: "interested" });
  assertEquals(machine.input({ type: "superSeed", superSeed: true }), []);
  assertEquals(machine.message(old, { ...request, piece: 3 })[0]?.type, "read");
  assertEquals(sentIn(machine.connectWith().effects, "haveNone").length, 1);
});

Deno.test("superSeed waits until everything is ours", () => {
  const machine = superSeed({ have: [1, 2] });
  const { effects } = machine.connectWith();
  assertEquals(sentIn(effects, "bitfield").length, 1);
  machine.input({ type: "piecesFound", pieces: [0, 3, 4, 5, 6, 7] });
  assertEquals(sentIn(machine.connectWith().effects, "haveNone").length, 1);
});

Deno.test("superSeed does not tell of a piece that is found again", () => {
  const machine = superSeed();
  const a = connectEmpty(machine);
  const hidden = [0, 1, 2, 3, 4, 5, 6, 7].find((piece) => !a.shown.includes(piece))!;
  machine.input({ type: "piecesLost", pieces: [hidden] });
  assertEquals(sentIn(machine.input({ type: "piecesFound", pieces: [hidden] }), "have"), []);
});

Deno.test("superSeed keeps at most two offers open per peer, each shown once, whatever peers say", () => {
  const step = fc.record({
    peer: fc.nat(3),
    piece: fc.nat(7),
    act: fc.constantFrom("have", "interested", "wait", "close"),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const machine = superSeed();
    const peers = [0, 1, 2, 3].map(() => connectEmpty(machine));
    const told = new Map(peers.map(({ peer, shown }) => [peer, [...shown]]));
    for (const { peer: index, piece, act } of steps) {
      const { peer } = peers[index]!;
      const effects = act === "wait"
        ? machine.wait(10_000)
        : act === "close"
        ? machine.input({ type: "peerClosed", peer })
        : machine.message(peer, act === "have" ? { type: "have", piece } : { type: "interested" });
      for (const [key, pieces] of told) pieces.push(...shownIn(effects, key));
      for (const { disguise, key } of machine.state.peers.all()) {
        assert(disguise!.offers.length <= 2);
        assertEquals(disguise!.shown, new Set(told.get(key)));
        assertEquals(disguise!.shown.size, told.get(key)!.length);
      }
    }
  }));
});

/** Bytes that the first node sent until the others were complete. */
function sentBySeed(superSeed: boolean): number {
  const swarm = new Swarm({ length: 60 * 4 * BLOCK, pieceLength: 4 * BLOCK, seed: 3 });
  const seed = swarm.add({ have: "all", upRate: 200_000, superSeed });
  const leechers: SwarmNode[] = Array.from({ length: 6 }, () => swarm.add({ upRate: 1_000_000 }));
  for (const [i, leecher] of leechers.entries()) {
    swarm.connect(leecher, seed);
    for (const other of leechers.slice(i + 1)) swarm.connect(leecher, other);
  }
  assert(swarm.run(() => leechers.every(({ torrent }) => torrent.isComplete), 3_600_000));
  return seed.torrent.stats(swarm.now).uploaded;
}

Deno.test("superSeed spreads a torrent with little more than one copy sent", () => {
  const length = 60 * 4 * BLOCK, sent = sentBySeed(true);
  assert(sent >= length);
  assert(sent < 1.15 * length, `${sent / length} copies`);
  assert(sent < sentBySeed(false));
});

Deno.test("superSeed takes a lost piece back from who was shown it, from nobody else, and may show it again", () => {
  const machine = superSeed();
  const a = connectEmpty(machine), b = connectEmpty(machine), [piece] = a.shown;
  for (const { peer } of [a, b]) machine.input({ type: "peerCapabilities", peer, dontHave: true });
  const told = machine.input({ type: "piecesLost", pieces: [piece!] });
  assertEquals(told.filter(({ type }) => type === "dontHave"), [{
    type: "dontHave",
    peer: a.peer,
    piece: piece!,
  }]);
  assertEquals(machine.peer(a.peer).disguise!.shown.has(piece!), false);
  assertEquals(machine.peer(b.peer).disguise!.shown.size, 2);
  machine.input({ type: "piecesFound", pieces: [piece!] });
  const shown: number[] = [];
  for (let round = 0; round < 20; round++) shown.push(...shownIn(machine.wait(10_000), a.peer));
  assert(shown.includes(piece!));
});

Deno.test("superSeed does not look for a piece again and again for a peer that was shown all it lacks", () => {
  const machine = superSeed(), almost = machine.connect(), bits = Bitfield.full(8);
  bits.clear(5);
  assertEquals(shownIn(machine.message(almost, { type: "bitfield", bits: bits.toBytes() }), almost), [5]);
  const other = connectEmpty(machine), { have } = machine.state.ledger;
  let looked = 0;
  have.without = (other) => {
    looked++;
    return Bitfield.prototype.without.call(have, other);
  };
  const hidden = [0, 1, 2, 3, 4].filter((piece) => !other.shown.includes(piece));
  for (const piece of hidden) machine.message(other.peer, { type: "have", piece });
  assertEquals(looked, 0);
  // What it loses it may be shown.
  assertEquals(shownIn(machine.input({ type: "peerDontHave", peer: almost, piece: 7 }), almost), [7]);
});

Deno.test("superSeed does not look at every peer for a piece that it offers to nobody", () => {
  const machine = superSeed(),
    a = connectEmpty(machine),
    b = connectEmpty(machine),
    { peers } = machine.state;
  let looked = 0;
  peers.toArray = () => {
    looked++;
    return [...peers.all()];
  };
  const hidden = [0, 1, 2, 3, 4, 5, 6, 7].filter((piece) => ![...a.shown, ...b.shown].includes(piece));
  for (const piece of hidden) machine.message(a.peer, { type: "have", piece });
  assertEquals([hidden.length, looked], [4, 0]);
  assertEquals(shownIn(machine.message(a.peer, { type: "have", piece: b.shown[0]! }), b.peer), []);
  assertEquals(shownIn(machine.message(b.peer, { type: "have", piece: b.shown[0]! }), b.peer).length, 1);
});

Deno.test("superSeed switched off parts from whom it would have to tell of very many pieces: a new connection tells at once", () => {
  const pieces = 20_000, machine = superSeed({ geometry: uniformGeometry(pieces * BLOCK, BLOCK) });
  const far = connectEmpty(machine), near = machine.connect(), bits = Bitfield.full(pieces);
  for (let piece = 0; piece < 1000; piece++) bits.clear(piece);
  machine.message(near, { type: "bitfield", bits: bits.toBytes() });
  const effects = machine.input({ type: "superSeed", superSeed: false });
  assertEquals(closedIn(effects), ["super-seeding is over"]);
  assertEquals([machine.isConnected(far.peer), machine.isConnected(near)], [false, true]);
  assertEquals(shownIn(effects, near).length, 1000 - 2);
  const address = { host: "10.0.0.1", port: 6881 };
  assertEquals(effects.filter(({ type }) => type === "dial"), [{ type: "dial", address }]);
});
