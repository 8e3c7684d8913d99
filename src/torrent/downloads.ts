/** The open pieces: which there are, how much memory they hold, and which of them have blocks to give out. */

import { BLOCK_LENGTH, type PieceBuffers, type PieceGeometry } from "./options.ts";
import { OpenPiece } from "./open_piece.ts";
import type { PipelineShare } from "./pipeline.ts";
import type { PeerKey } from "./vocabulary.ts";
import { WebSeeds } from "./web_seeds.ts";

/** Pieces that may be open however long they are: fewer would leave peers without work while one is stored. */
const MIN_OPEN_PIECES = 4;

/** What the open pieces need to know. */
export interface DownloadsOptions {
  /** How the content is cut. */
  readonly geometry: PieceGeometry;
  /** Memory for pieces. */
  readonly buffers: PieceBuffers;
  /** Bound of the memory. */
  readonly maxOpenBytes: number;
}

/** The set of open pieces. Invariant: `withFree` holds those of them that have a free block. */
export class Downloads {
  /** Open pieces that have a free block, in the order they got one. */
  readonly withFree: Set<OpenPiece> = new Set();
  /** The web seeds, and which blocks they are asked for. */
  readonly webSeeds: WebSeeds = new WebSeeds();
  /** A piece could not be opened for want of memory: whoever waits is served when one closes. */
  starved = false;
  /** At the last sweep, some peer owed us an answer for long. */
  hasLate = false;
  /** Requests under way, all peers and web seeds together. */
  outstanding = 0;
  /** What pipelines may take of the memory, and until when that holds. */
  share: PipelineShare & { readonly until: number } = { least: 1, seconds: 0, until: -Infinity };
  /** How many pieces wait for the answer to their `store` effect. */
  storing = 0;
  readonly #blocksPerPiece: number;
  readonly #options: DownloadsOptions;
  readonly #maxOpen: number;
  readonly #open = new Map<number, OpenPiece>();

  /** Starts with no piece open. */
  constructor(options: DownloadsOptions) {
    const { pieceLength } = options.geometry;
    this.#options = options;
    this.#maxOpen = Math.max(MIN_OPEN_PIECES, Math.floor(options.maxOpenBytes / pieceLength));
    this.#blocksPerPiece = Math.ceil(pieceLength / BLOCK_LENGTH);
  }

  /** Most open pieces at a time. */
  get capacity(): number {
    return this.#maxOpen;
  }

  /** Most blocks in memory at a time. */
  get blockCapacity(): number {
    return this.#maxOpen * this.#blocksPerPiece;
  }

  /** Number of open pieces. */
  get size(): number {
    return this.#open.size;
  }

  /** Names a block with one number, for sets of requests. */
  keyOf(piece: number, block: number): number {
    return piece * this.#blocksPerPiece + block;
  }

  /** The piece of a key. */
  pieceOf(key: number): number {
    return Math.floor(key / this.#blocksPerPiece);
  }

  /** The block of a key, counted inside its piece. */
  blockOf(key: number): number {
    return key % this.#blocksPerPiece;
  }

  /** The open piece, if it is open. */
  get(piece: number): OpenPiece | undefined {
    return this.#open.get(piece);
  }

  /** Every open piece, oldest first. */
  all(): Iterable<OpenPiece> {
    return this.#open.values();
  }

  /** Opens a piece, or answers `undefined` (and is `starved`) while there is no memory for it. */
  open(piece: number, exclusive?: PeerKey): OpenPiece | undefined {
    const { geometry, buffers } = this.#options;
    const size = geometry.pieceSize(piece);
    const bytes = this.#open.size < this.#maxOpen ? buffers.take(size) : undefined;
    if (bytes === undefined) {
      this.starved = true;
      return undefined;
    }
    const contentSize = geometry.contentSize?.(piece) ?? size;
    const open = new OpenPiece({ piece, bytes, contentSize, exclusive });
    this.#open.set(piece, open);
    this.withFree.add(open);
    return open;
  }

  /** Closes a piece and gives its memory back. Nothing may be requested of it any more. */
  close(open: OpenPiece): void {
    this.#open.delete(open.piece);
    this.withFree.delete(open);
    this.#options.buffers.give(open.bytes);
  }

  /** Brings `withFree` up to date after blocks of the piece were requested, taken, released or forgotten. */
  settle(open: OpenPiece): void {
    if (open.free > 0) this.withFree.add(open);
    else this.withFree.delete(open);
  }
}

/** Of the pieces that may be given up, the one of which most is missing. */
export function leastFilled(
  pieces: Iterable<OpenPiece>,
  mayGiveUp: (open: OpenPiece) => boolean,
): OpenPiece | undefined {
  let least: OpenPiece | undefined;
  for (const open of pieces) {
    if (mayGiveUp(open) && (least === undefined || open.missing > least.missing)) least = open;
  }
  return least;
}
