/**
 * Which Merkle hashes are missing: piece layers in ranges, as they are asked for; the leaves of pieces that failed; and the
 * pieces that wait for them (BEP 52).
 */

import { equals } from "@std/bytes/equals";
import { Bitfield } from "../bytes/bitfield.ts";
import { encodeHex } from "../bytes/text.ts";
import { type HashQuery, proveHashes } from "../metainfo/hash_tree.ts";
import { pieceLayer, treeHeight } from "../metainfo/merkle.ts";
import { NODE_LENGTH } from "../metainfo/node_hash.ts";

/** Hashes of one request (BEP 52 "peer messages": "SHOULD NOT be greater than 512"). */
const MAX_RANGE = 512;

/** A file with a Merkle tree, and so with pieces of its own (BEP 52). */
export interface TreeFile {
  /** Root of its Merkle tree, 32 bytes. */
  readonly piecesRoot: Uint8Array;
  /** Bytes. */
  readonly length: number;
  /** Its first piece. */
  readonly firstPiece: number;
}

/** What is to be asked for. */
export interface HashRequestsOptions {
  /** The files, each longer than a piece, in the order of their pieces; equal ones may be there twice. */
  readonly files: readonly TreeFile[];
  /** Whether pieces cannot be verified without their layer, so that they must not be downloaded before (v2-only torrents). */
  readonly areRequired: boolean;
}

/** A piece layer that is being put together. */
interface Layer {
  readonly runs: Run[];
  hashes: Uint8Array | undefined;
  /** Runs that are not here. */
  missing: number;
}

/** A run of hashes of a layer that is asked for at a time. */
export interface HashRun {
  /** The file that they are of. */
  readonly file: TreeFile;
  /** Which hashes of it, and the proof. */
  readonly query: HashQuery;
  /** The piece whose leaves they are, if they are no part of a piece layer. */
  readonly piece: number | undefined;
  /** Whether they have come, or are not asked for any more. */
  readonly isHere: boolean;
  /** Where it stands in the order, until it is here. */
  readonly at: number;
}

interface Run extends HashRun {
  isHere: boolean;
  at: number;
}

/** What hashes come to. */
export type HashProof =
  /** They fit; `layer` if they were the last of their layer, `leaves` if they are those of a piece. */
  | {
    readonly type: "right";
    readonly layer?: { readonly piecesRoot: Uint8Array; readonly hashes: Uint8Array };
    readonly leaves?: { readonly piece: number; readonly hashes: Uint8Array };
  }
  /** Their number is not what was asked for. */
  | { readonly type: "invalid" }
  /** They do not hash into the root: a lie. */
  | { readonly type: "wrong" };

const NONE: HashRequestsOptions = { files: [], areRequired: false };

/** The layers and leaves that are not here. */
export class MissingHashes {
  /** Pieces that cannot be verified yet. */
  readonly gated: Bitfield;
  readonly #files: readonly TreeFile[];
  readonly #pieceLength: number;
  /** All files with a root. */
  readonly #alike = new Map<string, TreeFile[]>();
  readonly #layers = new Map<string, Layer>();
  /** By piece. */
  readonly #leaves = new Map<number, Run>();
  #order: Run[] = [];

  /** Begins with layers of which nothing is here. */
  constructor(
    geometry: { readonly pieceCount: number; readonly pieceLength: number },
    { files, areRequired }: HashRequestsOptions = NONE,
  ) {
    this.gated = new Bitfield(geometry.pieceCount);
    this.#files = files;
    this.#pieceLength = geometry.pieceLength;
    for (const file of files) {
      const key = encodeHex(file.piecesRoot), alike = this.#alike.get(key);
      if (alike) alike.push(file);
      else {
        this.#alike.set(key, [file]);
        this.#layers.set(key, this.#layerOf(file));
      }
      if (areRequired) { for (const piece of this.#piecesOf(file)) this.gated.set(piece); }
    }
    this.#setOrder([...this.#layers.values()].flatMap(({ runs }) => runs));
  }

  /** How many layers are not here, and pieces of which leaves are asked for. */
  get count(): number {
    return this.#layers.size + this.#leaves.size;
  }

  /** The leaves that are asked for, one run a piece. */
  get leaves(): readonly HashRun[] {
    return [...this.#leaves.values()];
  }

  /** What to ask for, the most urgent first; what is here may still be among it. */
  get inOrder(): readonly HashRun[] {
    return this.#order;
  }

  /** Whether some pieces lie under a run. */
  touches({ file, piece, query: { index, length } }: HashRun, pieces: Bitfield): boolean {
    if (piece !== undefined) return pieces.has(piece);
    const { firstPiece } = file, next = pieces.nextSet(firstPiece + index);
    return next >= 0 && next < firstPiece + Math.min(index + length, this.#widthOf(file));
  }

  /** The run over a piece, if its layer is not here. */
  runOver(piece: number): HashRun | undefined {
    if (this.#layers.size === 0) return undefined;
    let low = 0, high = this.#files.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#files[middle]!.firstPiece <= piece) low = middle + 1;
      else high = middle;
    }
    const file = this.#files[low - 1], layer = file && this.#layers.get(encodeHex(file.piecesRoot));
    return layer?.runs[Math.floor((piece - file!.firstPiece) / MAX_RANGE)];
  }

  /** Puts leaves first, then what readers wait for, then what is wanted, then the rest: the layers of a torrent belong together. */
  order(urgent: ReadonlySet<number>, wanted: Bitfield): void {
    const first = new Set([...urgent].map((piece) => this.runOver(piece)));
    const rank = (run: Run) =>
      run.piece !== undefined ? 0 : first.has(run) ? 1 : this.touches(run, wanted) ? 2 : 3;
    const ranked = this.#order.filter(({ isHere }) => !isHere).map((run) => ({ run, rank: rank(run) }));
    this.#setOrder(ranked.sort((a, b) => a.rank - b.rank).map(({ run }) => run));
  }

  /**
   * The leaves of a piece are to be asked for, before all else; the piece waits for them. `undefined` if there are too many
   * for one request, or none, because the piece is one block; or if they are asked for already, be it for a piece of an equal
   * file: two requests to the letter the same could not be told apart.
   */
  addLeaves(file: TreeFile, piece: number): HashRun | undefined {
    const height = treeHeight(file.length), length = 2 ** Math.min(height, pieceLayer(this.#pieceLength));
    if (length < 2 || length > MAX_RANGE) return undefined;
    const index = (piece - file.firstPiece) * length;
    const query = { baseLayer: 0, index, length, proofLayers: height - 1 };
    const isSame = (run: Run) => run.query.index === index && equals(run.file.piecesRoot, file.piecesRoot);
    if (this.#leaves.values().some(isSame)) return undefined;
    const run: Run = { file, query, piece, isHere: false, at: 0 };
    this.#leaves.set(piece, run);
    this.gated.set(piece);
    this.#setOrder([run, ...this.#order.filter(({ isHere }) => !isHere)]);
    return run;
  }

  /** The leaves of a piece are not asked for any more; it waits no longer. */
  dropLeaves(piece: number): void {
    const run = this.#leaves.get(piece);
    if (run === undefined) return;
    run.isHere = true;
    this.#leaves.delete(piece);
    this.gated.clear(piece);
  }

  #setOrder(runs: Run[]): void {
    this.#order = runs;
    runs.forEach((run, at) => run.at = at);
  }

  /** Takes hashes that are not here yet, with their proof. */
  put(run: HashRun, hashes: Uint8Array): HashProof {
    const { file: { piecesRoot, length }, query, piece } = run, proven = proveHashes(query, length, hashes);
    const isRoot = proven?.ancestor.layer === treeHeight(length) && equals(proven.ancestor.hash, piecesRoot);
    if (proven === undefined || !isRoot) return { type: proven ? "wrong" : "invalid" };
    if (piece === undefined) return this.#putIntoLayer(run, proven.hashes);
    this.dropLeaves(piece);
    return { type: "right", leaves: { piece, hashes: proven.hashes } };
  }

  #putIntoLayer({ file, query, at }: HashRun, hashes: Uint8Array): HashProof {
    const { piecesRoot } = file, key = encodeHex(piecesRoot), layer = this.#layers.get(key)!;
    this.#order[at]!.isHere = true;
    layer.hashes ??= new Uint8Array(this.#widthOf(file) * NODE_LENGTH);
    layer.hashes.set(hashes, query.index * NODE_LENGTH);
    if (--layer.missing > 0) return { type: "right" };
    this.#layers.delete(key);
    return { type: "right", layer: { piecesRoot, hashes: layer.hashes } };
  }

  /** The layer of a root can be used. Answers the pieces that can be verified now. */
  open(piecesRoot: Uint8Array): number[] {
    const alike = this.#alike.get(encodeHex(piecesRoot)) ?? [];
    // Files with one root are equal; one of another length is a lie of the torrent's author, and never comes.
    const files = alike.filter(({ length }) => length === alike[0]!.length);
    return files.flatMap((file) => this.#piecesOf(file)).filter((piece) => this.gated.clear(piece));
  }

  #layerOf(file: TreeFile): Layer {
    const base = pieceLayer(this.#pieceLength), layers = treeHeight(file.length) - base;
    const size = Math.min(MAX_RANGE, 2 ** layers), runs: Run[] = [];
    for (let index = 0; index < this.#widthOf(file); index += size) {
      const query = { baseLayer: base, index, length: size, proofLayers: layers - 1 };
      runs.push({ file, query, piece: undefined, isHere: false, at: 0 });
    }
    return { runs, hashes: undefined, missing: runs.length };
  }

  #widthOf({ length }: TreeFile): number {
    return Math.ceil(length / this.#pieceLength);
  }

  #piecesOf(file: TreeFile): number[] {
    return Array.from({ length: this.#widthOf(file) }, (_, i) => file.firstPiece + i);
  }
}
