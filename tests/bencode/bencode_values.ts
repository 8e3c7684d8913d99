/** Arbitrary nested values for property tests, and what a decoder should make of them. */

import fc from "fast-check";
import type { Bencodable } from "../../src/bencode/encode.ts";
import { BencodeDictionary, type BencodeValue } from "../../src/bencode/dictionary.ts";

/** Byte strings: every code unit from 0 to 255. */
export const byteString: fc.Arbitrary<string> = fc.uint8Array({ maxLength: 40 })
  .map((bytes) => String.fromCharCode(...bytes));

const integer = fc.oneof(fc.maxSafeInteger(), fc.nat(20), fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }));

/** Nested values of every type, dictionaries as maps with byte-string keys. */
export const bencodable: fc.Arbitrary<Bencodable> = fc.letrec<{ value: Bencodable }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    integer,
    fc.uint8Array({ maxLength: 100 }),
    fc.array(tie("value"), { maxLength: 6 }),
    fc.array(fc.tuple(byteString, tie("value")), { maxLength: 12 }).map((pairs) => new Map(pairs)),
  ),
})).value;

/** A value in plain form: maps for dictionaries, `number` where exact. */
export function plainOf(value: Bencodable | BencodeValue | undefined): unknown {
  if (typeof value === "bigint" && Number.isSafeInteger(Number(value))) return Number(value);
  if (value instanceof BencodeDictionary) {
    return new Map([...value.entries()].map(([k, v]) => [k, plainOf(v)]));
  }
  if (value instanceof Map) {
    const keys = [...value.keys()].sort();
    return new Map(keys.map((key) => [key, plainOf(value.get(key))]));
  }
  if (Array.isArray(value)) return value.map(plainOf);
  return value;
}
