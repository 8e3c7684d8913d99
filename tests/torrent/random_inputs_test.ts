import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Bitfield } from "../../src/bytes/bitfield.ts";
import { randomBytes } from "../../src/bytes/random.ts";
import { answerHashes, buildHashTree, treeNode } from "../../src/metainfo/hash_tree.ts";
import { treeHeight } from "../../src/metainfo/merkle.ts";
import { uniformGeometry } from "../../src/torrent/options.ts";
import type { TorrentInput } from "../../src/torrent/vocabulary.ts";
import type { HashRange, PeerMessage } from "../../src/wire/messages/message.ts";
import { BLOCK, checkInvariants, Machine } from "./machine.ts";
import { seededRandom } from "./swarm.ts";

const PIECES = 11;
const LENGTH = (PIECES - 1) * 4 * BLOCK + 20_000;
const tree = buildHashTree(randomBytes(seededRandom(1), Math.ceil(LENGTH / BLOCK) * 32), 0, LENGTH);
const file = { piecesRoot: treeNode(tree, treeHeight(LENGTH), 0)!, length: LENGTH, firstPiece: 0 };
const geometry = { ...uniformGeometry(LENGTH, 4 * BLOCK), treeFile: () => file };

const piece = fc.oneof({ weight: 20, arbitrary: fc.nat(PIECES - 1) }, fc.constantFrom(PIECES, 0xffffffff));
const begin = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom(0, BLOCK, 2 * BLOCK, 3 * BLOCK) },
  fc.constantFrom(1, 4 * BLOCK, 0xffffffff),
);
const length = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom(BLOCK, 20_000 - BLOCK) },
  fc.constantFrom(0, 1, 131072, 131073, 0xffffffff),
);
const bits = fc.oneof(
  { weight: 5, arbitrary: fc.uniqueArray(fc.nat(PIECES - 1)).map(bytesOf) },
  fc.constant(Bitfield.full(PIECES).toBytes()),
  fc.uint8Array({ maxLength: 3 }),
);

function bytesOf(pieces: number[]): Uint8Array {
  const bitfield = new Bitfield(PIECES);
  for (const piece of pieces) bitfield.set(piece);
  return bitfield.toBytes();
}

const message: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.constantFrom(
    { type: "choke" } as const,
    { type: "unchoke" } as const,
    { type: "unchoke" } as const,
    { type: "interested" } as const,
    { type: "notInterested" } as const,
    { type: "haveAll" } as const,
    { type: "haveNone" } as const,
    { type: "keepAlive" } as const,
  ),
  piece.map((piece) => ({ type: "have" as const, piece })),
  bits.map((bits) => ({ type: "bitfield" as const, bits })),
  fc.record({
    type: fc.constantFrom("request" as const, "cancel" as const, "reject" as const),
    piece,
    begin,
    length,
  }),
  fc.record({ piece, begin, length: fc.constantFrom(0, 1, BLOCK, 20_000 - BLOCK) })
    .map(({ piece, begin, length }) => ({
      type: "piece" as const,
      piece,
      begin,
      block: new Uint8Array(length),
    })),
  fc.record({ type: fc.constantFrom("suggest" as const, "allowedFast" as const), piece }),
);

/** Things that happen; those that must fit the state name what they mean by a number, resolved when their time comes. */
type Happening =
  | {
    readonly do: "connect";
    readonly fast: boolean;
    readonly id: number;
    readonly incoming: boolean;
    readonly v2: boolean;
  }
  | { readonly do: "message"; readonly peer: number; readonly messages: readonly PeerMessage[] }
  | {
    readonly do: "close" | "answer" | "late" | "reject" | "sent" | "unreadable" | HashAnswer;
    readonly peer: number;
  }
  /** `wrong` has a bit for each wrong block of a corrupt piece. */
  | { readonly do: "stored" | "corrupt" | "unstored"; readonly which: number; readonly wrong: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "input"; readonly input: TorrentInput };

type HashAnswer = "hashes" | "wrongHashes" | "noHashes";

const peer = fc.nat(5);
const which = fc.nat(3);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("connect" as const),
      fast: fc.boolean(),
      id: fc.nat(30),
      incoming: fc.boolean(),
      v2: fc.boolean(),
    }),
  },
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant("message" as const),
      peer,
      messages: fc.array(message, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 40,
    arbitrary: fc.record({
      do: fc.constantFrom("answer" as const, "answer" as const, "late" as const),
      peer,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom("reject" as const, "sent" as const, "unreadable" as const, "close" as const),
      peer,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom("stored" as const, "stored" as const, "corrupt" as const, "unstored" as const),
      which,
      wrong: fc.nat(15),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom<HashAnswer[]>("hashes", "hashes", "wrongHashes", "noHashes"),
      peer,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(1, 900, 5000, 61_000, 300_000),
    }),
  },
  { weight: 5, arbitrary: control().map((input) => ({ do: "input" as const, input })) },
);

function control(): fc.Arbitrary<TorrentInput> {
  const pieces = fc.array(fc.nat(PIECES), { maxLength: 4 });
  return fc.oneof(
    fc.record({ type: fc.constantFrom("piecesLost" as const, "piecesFound" as const), pieces }),
    fc.record({ type: fc.constant("urgent" as const), reader: fc.nat(2), pieces }),
    fc.uint8Array({ minLength: PIECES, maxLength: PIECES, max: 9 }).map((priorities) => ({
      type: "prioritize" as const,
      priorities,
    })),
    fc.boolean().map((sequential) => ({ type: "sequential" as const, sequential })),
    fc.boolean().map((superSeed) => ({ type: "superSeed" as const, superSeed })),
    fc.record({ type: fc.constant("peerDontHave" as const), peer: fc.nat(8), piece }),
    fc.record({
      type: fc.constant("peerCapabilities" as const),
      peer: fc.nat(8),
      requestQueue: fc.nat(20),
      uploadOnly: fc.boolean(),
      listenPort: fc.nat(70000),
      dontHave: fc.boolean(),
    }),
    fc.constantFrom(
      { type: "pause" as const },
      { type: "hold" as const },
      { type: "resume" as const },
      { type: "resume" as const },
      { type: "tick" as const },
      { type: "tick" as const },
    ),
    fc.record({ host: fc.constantFrom("10.0.0.1", "10.0.0.2", "::1", "web.example"), port: fc.nat(3) })
      .map((address) => ({ type: "candidates" as const, source: "pex" as const, addresses: [address] })),
  );
}

/** The session's side: knows the reads and stores that are under way. */
class Session {
  readonly machine: Machine;
  readonly peers: number[] = [];
  readonly reads: { peer: number; piece: number; begin: number; length: number }[] = [];
  readonly stores: number[] = [];
  readonly hashRequests: { readonly peer: number; readonly range: HashRange }[] = [];

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** A peer that has everything and serves us, so that the story does not end before it starts. */
  startSeed(fast: boolean): void {
    const peer = this.machine.connectSeed({ fast, v2: fast });
    this.peers.push(peer);
    this.#take(this.machine.message(peer, { type: "unchoke" }));
  }

  happen(happening: Happening): void {
    const { machine } = this;
    switch (happening.do) {
      case "wait":
        return this.#take(machine.wait(happening.ms));
      case "input":
        return this.#take(machine.input(happening.input));
      case "connect": {
        const direction = happening.incoming ? "incoming" : "outgoing";
        const { peer, effects } = machine.connectWith({
          fast: happening.fast,
          id: happening.id,
          direction,
          v2: happening.v2,
          allowedFast: [1, 2],
        });
        this.peers.push(peer);
        return this.#take(effects);
      }
      case "stored":
      case "corrupt":
      case "unstored":
        return this.#storeEnded(happening);
      default:
        return this.#peerDoes(happening);
    }
  }

  #storeEnded(happening: Extract<Happening, { readonly which: number }>): void {
    const [piece] = this.stores.splice(happening.which % Math.max(1, this.stores.length), 1);
    if (piece === undefined) return;
    if (happening.do !== "corrupt") {
      const type = ({ stored: "pieceStored", unstored: "storeFailed" } as const)[happening.do];
      return this.#take(this.machine.input({ type, piece }));
    }
    const leaves = new Uint8Array(Math.ceil(geometry.pieceSize(piece) / BLOCK) * 32);
    for (let block = 0; block * 32 < leaves.length; block++) {
      if ((happening.wrong >> block & 1) === 0) leaves.set(treeNode(tree, 0, piece * 4 + block)!, block * 32);
    }
    this.#take(this.machine.input({ type: "pieceCorrupt", piece, leaves }));
  }

  #answerHashes(key: number, answer: HashAnswer): void {
    const index = this.hashRequests.findIndex(({ peer }) => peer === key);
    if (index < 0) return;
    const { range } = this.hashRequests[index]!;
    this.hashRequests.splice(index, 1);
    if (answer === "noHashes") return this.#take(this.machine.message(key, { type: "hashReject", ...range }));
    const hashes = answerHashes(range, LENGTH, (layer, index) => treeNode(tree, layer, index))!;
    if (answer === "wrongHashes") hashes[0]! ^= 1;
    this.#take(this.machine.message(key, { type: "hashes", ...range, hashes }));
  }

  #peerDoes(happening: Extract<Happening, { readonly peer: number }>): void {
    const key = this.peers[happening.peer % Math.max(1, this.peers.length)];
    if (key === undefined) return;
    const { machine } = this;
    if (happening.do === "message") return this.#take(machine.messages(key, ...happening.messages));
    if (happening.do === "close") return this.#take(machine.input({ type: "peerClosed", peer: key }));
    if (happening.do === "hashes" || happening.do === "wrongHashes" || happening.do === "noHashes") {
      return this.#answerHashes(key, happening.do);
    }
    if (happening.do === "sent" || happening.do === "unreadable") return this.#readEnded(key, happening.do);
    const range = this.#firstRequest(key, happening.do === "late");
    if (range === undefined) return;
    if (happening.do !== "reject") return this.#take(machine.block(key, range));
    this.#take(machine.message(key, { type: "reject", ...range }));
  }

  #readEnded(key: number, outcome: "sent" | "unreadable"): void {
    const index = this.reads.findIndex((read) => read.peer === key);
    if (index < 0) return;
    const { peer, ...range } = this.reads.splice(index, 1)[0]!;
    this.#take(this.machine.input(
      outcome === "sent"
        ? { type: "blocksSent", peer, ranges: [range] }
        : { ...range, type: "readFailed", peer },
    ));
  }

  #firstRequest(key: number, late: boolean): { piece: number; begin: number; length: number } | undefined {
    const { downloads, peers } = this.machine.state;
    const down = peers.get(key)?.down;
    const [request] = (late ? down?.late : down?.requests)?.keys() ?? [];
    if (request === undefined) return undefined;
    const piece = downloads.pieceOf(request);
    const begin = downloads.blockOf(request) * BLOCK;
    return { piece, begin, length: Math.min(BLOCK, geometry.pieceSize(piece) - begin) };
  }

  #take(effects: readonly ReturnType<Machine["input"]>[number][]): void {
    for (const effect of effects) {
      if (effect.type === "read") this.reads.push(effect);
      if (effect.type === "store") this.stores.push(effect.piece);
      if (effect.type !== "send" || effect.message.type !== "hashRequest") continue;
      const { type: _, ...range } = effect.message;
      this.hashRequests.push({ peer: effect.peer, range });
    }
  }
}

Deno.test("Torrent keeps its books whatever happens", () => {
  const limits = { maxPeers: 5, uploadSlots: 2, maxOpenBytes: 4 * 4 * BLOCK };
  fc.assert(
    fc.property(
      fc.array(happening, { minLength: 20, maxLength: 200, size: "max" }),
      fc.integer(),
      (happenings, seed) => {
        const session = new Session(new Machine({ geometry, limits, seed, have: [0, 1, 2] }));
        for (const fast of [true, false, true]) session.startSeed(fast);
        for (const happening of happenings) {
          session.happen(happening);
          checkInvariants(session.machine);
          assertEquals(session.stores.length, session.machine.state.downloads.storing);
        }
      },
    ),
    { numRuns: 300 },
  );
});
