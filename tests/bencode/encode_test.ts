import { assertEquals, assertNotStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeDictionary } from "../../src/bencode/decode.ts";
import { type Bencodable, encode } from "../../src/bencode/encode.ts";
import { RawBencode } from "../../src/bencode/raw.ts";
import { decodeByteString, encodeByteString, encodeUtf8 } from "../../src/bytes/text.ts";

const textOf = (value: Bencodable) => encodeByteString(encode(value));

Deno.test('encode() writes the examples of BEP 3 "bencoding"', () => {
  assertEquals(textOf("spam"), "4:spam");
  assertEquals([textOf(3), textOf(-3), textOf(0), textOf(-0)], ["i3e", "i-3e", "i0e", "i0e"]);
  assertEquals(textOf(["spam", "eggs"]), "l4:spam4:eggse");
  assertEquals(textOf({ cow: "moo", spam: "eggs" }), "d3:cow3:moo4:spam4:eggse");
  assertEquals(textOf({ spam: ["a", "b"] }), "d4:spaml1:a1:bee");
  assertEquals([textOf(""), textOf([]), textOf({}), textOf(new Map())], ["0:", "le", "de", "de"]);
});

Deno.test("encode() writes raw bencode as it is", () => {
  assertEquals(textOf({ a: new RawBencode(encodeUtf8("li1ee")), b: 2 }), "d1:ali1ee1:bi2ee");
});

Deno.test("encode() writes integers of any size", () => {
  fc.assert(fc.property(fc.oneof(fc.maxSafeInteger(), fc.bigInt()), (value) => {
    assertEquals(textOf(value), `i${value}e`);
  }));
});

Deno.test("encode() writes text as UTF-8 and bytes as they are, at any length", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
    const bytes = encodeUtf8(text);
    assertEquals(textOf(text), `${bytes.length}:${encodeByteString(bytes)}`);
    assertEquals(textOf(bytes), textOf(text));
  }));
  assertEquals(encode("x".repeat(100_000)).length, 100_007);
});

Deno.test("encode() sorts keys as raw bytes and leaves out undefined members", () => {
  assertEquals(textOf({ b: 1, a: 2, "10": 3, "9": 4, c: undefined }), "d2:10i3e1:9i4e1:ai2e1:bi1ee");
  assertEquals(
    textOf(new Map<string, Bencodable | undefined>([["\xff", 1], ["\x7f", 2], ["a", undefined]])),
    "d1:\x7fi2e1:\xffi1ee",
  );
});

Deno.test("encode() writes a decoded dictionary with its source bytes", () => {
  const source = decodeByteString("d1:zi01e1:ai2ee");
  const decoded = decodeDictionary(source, { tolerant: true });
  assertEquals(textOf({ info: decoded }), "d4:infod1:zi01e1:ai2eee");
});

Deno.test("encode() refuses what has no bencoded form", () => {
  for (const value of [0.5, NaN, Infinity, true, null, undefined, Symbol("x"), () => 1]) {
    assertThrows(() => encode([value] as unknown as Bencodable), TypeError);
  }
  for (const value of [2 ** 53, -(2 ** 60)]) assertThrows(() => encode(value), RangeError);
  assertThrows(() => encode({ "€": 1 }), RangeError, "byte string");
});

Deno.test("encode() stops at a cycle", () => {
  const cycle: Bencodable[] = [];
  cycle.push(cycle);
  assertThrows(() => encode(cycle), RangeError, "nested");
  assertEquals(textOf([1]), "li1ee");
});

Deno.test("encode() gives memory of its own, also when a getter encodes something itself", () => {
  const value = {
    a: "x",
    get b() {
      return encode({ inner: ["y"] });
    },
  };
  assertEquals(textOf(value), "d1:a1:x1:b14:d5:innerl1:yeee");
  const first = encode("first"), second = encode("other");
  assertEquals(encodeByteString(first), "5:first");
  assertNotStrictEquals(first.buffer, second.buffer);
});
