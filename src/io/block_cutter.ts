/** Cuts a stream of bytes into the blocks of given ranges. */

import { BLOCK_LENGTH } from "../torrent/options.ts";
import type { BlockRange } from "../wire/messages/message.ts";

/** Cuts until the ranges are full. A block that lies in one chunk is a view of it; others are put together. */
export class BlockCutter {
  readonly #lengths: number[] = [];
  readonly #onBlock: (block: Uint8Array) => void;
  readonly #buffer = new Uint8Array(BLOCK_LENGTH);
  #at = 0;
  #filled = 0;

  /** `onBlock` hears of every block in order; the memory is its own during the call only. */
  constructor(ranges: readonly BlockRange[], onBlock: (block: Uint8Array) => void) {
    for (const { length } of ranges) {
      for (let left = length; left > 0; left -= BLOCK_LENGTH) {
        this.#lengths.push(Math.min(BLOCK_LENGTH, left));
      }
    }
    this.#onBlock = onBlock;
  }

  /** Takes the next bytes; answers how many blocks they completed. What is too much is left. */
  push(bytes: Uint8Array): number {
    const before = this.#at;
    let from = 0;
    while (from < bytes.length && this.#at < this.#lengths.length) from += this.#take(bytes.subarray(from));
    return this.#at - before;
  }

  #take(bytes: Uint8Array): number {
    const length = this.#lengths[this.#at]!;
    if (this.#filled === 0 && bytes.length >= length) {
      this.#done(bytes.subarray(0, length));
      return length;
    }
    const count = Math.min(length - this.#filled, bytes.length);
    this.#buffer.set(bytes.subarray(0, count), this.#filled);
    this.#filled += count;
    if (this.#filled === length) this.#done(this.#buffer.subarray(0, length));
    return count;
  }

  #done(block: Uint8Array): void {
    this.#at++;
    this.#filled = 0;
    this.#onBlock(block);
  }
}
