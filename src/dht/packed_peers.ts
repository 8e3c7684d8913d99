/**
 * The peers of one torrent in one piece of memory, each as it goes into `values` (BEP 5 "get_peers"). As objects they
 * took 430 bytes each and made get_peers cost twice as much; a row of an IPv4 peer has 16.
 */

import { takeFromSlab } from "../bytes/slab.ts";
import type { AddressFamily } from "../peer/ip.ts";
import { bloomBits } from "./bloom_filter.ts";

/** What stands before a compact peer in bencode. */
const PREFIXES = { 4: [0x36, 0x3a], 6: [0x31, 0x38, 0x3a] } as const;

/** Bytes of a compact peer, and of its port at the end. */
const COMPACT_LENGTH = { 4: 6, 6: 18 } as const, PORT_LENGTH = 2;

/** Behind the value: a second and a word of marks. */
const SECOND_LENGTH = 4, MARKS_LENGTH = 4;

/** Marks: a seed; its Bloom bits are known; the lower 22 bits are those (BEP 33). */
const SEED = 1 << 23, KNOWS_BITS = 1 << 22, BLOOM_BITS = KNOWS_BITS - 1;

/** Rows to begin with: most torrents have few peers, and V8 keeps 64 bytes beside the array's head. */
const FIRST_ROWS = 4;

const LIST = 0x6c, END = 0x65;

/** What a row says besides the address. */
export interface PeerMarks {
  /** It has everything. */
  readonly seed: boolean;
  /** When to forget it, in milliseconds. */
  readonly expiresAt: number;
}

/** Rows of a value, the second in which it expires, and marks. A row's number changes when others are forgotten. */
export class PackedPeers {
  readonly #prefix: readonly number[];
  readonly #valueLength: number;
  readonly #rowLength: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #size = 0;

  /** Makes an empty table for one family of addresses. */
  constructor(family: AddressFamily) {
    this.#prefix = PREFIXES[family];
    this.#valueLength = this.#prefix.length + COMPACT_LENGTH[family];
    this.#rowLength = this.#valueLength + SECOND_LENGTH + MARKS_LENGTH;
    this.#bytes = new Uint8Array(this.#rowLength * FIRST_ROWS);
  }

  /** How many peers there are. */
  get size(): number {
    return this.#size;
  }

  /** The row whose compact form begins with these bytes: an IP address, or one with its port; -1 if there is none. */
  find(start: Uint8Array): number {
    return this.#next(start, 0);
  }

  /** Whether there are `count` rows whose compact form begins with these bytes, as those of one network do. */
  has(count: number, start: Uint8Array): boolean {
    let row = -1;
    for (let seen = 0; seen < count; seen++) if ((row = this.#next(start, row + 1)) < 0) return false;
    return true;
  }

  /** Adds a peer. */
  add(compact: Uint8Array, marks: PeerMarks): void {
    if ((this.#size + 1) * this.#rowLength > this.#bytes.length) this.#resize(this.#size * 2);
    this.#bytes.set(this.#prefix, this.#size * this.#rowLength);
    this.#setMarks(this.#size, 0);
    this.renew(this.#size++, compact, marks);
  }

  /** Notes what a peer says now. */
  renew(row: number, compact: Uint8Array, { seed, expiresAt }: PeerMarks): void {
    const at = row * this.#rowLength;
    this.#bytes.set(compact, at + this.#prefix.length);
    this.#setWord(at + this.#valueLength, Math.ceil(expiresAt / 1000));
    const bits = this.#marks(row) & (KNOWS_BITS | BLOOM_BITS);
    this.#setMarks(row, seed ? bits | SEED : bits);
  }

  /**
   * Up to `count` peers from `start` on and round, as a bencoded list; with `noSeed` seeds only if there is nobody else
   * (BEP 33 "new get_peers semantics").
   */
  list(start: number, count: number, noSeed: boolean): Uint8Array {
    const list = takeFromSlab(Math.min(count, this.#size) * this.#valueLength + 2);
    list[0] = LIST;
    let end = 1;
    for (const seeds of noSeed ? [false, true] : [undefined]) end = this.#fill(list, end, start, seeds);
    list[end] = END;
    return list;
  }

  /** Whether a peer has everything, and its two bits of a Bloom filter. */
  bloom(row: number): { readonly seed: boolean; readonly bits: number } {
    let marks = this.#marks(row);
    if ((marks & KNOWS_BITS) === 0) {
      const start = row * this.#rowLength + this.#prefix.length,
        end = row * this.#rowLength + this.#valueLength;
      marks |= KNOWS_BITS | bloomBits(this.#bytes.subarray(start, end - PORT_LENGTH));
      this.#setMarks(row, marks);
    }
    return { seed: (marks & SEED) !== 0, bits: marks & BLOOM_BITS };
  }

  /** Forgets whoever has expired, and answers how many that were. */
  expire(now: number): number {
    const before = this.#size, rowLength = this.#rowLength;
    let kept = 0;
    for (let row = 0; row < before; row++) {
      if (this.#word(row * rowLength + this.#valueLength) * 1000 <= now) continue;
      if (kept < row) this.#bytes.copyWithin(kept * rowLength, row * rowLength, (row + 1) * rowLength);
      kept++;
    }
    this.#size = kept;
    if (kept * rowLength * 4 < this.#bytes.length) this.#resize(kept);
    return before - kept;
  }

  /** The first row from `row` on whose compact form begins with these bytes; -1 if there is none. */
  #next(start: Uint8Array, row: number): number {
    const bytes = this.#bytes, rowLength = this.#rowLength, { length } = start;
    for (let at = row * rowLength + this.#prefix.length; row < this.#size; row++, at += rowLength) {
      // From behind: addresses differ there first.
      let i = length - 1;
      while (i >= 0 && bytes[at + i] === start[i]) i--;
      if (i < 0) return row;
    }
    return -1;
  }

  /** Writes values of seeds, of others, or of all, as long as there is room; answers where they end. */
  #fill(list: Uint8Array, end: number, start: number, seeds: boolean | undefined): number {
    const bytes = this.#bytes, length = this.#valueLength;
    for (let seen = 0, row = start; seen < this.#size && end + length < list.length; seen++) {
      if (seeds === undefined || (this.#marks(row) & SEED) !== 0 === seeds) {
        const at = row * this.#rowLength;
        for (let i = 0; i < length; i++) list[end++] = bytes[at + i]!;
      }
      if (++row === this.#size) row = 0;
    }
    return end;
  }

  #resize(rows: number): void {
    const bytes = new Uint8Array(Math.max(rows, FIRST_ROWS) * this.#rowLength);
    bytes.set(this.#bytes.subarray(0, this.#size * this.#rowLength));
    this.#bytes = bytes;
  }

  #marks(row: number): number {
    return this.#word((row + 1) * this.#rowLength - MARKS_LENGTH);
  }

  #setMarks(row: number, marks: number): void {
    this.#setWord((row + 1) * this.#rowLength - MARKS_LENGTH, marks);
  }

  #word(at: number): number {
    const bytes = this.#bytes;
    return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
  }

  #setWord(at: number, word: number): void {
    const bytes = this.#bytes;
    bytes[at] = word >>> 24;
    bytes[at + 1] = word >>> 16;
    bytes[at + 2] = word >>> 8;
    bytes[at + 3] = word;
  }
}
