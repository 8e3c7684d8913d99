/** Which pieces are ours and which are wanted: priorities from the user, urgency from readers. */

import { Bitfield } from "../bytes/bitfield.ts";
import type { PieceGeometry } from "./options.ts";

/** Priority of a piece of which nothing is said. */
const DEFAULT_PRIORITY = 4;
/** The highest priority. */
const MAX_PRIORITY = 7;
/** Priority of a piece that the user did not want but a reader waits for. */
const READER_PRIORITY = 1;
/** Readers at the same time: more than a player opens, few enough to merge their lists at once. */
const MAX_READERS = 64;
/** Pieces of one reader's list that count: a player's window; the rest comes with its next list. */
const MAX_URGENT_PER_READER = 64;

/** What the ledger starts from. */
export interface PieceLedgerOptions {
  /** How the content is cut. */
  readonly geometry: PieceGeometry;
  /** Pieces that are ours; copied. */
  readonly have?: Bitfield;
  /** One priority per piece; copied. */
  readonly priorities?: Uint8Array;
}

/** The account of pieces. Invariant: `missing` holds the pieces with a level that are not in `have`. */
export class PieceLedger {
  /** Pieces that are ours: verified and written. */
  readonly have: Bitfield;
  /** Pieces that are wanted and not ours. */
  readonly missing: Bitfield;
  readonly #geometry: PieceGeometry;
  readonly #priorities: Uint8Array;
  readonly #readers = new Map<number, readonly number[]>();
  #urgent = new Set<number>();
  #left = 0;

  /** Opens the account. @throws {RangeError} If `have` or `priorities` are for another number of pieces. */
  constructor(options: PieceLedgerOptions) {
    const { geometry, have, priorities } = options;
    const { pieceCount } = geometry;
    if (have !== undefined && have.length !== pieceCount) {
      throw new RangeError(`Cannot start torrent: "have" is for ${have.length} pieces, not ${pieceCount}`);
    }
    this.#geometry = geometry;
    this.have = have?.clone() ?? new Bitfield(pieceCount);
    this.missing = new Bitfield(pieceCount);
    this.#priorities = new Uint8Array(pieceCount).fill(DEFAULT_PRIORITY);
    if (priorities !== undefined) this.setPriorities(priorities);
    for (let piece = this.have.nextClear(0); piece >= 0; piece = this.have.nextClear(piece + 1)) {
      this.#left += geometry.pieceSize(piece);
      this.settle(piece);
    }
  }

  /** Bytes of pieces that are not ours. */
  get left(): number {
    return this.#left;
  }

  /** Pieces that readers wait for and that are not ours, the most urgent of every reader first. */
  get urgent(): ReadonlySet<number> {
    return this.#urgent;
  }

  /** How much the piece is wanted: 0 not at all, to 7. */
  level(piece: number): number {
    const priority = this.#priorities[piece]!;
    return priority === 0 && this.#urgent.has(piece) ? READER_PRIORITY : priority;
  }

  /** The piece is ours now; answers whether it was not. The caller settles it. */
  gain(piece: number): boolean {
    if (!this.have.set(piece)) return false;
    this.#left -= this.#geometry.pieceSize(piece);
    this.#urgent.delete(piece);
    return true;
  }

  /** The piece is ours no longer; answers whether it was. The caller settles it. */
  lose(piece: number): boolean {
    if (!this.have.clear(piece)) return false;
    this.#left += this.#geometry.pieceSize(piece);
    if (this.#readers.size > 0) this.#urgent = this.#mergeReaders();
    return true;
  }

  /** Brings `missing` up to date for one piece and answers whether that changed it. */
  settle(piece: number): boolean {
    const isMissing = this.level(piece) > 0 && !this.have.has(piece);
    return isMissing ? this.missing.set(piece) : this.missing.clear(piece);
  }

  /** Takes new priorities. The caller settles every piece. @throws {RangeError} If there is not one per piece. */
  setPriorities(priorities: Uint8Array): void {
    if (priorities.length !== this.#priorities.length) {
      throw new RangeError(
        `Cannot prioritize pieces: got ${priorities.length} priorities for ${this.#priorities.length} pieces`,
      );
    }
    for (let piece = 0; piece < priorities.length; piece++) {
      this.#priorities[piece] = Math.min(MAX_PRIORITY, priorities[piece]!);
    }
  }

  /** Replaces a reader's list; answers the pieces whose urgency may have changed, which the caller settles. */
  setUrgent(reader: number, pieces: readonly number[]): Set<number> {
    const before = this.#urgent;
    const inRange = pieces.filter((piece) =>
      Number.isInteger(piece) && piece >= 0 && piece < this.have.length
    );
    this.#readers.delete(reader);
    if (inRange.length > 0 && this.#readers.size < MAX_READERS) {
      this.#readers.set(reader, inRange.slice(0, MAX_URGENT_PER_READER));
    }
    this.#urgent = this.#mergeReaders();
    return new Set([...before, ...this.#urgent]);
  }

  /** Every reader's first piece, then every reader's second, and so on; what is ours already is left out. */
  #mergeReaders(): Set<number> {
    const merged = new Set<number>();
    for (let rank = 0; rank < MAX_URGENT_PER_READER; rank++) {
      for (const pieces of this.#readers.values()) {
        const piece = pieces[rank];
        if (piece !== undefined && !this.have.has(piece)) merged.add(piece);
      }
    }
    return merged;
  }
}
