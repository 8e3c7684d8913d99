import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeHex, encodeHex } from "../../../src/bytes/text.ts";
import { DecodeError } from "../../../src/errors.ts";
import {
  decodeHandshake,
  decodeHandshakePrefix,
  encodeHandshake,
  encodeReserved,
  type Feature,
  HANDSHAKE_LENGTH,
  HANDSHAKE_PREFIX_LENGTH,
  hasFeature,
  RESERVED_BITS,
} from "../../../src/wire/messages/handshake.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const handshake = fc.record({ reserved: bytes(8), infoHash: bytes(20), peerId: bytes(20) });
const features = fc.subarray(Object.keys(RESERVED_BITS) as Feature[]);

Deno.test("encodeHandshake() writes the 68 bytes of BEP 3", () => {
  const encoded = encodeHandshake({
    reserved: encodeReserved(["extended", "fast", "dht"]),
    infoHash: new Uint8Array(20).fill(0xaa),
    peerId: new Uint8Array(20).fill(0xbb),
  });
  assertEquals(
    encodeHex(encoded),
    "13426974546f7272656e742070726f746f636f6c" + "0000000000100005" + "aa".repeat(20) + "bb".repeat(20),
  );
});

Deno.test("decodeHandshake() undoes encodeHandshake(), whatever the reserved bytes", () => {
  fc.assert(fc.property(handshake, (handshake) => {
    const encoded = encodeHandshake(handshake);
    assertEquals(encoded.length, HANDSHAKE_LENGTH);
    assertEquals(decodeHandshake(encoded), handshake);
    const { peerId: _, ...prefix } = handshake;
    assertEquals(decodeHandshakePrefix(encoded.subarray(0, HANDSHAKE_PREFIX_LENGTH)), prefix);
  }));
});

Deno.test("decodeHandshake() refuses every cut and a byte too many", () => {
  const encoded = encodeHandshake({
    reserved: new Uint8Array(8),
    infoHash: new Uint8Array(20),
    peerId: new Uint8Array(20),
  });
  for (let end = 0; end < HANDSHAKE_LENGTH; end++) {
    assertThrows(() => decodeHandshake(encoded.subarray(0, end)), DecodeError);
  }
  assertThrows(() => decodeHandshake(new Uint8Array([...encoded, 0])), DecodeError);
});

Deno.test("decodeHandshake() refuses another protocol and says where it differs", () => {
  const encoded = encodeHandshake({
    reserved: new Uint8Array(8),
    infoHash: new Uint8Array(20),
    peerId: new Uint8Array(20),
  });
  for (let i = 0; i < 20; i++) {
    const wrong = encoded.slice();
    wrong[i]! ^= 1;
    assertEquals(assertThrows(() => decodeHandshake(wrong), DecodeError).offset, i);
  }
});

Deno.test("encodeHandshake() refuses parts of another length", () => {
  const good = { reserved: new Uint8Array(8), infoHash: new Uint8Array(20), peerId: new Uint8Array(20) };
  assertThrows(() => encodeHandshake({ ...good, infoHash: new Uint8Array(32) }), RangeError);
  assertThrows(() => encodeHandshake({ ...good, peerId: new Uint8Array(19) }), RangeError);
  assertThrows(() => encodeHandshake({ ...good, reserved: new Uint8Array(7) }), RangeError);
});

Deno.test("hasFeature() finds what encodeReserved() set", () => {
  fc.assert(fc.property(features, (offered) => {
    const reserved = encodeReserved(offered);
    for (const feature of Object.keys(RESERVED_BITS) as Feature[]) {
      assertEquals(hasFeature(reserved, feature), offered.includes(feature), feature);
    }
  }));
});

Deno.test("encodeReserved() sets the bits of BEP 4", () => {
  const examples: [Feature, string][] = [
    ["azureusMessaging", "8000000000000000"],
    ["locationAware", "0000080000000000"],
    ["extended", "0000000000100000"],
    ["extensionNegotiation", "0000000000030000"],
    ["dht", "0000000000000001"],
    ["xbtPeerExchange", "0000000000000002"],
    ["fast", "0000000000000004"],
    ["natTraversal", "0000000000000008"],
    ["v2", "0000000000000010"],
  ];
  for (const [feature, hex] of examples) assertEquals(encodeReserved([feature]), decodeHex(hex));
});
