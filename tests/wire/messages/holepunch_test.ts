import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeHex, encodeHex } from "../../../src/bytes/text.ts";
import { DecodeError } from "../../../src/errors.ts";
import {
  decodeHolepunch,
  encodeHolepunch,
  HOLEPUNCH_ERRORS,
  type HolepunchMessage,
} from "../../../src/wire/messages/holepunch.ts";

const V4 = { host: "192.0.2.1", port: 6881 }, V6 = { host: "2001:db8::1", port: 6881 };

Deno.test("encodeHolepunch() writes every message of BEP 55, always with an error code", () => {
  const examples: [HolepunchMessage, string][] = [
    [{ type: "holepunchRendezvous", address: V4 }, "0000" + "c00002011ae1" + "00000000"],
    [{ type: "holepunchConnect", address: V4 }, "0100" + "c00002011ae1" + "00000000"],
    [
      { type: "holepunchError", address: V4, code: HOLEPUNCH_ERRORS.notConnected },
      "0200" + "c00002011ae1" + "00000002",
    ],
    [
      { type: "holepunchConnect", address: V6 },
      "0101" + "20010db8000000000000000000000001" + "1ae1" + "00000000",
    ],
  ];
  for (const [message, hex] of examples) {
    assertEquals(encodeHex(encodeHolepunch(message)), hex);
    assertEquals(decodeHolepunch(decodeHex(hex)), message);
  }
});

Deno.test("decodeHolepunch() takes messages without an error code", () => {
  assertEquals(decodeHolepunch(decodeHex("0100c00002011ae1")), { type: "holepunchConnect", address: V4 });
  assertEquals(decodeHolepunch(decodeHex("0200c00002011ae1")), {
    type: "holepunchError",
    address: V4,
    code: 0,
  });
});

Deno.test("decodeHolepunch() ignores unknown types and port 0", () => {
  assertEquals(decodeHolepunch(decodeHex("0300c00002011ae100000000")), undefined);
  assertEquals(decodeHolepunch(decodeHex("0002c00002011ae100000000")), undefined);
  assertEquals(decodeHolepunch(decodeHex("0000c0000201000000000000")), undefined);
});

Deno.test("decodeHolepunch() refuses every other length", () => {
  for (const message of [V4, V6].map((address) => encodeHolepunch({ type: "holepunchConnect", address }))) {
    for (let end = 0; end < message.length; end++) {
      if (end === message.length - 4) continue; // the form without an error code
      assertThrows(() => decodeHolepunch(message.subarray(0, end)), DecodeError);
    }
    assertThrows(() => decodeHolepunch(new Uint8Array([...message, 0])), DecodeError);
  }
});

Deno.test("decodeHolepunch() throws nothing but DecodeError", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 30 }), fc.nat(3), fc.nat(2), (bytes, type, family) => {
    bytes.set([type, family].slice(0, bytes.length));
    try {
      decodeHolepunch(bytes);
    } catch (error) {
      assertInstanceOf(error, DecodeError);
    }
  }));
});
