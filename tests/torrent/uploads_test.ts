import { assert, assertEquals } from "@std/assert";
import type { PieceGeometry } from "../../src/torrent/options.ts";
import type { PeerKey, TorrentEffect } from "../../src/torrent/vocabulary.ts";
import { BLOCK, closedIn, Machine, sentIn } from "./machine.ts";

const request = { type: "request", piece: 0, begin: 0, length: BLOCK } as const;
const range = { piece: 0, begin: 0, length: BLOCK };

/** A complete machine and a peer that it serves. */
function serving(options: { fast?: boolean; limits?: { maxReadBytes: number } } = {}): [Machine, PeerKey] {
  const machine = new Machine({ have: "all", ...(options.limits && { limits: options.limits }) });
  const peer = machine.connect({ fast: options.fast ?? true });
  assertEquals(sentIn(machine.message(peer, { type: "interested" }), "unchoke").length, 1);
  return [machine, peer];
}

function reads(effects: readonly TorrentEffect[]): TorrentEffect[] {
  return effects.filter((effect) => effect.type === "read");
}

Deno.test("request is answered by a read", () => {
  const [machine, peer] = serving();
  assertEquals(machine.message(peer, request), [{ type: "read", peer, ...range }]);
  machine.input({ type: "blocksSent", peer, ranges: [range] });
  assertEquals(machine.peer(peer).up.rate.total, BLOCK);
});

Deno.test("request reads no more ahead than the bound, and goes on in order as blocks leave", () => {
  const [machine, peer] = serving({ limits: { maxReadBytes: 2 * BLOCK } });
  const at = (block: number) => ({ piece: block >> 2, begin: (block & 3) * BLOCK, length: BLOCK });
  const first = [0, 1, 2, 3, 4].map((block) => machine.message(peer, { type: "request", ...at(block) }));
  assertEquals(first.map((effects) => reads(effects).length), [1, 1, 0, 0, 0]);
  assertEquals(machine.input({ type: "blocksSent", peer, ranges: [at(0)] }), [
    { type: "read", peer, ...at(2) },
  ]);
  assertEquals(machine.input({ type: "blocksSent", peer, ranges: [at(1), at(2)] }), [
    { type: "read", peer, ...at(3) },
    { type: "read", peer, ...at(4) },
  ]);
  assertEquals(machine.peer(peer).up.rate.total, 3 * BLOCK);
});

Deno.test("request takes the 10,000 requests that some clients queue, and calls 20,000 a flood", () => {
  const [machine, peer] = serving();
  let sent = 0;
  for (let i = 0; i < 10_000; i++) sent += reads(machine.message(peer, { ...request, piece: i % 8 })).length;
  assert(sent < 100);
  for (let i = 0; i < 10_000; i++) {
    sent += reads(machine.input({ type: "blocksSent", peer, ranges: [range] })).length;
  }
  assertEquals(sent, 10_000);
  let closed: string[] = [];
  for (let i = 0; i < 20_000 && closed.length === 0; i++) closed = closedIn(machine.message(peer, request));
  assertEquals(closed, ["request flood"]);
});

for (
  const [what, bad] of [
    ["piece", { piece: 8 }],
    ["huge piece", { piece: 0xffffffff }],
    ["begin", { begin: 4 * BLOCK }],
    ["sum beyond 32 bits", { begin: 0xffffffff, length: 2 }],
    ["length 0", { length: 0 }],
    ["length above 128 KiB", { length: 131073 }],
    ["end", { begin: 3 * BLOCK + 1 }],
  ] as const
) {
  Deno.test(`request with a wrong range closes the connection (${what})`, () => {
    const [machine, peer] = serving();
    assertEquals(closedIn(machine.message(peer, { ...request, ...bad })), ["invalid message"]);
  });
}

Deno.test("request of 64 KiB is served", () => {
  const [machine, peer] = serving();
  assertEquals(reads(machine.message(peer, { ...request, length: 4 * BLOCK })).length, 1);
});

Deno.test("request while choked is rejected under the fast extension and ignored without", () => {
  for (const fast of [true, false]) {
    const machine = new Machine({ have: "all" });
    const peer = machine.connect({ fast });
    assertEquals(
      machine.message(peer, request),
      fast ? [{ type: "send", peer, message: { ...request, type: "reject" } }] : [],
    );
  }
});

Deno.test("requests without end while choked are a flood", () => {
  const machine = new Machine({ have: "all" });
  const peer = machine.connect();
  let closed: string[] = [];
  for (let i = 0; i < 20_000 && closed.length === 0; i++) closed = closedIn(machine.message(peer, request));
  assertEquals(closed, ["request flood"]);
});

Deno.test("request for a piece we lack is rejected", () => {
  const machine = new Machine({ have: [1] });
  const peer = machine.connect();
  machine.message(peer, { type: "interested" });
  assertEquals(sentIn(machine.message(peer, request), "reject").length, 1);
  assertEquals(reads(machine.message(peer, { ...request, piece: 1 })).length, 1);
});

Deno.test("request for an allowed-fast piece is served while choked, until the peer has enough", () => {
  const machine = new Machine({ have: "all" });
  const peer = machine.connect({ allowedFast: [0, 5] });
  machine.message(peer, { type: "haveNone" });
  assertEquals(reads(machine.message(peer, request)).length, 1);
  assertEquals(sentIn(machine.message(peer, { ...request, piece: 1 }), "reject").length, 1);
  for (const piece of [1, 2, 3]) machine.message(peer, { type: "have", piece });
  assertEquals(sentIn(machine.message(peer, request), "reject").length, 1);
});

/** A complete machine and a choked peer with an allowed-fast set of piece 0 and 5. */
function starting(limits: { maxReadBytes?: number } = {}): [Machine, PeerKey] {
  const machine = new Machine({ have: "all", limits }), peer = machine.connect({ allowedFast: [0, 5] });
  machine.message(peer, { type: "haveNone" });
  return [machine, peer];
}

Deno.test("an allowed-fast piece is sent twice at most while the peer is choked, whatever the size of its requests", () => {
  for (const length of [BLOCK, 2 * BLOCK, 1]) {
    const [machine, peer] = starting();
    let served = 0, rejected = 0;
    for (let i = 0; i < 100; i++) {
      const effects = machine.message(peer, { ...request, length });
      served += reads(effects).length;
      rejected += sentIn(effects, "reject").length;
      if (reads(effects).length > 0) {
        served += reads(machine.input({ type: "blocksSent", peer, ranges: [{ ...range, length }] })).length;
      }
    }
    assertEquals([served, rejected], length === 2 * BLOCK ? [4, 96] : [8, 92], `requests of ${length} bytes`);
    assertEquals(reads(machine.message(peer, { ...request, piece: 5 })).length, 1);
    machine.message(peer, { type: "interested" });
    assertEquals(reads(machine.message(peer, request)).length, 1, "once it is not choked any more");
  }
});

Deno.test("choke leaves of the requests for an allowed-fast piece no more than two rounds", () => {
  const [machine, peer] = starting({ maxReadBytes: BLOCK });
  machine.message(peer, { type: "interested" });
  for (let i = 0; i < 100; i++) machine.message(peer, { ...request, piece: 5 });
  machine.message(peer, { type: "notInterested" });
  assertEquals(sentIn(machine.wait(10_000), "reject").length, 100 - 1 - 8);
  assertEquals(sentIn(machine.message(peer, { ...request, piece: 5 }), "reject").length, 1);
});

Deno.test("a host gets an allowed-fast set once: who comes back is no starting peer", () => {
  const machine = new Machine({ have: "all" }), told: number[] = [];
  for (const host of ["10.0.0.1", "10.0.0.1", "10.0.0.2"]) {
    const peer = machine.connect({ host, allowedFast: [0, 5], id: 5 });
    told.push(sentIn(machine.message(peer, { type: "haveNone" }), "allowedFast").length);
    assertEquals(reads(machine.message(peer, request)).length, told.at(-1)! / 2);
    machine.input({ type: "peerClosed", peer });
  }
  assertEquals(told, [2, 0, 2]);
});

Deno.test("hosts that got an allowed-fast set are remembered within bounds", () => {
  const machine = new Machine({ have: "all" });
  for (let i = 0; i < 2000; i++) {
    const peer = machine.connect({ host: `10.0.${i >> 8}.${i & 255}`, allowedFast: [0], id: 5 });
    machine.message(peer, { type: "haveNone" });
    machine.input({ type: "peerClosed", peer });
  }
  assertEquals(machine.state.starters.size, 1024);
});

Deno.test("cancel takes a waiting request back, with a reject under the fast extension", () => {
  for (const fast of [true, false]) {
    const [machine, peer] = serving({ fast, limits: { maxReadBytes: BLOCK } });
    machine.message(peer, request);
    machine.message(peer, { ...request, piece: 1 });
    const effects = machine.message(peer, { ...request, type: "cancel", piece: 1 });
    assertEquals(
      effects.map((effect) => effect.type === "send" && effect.message),
      fast ? [{ ...request, type: "reject", piece: 1 }] : [],
    );
    assertEquals(machine.input({ type: "blocksSent", peer, ranges: [range] }), []);
  }
});

Deno.test("cancel of what is being read or was never asked changes nothing", () => {
  const [machine, peer] = serving();
  machine.message(peer, request);
  assertEquals(machine.message(peer, { ...request, type: "cancel" }), []);
  assertEquals(machine.message(peer, { ...request, type: "cancel", piece: 7 }), []);
});

Deno.test("choke comes first, then a reject for each waiting request but the allowed-fast ones", () => {
  const machine = new Machine({ have: "all", limits: { maxReadBytes: BLOCK } });
  const peer = machine.connect({ allowedFast: [5, 6, 7] });
  machine.message(peer, { type: "haveNone" });
  machine.message(peer, { type: "interested" });
  for (const piece of [0, 1, 5, 2]) machine.message(peer, { ...request, piece });
  machine.message(peer, { type: "notInterested" });
  const said = machine.wait(10_000).flatMap((effect) => effect.type === "send" ? [effect.message] : []);
  assertEquals(
    said.map((message) => "piece" in message ? `${message.type} ${message.piece}` : message.type),
    [
      "choke",
      "reject 1",
      "reject 2",
    ],
  );
  assertEquals(machine.input({ type: "blocksSent", peer, ranges: [range] }), [{
    type: "read",
    peer,
    ...range,
    piece: 5,
  }]);
});

Deno.test("readFailed gives the piece up, tells the peer, and asks for it again", () => {
  const [machine, peer] = serving();
  const seed = machine.connect({ host: "10.0.0.50" });
  machine.message(seed, { type: "haveNone" });
  for (const each of [peer, seed]) machine.input({ type: "peerCapabilities", peer: each, dontHave: true });
  for (let block = 0; block < 4; block++) machine.message(peer, { ...request, begin: block * BLOCK });
  const effects = machine.input({ type: "readFailed", peer, ...range });
  assertEquals(effects.slice(0, 3), [
    { type: "pieceLost", piece: 0 },
    { type: "dontHave", peer, piece: 0 },
    { type: "dontHave", peer: seed, piece: 0 },
  ]);
  assertEquals(sentIn(effects, "reject", peer).length, 1);
  assert(!machine.state.mode.completed);
  assertEquals(sentIn(machine.message(seed, { type: "have", piece: 0 }), "interested").length, 1);
});

Deno.test("piecesLost drops waiting requests for them", () => {
  const [machine, peer] = serving({ limits: { maxReadBytes: BLOCK } });
  machine.input({ type: "peerCapabilities", peer, dontHave: true });
  for (const piece of [0, 1, 2, 1]) machine.message(peer, { ...request, piece });
  const effects = machine.input({ type: "piecesLost", pieces: [1, 1, 99, -1] });
  assertEquals(effects.filter((effect) => effect.type === "pieceLost").length, 1);
  assertEquals(sentIn(effects, "reject").map(({ piece }) => piece), [1, 1]);
  assertEquals(sentIn(machine.message(peer, { ...request, piece: 1 }), "reject").length, 1);
});

Deno.test("the choker serves the best, and everybody gets a turn", () => {
  const machine = new Machine({ have: "all", limits: { uploadSlots: 4 } });
  const peers = Array.from({ length: 10 }, (_, i) => machine.connect({ id: i + 1 }));
  for (const peer of peers) machine.message(peer, { type: "interested" });
  const unchoked = () => peers.filter((peer) => !machine.peer(peer).flags.amChoking);
  assertEquals(unchoked().length, 4);
  const served = new Set<PeerKey>();
  for (let round = 0; round < 200; round++) {
    for (const peer of unchoked()) {
      served.add(peer);
      if (peer <= 3) machine.input({ type: "blocksSent", peer, ranges: [range] });
    }
    machine.wait(10_000);
    assertEquals(unchoked().length, 4);
  }
  assertEquals(served.size, 10);
  for (const fast of peers.slice(0, 3)) {
    assert(!machine.peer(fast).flags.amChoking, `peer ${fast} takes the most`);
  }
});

Deno.test("a slot that becomes free is given at once", () => {
  const machine = new Machine({ have: "all", limits: { uploadSlots: 1 } });
  const [a, b] = [machine.connect(), machine.connect()];
  machine.message(a, { type: "interested" });
  assertEquals(sentIn(machine.message(b, { type: "interested" }), "unchoke"), []);
  assertEquals(sentIn(machine.input({ type: "peerClosed", peer: a }), "unchoke", b).length, 1);
});

Deno.test("request may ask for the whole last block of a v2 piece, and for no more", () => {
  const geometry: PieceGeometry = {
    pieceCount: 2,
    pieceLength: 2 * BLOCK,
    pieceSize: (piece) => [BLOCK + 777, 5][piece]!,
    hasWholeBlocks: true,
  };
  for (
    const [piece, begin, length, isServed] of [
      [0, BLOCK, BLOCK, true],
      [0, BLOCK, 777, true],
      [1, 0, BLOCK, true],
      [0, BLOCK, BLOCK + 1, false],
      [0, 2 * BLOCK, BLOCK, false],
      [1, 5, 1, false],
    ] as const
  ) {
    const machine = new Machine({ geometry, have: "all" }), peer = machine.connect();
    machine.message(peer, { type: "interested" });
    const effects = machine.message(peer, { type: "request", piece, begin, length });
    assertEquals([reads(effects).length, closedIn(effects).length], isServed ? [1, 0] : [0, 1]);
  }
});
