import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import {
  type BencodeDecodeOptions,
  decode,
  decodeDictionary,
  decodePrefix,
} from "../../src/bencode/decode.ts";
import { BencodeDictionary, type BencodeValue } from "../../src/bencode/dictionary.ts";
import { encode } from "../../src/bencode/encode.ts";
import { decodeByteString, encodeUtf8 } from "../../src/bytes/text.ts";
import { DecodeError } from "../../src/errors.ts";
import { bencodable, byteString, plainOf } from "./bencode_values.ts";

const of = (text: string, options?: BencodeDecodeOptions) => plainOf(decode(decodeByteString(text), options));
const bytes = (text: string) => encodeUtf8(text);

Deno.test('decode() reads the examples of BEP 3 "bencoding"', () => {
  assertEquals(of("4:spam"), bytes("spam"));
  assertEquals(of("i3e"), 3);
  assertEquals(of("i-3e"), -3);
  assertEquals(of("i0e"), 0);
  assertEquals(of("l4:spam4:eggse"), [bytes("spam"), bytes("eggs")]);
  assertEquals(of("d3:cow3:moo4:spam4:eggse"), new Map([["cow", bytes("moo")], ["spam", bytes("eggs")]]));
  assertEquals(of("d4:spaml1:a1:bee"), new Map([["spam", [bytes("a"), bytes("b")]]]));
});

Deno.test("decode() reads empty values", () => {
  assertEquals([of("0:"), of("le"), of("de"), of("d0:0:e")], [
    bytes(""),
    [],
    new Map(),
    new Map([["", bytes("")]]),
  ]);
});

const FAULTS: readonly (readonly [input: string, offset: number, reason: string])[] = [
  ["", 0, "the input ends"],
  ["x", 0, "no value starts like this"],
  ["-1:", 0, "no value starts like this"],
  ["e", 0, "no value starts like this"],
  [":", 0, "no value starts like this"],
  ["i", 1, "the input ends"],
  ["i12", 3, "the input ends"],
  ["ie", 1, "without digits"],
  ["i-e", 2, "without digits"],
  ["i+1e", 1, "not a digit"],
  ["i1.5e", 2, "not a digit"],
  ["i 1e", 1, "not a digit"],
  ["i--1e", 2, "not a digit"],
  ["i1-e", 2, "not a digit"],
  ["i-0e", 1, "minus zero"],
  ["i03e", 1, "leading zero"],
  ["i00e", 1, "leading zero"],
  ["i-03e", 2, "leading zero"],
  ["4", 1, "the input ends"],
  ["4x", 1, "not a digit in a length"],
  ["4:", 0, "4 bytes where 0 are left"],
  ["l5:spae", 1, "5 bytes where 4 are left"],
  ["04:spam", 0, "length with a leading zero"],
  ["00:", 0, "length with a leading zero"],
  ["999999999999999:", 0, "999999999999999 bytes where 0 are left"],
  ["9999999999999999:", 15, "length of too many digits"],
  ["l", 1, "the input ends"],
  ["li1e", 4, "the input ends"],
  ["d", 1, "the input ends"],
  ["d1:a", 4, "the input ends"],
  ["d1:ai1e", 7, "the input ends"],
  ["d1:ae", 4, "no value starts like this"],
  ["di1ei2ee", 1, "key that is not a byte string"],
  ["dle1:ae", 1, "key that is not a byte string"],
  ["d1:bi1e1:ai2ee", 7, "key out of order"],
  ["d2:aai1e1:ai2ee", 8, "key out of order"],
  ["d1:ai1e1:ai2ee", 7, "repeated key"],
  ["d0:i1e0:i2ee", 6, "repeated key"],
  ["d1:\xffi1e1:\x7fi2ee", 7, "key out of order"],
  ["i1ei2e", 3, "bytes after the value"],
  ["dee", 2, "bytes after the value"],
];

Deno.test("decode() names the offset of every malformed form", () => {
  for (const [input, offset, reason] of FAULTS) {
    const error = assertThrows(() => of(input), DecodeError, reason, input);
    assertEquals(error.offset, offset, input);
  }
});

Deno.test("decode() with tolerant takes leading zeros, minus zero, unsorted and repeated keys", () => {
  const tolerant = { tolerant: true };
  assertStrictEquals(of("i-0e", tolerant), 0);
  assertEquals([of("i-007e", tolerant), of("i00e", tolerant), of("i00000000000000000000e", tolerant)], [
    -7,
    0,
    0,
  ]);
  assertEquals(of("004:spam", tolerant), bytes("spam"));
  assertEquals(of("d1:bi1e1:ai2e1:bi3e1:ai4ee", tolerant), new Map([["a", 2], ["b", 1]]));
});

Deno.test("decode() with tolerant still refuses what has no meaning", () => {
  for (const input of ["ie", "i-e", "i+1e", "d1:ae", "di1ei2ee", "5:spam", "i1ei2e", "l"]) {
    assertThrows(() => of(input, { tolerant: true }), DecodeError);
  }
});

Deno.test("decode() with tolerant finds every key of a large dictionary in disorder", () => {
  const keys = Array.from({ length: 5000 }, (_, i) => `${i * 7919 % 5000}`);
  const members = keys.map((key, i) => `${key.length}:${key}i${i}e`).join("");
  const dictionary = decodeDictionary(bytes(`d${members}${members}e`), { tolerant: true });
  assertEquals(dictionary.size, 5000);
  keys.forEach((key, i) => assertEquals(dictionary.get(key), i));
});

Deno.test("decode() keeps integers exact at any size", () => {
  for (const text of ["9007199254740991", "-9007199254740991", "1000000000000000", "999999999999999"]) {
    assertStrictEquals(of(`i${text}e`), Number(text));
  }
  for (const text of ["9007199254740992", "-9007199254740993", "18446744073709551615", "9".repeat(1024)]) {
    assertStrictEquals(of(`i${text}e`), BigInt(text));
  }
});

Deno.test("decode() caps the digits of an integer", () => {
  const error = assertThrows(() => of(`i${"9".repeat(1025)}e`), DecodeError, "too many digits");
  assertEquals(error.offset, 1025);
});

Deno.test("decode() caps the depth", () => {
  const nested = (depth: number) => "l".repeat(depth) + "e".repeat(depth);
  of(nested(100));
  assertEquals(assertThrows(() => of(nested(101)), DecodeError, "nested").offset, 100);
  assertEquals(assertThrows(() => of("d1:a".repeat(101)), DecodeError, "nested").offset, 400);
  of(nested(5), { maxDepth: 5 });
  assertThrows(() => of(nested(6), { maxDepth: 5 }), DecodeError, "nested");
  assertThrows(() => decode(bytes("l".repeat(100_000)), { maxDepth: Infinity }), DecodeError, "nested");
});

Deno.test("decode() caps the number of keys and values", () => {
  of("d1:ai1e1:bli2eee", { maxTokens: 6 });
  assertEquals(
    assertThrows(() => of("d1:ai1e1:bli2eee", { maxTokens: 5 }), DecodeError, "too many").offset,
    11,
  );
  const many = bytes(`l${"le".repeat(3_000_000)}e`);
  assertThrows(() => decode(many), DecodeError, "too many");
});

Deno.test("decode() with allowTrailing stops after the value", () => {
  assertEquals(of("i1egarbage", { allowTrailing: true }), 1);
});

Deno.test("decodePrefix() gives the end of the value", () => {
  const input = bytes("d8:msg_typei1e5:piecei0ee\0\x01block ee");
  const { value, end } = decodePrefix(input);
  assertEquals(plainOf(value), new Map([["msg_type", 1], ["piece", 0]]));
  assertEquals(end, 25);
});

Deno.test("decodeDictionary() refuses other values", () => {
  assertEquals(decodeDictionary(bytes("de")).size, 0);
  for (const input of ["i1e", "le", "0:", "x", ""]) {
    assertEquals(assertThrows(() => decodeDictionary(bytes(input)), DecodeError).offset, 0, input);
  }
});

Deno.test("decode() hands out views of plain Uint8Arrays, also over a Buffer and inside a larger buffer", () => {
  const input = Buffer.from("xx4:spamxx").subarray(2, 8), value = decode(input);
  assertInstanceOf(value, Uint8Array);
  assertStrictEquals(value.constructor, Uint8Array);
  assertStrictEquals(value.buffer, input.buffer);
  assertEquals(value, bytes("spam"));
  const outer = decodeByteString("??d1:ad1:bi1eee??");
  const dictionary = decodeDictionary(outer.subarray(2, 15));
  assertEquals(dictionary.dictionary("a")?.raw, bytes("d1:bi1ee"));
});

Deno.test("decode() keeps keys of all 256 byte values and of any length apart", () => {
  const keys = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
  keys.push(...keys.map((key) => key.repeat(31)), ...keys.map((key) => key.repeat(33)));
  const decoded = decodeDictionary(encode(new Map(keys.map((key, i) => [key, i]))));
  assertEquals(decoded.size, keys.length);
  keys.forEach((key, i) => assertEquals(decoded.get(key), i));
});

Deno.test("decode() reads keys right however many there are", () => {
  fc.assert(fc.property(fc.uniqueArray(byteString, { minLength: 50, maxLength: 300 }), (keys) => {
    const decoded = decodeDictionary(encode(new Map(keys.map((key) => [key, decodeByteString(key)]))));
    assertEquals(decoded.keys(), keys.sort());
    for (const key of keys) assertEquals(decoded.bytes(key), decodeByteString(key));
  }));
});

Deno.test("decode() undoes encode()", () => {
  fc.assert(fc.property(bencodable, (value) => {
    const encoded = encode(value), decoded = decode(encoded);
    assertEquals(plainOf(decoded), plainOf(value));
    assertEquals(encode(decoded), encoded);
    assertEquals(plainOf(decode(encoded, { tolerant: true })), plainOf(value));
  }));
});

Deno.test("decode() reads in a large input what it reads in a small one", () => {
  const padding = new Uint8Array(2 ** 16);
  fc.assert(fc.property(fc.array(bencodable, { maxLength: 8 }), (values) => {
    const [read] = decode(encode([values, padding])) as BencodeValue[];
    assertEquals(plainOf(read), plainOf(decode(encode(values))));
  }));
});

Deno.test("decode() with tolerant puts every dictionary of a large input in order", () => {
  const padding = `65536:${"x".repeat(2 ** 16)}`,
    entries = "d1:b1:11:a1:2ed1:a1:31:b1:4ed1:b1:51:b1:61:a1:7e";
  const [, ...read] = of(`l${padding}${entries}d1:a1:8ee`, { tolerant: true }) as unknown[];
  const map = (...pairs: [string, string][]) => new Map(pairs.map(([key, text]) => [key, bytes(text)]));
  assertEquals(read, [
    map(["a", "2"], ["b", "1"]),
    map(["a", "3"], ["b", "4"]),
    map(["a", "7"], ["b", "5"]),
    map(["a", "8"]),
  ]);
});

Deno.test("decode() throws DecodeError at every cut, within the input", () => {
  fc.assert(
    fc.property(bencodable, (value) => {
      const encoded = encode(value);
      for (let length = 0; length < encoded.length; length++) {
        const error = assertThrows(() => decode(encoded.subarray(0, length)), DecodeError);
        assert(error.offset !== undefined && error.offset <= length);
      }
    }),
    { numRuns: 30 },
  );
});

Deno.test("decode() of damaged bytes throws nothing but DecodeError; what it takes is canonical", () => {
  const damaged = fc.tuple(
    bencodable.map(encode),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1 }),
  );
  fc.assert(
    fc.property(damaged, fc.boolean(), ([encoded, changes], tolerant) => {
      const input = encoded.slice();
      for (const [at, byte] of changes) input[at % input.length] = byte;
      try {
        const value = decode(input, { tolerant });
        if (!tolerant) assertEquals(encode(plainOf(value) as typeof value), input);
      } catch (error) {
        assertInstanceOf(error, DecodeError);
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("decode() of random tokens throws nothing but DecodeError", () => {
  const token = fc.constantFrom(
    "i",
    "e",
    "l",
    "d",
    "0",
    "1",
    "2",
    ":",
    "-",
    "1:a",
    "1:b",
    "i1e",
    "0:",
    "de",
    "\xff",
  );
  fc.assert(
    fc.property(fc.array(token, { maxLength: 30 }), fc.boolean(), (tokens, tolerant) => {
      const input = decodeByteString(tokens.join(""));
      try {
        const value = decode(input, { tolerant });
        if (value instanceof BencodeDictionary) assertEquals(value.raw, input);
      } catch (error) {
        assertInstanceOf(error, DecodeError);
      }
    }),
    { numRuns: 5000 },
  );
});
