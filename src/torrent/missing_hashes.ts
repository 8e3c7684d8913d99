/** Which Merkle hashes are missing: piece layers in ranges, as they are asked for, and the pieces that wait for them (BEP 52). */

import { equals } from "@std/bytes/equals";
import { Bitfield } from "../bytes/bitfield.ts";
import { encodeHex } from "../bytes/text.ts";
import { type HashQuery, proveHashes } from "../metainfo/hash_tree.ts";
import { pieceLayer, treeHeight } from "../metainfo/merkle.ts";
import { NODE_LENGTH } from "../metainfo/node_hash.ts";

/** Hashes of one request (BEP 52 "peer messages": "SHOULD NOT be greater than 512"). */
const MAX_RANGE = 512;

/** A file whose piece layer is not known: longer than a piece, and with pieces of its own. */
export interface UnhashedFile {
  /** Root of its Merkle tree, 32 bytes. */
  readonly piecesRoot: Uint8Array;
  /** Bytes. */
  readonly length: number;
  /** Its first piece. */
  readonly firstPiece: number;
}

/** What is to be asked for. */
export interface HashRequestsOptions {
  /** The files, in the order of their pieces; equal ones may be there twice. */
  readonly files: readonly UnhashedFile[];
  /** Whether pieces cannot be verified without their layer, so that they must not be downloaded before (v2-only torrents). */
  readonly areRequired: boolean;
}

/** A layer that is being put together. */
interface Layer {
  readonly piecesRoot: Uint8Array;
  readonly fileLength: number;
  readonly firstPiece: number;
  readonly runs: Run[];
  hashes: Uint8Array | undefined;
  /** Runs that are not here. */
  missing: number;
}

/** A run of hashes of a layer that is asked for at a time. */
export interface HashRun {
  /** The layer, and the file that it is of. */
  readonly layer: {
    readonly piecesRoot: Uint8Array;
    readonly fileLength: number;
    readonly firstPiece: number;
  };
  /** Which hashes of it, and the proof. */
  readonly query: HashQuery;
  /** Whether they have come. */
  readonly isHere: boolean;
  /** Where it stands in the order, until it is here. */
  readonly at: number;
}

interface Run extends HashRun {
  readonly layer: Layer;
  isHere: boolean;
  at: number;
}

/** What hashes come to. */
export type HashProof =
  /** They fit; `layer` if they were the last of their layer. */
  | {
    readonly type: "right";
    readonly layer?: { readonly piecesRoot: Uint8Array; readonly hashes: Uint8Array };
  }
  /** Their number is not what was asked for. */
  | { readonly type: "invalid" }
  /** They do not hash into the root: a lie. */
  | { readonly type: "wrong" };

const NONE: HashRequestsOptions = { files: [], areRequired: false };

/** The layers that are not here. */
export class MissingHashes {
  /** Pieces that cannot be verified yet. */
  readonly gated: Bitfield;
  readonly #files: readonly UnhashedFile[];
  readonly #pieceLength: number;
  /** All files with a root. */
  readonly #alike = new Map<string, UnhashedFile[]>();
  readonly #layers = new Map<string, Layer>();
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
    this.#order = [...this.#layers.values()].flatMap(({ runs }) => runs);
    this.#order.forEach((run, at) => run.at = at);
  }

  /** How many layers are not here. */
  get count(): number {
    return this.#layers.size;
  }

  /** What to ask for, the most urgent first; what is here may still be among it. */
  get inOrder(): readonly HashRun[] {
    return this.#order;
  }

  /** Whether some pieces lie under a run. */
  touches({ layer, query: { index, length } }: HashRun, pieces: Bitfield): boolean {
    const { firstPiece } = layer, next = pieces.nextSet(firstPiece + index);
    return next >= 0 && next < firstPiece + Math.min(index + length, this.#widthOf(layer));
  }

  /** The run over a piece, if its layer is not here. */
  runOver(piece: number): HashRun | undefined {
    if (this.count === 0) return undefined;
    let low = 0, high = this.#files.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#files[middle]!.firstPiece <= piece) low = middle + 1;
      else high = middle;
    }
    const file = this.#files[low - 1], layer = file && this.#layers.get(encodeHex(file.piecesRoot));
    return layer?.runs[Math.floor((piece - file!.firstPiece) / MAX_RANGE)];
  }

  /** Puts first what readers wait for, then what is wanted, then the rest: the layers of a torrent belong together. */
  order(urgent: ReadonlySet<number>, wanted: Bitfield): void {
    const first = new Set([...urgent].map((piece) => this.runOver(piece)));
    const rank = (run: Run) => first.has(run) ? 0 : this.touches(run, wanted) ? 1 : 2;
    const ranked = this.#order.filter(({ isHere }) => !isHere).map((run) => ({ run, rank: rank(run) }));
    this.#order = ranked.sort((a, b) => a.rank - b.rank).map(({ run }) => run);
    this.#order.forEach((run, at) => run.at = at);
  }

  /** Takes hashes that are not here yet, with their proof. */
  put(run: HashRun, hashes: Uint8Array): HashProof {
    const missing = this.#order[run.at]!, { layer, query } = missing;
    const proven = proveHashes(query, layer.fileLength, hashes);
    const isRoot = proven?.ancestor.layer === treeHeight(layer.fileLength) &&
      equals(proven.ancestor.hash, layer.piecesRoot);
    if (proven === undefined || !isRoot) return { type: proven ? "wrong" : "invalid" };
    missing.isHere = true;
    layer.hashes ??= new Uint8Array(this.#widthOf(layer) * NODE_LENGTH);
    layer.hashes.set(proven.hashes, query.index * NODE_LENGTH);
    if (--layer.missing > 0) return { type: "right" };
    this.#layers.delete(encodeHex(layer.piecesRoot));
    return { type: "right", layer: { piecesRoot: layer.piecesRoot, hashes: layer.hashes } };
  }

  /** The layer of a root can be used. Answers the pieces that can be verified now. */
  open(piecesRoot: Uint8Array): number[] {
    const alike = this.#alike.get(encodeHex(piecesRoot)) ?? [];
    // Files with one root are equal; one of another length is a lie of the torrent's author, and never comes.
    const files = alike.filter(({ length }) => length === alike[0]!.length);
    return files.flatMap((file) => this.#piecesOf(file)).filter((piece) => this.gated.clear(piece));
  }

  #layerOf({ piecesRoot, length, firstPiece }: UnhashedFile): Layer {
    const base = pieceLayer(this.#pieceLength), layers = treeHeight(length) - base;
    const size = Math.min(MAX_RANGE, 2 ** layers), runs: Run[] = [];
    const layer: Layer = {
      piecesRoot,
      fileLength: length,
      firstPiece,
      runs,
      hashes: undefined,
      missing: 0,
    };
    for (let index = 0; index < this.#widthOf(layer); index += size) {
      const query = { baseLayer: base, index, length: size, proofLayers: layers - 1 };
      runs.push({ layer, query, isHere: false, at: 0 });
    }
    layer.missing = runs.length;
    return layer;
  }

  #widthOf({ fileLength }: HashRun["layer"]): number {
    return Math.ceil(fileLength / this.#pieceLength);
  }

  #piecesOf({ firstPiece, length }: UnhashedFile): number[] {
    return Array.from({ length: Math.ceil(length / this.#pieceLength) }, (_, i) => firstPiece + i);
  }
}
