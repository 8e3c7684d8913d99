/** One piece on its way: its memory, and per block who is asked and who sent it. Phases: filling -> storing. */

import { copyInto } from "../bytes/copy.ts";
import { BlockSenders } from "./block_senders.ts";
import { BLOCK_LENGTH } from "./options.ts";
import type { PeerKey } from "./vocabulary.ts";

/** What an open piece starts from. */
export interface OpenPieceOptions {
  /** Index of the piece. */
  readonly piece: number;
  /** Memory for the whole piece, of any content. */
  readonly bytes: Uint8Array;
  /** How many bytes from the front are asked for; the rest is padding (BEP 47). */
  readonly contentSize: number;
  /** Only this peer may be asked (a piece that failed its hash with several senders). */
  readonly exclusive: PeerKey | undefined;
}

/** The blocks of one piece. Invariant: `free` blocks are those neither received nor requested of anyone. */
export class OpenPiece {
  /** Index of the piece. */
  readonly piece: number;
  /** Memory for the whole piece. */
  readonly bytes: Uint8Array;
  /** Number of blocks. */
  readonly blockCount: number;
  /** The one peer that may be asked, if only one may. */
  readonly exclusive: PeerKey | undefined;
  /** Who sent the blocks that are here. */
  readonly senders: BlockSenders;
  readonly #contentSize: number;
  /** Per block: requests under way. */
  readonly #requests: Uint8Array;
  /** Per block: when it was last asked for. */
  readonly #askedAt: Float64Array;
  #free: number;
  #missing: number;
  #cursor = 0;

  /** Opens the piece with every block free; the padding is zeroed. */
  constructor(options: OpenPieceOptions) {
    this.piece = options.piece;
    this.bytes = options.bytes;
    this.exclusive = options.exclusive;
    // A piece that is nothing but padding still has one block to ask for, else it would never end.
    this.#contentSize = options.contentSize > 0
      ? options.contentSize
      : Math.min(BLOCK_LENGTH, this.bytes.length);
    this.blockCount = Math.ceil(this.#contentSize / BLOCK_LENGTH);
    this.senders = new BlockSenders(this.blockCount);
    this.#requests = new Uint8Array(this.blockCount);
    this.#askedAt = new Float64Array(this.blockCount);
    this.#free = this.#missing = this.blockCount;
    this.bytes.fill(0, this.#contentSize);
  }

  /** Blocks that nobody is asked for and that are missing. */
  get free(): number {
    return this.#free;
  }

  /** Blocks that are missing. */
  get missing(): number {
    return this.#missing;
  }

  /** Every block is here: the piece is verified and written now. */
  get isStoring(): boolean {
    return this.#missing === 0;
  }

  /** Length of a block. */
  blockLength(block: number): number {
    return Math.min(BLOCK_LENGTH, this.#contentSize - block * BLOCK_LENGTH);
  }

  /** Whether the block is here. */
  hasBlock(block: number): boolean {
    return this.senders.has(block);
  }

  /** How many peers are asked for the block. */
  requestsOf(block: number): number {
    return this.#requests[block]!;
  }

  /** When the block was last asked for. */
  askedAt(block: number): number {
    return this.#askedAt[block]!;
  }

  /** The first free block, which now counts as requested; -1 if there is none. */
  takeFree(now: number): number {
    if (this.#free === 0) return -1;
    while (this.hasBlock(this.#cursor) || this.#requests[this.#cursor] !== 0) this.#cursor++;
    this.request(this.#cursor, now);
    return this.#cursor;
  }

  /** One more peer is asked for the block. */
  request(block: number, now: number): void {
    if (this.#requests[block]!++ === 0 && !this.hasBlock(block)) this.#free--;
    this.#askedAt[block] = now;
  }

  /** One peer less is asked for the block. */
  release(block: number): void {
    if (--this.#requests[block]! === 0 && !this.hasBlock(block)) this.#setFree(block);
  }

  /** Copies a missing block in. Its length must be right. */
  receive(block: number, bytes: Uint8Array, host: string): void {
    if (this.#requests[block] === 0) this.#free--;
    copyInto(this.bytes, bytes, block * BLOCK_LENGTH);
    this.senders.set(block, host);
    this.#missing--;
  }

  /** Forgets the blocks that a host sent. Only while filling. */
  forget(host: string): void {
    for (let block = 0; block < this.blockCount; block++) {
      if (this.senders.of(block) !== host) continue;
      this.senders.clear(block);
      this.#missing++;
      if (this.#requests[block] === 0) this.#setFree(block);
    }
  }

  #setFree(block: number): void {
    this.#free++;
    if (block < this.#cursor) this.#cursor = block;
  }
}

/** Whether nothing of the piece is here or under way. */
export function isUntouched(open: OpenPiece): boolean {
  return open.free === open.blockCount;
}

/** Whether no block of the piece is under way. */
export function isIdle(open: OpenPiece): boolean {
  return open.free === open.missing;
}

/** When a block of the piece was last asked for. Looks at every block. */
export function lastAskedAt(open: OpenPiece): number {
  let last = 0;
  for (let block = 0; block < open.blockCount; block++) last = Math.max(last, open.askedAt(block));
  return last;
}
