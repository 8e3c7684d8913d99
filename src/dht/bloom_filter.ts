/** The Bloom filter that counts a swarm over many nodes: 2048 bits, two per address (BEP 33 "bloom filters"). */

import { sha1Sync } from "../bytes/sha1_sync.ts";

/** Bytes of a filter. */
export const FILTER_LENGTH = 256;

const BITS = FILTER_LENGTH * 8, HASHES = 2;

/** The two bits of one address, as indexes packed into one number: worth keeping, for they cost a hash. */
export function bloomBits(ip: Uint8Array): number {
  const hash = sha1Sync(ip);
  const first = (hash[0]! | hash[1]! << 8) % BITS, second = (hash[2]! | hash[3]! << 8) % BITS;
  return first << 11 | second;
}

/** A set of IP addresses of which only the size can be told, roughly, up to some 6000. */
export class BloomFilter {
  readonly #bytes = new Uint8Array(FILTER_LENGTH);

  /** Adds an address of 4 or 16 bytes. */
  add(ip: Uint8Array): void {
    this.addBits(bloomBits(ip));
  }

  /** Adds an address by its {@linkcode bloomBits}. */
  addBits(bits: number): void {
    this.#set(bits >>> 11);
    this.#set(bits & BITS - 1);
  }

  /** Whether the address may be in the set. */
  has(ip: Uint8Array): boolean {
    const bits = bloomBits(ip);
    return this.#isSet(bits >>> 11) && this.#isSet(bits & BITS - 1);
  }

  /** Adds everything that is in another filter, given by its bytes. */
  merge(bytes: Uint8Array): void {
    for (let i = 0; i < FILTER_LENGTH; i++) this.#bytes[i]! |= bytes[i]!;
  }

  /** How many addresses are in the set, about (BEP 33 "calculating the estimate"); 0 if no bit is set. */
  estimate(): number {
    const zeros = this.#countZeros();
    if (zeros === BITS) return 0;
    // A full filter tells nothing any more; one zero bit gives the largest size that can be told.
    return Math.log(Math.max(1, zeros) / BITS) / (HASHES * Math.log(1 - 1 / BITS));
  }

  /** The 256 bytes of `BFsd` and `BFpe`, as a copy. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice();
  }

  #set(bit: number): void {
    this.#bytes[bit >>> 3]! |= 1 << (bit & 7);
  }

  #isSet(bit: number): boolean {
    return (this.#bytes[bit >>> 3]! >> (bit & 7) & 1) === 1;
  }

  #countZeros(): number {
    let zeros = 0;
    for (const byte of this.#bytes) for (let bit = 0; bit < 8; bit++) zeros += ~byte >> bit & 1;
    return zeros;
  }
}
