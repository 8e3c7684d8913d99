/** A decoded bencoded dictionary: byte-string keys, typed getters, and the exact source bytes (BEP 3 "bencoding"). */

import { decodeUtf8 } from "../bytes/text.ts";
import { DecodeError } from "../errors.ts";

/**
 * What bencoded bytes can say. An integer is a `number` when that is exact, else a `bigint`; a byte string is a view
 * of the decoded input.
 */
export type BencodeValue = number | bigint | Uint8Array | readonly BencodeValue[] | BencodeDictionary;

/** Up to this many keys a walk beats a binary search. */
const WALK = 8;

/**
 * A decoded dictionary. Keys are byte strings: one UTF-16 code unit 0–255 per byte, so that an ASCII key reads
 * naturally and every other key survives; see `encodeByteString`. Keys stand in rising byte order.
 *
 * The typed getters answer `undefined` when the key is absent and throw a {@linkcode DecodeError} that names the key
 * when its value is of another type.
 */
export class BencodeDictionary {
  readonly #keys: readonly string[];
  readonly #values: readonly BencodeValue[];
  readonly #source: Uint8Array;
  readonly #start: number;
  readonly #end: number;

  /**
   * Made by the decoder: `keys` rising without repetition, `values` in the same order, and the place of the
   * dictionary in `source`.
   */
  constructor(
    keys: readonly string[],
    values: readonly BencodeValue[],
    source: Uint8Array,
    start: number,
    end: number,
  ) {
    this.#keys = keys;
    this.#values = values;
    this.#source = source;
    this.#start = start;
    this.#end = end;
  }

  /** Number of keys. */
  get size(): number {
    return this.#keys.length;
  }

  /** The exact bytes that this dictionary was decoded from, as a view: what an info hash is computed over (BEP 3). */
  get raw(): Uint8Array {
    return this.#source.subarray(this.#start, this.#end);
  }

  /** The keys as byte strings, rising. */
  keys(): readonly string[] {
    return this.#keys;
  }

  /** Pairs of key and value, keys rising. */
  *entries(): Generator<readonly [key: string, value: BencodeValue]> {
    for (let i = 0; i < this.#keys.length; i++) yield [this.#keys[i]!, this.#values[i]!];
  }

  /** Whether the key is there. */
  has(key: string): boolean {
    return this.#indexOf(key) >= 0;
  }

  /** The value of a key, of whatever type. */
  get(key: string): BencodeValue | undefined {
    const index = this.#indexOf(key);
    return index < 0 ? undefined : this.#values[index];
  }

  /** A byte string, as a view of the decoded input. @throws {DecodeError} If the value is of another type. */
  bytes(key: string): Uint8Array | undefined {
    const value = this.get(key);
    return value === undefined || value instanceof Uint8Array ? value : wrongType(key, "a byte string");
  }

  /** A byte string read as UTF-8, faults as U+FFFD. @throws {DecodeError} If the value is of another type. */
  text(key: string): string | undefined {
    const bytes = this.bytes(key);
    return bytes === undefined ? undefined : decodeUtf8(bytes);
  }

  /** An integer. @throws {DecodeError} If the value is of another type or beyond ±(2^53 − 1). */
  integer(key: string): number | undefined {
    const value = this.get(key);
    if (typeof value === "bigint") {
      throw new DecodeError(`Cannot decode "${key}": ${value} is beyond the exact integers`);
    }
    return value === undefined || typeof value === "number" ? value : wrongType(key, "an integer");
  }

  /** An integer of any size. @throws {DecodeError} If the value is of another type. */
  bigInteger(key: string): bigint | undefined {
    const value = this.get(key);
    if (typeof value === "number") return BigInt(value);
    return value === undefined || typeof value === "bigint" ? value : wrongType(key, "an integer");
  }

  /** A list. @throws {DecodeError} If the value is of another type. */
  list(key: string): readonly BencodeValue[] | undefined {
    const value = this.get(key);
    return value === undefined || isList(value) ? value : wrongType(key, "a list");
  }

  /** A dictionary. @throws {DecodeError} If the value is of another type. */
  dictionary(key: string): BencodeDictionary | undefined {
    const value = this.get(key);
    return value === undefined || value instanceof BencodeDictionary ? value : wrongType(key, "a dictionary");
  }

  #indexOf(key: string): number {
    const keys = this.#keys;
    return keys.length <= WALK ? keys.indexOf(key) : search(keys, key);
  }
}

function search(keys: readonly string[], key: string): number {
  let low = 0, high = keys.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1, found = keys[middle]!;
    if (found === key) return middle;
    if (found < key) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

function isList(value: BencodeValue): value is readonly BencodeValue[] {
  return Array.isArray(value);
}

function wrongType(key: string, wanted: string): never {
  throw new DecodeError(`Cannot decode "${key}": the value is not ${wanted}`);
}
