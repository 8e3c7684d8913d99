import { assert, assertEquals } from "@std/assert";
import { Bitfield } from "../../src/bytes/bitfield.ts";
import { uniformGeometry } from "../../src/torrent/options.ts";
import type { PeerKey, TorrentEffect } from "../../src/torrent/vocabulary.ts";
import { BLOCK, checkInvariants, closedIn, Machine, sentIn } from "./machine.ts";

type Range = { readonly piece: number; readonly begin: number; readonly length: number };

function requests(effects: readonly TorrentEffect[], peer?: PeerKey): Range[] {
  return sentIn(effects, "request", peer).map(({ piece, begin, length }) => ({ piece, begin, length }));
}

function unchoke(machine: Machine, peer: PeerKey): Range[] {
  return requests(machine.message(peer, { type: "unchoke" }), peer);
}

/** Has the peer answer everything it is asked until nothing more is asked; answers the order of pieces. */
function drain(machine: Machine, peer: PeerKey, asked: Range[]): number[] {
  const pieces: number[] = [];
  for (let range = asked.shift(); range !== undefined; range = asked.shift()) {
    if (pieces.at(-1) !== range.piece) pieces.push(range.piece);
    for (const effect of machine.block(peer, range)) {
      asked.push(...requests([effect], peer));
      if (effect.type === "store") {
        asked.push(...requests(machine.input({ type: "pieceStored", piece: effect.piece })));
      }
    }
  }
  return pieces;
}

Deno.test("unchoke fills the pipeline with the blocks of one piece after the other", () => {
  const machine = new Machine();
  const peer = machine.connectSeed({ depth: 6 });
  const asked = unchoke(machine, peer);
  assertEquals(asked.map(({ begin }) => begin / BLOCK), [0, 1, 2, 3, 0, 1]);
  assertEquals(new Set(asked.map(({ piece }) => piece)).size, 2);
});

Deno.test("piece is copied, its request replaced in the same call, and a whole piece stored", () => {
  const machine = new Machine();
  const peer = machine.connectSeed({ depth: 4 });
  const asked = unchoke(machine, peer);
  assertEquals(requests(machine.block(peer, asked[0]!, 1)).length, 1);
  machine.block(peer, asked[1]!, 2);
  machine.block(peer, asked[3]!, 4);
  const effects = machine.block(peer, asked[2]!, 3);
  const stored = effects.find((effect) => effect.type === "store");
  assert(stored?.type === "store");
  assertEquals([0, 1, 2, 3].map((block) => stored.bytes[block * BLOCK]), [1, 2, 3, 4]);
  assertEquals(machine.state.downloads.storing, 1);
  const after = machine.input({ type: "pieceStored", piece: stored.piece });
  assertEquals(after.slice(0, 2), [
    { type: "pieceCompleted", piece: stored.piece },
    { type: "send", peer, message: { type: "have", piece: stored.piece } },
  ]);
});

Deno.test("the last block of the content is as short as it is", () => {
  const machine = new Machine({ geometry: uniformGeometry(2 * BLOCK + 5, 4 * BLOCK) });
  const peer = machine.connectSeed();
  assertEquals(unchoke(machine, peer), [
    { piece: 0, begin: 0, length: BLOCK },
    { piece: 0, begin: BLOCK, length: BLOCK },
    { piece: 0, begin: 2 * BLOCK, length: 5 },
  ]);
});

Deno.test("pieces of different lengths are asked for as they are (BEP 52)", () => {
  const sizes = [3 * BLOCK, 5, BLOCK + 1, BLOCK];
  const geometry = { pieceCount: 4, pieceLength: 4 * BLOCK, pieceSize: (piece: number) => sizes[piece]! };
  const machine = new Machine({ geometry, sequential: true });
  const peer = machine.connectSeed();
  const asked = unchoke(machine, peer);
  assertEquals(asked.map(({ piece, length }) => [piece, length]), [
    [0, BLOCK],
    [0, BLOCK],
    [0, BLOCK],
    [1, 5],
    [2, BLOCK],
    [2, 1],
    [3, BLOCK],
  ]);
  assertEquals(drain(machine, peer, asked), [0, 1, 2, 3]);
  assertEquals(machine.state.ledger.left, 0);
});

Deno.test("padding is not asked for (BEP 47)", () => {
  const geometry = { ...uniformGeometry(8 * BLOCK, 4 * BLOCK), contentSize: () => BLOCK + 1 };
  const machine = new Machine({ geometry });
  const peer = machine.connectSeed();
  const asked = unchoke(machine, peer);
  assertEquals(asked.map(({ length }) => length), [BLOCK, 1, BLOCK, 1]);
  assertEquals(drain(machine, peer, asked).length, 2);
  assert(machine.state.ledger.have.isFull);
});

Deno.test("the first pieces are random, the later ones the rarest", () => {
  const geometry = uniformGeometry(40 * BLOCK, BLOCK);
  const machine = new Machine({ geometry });
  const peer = machine.connectSeed({ depth: 1 });
  const rare = new Set([3, 17, 29]);
  for (let i = 0; i < 3; i++) {
    const other = machine.connect();
    const bits = Bitfield.full(40);
    for (const piece of rare) bits.clear(piece);
    machine.message(other, { type: "bitfield", bits: bits.toBytes() });
  }
  const order = drain(machine, peer, unchoke(machine, peer));
  assertEquals(order.length, 40);
  const later = order.slice(5).filter((piece) => rare.has(piece));
  const early = order.slice(0, 5).filter((piece) => rare.has(piece));
  assertEquals(new Set(order.slice(5, 5 + later.length)), new Set(later));
  assertEquals(later.length + early.length, 3);
});

Deno.test("pieces of higher priority come first, those of priority 0 not at all", () => {
  const priorities = Uint8Array.of(0, 1, 7, 4, 0, 7, 1, 4);
  const machine = new Machine({ priorities });
  const peer = machine.connectSeed({ depth: 1 });
  const order = drain(machine, peer, unchoke(machine, peer));
  assertEquals(order.map((piece) => priorities[piece]), [7, 7, 4, 4, 1, 1]);
  assert(machine.state.mode.completed);
  assertEquals(machine.isConnected(peer), false);
});

Deno.test("sequential takes pieces in order", () => {
  const machine = new Machine({ sequential: true });
  const peer = machine.connectSeed({ depth: 1 });
  assertEquals(drain(machine, peer, unchoke(machine, peer)), [0, 1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("urgent pieces come first, in the readers' order, wanted by the user or not", () => {
  const machine = new Machine({ priorities: Uint8Array.of(4, 4, 4, 4, 4, 0, 0, 4) });
  const peer = machine.connectSeed({ depth: 1 });
  machine.input({ type: "urgent", reader: 1, pieces: [6, 2] });
  machine.input({ type: "urgent", reader: 2, pieces: [4] });
  const order = drain(machine, peer, unchoke(machine, peer));
  assertEquals(order.slice(0, 3), [6, 4, 2]);
  assertEquals(order.toSorted(), [0, 1, 2, 3, 4, 6, 7]);
});

Deno.test("an urgent piece is started before an open one is gone on with", () => {
  const machine = new Machine();
  const peer = machine.connectSeed({ depth: 1 });
  const [first] = unchoke(machine, peer);
  const urgent = (first!.piece + 1) % 8;
  machine.input({ type: "urgent", reader: 1, pieces: [urgent] });
  assertEquals(requests(machine.block(peer, first!))[0]?.piece, urgent);
  machine.input({ type: "urgent", reader: 1, pieces: [] });
});

Deno.test("a block that a reader waits for is asked of a second peer after two seconds", () => {
  const machine = new Machine();
  const slow = machine.connectSeed();
  machine.input({ type: "urgent", reader: 1, pieces: [5] });
  assertEquals(unchoke(machine, slow).map(({ piece }) => piece), [5, 5, 5, 5]);
  const quick = machine.connectSeed();
  const asked = unchoke(machine, quick);
  assertEquals(asked.length, 4);
  assert(asked.every(({ piece }) => piece !== 5));
  machine.block(quick, asked[0]!);
  const helped = requests(machine.wait(1000), quick);
  assertEquals(helped, []);
  machine.now += 1500;
  const late = requests(machine.block(quick, asked[1]!), quick);
  assertEquals(new Set(late.map(({ piece }) => piece)), new Set([5]));
});

Deno.test("a suggestion decides among equals", () => {
  const machine = new Machine({ have: [0, 1, 2, 3] });
  const peer = machine.connectSeed({ depth: 1 });
  machine.message(peer, { type: "suggest", piece: 6 });
  assertEquals(unchoke(machine, peer)[0]?.piece, 6);
});

Deno.test("allowedFast pieces, and no others, are asked for while choked", () => {
  const machine = new Machine({ have: [2] });
  const peer = machine.connect();
  const bits = Bitfield.full(8);
  bits.clear(3);
  machine.message(peer, { type: "bitfield", bits: bits.toBytes() });
  for (const piece of [2, 3]) assertEquals(machine.message(peer, { type: "allowedFast", piece }), []);
  const asked = requests(machine.message(peer, { type: "allowedFast", piece: 5 }));
  assertEquals(asked.map(({ piece }) => piece), [5, 5, 5, 5]);
  assertEquals(requests(machine.message(peer, { type: "reject", ...asked[0]! })), []);
});

Deno.test("choke without the fast extension voids all requests; blocks that come late are taken", () => {
  const machine = new Machine();
  const [a, b] = [machine.connectSeed({ depth: 4, fast: false }), machine.connectSeed({ depth: 8 })];
  const asked = unchoke(machine, a);
  unchoke(machine, b);
  machine.block(a, asked[0]!);
  machine.message(a, { type: "choke" });
  checkInvariants(machine);
  assertEquals(machine.peer(a).down.requests.size, 0);
  machine.block(a, asked[1]!);
  assertEquals(machine.state.totals.wasted, 0);
  machine.wait(100);
  assertEquals(unchoke(machine, a).length, 4);
});

Deno.test("choke with the fast extension leaves requests until each is answered", () => {
  const machine = new Machine();
  const peer = machine.connectSeed({ depth: 4 });
  const asked = unchoke(machine, peer);
  assertEquals(machine.message(peer, { type: "choke" }), []);
  assertEquals(machine.peer(peer).down.requests.size, 4);
  machine.block(peer, asked[0]!);
  for (const range of asked.slice(1)) assertEquals(machine.message(peer, { type: "reject", ...range }), []);
  assertEquals(machine.peer(peer).down.requests.size, 0);
});

Deno.test("blocks of a peer that chokes are asked of others", () => {
  const machine = new Machine({ geometry: uniformGeometry(4 * BLOCK, 4 * BLOCK) });
  const a = machine.connectSeed({ depth: 4, fast: false });
  const b = machine.connectSeed({ depth: 4 });
  unchoke(machine, a);
  machine.message(b, { type: "unchoke" });
  const effects = machine.message(a, { type: "choke" });
  assertEquals(new Set([...machine.peer(b).down.requests.keys()]).size, 4);
  assertEquals(sentIn(effects, "cancel"), []);
});

Deno.test("reject of what was never asked closes the connection", () => {
  const machine = new Machine();
  const peer = machine.connectSeed({ depth: 1 });
  const [asked] = unchoke(machine, peer);
  const other = { ...asked!, piece: (asked!.piece + 1) % 8 };
  assertEquals(closedIn(machine.message(peer, { type: "reject", ...other })), ["invalid message"]);
});

Deno.test("reject while not choked turns to other pieces, and to nothing when all are refused, until the next sweep", () => {
  const machine = new Machine();
  const peer = machine.connectSeed({ depth: 1 });
  let asked = unchoke(machine, peer);
  const refused: number[] = [];
  while (asked.length > 0) {
    refused.push(asked[0]!.piece);
    asked = requests(machine.message(peer, { type: "reject", ...asked[0]! }));
    assert(refused.length <= 8);
  }
  assertEquals(refused.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7]);
  assertEquals(requests(machine.wait(10_000)).length, 1);
});

Deno.test("blocks nobody asked for are wasted, and too many of them end the connection", () => {
  const machine = new Machine();
  const peer = machine.connectSeed();
  const stray = { piece: 0, begin: 0, length: BLOCK };
  for (let i = 0; i < 16; i++) assertEquals(machine.block(peer, stray), []);
  assertEquals(machine.state.totals.wasted, 16 * BLOCK);
  assertEquals(closedIn(machine.block(peer, stray)), ["invalid message"]);
});

Deno.test("a block of a wrong length or place does not count as the answer", () => {
  const machine = new Machine();
  const peer = machine.connectSeed({ depth: 1 });
  const [asked] = unchoke(machine, peer);
  machine.block(peer, { ...asked!, length: 5 });
  machine.block(peer, { ...asked!, begin: 7 });
  machine.block(peer, { ...asked!, piece: 0xffffffff });
  machine.block(peer, { ...asked!, begin: 4 * BLOCK });
  // Nothing, right where the asked piece starts if pieces followed each other.
  machine.block(peer, { piece: asked!.piece - 1, begin: 4 * BLOCK, length: 0 });
  assertEquals(machine.peer(peer).down.requests.size, 1);
  assertEquals(machine.peer(peer).down.strays, 5);
});

Deno.test("near the end blocks are asked of several peers, and cancelled when they come", () => {
  const machine = new Machine({ geometry: uniformGeometry(4 * BLOCK, 4 * BLOCK) });
  const [a, b] = [machine.connectSeed({ depth: 8 }), machine.connectSeed({ depth: 8 })];
  const asked = unchoke(machine, a);
  assertEquals(asked.length, 4);
  assertEquals(unchoke(machine, b), asked.slice(0, 2));
  const effects = machine.block(b, asked[0]!);
  assertEquals(sentIn(effects, "cancel", a), [{ type: "cancel", ...asked[0]! }]);
  machine.block(a, asked[0]!);
  assertEquals(machine.state.totals.wasted, BLOCK);
  assertEquals(machine.peer(a).down.strays, 0);
  checkInvariants(machine);
});

Deno.test("a peer without the fast extension that no answer comes from for a minute is snubbing", () => {
  const machine = new Machine({ geometry: uniformGeometry(4 * BLOCK, 4 * BLOCK) });
  const peer = machine.connectSeed({ depth: 4 });
  unchoke(machine, peer);
  assertEquals(sentIn(machine.wait(59_000), "cancel"), []);
  const effects = machine.wait(6_000);
  assertEquals(sentIn(effects, "cancel").length, 4);
  assertEquals(machine.peer(peer).down.requests.size, 1);
  assert(machine.peer(peer).down.snubbedAt !== undefined);
  const again = requests(effects, peer).at(-1)!;
  machine.block(peer, again);
  assertEquals(machine.peer(peer).down.snubbedAt, undefined);
  assertEquals(machine.peer(peer).down.requests.size, 2);
});

Deno.test("a peer that snubs us for minutes and wants nothing is closed", () => {
  const machine = new Machine();
  const peer = machine.connectSeed();
  unchoke(machine, peer);
  assertEquals(closedIn(machine.wait(290_000)), []);
  assertEquals(closedIn(machine.wait(30_000)), ["snubbed"]);
});

Deno.test("a single request that is never answered is taken back after a minute, and made again", () => {
  const machine = new Machine({ geometry: uniformGeometry(400 * BLOCK, 400 * BLOCK) });
  const peer = machine.connectSeed({ depth: 4 });
  const [lost, ...rest] = unchoke(machine, peer);
  const effects: TorrentEffect[] = [];
  for (let i = 0; i < 32; i++) {
    effects.push(...machine.wait(2000));
    rest.push(...requests(machine.block(peer, rest.shift()!)));
  }
  assertEquals(machine.peer(peer).down.snubbedAt, undefined);
  assertEquals(sentIn(effects, "cancel"), [{ type: "cancel", ...lost! }]);
  assertEquals(requests(effects), [lost]);
});

Deno.test("no more pieces are open than memory allows; peers go on when one is stored", () => {
  const geometry = uniformGeometry(20 * BLOCK, BLOCK);
  const machine = new Machine({ geometry, limits: { maxOpenBytes: 4 * BLOCK } });
  const peer = machine.connectSeed({ depth: 10 });
  const asked = unchoke(machine, peer);
  assertEquals(asked.length, 4);
  assertEquals(requests(machine.block(peer, asked[0]!)), []);
  assertEquals(requests(machine.input({ type: "pieceStored", piece: asked[0]!.piece })).length, 1);
  assertEquals(machine.buffers.most, 4);
});

Deno.test("a piece that nobody has any more makes way when memory is short", () => {
  const geometry = uniformGeometry(20 * 2 * BLOCK, 2 * BLOCK);
  const machine = new Machine({ geometry, limits: { maxOpenBytes: 4 * 2 * BLOCK } });
  const a = machine.connect({ fast: false });
  machine.input({ type: "peerCapabilities", peer: a, requestQueue: 1 });
  machine.message(a, { type: "unchoke" });
  for (const piece of [0, 1, 2, 3]) {
    machine.block(a, requests(machine.message(a, { type: "have", piece }))[0]!);
    machine.input({ type: "peerDontHave", peer: a, piece });
  }
  assertEquals([...machine.state.downloads.all()].map((open) => open.missing), [1, 1, 1, 1]);
  assertEquals(requests(machine.message(a, { type: "have", piece: 9 })).map(({ piece }) => piece), [9]);
  assertEquals(machine.state.downloads.size, 4);
  checkInvariants(machine);
});

Deno.test("a reader's piece makes way for itself when memory is short", () => {
  const geometry = uniformGeometry(20 * 4 * BLOCK, 4 * BLOCK);
  const machine = new Machine({ geometry, limits: { maxOpenBytes: 4 * 4 * BLOCK } });
  const [a, b] = [machine.connectSeed(), machine.connectSeed()];
  const [fromA, fromB] = [unchoke(machine, a), unchoke(machine, b)];
  for (const i of [0, 4]) machine.block(a, fromA[i]!);
  for (const i of [0, 1, 4]) machine.block(b, fromB[i]!);
  const asked = [...fromA, ...fromB].map(({ piece }) => piece);
  assertEquals([new Set(asked).size, machine.state.downloads.size], [4, 4]);
  const urgent = Array.from({ length: 20 }, (_, piece) => piece).find((piece) => !asked.includes(piece))!;
  const effects = machine.input({ type: "urgent", reader: 1, pieces: [urgent] });
  assertEquals(requests(effects)[0]?.piece, urgent);
  // The piece with two blocks is not the one that is given up.
  assert(machine.state.downloads.get(fromB[0]!.piece) !== undefined);
  assertEquals(machine.state.downloads.size, 4);
  checkInvariants(machine);
});

Deno.test("a reader that jumps does not wait for what was asked before", () => {
  const machine = new Machine({ geometry: uniformGeometry(100 * BLOCK, BLOCK) });
  const peer = machine.connectSeed();
  const asked = unchoke(machine, peer);
  const urgent = Array.from({ length: 100 }, (_, piece) => piece).filter((p) =>
    asked.every((a) => a.piece !== p)
  );
  const effects = machine.input({ type: "urgent", reader: 1, pieces: urgent.slice(0, 9) });
  assertEquals(sentIn(effects, "cancel").map(({ piece }) => piece), asked.slice(2).map(({ piece }) => piece));
  assertEquals(requests(effects).map(({ piece }) => piece), urgent.slice(0, 2));
  const next = machine.input({ type: "urgent", reader: 1, pieces: urgent.slice(1, 10) });
  assertEquals(next, []);
});

Deno.test("a reject that answers our own cancel does not count as a refusal", () => {
  const machine = new Machine({ geometry: uniformGeometry(12 * BLOCK, 4 * BLOCK) });
  const seed = machine.connectSeed({ fast: true });
  const [first] = unchoke(machine, seed);
  const priorities = new Uint8Array(3).fill(4);
  priorities[first!.piece] = 0;
  assertEquals(sentIn(machine.input({ type: "prioritize", priorities }), "cancel").length, 4);
  machine.message(seed, { type: "reject", ...first! });
  assertEquals(machine.peer(seed).down.refused.size, 0);
});
