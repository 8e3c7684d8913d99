import { assert, assertEquals, assertThrows } from "@std/assert";
import { isUntouched } from "../../src/torrent/open_piece.ts";
import { uniformGeometry } from "../../src/torrent/options.ts";
import type { PeerKey, TorrentEffect } from "../../src/torrent/vocabulary.ts";
import { BLOCK, checkInvariants, closedIn, Machine, sentIn } from "./machine.ts";

type Range = { readonly piece: number; readonly begin: number; readonly length: number };

const onePiece = uniformGeometry(4 * BLOCK, 4 * BLOCK);

function bans(effects: readonly TorrentEffect[]): string[] {
  return effects.flatMap((effect) => effect.type === "ban" ? [effect.host] : []);
}

/** The requests a peer has not answered, oldest first. */
function owed(machine: Machine, peer: PeerKey): Range[] {
  const { downloads } = machine.state;
  return [...machine.peer(peer).down.requests.keys()].map((key) => {
    const open = downloads.get(downloads.pieceOf(key))!;
    const block = downloads.blockOf(key);
    return { piece: open.piece, begin: block * BLOCK, length: open.blockLength(block) };
  });
}

/** A piece of four blocks, two from each of two peers; what the second sends is wrong. */
function spoil(machine: Machine): { honest: PeerKey; liar: PeerKey } {
  const honest = machine.connectSeed({ depth: 2, host: "10.0.0.1" });
  const liar = machine.connectSeed({ depth: 2, host: "10.0.0.2" });
  machine.message(honest, { type: "unchoke" });
  machine.message(liar, { type: "unchoke" });
  const fromHonest = owed(machine, honest).slice(0, 2);
  const fromLiar = owed(machine, liar).slice(0, 2);
  for (const range of fromHonest) machine.block(honest, range, 1);
  for (const range of fromLiar) machine.block(liar, range, 66);
  return { honest, liar };
}

Deno.test("pieceCorrupt bans the only sender and asks for the piece again", () => {
  const machine = new Machine({ geometry: onePiece });
  const liar = machine.connectSeed();
  machine.message(liar, { type: "unchoke" });
  for (const range of owed(machine, liar)) machine.block(liar, range);
  const effects = machine.input({ type: "pieceCorrupt", piece: 0 });
  assertEquals(effects.filter((effect) => effect.type === "ban"), [
    { type: "ban", host: "10.0.0.1", reason: "sent data that fails its hash" },
  ]);
  assertEquals(closedIn(effects), ["banned"]);
  assertEquals(machine.state.totals.corrupt, 4 * BLOCK);
  const other = machine.connectSeed();
  assertEquals(sentIn(machine.message(other, { type: "unchoke" }), "request").length, 4);
  assertEquals(closedIn(machine.connectWith({ host: "10.0.0.1", id: 99 }).effects), ["banned"]);
});

Deno.test("a piece that is found while it is being stored is announced once", () => {
  const machine = new Machine({ geometry: onePiece });
  const seed = machine.connectSeed();
  machine.connectWith({ host: "10.0.0.9", id: 99 });
  machine.message(seed, { type: "unchoke" });
  for (const range of owed(machine, seed)) machine.block(seed, range);
  const effects = [
    ...machine.input({ type: "piecesFound", pieces: [0] }),
    ...machine.input({ type: "pieceStored", piece: 0 }),
  ];
  assertEquals(effects.filter((effect) => effect.type === "pieceCompleted").length, 1);
  checkInvariants(machine);
});

for (const second of ["honest", "liar"] as const) {
  Deno.test(`pieceCorrupt with two senders asks one of them alone (the ${second} one) and bans the liar only`, () => {
    const machine = new Machine({ geometry: onePiece });
    const peers = spoil(machine);
    if (second === "liar") machine.input({ type: "peerClosed", peer: peers.honest });
    const effects = machine.input({ type: "pieceCorrupt", piece: 0 });
    assertEquals(bans(effects), []);
    checkInvariants(machine);
    const parolee = peers[second];
    for (let range = owed(machine, parolee)[0]; range !== undefined; range = owed(machine, parolee)[0]) {
      machine.block(parolee, range, second === "honest" ? 1 : 66);
    }
    assertEquals(machine.state.downloads.storing, 1);
    if (second === "honest") {
      assertEquals(owed(machine, peers.liar), []);
      assertEquals(bans(machine.input({ type: "pieceStored", piece: 0 })), ["10.0.0.2"]);
    } else {
      assertEquals(bans(machine.input({ type: "pieceCorrupt", piece: 0 })), ["10.0.0.2"]);
    }
    checkInvariants(machine);
  });
}

Deno.test("a piece on parole starts anew with another peer when its only peer chokes", () => {
  const machine = new Machine({ geometry: onePiece });
  const { honest, liar } = spoil(machine);
  machine.input({ type: "pieceCorrupt", piece: 0 });
  const [parolee, other] = owed(machine, honest).length > 0 ? [honest, liar] : [liar, honest];
  machine.block(parolee, owed(machine, parolee)[0]!);
  const effects = machine.message(parolee, { type: "choke" });
  assertEquals(sentIn(effects, "cancel", parolee).length, 2);
  assertEquals(sentIn(effects, "request", other).length, 2);
  checkInvariants(machine);
});

Deno.test("a piece on parole goes to another peer when its only peer answers everything but that", () => {
  const machine = new Machine({ geometry: uniformGeometry(400 * 4 * BLOCK, 4 * BLOCK), sequential: true });
  const { honest, liar } = spoil(machine);
  const piece = [...machine.state.downloads.all()].find((open) => open.isStoring)!.piece;
  machine.input({ type: "pieceCorrupt", piece });
  for (const peer of [honest, liar]) machine.input({ type: "peerCapabilities", peer, requestQueue: 5 });
  const parolees: (PeerKey | undefined)[] = [];
  for (let second = 0; second < 80; second++) {
    machine.wait(1000);
    for (const peer of [honest, liar]) {
      const next = owed(machine, peer).find((range) => range.piece !== piece);
      if (next) machine.block(peer, next);
    }
    const parolee = machine.state.downloads.get(piece)?.exclusive;
    if (parolee !== parolees.at(-1)) parolees.push(parolee);
  }
  assertEquals(parolees.filter((peer) => peer !== undefined), [honest, liar]);
  checkInvariants(machine);
});

Deno.test("a host is banned once, also if more of what it sent turns out to be wrong", () => {
  const machine = new Machine({ geometry: uniformGeometry(8 * BLOCK, 4 * BLOCK) });
  const liar = machine.connectSeed();
  machine.message(liar, { type: "unchoke" });
  for (const range of owed(machine, liar)) machine.block(liar, range);
  const effects = [0, 1].flatMap((piece) => machine.input({ type: "pieceCorrupt", piece }));
  assertEquals(bans(effects), ["10.0.0.1"]);
});

Deno.test("a ban forgets what its host sent of other pieces", () => {
  const machine = new Machine({ geometry: uniformGeometry(8 * BLOCK, 4 * BLOCK) });
  const liar = machine.connectSeed({ depth: 8 });
  machine.message(liar, { type: "unchoke" });
  const ranges = owed(machine, liar);
  for (const range of ranges.slice(0, 6)) machine.block(liar, range);
  machine.input({ type: "pieceCorrupt", piece: ranges[0]!.piece });
  checkInvariants(machine);
  assert([...machine.state.downloads.all()].every(isUntouched));
});

Deno.test("storeFailed leaves the piece missing and asks nothing by itself", () => {
  const machine = new Machine({ geometry: onePiece });
  const peer = machine.connectSeed();
  machine.message(peer, { type: "unchoke" });
  for (const range of owed(machine, peer)) machine.block(peer, range);
  assertEquals(machine.input({ type: "storeFailed", piece: 0 }), []);
  assertEquals(machine.buffers.lent, 0);
  assert(machine.isConnected(peer));
});

Deno.test("answers to stores that are not open change nothing", () => {
  const machine = new Machine();
  machine.message(machine.connectSeed(), { type: "unchoke" });
  for (const type of ["pieceStored", "pieceCorrupt", "storeFailed"] as const) {
    for (const piece of [0, 1, 7, 99]) assertEquals(machine.input({ type, piece }), []);
  }
  checkInvariants(machine);
});

Deno.test("completed comes with the last wanted piece, and again after a loss", () => {
  const machine = new Machine({ have: [1, 2, 3, 4, 5, 6, 7] });
  const peer = machine.connectSeed();
  machine.message(peer, { type: "interested" });
  machine.input({ type: "peerCapabilities", peer, uploadOnly: false });
  machine.message(peer, { type: "unchoke" });
  for (const range of owed(machine, peer)) machine.block(peer, range);
  const types = machine.input({ type: "pieceStored", piece: 0 }).map((effect) => effect.type);
  assertEquals(types, ["send", "pieceCompleted", "send", "completed", "close"]);
  machine.input({ type: "piecesLost", pieces: [3] });
  assertEquals(machine.state.mode.completed, false);
  assertEquals(machine.input({ type: "piecesFound", pieces: [3] }).map((effect) => effect.type), [
    "pieceCompleted",
    "completed",
  ]);
});

Deno.test("piecesFound gives up what is under way of them, and announces them", () => {
  const machine = new Machine();
  const peer = machine.connectSeed({ depth: 4 });
  const [asked] = sentIn(machine.message(peer, { type: "unchoke" }), "request");
  const effects = machine.input({ type: "piecesFound", pieces: [asked!.piece, 99] });
  assertEquals(sentIn(effects, "cancel").length, 4);
  assertEquals(sentIn(effects, "have"), [{ type: "have", piece: asked!.piece }]);
  assertEquals(sentIn(effects, "request").length, 4);
  checkInvariants(machine);
});

Deno.test("prioritize gives up open pieces that are wanted no longer, and starts what is wanted now", () => {
  const machine = new Machine({ priorities: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) });
  const peer = machine.connectSeed({ depth: 4 });
  machine.message(peer, { type: "unchoke" });
  const effects = machine.input({ type: "prioritize", priorities: Uint8Array.of(0, 0, 0, 9, 0, 0, 0, 0) });
  assertEquals(sentIn(effects, "cancel").map(({ piece }) => piece), [0, 0, 0, 0]);
  assertEquals(sentIn(effects, "request").map(({ piece }) => piece), [3, 3, 3, 3]);
  checkInvariants(machine);
  const none = machine.input({ type: "prioritize", priorities: new Uint8Array(8) });
  assertEquals(sentIn(none, "notInterested").length, 1);
  assertEquals(none.at(-2), { type: "completed" });
  assertThrows(() => machine.input({ type: "prioritize", priorities: new Uint8Array(7) }), RangeError);
});

Deno.test("Torrent refuses a bitfield or priorities of another size", () => {
  assertThrows(() => new Machine({ priorities: new Uint8Array(3) }), RangeError);
});

Deno.test("pause closes everything and frees memory; resume dials again", () => {
  const machine = new Machine();
  const address = { host: "10.0.0.1", port: 6881 };
  machine.input({ type: "candidates", source: "tracker", addresses: [address] });
  const peer = machine.connectSeed();
  machine.message(peer, { type: "unchoke" });
  assertEquals(closedIn(machine.input({ type: "pause" })), ["paused"]);
  assertEquals(machine.buffers.lent, 0);
  assertEquals(machine.wait(3_600_000), []);
  assertEquals(closedIn(machine.connectWith({ id: 9 }).effects), ["paused"]);
  assertEquals(
    machine.input({ type: "candidates", source: "tracker", addresses: [{ host: "1.2.3.4", port: 5 }] }),
    [],
  );
  const dials = machine.input({ type: "resume" }).map((effect) =>
    effect.type === "dial" && effect.address.host
  );
  assertEquals(dials.toSorted(), ["1.2.3.4", "10.0.0.1", "10.0.0.2"]);
});

Deno.test("pause keeps the memory of pieces that are being stored until the answer", () => {
  const machine = new Machine({ geometry: onePiece });
  const peer = machine.connectSeed();
  machine.message(peer, { type: "unchoke" });
  for (const range of owed(machine, peer)) machine.block(peer, range);
  machine.input({ type: "pause" });
  assertEquals(machine.buffers.lent, 1);
  assertEquals(machine.input({ type: "pieceStored", piece: 0 }).map((effect) => effect.type), [
    "pieceCompleted",
    "completed",
  ]);
  assertEquals(machine.buffers.lent, 0);
});

Deno.test("piecesLost takes the piece back from who can hear it, and lets go of who can not, but for who has the piece", () => {
  const machine = new Machine({ have: "all" }), [hears, mute, has] = [1, 2, 3].map(() => machine.connect());
  for (const peer of [hears!, mute!]) machine.message(peer, { type: "haveNone" });
  machine.message(has!, { type: "haveNone" });
  machine.message(has!, { type: "have", piece: 3 });
  machine.input({ type: "peerCapabilities", peer: hears!, dontHave: true });
  const effects = machine.input({ type: "piecesLost", pieces: [3] });
  assertEquals(effects.filter(({ type }) => type === "dontHave" || type === "close"), [
    { type: "dontHave", peer: hears!, piece: 3 },
    { type: "close", peer: mute!, reason: "piece lost" },
  ]);
  assertEquals([hears!, mute!, has!].map((peer) => machine.isConnected(peer)), [true, false, true]);
  assertEquals(effects.filter(({ type }) => type === "dial").length, 1); // it was not its fault
  // A later handshake may take the extension back (BEP 10 "handshake message").
  machine.input({ type: "peerCapabilities", peer: hears!, dontHave: false });
  assertEquals(closedIn(machine.input({ type: "piecesLost", pieces: [4] })).includes("piece lost"), true);
  checkInvariants(machine);
});

Deno.test("who is let go for a bad piece during a check is dialled again at its end, for there may be more of them", () => {
  const machine = new Machine({ have: [3, 4] }), peer = machine.connect();
  machine.message(peer, { type: "haveNone" });
  const dials = (effects: readonly TorrentEffect[]) => effects.filter(({ type }) => type === "dial").length;
  machine.input({ type: "hold" });
  const lost = machine.input({ type: "piecesLost", pieces: [3] });
  assertEquals([closedIn(lost), dials(lost)], [["piece lost"], 0]);
  assertEquals(dials(machine.input({ type: "resume" })), 1);
});

Deno.test("hold asks nobody for content until resume, and goes on serving and meeting peers", () => {
  const machine = new Machine({ have: [0] }), peer = machine.connectSeed();
  machine.message(peer, { type: "unchoke" });
  machine.input({ type: "webSeed", seed: -1, url: "http://a/", onePiece: false });
  const owing = owed(machine, peer).length;
  assert(owing > 0);
  const held = machine.input({ type: "hold" });
  assertEquals(sentIn(held, "cancel", peer).length, owing);
  assertEquals([held.filter(({ type }) => type === "webAbort").length, machine.buffers.lent], [1, 0]);
  assertEquals([closedIn(held), machine.isConnected(peer)], [[], true]);
  checkInvariants(machine);

  const other = machine.connectWith({ host: "10.0.0.9", id: 99 });
  const then = [
    ...machine.message(other.peer, { type: "haveAll" }),
    ...machine.message(other.peer, { type: "unchoke" }),
    ...machine.message(other.peer, { type: "interested" }),
    ...machine.wait(60_000),
    ...machine.message(other.peer, { type: "request", piece: 0, begin: 0, length: BLOCK }),
  ];
  assertEquals(sentIn(then, "request"), []);
  assertEquals(then.filter(({ type }) => type === "webFetch"), []);
  assertEquals(then.filter(({ type }) => type === "read").length, 1);
  const resumed = machine.input({ type: "resume" });
  assert(sentIn(resumed, "request").length > 0);
  assert(resumed.some(({ type }) => type === "webFetch"));
  checkInvariants(machine);
});

Deno.test("a piece that is being written when hold comes is written, and pause counts all the same", () => {
  const machine = new Machine({ geometry: onePiece }), peer = machine.connectSeed();
  machine.message(peer, { type: "unchoke" });
  for (const range of owed(machine, peer)) machine.block(peer, range);
  machine.message(machine.connect({ host: "10.0.0.9", id: 99 }), { type: "haveNone" });
  machine.input({ type: "hold" });
  assert(machine.input({ type: "pieceStored", piece: 0 }).some(({ type }) => type === "pieceCompleted"));
  assertEquals(closedIn(machine.input({ type: "pause" })), ["paused"]);
  checkInvariants(machine);
});
