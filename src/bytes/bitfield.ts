/** A fixed number of bits in wire order: bit 0 is the high bit of byte 0 (BEP 3 "peer messages", bitfield). */

import { DecodeError } from "../errors.ts";

const POPULATION: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let rest = byte; rest > 0; rest >>= 1) count += rest & 1;
  return count;
});

/**
 * A set of piece indexes below `length`, with a running count so that {@linkcode Bitfield.isFull} costs nothing.
 */
export class Bitfield {
  /** Number of bits. */
  readonly length: number;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #count = 0;

  /** Makes a bitfield of `length` zero bits. */
  constructor(length: number) {
    this.length = length;
    this.#bytes = new Uint8Array(Math.ceil(length / 8));
  }

  /** Makes a bitfield of `length` one bits. */
  static full(length: number): Bitfield {
    const bits = new Bitfield(length);
    bits.fill();
    return bits;
  }

  /**
   * Reads the bytes of a bitfield message; they are copied.
   *
   * @throws {DecodeError} If the byte count is not `ceil(length / 8)` or a spare bit is set (BEP 3 "peer messages").
   */
  static from(bytes: Uint8Array, length: number): Bitfield {
    const bits = new Bitfield(length);
    if (bytes.length !== bits.#bytes.length) {
      throw new DecodeError(
        `Cannot decode bitfield: expected ${bits.#bytes.length} bytes for ${length} pieces, got ${bytes.length}`,
      );
    }
    const spare = bytes.length * 8 - length;
    if (spare > 0 && (bytes[bytes.length - 1]! & ((1 << spare) - 1)) !== 0) {
      throw new DecodeError("Cannot decode bitfield: spare bits are set", { offset: bytes.length - 1 });
    }
    bits.#bytes.set(bytes);
    for (const byte of bytes) bits.#count += POPULATION[byte]!;
    return bits;
  }

  /** How many bits are set. */
  get count(): number {
    return this.#count;
  }

  /** Whether every bit is set. */
  get isFull(): boolean {
    return this.#count === this.length;
  }

  /** Whether no bit is set. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Whether bit `index` is set; `false` outside the range. */
  has(index: number): boolean {
    return index >= 0 && index < this.length && (this.#bytes[index >>> 3]! & (0x80 >>> (index & 7))) !== 0;
  }

  /** Sets bit `index` and answers whether it was clear before. @throws {RangeError} If outside the range. */
  set(index: number): boolean {
    this.#check(index);
    if (this.has(index)) return false;
    this.#bytes[index >>> 3]! |= 0x80 >>> (index & 7);
    this.#count++;
    return true;
  }

  /** Clears bit `index` and answers whether it was set before. @throws {RangeError} If outside the range. */
  clear(index: number): boolean {
    this.#check(index);
    if (!this.has(index)) return false;
    this.#bytes[index >>> 3]! &= ~(0x80 >>> (index & 7));
    this.#count--;
    return true;
  }

  /** Sets every bit. */
  fill(): void {
    this.#bytes.fill(0xff);
    const spare = this.#bytes.length * 8 - this.length;
    if (spare > 0) this.#bytes[this.#bytes.length - 1] = 0xff << spare;
    this.#count = this.length;
  }

  /** Iterates over the set bits, rising. */
  *indexes(): Generator<number> {
    for (let byte = 0; byte < this.#bytes.length; byte++) {
      if (this.#bytes[byte] === 0) continue;
      for (let index = byte * 8; index < byte * 8 + 8; index++) if (this.has(index)) yield index;
    }
  }

  /** Whether this has a bit that `other` lacks; both must have the same length. */
  hasBeyond(other: Bitfield): boolean {
    for (let byte = 0; byte < this.#bytes.length; byte++) {
      if ((this.#bytes[byte]! & ~other.#bytes[byte]!) !== 0) return true;
    }
    return false;
  }

  /** The first set bit at `from` or after it; -1 if there is none. Skips clear bytes, eight bits a step. */
  nextSet(from: number): number {
    return this.#next(from, 0);
  }

  /** The first clear bit at `from` or after it; -1 if there is none. */
  nextClear(from: number): number {
    return this.#next(from, 0xff);
  }

  /** The first bit at `from` or after it that is set here and in `other`, of the same length; -1 if there is none. */
  nextShared(other: Bitfield, from: number): number {
    const last = this.#bytes.length;
    let shared = from < this.length
      ? this.#bytes[from >>> 3]! & other.#bytes[from >>> 3]! & (0xff >>> (from & 7))
      : 0;
    for (let byte = from >>> 3; byte < last;) {
      if (shared !== 0) return byte * 8 + Math.clz32(shared) - 24;
      if (++byte < last) shared = this.#bytes[byte]! & other.#bytes[byte]!;
    }
    return -1;
  }

  /** How many bits are set both here and in `other`, of the same length. */
  countShared(other: Bitfield): number {
    let count = 0;
    for (let byte = 0; byte < this.#bytes.length; byte++) {
      count += POPULATION[this.#bytes[byte]! & other.#bytes[byte]!]!;
    }
    return count;
  }

  /** The bytes of a bitfield message, as a copy. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice();
  }

  /** A bitfield of its own with the bits that are set here and not in `other`, which is of the same length. */
  without(other: Bitfield): Bitfield {
    const rest = new Bitfield(this.length);
    for (let i = 0; i < this.#bytes.length; i++) {
      const byte = this.#bytes[i]! & ~other.#bytes[i]!;
      rest.#bytes[i] = byte;
      rest.#count += POPULATION[byte]!;
    }
    return rest;
  }

  /** A bitfield of its own with the same bits. */
  clone(): Bitfield {
    const copy = new Bitfield(this.length);
    copy.#bytes.set(this.#bytes);
    copy.#count = this.#count;
    return copy;
  }

  #next(from: number, flip: number): number {
    const last = this.#bytes.length;
    let found = from < this.length ? (this.#bytes[from >>> 3]! ^ flip) & (0xff >>> (from & 7)) : 0;
    for (let byte = from >>> 3; byte < last;) {
      if (found !== 0) {
        const index = byte * 8 + Math.clz32(found) - 24;
        return index < this.length ? index : -1;
      }
      if (++byte < last) found = this.#bytes[byte]! ^ flip;
    }
    return -1;
  }

  #check(index: number): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`Cannot use bit ${index}: the bitfield has ${this.length} bits`);
    }
  }
}
