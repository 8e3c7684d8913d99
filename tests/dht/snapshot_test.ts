import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { encode } from "../../src/bencode/encode.ts";
import { decodeSnapshot, type DhtSnapshot, encodeSnapshot } from "../../src/dht/snapshot.ts";
import { DecodeError } from "../../src/errors.ts";
import type { AddressFamily } from "../../src/peer/ip.ts";

const SNAPSHOT: DhtSnapshot = {
  ids: new Map<AddressFamily, Uint8Array>([[4, new Uint8Array(20).fill(1)], [6, new Uint8Array(20).fill(2)]]),
  nodes: [
    { id: new Uint8Array(20).fill(3), address: { host: "1.2.3.4", port: 6881 } },
    { id: new Uint8Array(20).fill(4), address: { host: "2001:db8::1", port: 80 } },
  ],
};

Deno.test("decodeSnapshot() reads what encodeSnapshot() writes", () => {
  assertEquals(decodeSnapshot(encodeSnapshot(SNAPSHOT)), SNAPSHOT);
  const empty: DhtSnapshot = { ids: new Map(), nodes: [] };
  assertEquals(decodeSnapshot(encodeSnapshot(empty)), empty);
});

Deno.test("decodeSnapshot() refuses other versions and every cut", () => {
  assertThrows(() => decodeSnapshot(encode({ version: 2 })), DecodeError);
  assertThrows(() => decodeSnapshot(encode({})), DecodeError);
  const whole = encodeSnapshot(SNAPSHOT);
  for (let length = 0; length < whole.length; length++) {
    assertThrows(() => decodeSnapshot(whole.subarray(0, length)), DecodeError);
  }
});

Deno.test("decodeSnapshot() throws nothing but DecodeError", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), fc.nat(255), (bytes, at, byte) => {
    const damaged = encodeSnapshot(SNAPSHOT);
    damaged[at % damaged.length] = byte;
    for (const input of [bytes, damaged]) {
      try {
        decodeSnapshot(input);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }
  }));
});
