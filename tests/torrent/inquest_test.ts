import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { randomBytes } from "../../src/bytes/random.ts";
import { answerHashes, buildHashTree, type HashTree, treeNode } from "../../src/metainfo/hash_tree.ts";
import { treeHeight } from "../../src/metainfo/merkle.ts";
import { isUntouched } from "../../src/torrent/open_piece.ts";
import { type PieceGeometry, uniformGeometry } from "../../src/torrent/options.ts";
import type { PeerKey, TorrentEffect } from "../../src/torrent/vocabulary.ts";
import type { BlockRange, HashRange, PeerMessage } from "../../src/wire/messages/message.ts";
import { BLOCK, checkInvariants, closedIn, Machine, type MachineOptions, sentIn } from "./machine.ts";
import { seededRandom } from "./swarm.ts";

const GOOD = 7, BAD = 66;

interface TrialOptions extends MachineOptions {
  readonly length?: number;
  readonly pieceLength?: number;
}

/** A machine of one v2 file with made-up leaves; a block is right if it is filled with `GOOD`. */
class Trial extends Machine {
  readonly length: number;
  readonly tree: HashTree;
  readonly stores: Extract<TorrentEffect, { type: "store" }>[] = [];
  readonly banned: string[] = [];

  constructor({ length = 10 * BLOCK + 100, pieceLength = 4 * BLOCK, ...options }: TrialOptions = {}) {
    const leaves = randomBytes(seededRandom(9), Math.ceil(length / BLOCK) * 32),
      tree = buildHashTree(leaves, 0, length);
    const piecesRoot = treeNode(tree, treeHeight(length), 0)!;
    const geometry: PieceGeometry = {
      ...uniformGeometry(length, pieceLength),
      treeFile: () => ({ piecesRoot, length, firstPiece: 0 }),
    };
    super({ geometry, sequential: true, ...options });
    this.length = length;
    this.tree = tree;
  }

  override input(...args: Parameters<Machine["input"]>): readonly TorrentEffect[] {
    const effects = super.input(...args);
    for (const effect of effects) {
      if (effect.type === "store") this.stores.push(effect);
      if (effect.type === "ban") this.banned.push(effect.host);
    }
    return effects;
  }

  /** What the session says of the piece that was stored first. */
  verify(): readonly TorrentEffect[] {
    const { piece, bytes } = this.stores.shift()!, count = Math.ceil(bytes.length / BLOCK);
    const leaves = new Uint8Array(count * 32);
    let isRight = true;
    for (let block = 0; block < count; block++) {
      const isGood = bytes[block * BLOCK] === GOOD,
        first = piece * this.state.setup.geometry.pieceLength / BLOCK;
      isRight &&= isGood;
      leaves.set(isGood ? treeNode(this.tree, 0, first + block)! : new Uint8Array(32), block * 32);
    }
    return this.input(isRight ? { type: "pieceStored", piece } : { type: "pieceCorrupt", piece, leaves });
  }

  right(range: HashRange): PeerMessage {
    const hashes = answerHashes(range, this.length, (layer, index) => treeNode(this.tree, layer, index))!;
    return { type: "hashes", ...range, hashes };
  }

  wrong(range: HashRange): PeerMessage {
    const hashes = answerHashes(range, this.length, () => new Uint8Array(32))!;
    return { type: "hashes", ...range, hashes };
  }

  owed(peer: PeerKey): BlockRange[] {
    const { downloads } = this.state;
    return [...this.peer(peer).down.requests.keys()].map((key) => {
      const open = downloads.get(downloads.pieceOf(key))!, block = downloads.blockOf(key);
      return { piece: open.piece, begin: block * BLOCK, length: open.blockLength(block) };
    });
  }

  /** Piece 0 comes from two peers, half of it each; what the second sends is wrong. */
  spoil(options: { readonly v2?: boolean } = {}): { honest: PeerKey; liar: PeerKey } {
    const [honest, liar] = ["10.0.0.1", "10.0.0.2"].map((host) => {
      const peer = this.connectSeed({ depth: 2, host, ...options });
      this.message(peer, { type: "unchoke" });
      return peer;
    }) as [PeerKey, PeerKey];
    for (const peer of [honest, liar]) {
      for (const range of this.owed(peer).filter(({ piece }) => piece === 0)) {
        this.block(peer, range, peer === honest ? GOOD : BAD);
      }
      this.input({ type: "peerCapabilities", peer, requestQueue: 50 });
    }
    return { honest, liar };
  }
}

function asked(effects: readonly TorrentEffect[]): [PeerKey, HashRange][] {
  return effects.flatMap((effect): [PeerKey, HashRange][] => {
    if (effect.type !== "send" || effect.message.type !== "hashRequest") return [];
    const { type: _, ...range } = effect.message;
    return [[effect.peer, range]];
  });
}

const blocksOf = (effects: readonly TorrentEffect[], piece: number, peer?: PeerKey) =>
  sentIn(effects, "request", peer).filter((range) => range.piece === piece).map(({ begin }) => begin / BLOCK);

Deno.test("a v2 piece that fails has its leaves asked of who sent none of it; the liar alone is banned, his blocks asked again", () => {
  const trial = new Trial(), { honest, liar } = trial.spoil({ v2: true });
  const witness = trial.connectSeed({ v2: true, host: "10.0.0.3" });
  const failed = trial.verify(), [[peer, range]] = asked(failed) as [[PeerKey, HashRange]];
  assertEquals([peer, range.baseLayer, range.index, range.length, range.proofLayers], [witness, 0, 0, 4, 3]);
  assertEquals([asked(failed).length, blocksOf(failed, 0), trial.banned], [1, [], []]);
  checkInvariants(trial);
  const judged = trial.message(witness, trial.right(range));
  assertEquals(trial.banned, ["10.0.0.2"]);
  assert(!trial.isConnected(liar));
  assertEquals(trial.state.downloads.get(0)!.exclusive, undefined);
  checkInvariants(trial);
  const again = blocksOf(judged, 0, honest);
  while (!trial.state.ledger.have.has(0)) {
    if (trial.stores.length > 0) trial.verify();
    else again.push(...blocksOf(trial.block(honest, trial.owed(honest)[0]!, GOOD), 0));
  }
  assertEquals(again, [2, 3]);
  assertEquals(trial.state.totals.corrupt, 4 * BLOCK);
});

Deno.test("the leaves of the last piece, of a file in one piece, and of a file of one block", () => {
  for (
    const [length, shape] of [
      [10 * BLOCK + 100, [0, 8, 4, 3]],
      [3 * BLOCK, [0, 0, 4, 1]],
      [BLOCK + 1, [0, 0, 2, 0]],
      [BLOCK, undefined],
    ] as const
  ) {
    const trial = new Trial({ length }), last = Math.ceil(length / (4 * BLOCK)) - 1;
    trial.input({ type: "piecesFound", pieces: Array.from({ length: last }, (_, piece) => piece) });
    const [a, b] = [trial.connectSeed({ depth: 1, v2: true }), trial.connectSeed({ depth: 1, v2: true })];
    for (const peer of [a, b]) trial.message(peer, { type: "unchoke" });
    const isBad = new Set<number>();
    while (trial.stores.length === 0) {
      for (const peer of [a, b]) {
        const [range] = trial.owed(peer);
        if (range === undefined) continue;
        if (peer === b) isBad.add(range.begin / BLOCK);
        trial.block(peer, range, peer === b || length === BLOCK ? BAD : GOOD);
      }
    }
    const [question] = asked(trial.verify());
    const { baseLayer, index, length: count, proofLayers } = question?.[1] ?? {};
    assertEquals(question && [baseLayer, index, count, proofLayers], shape as number[] | undefined);
    if (question === undefined) continue;
    const judged = trial.message(question[0], trial.right(question[1]));
    assertEquals(trial.banned, ["10.0.0.2"]);
    assertEquals(new Set(blocksOf(judged, last, a)), new Set([...isBad].slice(0, 1)), "one at a time");
    checkInvariants(trial);
  }
});

Deno.test("a piece is on parole at once if nobody can be asked for leaves, or all refuse", () => {
  for (const v2 of [false, true]) {
    const trial = new Trial(), { honest, liar } = trial.spoil({ v2 });
    let effects = trial.verify();
    for (let questions = asked(effects); questions.length > 0; questions = asked(effects)) {
      assertEquals(questions.length, 1);
      const [[peer, range]] = questions as [[PeerKey, HashRange]];
      effects = trial.message(peer, { type: "hashReject", ...range });
    }
    assertEquals(trial.banned, []);
    assert([honest, liar].includes(trial.state.downloads.get(0)!.exclusive!));
    checkInvariants(trial);
  }
});

Deno.test("a piece is on parole after a while if nobody answers, and late answers are no offence", () => {
  const trial = new Trial(), { honest, liar } = trial.spoil({ v2: true });
  const questions = asked(trial.verify());
  for (let second = 0; second < 16; second++) questions.push(...asked(trial.wait(1000)));
  assert([honest, liar].includes(trial.state.downloads.get(0)!.exclusive!));
  assertEquals(questions.map(([peer]) => peer).toSorted(), [honest, liar]);
  for (const [peer, range] of questions) assertEquals(closedIn(trial.message(peer, trial.right(range))), []);
  assertEquals([trial.banned, trial.state.hashes.missing], [[], 0]);
  assertEquals(closedIn(trial.message(...[honest, trial.right(questions[0]![1])] as const)), [
    "invalid message",
  ]);
  checkInvariants(trial);
});

Deno.test("who lies about leaves is banned, and others are asked; so they are when who was asked leaves", () => {
  for (const way of ["lies", "leaves"]) {
    const trial = new Trial();
    trial.spoil({ v2: true });
    const witnesses = [3, 4].map((id) => trial.connectSeed({ v2: true, host: `10.0.0.${id}` }));
    const [[first, range]] = asked(trial.verify()) as [[PeerKey, HashRange]];
    assertEquals(first, witnesses[0]);
    const then = way === "lies"
      ? trial.message(first, trial.wrong(range))
      : trial.input({ type: "peerClosed", peer: first });
    const [[second, again]] = asked(then) as [[PeerKey, HashRange]];
    assert(second !== first);
    trial.message(second, trial.right(again));
    assertEquals(trial.banned, way === "lies" ? ["10.0.0.3", "10.0.0.2"] : ["10.0.0.2"]);
  }
});

Deno.test("leaves that are all right leave the piece on parole: nobody is proven to have lied", () => {
  const trial = new Trial();
  trial.spoil({ v2: true });
  const witness = trial.connectSeed({ v2: true, host: "10.0.0.3" }), { piece } = trial.stores[0]!;
  const leaves = Uint8Array.from([0, 1, 2, 3].flatMap((block) => [...treeNode(trial.tree, 0, block)!]));
  const [[, range]] = asked(trial.input({ type: "pieceCorrupt", piece, leaves })) as [[PeerKey, HashRange]];
  trial.message(witness, trial.right(range));
  assertEquals(trial.banned, []);
  assert(trial.state.downloads.get(0)!.exclusive !== undefined);
});

Deno.test("no leaves are asked for pieces of more than 512 blocks, of v1, or if there is nothing to compare", () => {
  const long = new Trial({ length: 2050 * BLOCK, pieceLength: 1024 * BLOCK });
  const peers = [1, 2].map((id) => long.connectSeed({ v2: true, host: `10.0.0.${id}` }));
  for (const peer of peers) {
    long.message(peer, { type: "unchoke" });
    long.input({ type: "peerCapabilities", peer, requestQueue: 1000 });
  }
  while (long.stores.length === 0) {
    for (const peer of peers) long.block(peer, long.owed(peer)[0]!, peer === 1 ? GOOD : BAD);
  }
  assertEquals(asked(long.verify()), []);
  const geometry = uniformGeometry(10 * BLOCK, 4 * BLOCK);
  for (const [trial, leaves] of [[new Trial({ geometry }), 4], [new Trial(), 3], [new Trial(), 0]] as const) {
    trial.spoil({ v2: true });
    const { piece } = trial.stores[0]!, bytes = new Uint8Array(leaves * 32);
    const effects = trial.input({ type: "pieceCorrupt", piece, ...(leaves > 0 && { leaves: bytes }) });
    assertEquals(asked(effects), []);
    assert(trial.state.hashes.gated.isEmpty);
  }
});

Deno.test("the good blocks of a piece are lost if there is no memory for it, or it is found or not wanted meanwhile", () => {
  for (const what of ["memory", "found", "unwanted", "held", "paused"]) {
    const trial = new Trial();
    trial.spoil({ v2: true });
    const witness = trial.connectSeed({ v2: true, host: "10.0.0.3" });
    const [[, range]] = asked(trial.verify()) as [[PeerKey, HashRange]];
    if (what === "memory") trial.buffers.take = () => undefined as unknown as Uint8Array;
    if (what === "found") trial.input({ type: "piecesFound", pieces: [0] });
    if (what === "unwanted") trial.input({ type: "prioritize", priorities: Uint8Array.of(0, 4, 4) });
    if (what === "held") trial.input({ type: "hold" });
    if (what === "paused") trial.input({ type: "pause" });
    trial.message(witness, trial.right(range));
    assertEquals(trial.banned, what === "paused" ? [] : ["10.0.0.2"]);
    assertEquals(trial.state.downloads.get(0), undefined);
    if (what === "paused") trial.input({ type: "resume" });
    assert(trial.state.hashes.gated.isEmpty);
    checkInvariants(trial);
  }
});

Deno.test("a ban for another reason forgets good blocks that were put back, too", () => {
  const trial = new Trial(), { honest } = trial.spoil({ v2: true });
  const witness = trial.connectSeed({ v2: true, host: "10.0.0.3" });
  const [[, range]] = asked(trial.verify()) as [[PeerKey, HashRange]];
  trial.message(witness, trial.right(range));
  for (let i = 0; i < 17; i++) {
    trial.message(honest, { type: "piece", piece: 2, begin: 1, block: new Uint8Array(1) });
  }
  assert(!trial.isConnected(honest));
  for (let i = 0; i < 2; i++) trial.message(trial.connect({ host: "10.0.0.1" }), { type: "have", piece: 99 });
  assertEquals(trial.banned, ["10.0.0.2", "10.0.0.1"]);
  assert([...trial.state.downloads.all()].every(isUntouched));
  checkInvariants(trial);
});

Deno.test("whatever peers send and say, a v2 torrent gets done, and nobody honest is banned", () => {
  const data = fc.constantFrom("good", "bad", "mixed", "silent"),
    talk = fc.constantFrom("right", "wrong", "refuse", "silent");
  const others = fc.array(fc.record({ data, talk }), { maxLength: 5 });
  fc.assert(
    fc.property(others, fc.nat(), fc.boolean(), (others, seed, v2) => {
      const trial = new Trial({ length: 30 * BLOCK + 5 }), random = seededRandom(seed);
      const peers = new Map([...others, { data: "good", talk: "right" }].map((peer) => [
        trial.connect({ v2: v2 || random() < 0.5 }),
        peer,
      ]));
      const honest = [...peers].filter(([, peer]) => peer.data === "good" && peer.talk !== "wrong");
      const waiting: (() => readonly TorrentEffect[])[] = [];
      const note = (effects: readonly TorrentEffect[]) => {
        for (const [peer, range] of asked(effects)) {
          const { talk } = peers.get(peer)!;
          if (talk === "refuse") waiting.push(() => trial.message(peer, { type: "hashReject", ...range }));
          else if (talk !== "silent") {
            waiting.push(() => trial.message(peer, trial[talk as "right" | "wrong"](range)));
          }
        }
        for (const effect of effects) {
          if (effect.type === "store") waiting.push(() => trial.verify());
          if (effect.type !== "send" || effect.message.type !== "request") continue;
          const { peer, message } = effect, { data } = peers.get(peer)!;
          if (data === "silent") continue;
          const fill = data === "good" || (data === "mixed" && random() < 0.7) ? GOOD : BAD;
          waiting.push(() => trial.block(peer, message, fill));
        }
      };
      for (const peer of peers.keys()) {
        note(trial.message(peer, { type: "haveAll" }));
        note(trial.message(peer, { type: "unchoke" }));
      }
      for (let step = 0; step < 3000 && !trial.state.ledger.have.isFull; step++) {
        const [next] = waiting.splice(Math.floor(random() * waiting.length), 1);
        note(next?.() ?? trial.wait(6000));
        checkInvariants(trial);
      }
      assert(trial.state.ledger.have.isFull, "it does not get done");
      for (const [peer] of honest) {
        assert(!trial.banned.includes(`10.0.0.${peer}`), `honest peer ${peer} is banned`);
      }
    }),
    { numRuns: 150 },
  );
});
