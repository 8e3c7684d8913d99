/** Memory for pieces that are being downloaded: slots of one large buffer, used again and again. */

import type { PieceBuffers } from "./storage.ts";

/** Pieces under way: 32 MiB keep hash and disk busy at 700 MB/s, and more only cost memory. */
const DEFAULT_CAPACITY = 32 << 20;
/** Peers of different speed need a few pieces to be open at once, however long these are. */
const MIN_SLOTS = 4;
/** Memory that is kept for others: four pieces of 16 MiB, the longest that are usual. */
const MOST_SPARE = 64 << 20;

/** How much memory and of what kind. */
export interface PieceBufferOptions {
  /** Length of the longest piece, in bytes. */
  readonly pieceLength: number;
  /** Number of pieces: more slots make no sense. */
  readonly pieceCount: number;
  /** Bytes of all slots together; 32 MiB by default, and room for four pieces at least. */
  readonly capacity?: number;
  /** Whether workers shall see the memory; needs `SharedArrayBuffer`. */
  readonly shared?: boolean;
  /** Where memory comes from and goes to while no slot is lent; of one kind, as `shared` says. */
  readonly spare?: SpareMemory;
}

/**
 * Memory that no pool needs now, for the next that does. Engines give large memory back late, and shared memory only when
 * every thread that saw it has collected its garbage: torrents that come and go would add up.
 */
export class SpareMemory {
  #memory: ArrayBuffer | SharedArrayBuffer | undefined;

  /** Gives the memory away if it is large enough. */
  take(length: number): ArrayBuffer | SharedArrayBuffer | undefined {
    if (this.#memory === undefined || this.#memory.byteLength < length) return undefined;
    const memory = this.#memory;
    this.#memory = undefined;
    return memory;
  }

  /**
   * Takes memory that nobody uses any more, and keeps it unless there is larger one. `false` if it is too large to be kept
   * for as long as the process lives.
   */
  put(memory: ArrayBuffer | SharedArrayBuffer): boolean {
    if (memory.byteLength > MOST_SPARE) return false;
    if (memory.byteLength > (this.#memory?.byteLength ?? 0)) this.#memory = memory;
    return true;
  }
}

/** A bounded pool of piece slots. There is memory behind it once a piece is taken. */
export class PieceBufferPool implements PieceBuffers {
  readonly #slotLength: number;
  readonly #shared: boolean;
  readonly #free: number[];
  readonly #lent: boolean[];
  readonly #spare: SpareMemory | undefined;
  #memory: ArrayBuffer | SharedArrayBuffer | undefined;

  /** Makes a pool; no memory is used yet. */
  constructor(options: PieceBufferOptions) {
    const { pieceLength, pieceCount, capacity = DEFAULT_CAPACITY, shared = false } = options;
    const slots = Math.min(pieceCount, Math.max(MIN_SLOTS, Math.floor(capacity / pieceLength)));
    this.#slotLength = pieceLength;
    this.#shared = shared;
    this.#spare = options.spare;
    // Taken from the end: the lowest slots first, so that idle ones are never touched and cost nothing.
    this.#free = Array.from({ length: slots }, (_, i) => slots - 1 - i);
    this.#lent = new Array(slots).fill(false);
  }

  /** The memory behind the slots, once the first was lent; with a `spare` that takes it, only while one is. */
  get memory(): ArrayBuffer | SharedArrayBuffer | undefined {
    return this.#memory;
  }

  /** Lends `length` bytes, not zeroed; `undefined` while all slots are lent. @throws {RangeError} If no slot is so long. */
  take(length: number): Uint8Array | undefined {
    if (length > this.#slotLength) {
      throw new RangeError(`Cannot lend ${length} bytes: pieces have at most ${this.#slotLength}`);
    }
    const slot = this.#free.pop();
    if (slot === undefined) return undefined;
    this.#lent[slot] = true;
    this.#memory ??= this.#allocate();
    return new Uint8Array(this.#memory, slot * this.#slotLength, length);
  }

  /** Takes a loan back; anything else is ignored. */
  give(bytes: Uint8Array): void {
    if (!this.owns(bytes)) return;
    const slot = bytes.byteOffset / this.#slotLength;
    if (!this.#lent[slot]) return;
    this.#lent[slot] = false;
    this.#free.push(slot);
    const isIdle = this.#free.length === this.#lent.length;
    if (isIdle && this.#spare?.put(this.#memory!)) this.#memory = undefined;
  }

  /** Whether these bytes start a slot of this pool. */
  owns(bytes: Uint8Array): boolean {
    return this.#memory !== undefined && bytes.buffer === this.#memory &&
      bytes.byteOffset % this.#slotLength === 0;
  }

  #allocate(): ArrayBuffer | SharedArrayBuffer {
    const length = this.#lent.length * this.#slotLength;
    const spare = this.#spare?.take(length);
    if (spare !== undefined) return spare;
    return this.#shared ? new SharedArrayBuffer(length) : new ArrayBuffer(length);
  }
}
