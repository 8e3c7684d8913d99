/** One piece on its way: its memory, and per block who is asked and who sent it. Phases: filling -> storing. */

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
  readonly #contentSize: number;
  /** Hosts that sent blocks, in the order they came. */
  readonly #hosts: string[] = [];
  /** Per block: 0 while missing, else one more than the index of its sender's host. */
  readonly #senders: Uint16Array;
  /** Per block: requests under way. */
  readonly #requests: Uint8Array;
  /** Per block: when it was last asked for. */
  readonly #askedAt: Float64Array;
  #free: number;
  #missing: number;
  #cursor = 0;
  #touchedAt = 0;

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
    this.#senders = new Uint16Array(this.blockCount);
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

  /** Nothing is here and nothing is under way. */
  get isUntouched(): boolean {
    return this.#free === this.blockCount;
  }

  /** No request is under way. */
  get isIdle(): boolean {
    return this.#free === this.#missing;
  }

  /** When a block was last asked for. */
  get touchedAt(): number {
    return this.#touchedAt;
  }

  /** Hosts that sent at least one of the blocks that are here. */
  get senders(): Set<string> {
    const hosts = new Set<string>();
    for (let block = 0; block < this.blockCount; block++) {
      const host = this.senderOf(block);
      if (host !== undefined) hosts.add(host);
    }
    return hosts;
  }

  /** Length of a block. */
  blockLength(block: number): number {
    return Math.min(BLOCK_LENGTH, this.#contentSize - block * BLOCK_LENGTH);
  }

  /** Whether the block is here. */
  hasBlock(block: number): boolean {
    return this.#senders[block]! !== 0;
  }

  /** How many peers are asked for the block. */
  requestsOf(block: number): number {
    return this.#requests[block]!;
  }

  /** When the block was last asked for. */
  askedAt(block: number): number {
    return this.#askedAt[block]!;
  }

  /** Host that sent the block. */
  senderOf(block: number): string | undefined {
    return this.#hosts[this.#senders[block]! - 1];
  }

  /** The first free block, which now counts as requested; -1 if there is none. */
  takeFree(now: number): number {
    if (this.#free === 0) return -1;
    while (this.#senders[this.#cursor] !== 0 || this.#requests[this.#cursor] !== 0) this.#cursor++;
    this.request(this.#cursor, now);
    return this.#cursor;
  }

  /** One more peer is asked for the block. */
  request(block: number, now: number): void {
    if (this.#requests[block]!++ === 0 && !this.hasBlock(block)) this.#free--;
    this.#askedAt[block] = this.#touchedAt = now;
  }

  /** One peer less is asked for the block. */
  release(block: number): void {
    if (--this.#requests[block]! === 0 && !this.hasBlock(block)) this.#setFree(block);
  }

  /** Copies a missing block in. Its length must be right. */
  receive(block: number, bytes: Uint8Array, host: string): void {
    if (this.#requests[block] === 0) this.#free--;
    this.bytes.set(bytes, block * BLOCK_LENGTH);
    this.#senders[block] = this.#hostIndex(host) + 1;
    this.#missing--;
  }

  /** Forgets the blocks that a host sent. Only while filling. */
  forget(host: string): void {
    for (let block = 0; block < this.blockCount; block++) {
      if (this.senderOf(block) !== host) continue;
      this.#senders[block] = 0;
      this.#missing++;
      if (this.#requests[block] === 0) this.#setFree(block);
    }
  }

  #setFree(block: number): void {
    this.#free++;
    if (block < this.#cursor) this.#cursor = block;
  }

  #hostIndex(host: string): number {
    const last = this.#hosts.length - 1;
    if (last >= 0 && this.#hosts[last] === host) return last;
    const known = this.#hosts.indexOf(host);
    return known >= 0 ? known : this.#hosts.push(host) - 1;
  }
}
