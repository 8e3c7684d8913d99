import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { randomBytes } from "../../src/bytes/random.ts";
import { answerHashes, buildHashTree, type HashTree, treeNode } from "../../src/metainfo/hash_tree.ts";
import { pieceLayer, treeHeight } from "../../src/metainfo/merkle.ts";
import { HashRequests } from "../../src/torrent/hash_requests.ts";
import type { TreeFile } from "../../src/torrent/missing_hashes.ts";
import type { PeerKey, TorrentEffect } from "../../src/torrent/vocabulary.ts";
import type { HashRange, PeerMessage } from "../../src/wire/messages/message.ts";
import { BLOCK, checkInvariants, closedIn, Machine, sentIn } from "./machine.ts";
import { seededRandom } from "./swarm.ts";

const PIECE = 2 * BLOCK, BASE = pieceLayer(PIECE);
const BACK_OFF_MS = 66_000, TIMEOUT_MS = 26_000; // each with a sweep

/** A file of so many pieces, the last of which is short, with made-up hashes. */
class File {
  readonly length: number;
  readonly layer: Uint8Array;
  readonly tree: HashTree;
  readonly pieces: number;

  constructor(pieces: number, seed: number) {
    this.pieces = pieces;
    this.length = pieces * PIECE - 1000;
    this.layer = randomBytes(seededRandom(seed), pieces * 32);
    this.tree = buildHashTree(this.layer, BASE, this.length);
  }

  get root(): Uint8Array {
    return treeNode(this.tree, treeHeight(this.length), 0)!;
  }

  answer(range: HashRange): Uint8Array {
    return answerHashes(range, this.length, (layer, index) => treeNode(this.tree, layer, index))!;
  }
}

/** A machine of a v2 torrent that lacks the layers of these files, which lie one behind the other. */
class Swarm extends Machine {
  readonly files: readonly File[];
  readonly found: Extract<TorrentEffect, { type: "layerFound" }>[] = [];
  readonly banned: string[] = [];

  constructor(files: readonly File[], areRequired = true, have: readonly number[] = []) {
    let firstPiece = 0;
    const layers: TreeFile[] = files.map(({ root, length, pieces }) => {
      firstPiece += pieces;
      return { piecesRoot: root, length, firstPiece: firstPiece - pieces };
    });
    super({
      geometry: { pieceCount: firstPiece, pieceLength: PIECE, pieceSize: () => PIECE },
      layers: { files: layers, areRequired },
      have,
    });
    this.files = files;
  }

  /** Says it and answers with the hash requests that follow, by peer. */
  tell(peer: PeerKey, message: PeerMessage): [PeerKey, HashRange][] {
    return this.note(this.message(peer, message));
  }

  note(effects: readonly TorrentEffect[]): [PeerKey, HashRange][] {
    const asked: [PeerKey, HashRange][] = [];
    for (const effect of effects) {
      if (effect.type === "layerFound") this.found.push(effect);
      else if (effect.type === "ban") this.banned.push(effect.host);
      else if (effect.type === "send" && effect.message.type === "hashRequest") {
        const { type: _, ...range } = effect.message;
        asked.push([effect.peer, range]);
      }
    }
    return asked;
  }

  seed(): [PeerKey, HashRange[]] {
    const peer = this.connect({ v2: true });
    return [peer, this.tell(peer, { type: "haveAll" }).map(([, range]) => range)];
  }

  fileOf({ piecesRoot }: HashRange): File {
    return this.files.find(({ root }) => root.every((byte, i) => byte === piecesRoot[i]))!;
  }

  right(range: HashRange): PeerMessage {
    return { type: "hashes", ...range, hashes: this.fileOf(range).answer(range) };
  }

  wrong(range: HashRange): PeerMessage {
    return { type: "hashes", ...range, hashes: this.fileOf(range).answer(range).map((byte) => byte ^ 1) };
  }
}

const shape = (
  { baseLayer, index, length, proofLayers }: HashRange,
) => [baseLayer, index, length, proofLayers];

Deno.test("hashes are asked for 512 at a time with proofs up to the root, and make a layer", () => {
  const file = new File(1200, 1), swarm = new Swarm([file]), [peer, asked] = swarm.seed();
  assertEquals(asked.map(shape), [[BASE, 0, 512, 10], [BASE, 512, 512, 10], [BASE, 1024, 512, 10]]);
  for (const range of asked.toReversed()) swarm.tell(peer, swarm.right(range));
  assertEquals(swarm.found, [{ type: "layerFound", piecesRoot: file.root, hashes: file.layer }]);
});

Deno.test("a small layer is asked for whole, as libtorrent does (49 pieces, 64 hashes, no proof)", () => {
  const file = new File(49, 1), swarm = new Swarm([file]), [peer, [range]] = swarm.seed();
  assertEquals(shape(range!), [BASE, 0, 64, 5]);
  assertEquals(file.answer(range!).length, 64 * 32);
  // Past the end of the layer the text leaves open whether there is padding: some leave it out.
  swarm.tell(peer, { type: "hashes", ...range!, hashes: file.layer });
  assertEquals(swarm.found[0]!.hashes, file.layer);
});

Deno.test("pieces of a v2 torrent are asked for once their layer is ready, those of a hybrid at once", () => {
  const swarm = new Swarm([new File(3, 1), new File(4, 2)]), peer = swarm.connect({ v2: true });
  const [[, first]] = swarm.tell(peer, { type: "haveAll" }) as [[PeerKey, HashRange]];
  assertEquals(sentIn(swarm.message(peer, { type: "unchoke" }), "request"), []);
  assert(swarm.peer(peer).flags.amInterested);
  swarm.tell(peer, swarm.right(first));
  checkInvariants(swarm);
  const effects = swarm.input({ type: "layerReady", piecesRoot: first.piecesRoot });
  assertEquals(new Set(sentIn(effects, "request").map(({ piece }) => piece)), new Set([0, 1, 2]));
  checkInvariants(swarm);
  const hybrid = new Swarm([new File(3, 1)], false), seed = hybrid.connect({ v2: true });
  assertEquals(hybrid.tell(seed, { type: "haveAll" }).length, 1);
  assert(sentIn(hybrid.message(seed, { type: "unchoke" }), "request").length > 0);
});

Deno.test("HashRequests.addLeaves() asks no question twice, though two files are equal", () => {
  const hashes = new HashRequests({ pieceCount: 4, pieceLength: PIECE });
  const file = (firstPiece: number) => ({ piecesRoot: new Uint8Array(32), length: 2 * PIECE, firstPiece });
  assert(hashes.addLeaves(file(0), 0, 0));
  assert(!hashes.addLeaves(file(0), 0, 0) && !hashes.addLeaves(file(2), 2, 0));
  assert(hashes.addLeaves(file(2), 3, 0));
  assertEquals([...hashes.gated.indexes()], [0, 3]);
});

Deno.test("who sends wrong hashes is banned at once, and the others are asked", () => {
  const swarm = new Swarm([new File(1200, 1)]), [liar, asked] = swarm.seed(), [honest] = swarm.seed();
  swarm.tell(liar, swarm.right(asked[0]!));
  const again = swarm.tell(liar, swarm.wrong(asked[1]!));
  assertEquals(swarm.banned, ["10.0.0.1"]);
  assert(!swarm.isConnected(liar));
  assertEquals(again.map(([peer, { index }]) => [peer, index]), [[honest, 512], [honest, 1024]]);
  for (const [peer, range] of again) swarm.tell(peer, swarm.right(range));
  assertEquals(swarm.found.length, 1);
});

Deno.test("who refuses is asked again after a while, who refuses everything for nothing", () => {
  const swarm = new Swarm([new File(1200, 1), new File(3, 2), new File(3, 3)]);
  const [peer, asked] = swarm.seed();
  assertEquals(asked.length, 5);
  assertEquals(swarm.tell(peer, { type: "hashReject", ...asked[0]! }), []);
  const [other, others] = swarm.seed();
  assertEquals(others.map(shape), [shape(asked[0]!)]);
  swarm.tell(other, swarm.right(others[0]!));
  for (const range of asked.slice(1)) swarm.tell(peer, { type: "hashReject", ...range });
  assertEquals(swarm.note(swarm.wait(10_000)).filter(([key]) => key === peer), []);
  swarm.input({ type: "peerClosed", peer: other });
  assertEquals(swarm.note(swarm.wait(BACK_OFF_MS)).map(([key]) => key), [peer, peer, peer, peer]);
});

Deno.test("while one is silent another is asked as well; a late answer is no offence, one more is", () => {
  const swarm = new Swarm([new File(49, 1)]),
    [silent, [range]] = swarm.seed(),
    [other, others] = swarm.seed();
  assertEquals(others, []);
  assertEquals(swarm.note(swarm.wait(11_000)).map(([key]) => key), [other]);
  swarm.tell(other, swarm.right(range!));
  assertEquals(swarm.found.length, 1);
  swarm.tell(silent, swarm.right(range!));
  assert(swarm.isConnected(silent));
  assertEquals(closedIn(swarm.message(silent, swarm.right(range!))), ["invalid message"]);
});

Deno.test("who is silent for long is left alone for longer and longer, and may answer late", () => {
  const swarm = new Swarm([new File(49, 1)]), [silent, [range]] = swarm.seed();
  const asked: number[] = [];
  for (let second = 0; second < 600; second++) {
    if (swarm.note(swarm.wait(1000)).length > 0) asked.push(second);
  }
  assertEquals(asked.length, 3);
  assert(asked[1]! - asked[0]! > 120 && asked[2]! - asked[1]! > 240, asked.join());
  for (let i = 0; i < 4; i++) swarm.tell(silent, swarm.right(range!));
  assert(swarm.isConnected(silent), "it owed us four answers");
});

Deno.test("hashes and rejects that nobody asked for, or of another shape, close the connection", () => {
  const file = new File(49, 1);
  for (
    const change of [{ index: 64 }, { proofLayers: 4 }, { length: 32 }, { baseLayer: 0 }, {
      piecesRoot: new Uint8Array(32),
    }]
  ) {
    for (const type of ["hashes", "hashReject"] as const) {
      const swarm = new Swarm([file]), [peer, [range]] = swarm.seed();
      const message = { ...swarm.right(range!), ...change, type } as PeerMessage;
      assertEquals(closedIn(swarm.message(peer, message)), ["invalid message"]);
    }
  }
  for (const count of [0, 1, 48, 50, 63, 65]) {
    const swarm = new Swarm([file]), [peer, [range]] = swarm.seed();
    const hashes = new Uint8Array(count * 32),
      effects = swarm.message(peer, { type: "hashes", ...range!, hashes });
    assertEquals(closedIn(effects), ["invalid message"], `${count} hashes`);
  }
});

Deno.test("a peer is asked for hashes over pieces that it has, and only on a v2 connection", () => {
  const swarm = new Swarm([new File(1200, 1), new File(5, 2)]);
  const v1 = swarm.connect();
  assertEquals(swarm.tell(v1, { type: "haveAll" }), []);
  assertEquals(
    closedIn(
      swarm.message(v1, {
        type: "hashReject",
        piecesRoot: new Uint8Array(32),
        baseLayer: 1,
        index: 0,
        length: 2,
        proofLayers: 0,
      }),
    ),
    ["invalid message"],
  );
  const peer = swarm.connect({ v2: true });
  assertEquals(swarm.tell(peer, { type: "haveNone" }), []);
  assertEquals(swarm.tell(peer, { type: "have", piece: 1201 }).map(([, range]) => shape(range)), [[
    BASE,
    0,
    8,
    2,
  ]]);
  assertEquals(swarm.tell(peer, { type: "have", piece: 1202 }), []);
  assertEquals(swarm.tell(peer, { type: "have", piece: 600 }).map(([, range]) => shape(range)), [[
    BASE,
    512,
    512,
    10,
  ]]);
});

Deno.test("what readers wait for comes first, then what is wanted, then the rest", () => {
  const files = [new File(2, 1), new File(2, 2), new File(2, 3)], swarm = new Swarm(files);
  swarm.input({ type: "prioritize", priorities: Uint8Array.of(0, 0, 4, 4, 0, 0) });
  swarm.input({ type: "urgent", reader: 1, pieces: [4] });
  const [, asked] = swarm.seed();
  assertEquals(asked.map((range) => files.indexOf(swarm.fileOf(range))), [2, 1, 0]);
});

Deno.test("equal files share a layer; one that says so and has another length stays closed", () => {
  const file = new File(3, 1), { piecesRoot, length } = { piecesRoot: file.root, length: file.length };
  const machine = new Machine({
    geometry: { pieceCount: 11, pieceLength: PIECE, pieceSize: () => PIECE },
    layers: {
      files: [{ piecesRoot, length, firstPiece: 0 }, { piecesRoot, length, firstPiece: 3 }, {
        piecesRoot,
        length: 5 * PIECE,
        firstPiece: 6,
      }],
      areRequired: true,
    },
  });
  assertEquals(machine.state.hashes.missing, 1);
  assertEquals(machine.state.hashes.open(piecesRoot), [0, 1, 2, 3, 4, 5]);
  assertEquals([...machine.state.hashes.gated.indexes()], [6, 7, 8, 9, 10]);
});

Deno.test("a seed is kept for the layers of content that is complete, until they are here or refused", () => {
  for (const isGiven of [true, false]) {
    const swarm = new Swarm([new File(3, 1)], false, [0, 1, 2]), [peer, [range]] = swarm.seed();
    assert(swarm.isConnected(peer));
    const answer: PeerMessage = isGiven ? swarm.right(range!) : { type: "hashReject", ...range! };
    assertEquals(closedIn(swarm.message(peer, answer)), ["both complete"]);
  }
});

Deno.test("whatever peers do, the layers come as long as one peer is honest, and no honest one is banned", () => {
  const behaviour = fc.constantFrom("honest", "cut", "lie", "refuse", "silent", "leave", "garbage");
  const peers = fc.array(behaviour, { maxLength: 6 }),
    sizes = fc.array(fc.integer({ min: 2, max: 1100 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(sizes, peers, fc.nat(), (sizes, others, seed) => {
      const swarm = new Swarm(sizes.map((size, i) => new File(size, seed + i)));
      const behaviours = new Map<PeerKey, string>(), waiting: [PeerKey, HashRange][] = [];
      const random = seededRandom(seed);
      for (const kind of [...others, "honest"]) {
        const [peer, asked] = swarm.seed();
        behaviours.set(peer, kind);
        waiting.push(...asked.map((range): [PeerKey, HashRange] => [peer, range]));
      }
      const honest = [...behaviours].filter(([, kind]) => kind === "honest" || kind === "cut").map(([peer]) =>
        peer
      );
      for (let step = 0; step < 5000 && swarm.found.length < sizes.length; step++) {
        const [next] = waiting.splice(Math.floor(random() * waiting.length), 1);
        if (next === undefined) waiting.push(...swarm.note(swarm.wait(TIMEOUT_MS)));
        else if (swarm.isConnected(next[0])) waiting.push(...act(swarm, behaviours.get(next[0])!, next));
      }
      assertEquals(swarm.found.length, sizes.length);
      for (const { piecesRoot, hashes } of swarm.found) {
        assertEquals(
          hashes,
          swarm.files.find(({ root }) => root.every((byte, i) => byte === piecesRoot[i]))!.layer,
        );
        swarm.input({ type: "layerReady", piecesRoot });
      }
      for (const peer of honest) assert(swarm.isConnected(peer), `honest peer ${peer} is gone`);
      assert(swarm.state.hashes.gated.isEmpty);
      checkInvariants(swarm);
    }),
    { numRuns: 100 },
  );
});

function act(swarm: Swarm, kind: string, [peer, range]: [PeerKey, HashRange]): [PeerKey, HashRange][] {
  switch (kind) {
    case "honest":
      return swarm.tell(peer, swarm.right(range));
    case "cut": {
      const file = swarm.fileOf(range), whole = file.answer(range);
      const real = Math.min(range.length, file.pieces - range.index);
      const hashes = new Uint8Array([...whole.subarray(0, real * 32), ...whole.subarray(range.length * 32)]);
      return swarm.tell(peer, { type: "hashes", ...range, hashes });
    }
    case "lie":
      return swarm.tell(peer, swarm.wrong(range));
    case "refuse":
      return swarm.tell(peer, { type: "hashReject", ...range });
    case "leave":
      return swarm.note(swarm.input({ type: "peerClosed", peer }));
    case "garbage":
      return swarm.tell(peer, { type: "hashes", ...range, hashes: new Uint8Array(32) });
    default:
      return [];
  }
}
