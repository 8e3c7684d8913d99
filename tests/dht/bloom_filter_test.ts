import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { decodeHex, encodeHex } from "../../src/bytes/text.ts";
import { BloomFilter } from "../../src/dht/bloom_filter.ts";

/** BEP 33 "test vectors": the whole filter. */
const FILTER = "f6c3f5eaa07ffd91bde89f777f26fb2bff37bdb8fb2bbaa2fd3ddde7bacfff75ee7ccbae" +
  "fe5eedb1fbfaff67f6abff5e43ddbca3fd9b9ffdf4ffd3e9dff12d1bdf59db53dbe9fa5b" +
  "7ff3b8fdfcde1afb8bedd7be2f3ee71ebbbfe93bcdeefe148246c2bc5dbff7e7efdcf24f" +
  "d8dc7adffd8fffdfddfff7a4bbeedf5cb95ce81fc7fcff1ff4ffffdfe5f7fdcbb7fd79b3" +
  "fa1fc77bfe07fff905b7b7ffc7fefeffe0b8370bb0cd3f5b7f2bd93feb4386cfdd6f7fd5" +
  "bfaf2e9ebffffeecd67adbf7c67f17efd5d75eba6ffeba7fff47a91eb1bfbb53e8abfb57" +
  "62abe8ff237279bfefbfeef5ffc5febfdfe5adffadfee1fb737ffffbfd9f6aeffeee76b6" +
  "fd8f72ef";

function vectorFilter(): BloomFilter {
  const filter = new BloomFilter();
  for (let i = 0; i <= 255; i++) filter.add(Uint8Array.of(192, 0, 2, i));
  for (let i = 0; i <= 0x3e7; i++) {
    const ip = decodeHex("20010db8000000000000000000000000");
    ip[14] = i >> 8;
    ip[15] = i;
    filter.add(ip);
  }
  return filter;
}

Deno.test("BloomFilter.add() sets the bits of the vector of BEP 33", () => {
  assertEquals(encodeHex(vectorFilter().toBytes()), FILTER);
});

Deno.test("BloomFilter.estimate() is that of the vector of BEP 33", () => {
  assertAlmostEquals(vectorFilter().estimate(), 1224.9308, 0.0001);
});

Deno.test("BloomFilter.merge() gives the filter of the union", () => {
  const one = new BloomFilter(), other = new BloomFilter(), union = new BloomFilter();
  for (let i = 0; i < 200; i++) {
    const ip = Uint8Array.of(1, 2, 3, i);
    (i % 3 === 0 ? one : other).add(ip);
    union.add(ip);
  }
  one.merge(other.toBytes());
  assertEquals(one.toBytes(), union.toBytes());
});

Deno.test("BloomFilter.has() knows everything that was added", () => {
  const filter = new BloomFilter();
  filter.add(Uint8Array.of(1, 2, 3, 4));
  assert(filter.has(Uint8Array.of(1, 2, 3, 4)));
  assert(!filter.has(Uint8Array.of(4, 3, 2, 1)));
});

Deno.test("BloomFilter.estimate() stays a number from empty to full", () => {
  const filter = new BloomFilter();
  assertEquals(filter.estimate(), 0);
  filter.merge(new Uint8Array(256).fill(255));
  assert(filter.estimate() > 6000 && Number.isFinite(filter.estimate()));
});
