import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeHex, encodeHex } from "../../src/bytes/text.ts";
import {
  bindNodeId,
  compareDistance,
  createNodeId,
  isNodeIdOf,
  randomIdNear,
  sharedPrefix,
  spreadNodeId,
} from "../../src/dht/node_id.ts";
import { seeded } from "./virtual_dht.ts";

/** BEP 42 "node id restriction", test vectors. */
const VECTORS = [
  { host: "124.31.75.21", rand: 1, id: "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401" },
  { host: "21.75.31.124", rand: 86, id: "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256" },
  { host: "65.23.51.170", rand: 22, id: "a5d43220bc8f112a3d426c84764f8c2a1150e616" },
  { host: "84.124.73.14", rand: 65, id: "1b0321dd1bb1fe518101ceef99462b947a01ff41" },
  { host: "43.213.53.83", rand: 90, id: "e56f6cbf5b7c4be0237986d5243b87aa6d51305a" },
];

const bytes20 = fc.uint8Array({ minLength: 20, maxLength: 20 });

Deno.test("isNodeIdOf() accepts the example ids of BEP 42", () => {
  for (const { host, id } of VECTORS) {
    assert(isNodeIdOf(host, decodeHex(id)));
    const other = decodeHex(id);
    other[2]! ^= 0x08;
    assert(!isNodeIdOf(host, other));
  }
});

Deno.test("bindNodeId() gives the first 21 bits and the last byte of the example ids of BEP 42", () => {
  for (const { host, rand, id } of VECTORS) {
    assertEquals(encodeHex(bindNodeId(decodeHex(id), host, rand)), id);
  }
});

Deno.test("bindNodeId() takes the upper half of an IPv6 address", () => {
  const zero = new Uint8Array(20);
  assertEquals(encodeHex(bindNodeId(zero, "2001:db8:85a3:1234::1", 5)).slice(0, 6), "077c80");
  assertEquals(encodeHex(bindNodeId(zero, "2001:4860:4860::8888", 1)).slice(0, 6), "fe2b60");
});

Deno.test("isNodeIdOf() exempts local networks", () => {
  const id = new Uint8Array(20);
  for (
    const host of ["10.1.2.3", "172.16.9.9", "192.168.1.1", "169.254.0.1", "127.0.0.1", "fe80::1", "fd00::1"]
  ) {
    assert(isNodeIdOf(host, id), host);
  }
});

Deno.test("createNodeId() makes ids that belong to the address", () => {
  const random = seeded(3);
  for (const host of ["8.8.8.8", "2001:4860:4860::8888"]) {
    for (let i = 0; i < 50; i++) assert(isNodeIdOf(host, createNodeId(random, host)));
  }
});

Deno.test("sharedPrefix() counts leading bits", () => {
  const zero = new Uint8Array(20);
  assertEquals(sharedPrefix(zero, zero), 160);
  for (let bit = 0; bit < 160; bit++) {
    const other = new Uint8Array(20);
    other[bit >> 3] = 0x80 >> (bit & 7);
    other.fill(0x55, (bit >> 3) + 1);
    assertEquals(sharedPrefix(zero, other), bit);
  }
});

Deno.test("compareDistance() orders by XOR, read as an unsigned number", () => {
  const number = (id: Uint8Array) => BigInt(`0x${encodeHex(id)}`);
  fc.assert(fc.property(bytes20, bytes20, bytes20, (target, a, b) => {
    const difference = (number(a) ^ number(target)) - (number(b) ^ number(target));
    assertEquals(Math.sign(compareDistance(target, a, b)), difference < 0n ? -1 : difference > 0n ? 1 : 0);
  }));
});

Deno.test("randomIdNear() shares exactly as many bits as it is told", () => {
  const random = seeded(4);
  fc.assert(fc.property(bytes20, fc.nat(160), (id, bits) => {
    assertEquals(sharedPrefix(id, randomIdNear(random, id, bits)), bits);
  }));
});

Deno.test("spreadNodeId() keeps the ids of one host far apart", () => {
  const base = decodeHex("ab".repeat(20));
  assertEquals(spreadNodeId(base, 0), base);
  assertEquals(sharedPrefix(base, spreadNodeId(base, 1)), 0);
  const ids = Array.from({ length: 8 }, (_, i) => spreadNodeId(base, i));
  assertEquals(new Set(ids.map((id) => id[0]! >> 5)).size, 8);
  assertThrows(() => spreadNodeId(base, 65536), RangeError);
});
