import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Bitfield } from "../../src/bytes/bitfield.ts";
import { compareBytes } from "../../src/bytes/compare.ts";
import { crc32c } from "../../src/bytes/crc32c.ts";
import { Cursor } from "../../src/bytes/cursor.ts";
import { sha1, sha256 } from "../../src/bytes/digest.ts";
import { randomBelow, randomBytes, randomUint32, shuffle } from "../../src/bytes/random.ts";
import { sha1Sync } from "../../src/bytes/sha1_sync.ts";
import {
  decodeBase32,
  decodeByteString,
  decodeHex,
  decodeUtf8,
  decodeUtf8Strictly,
  encodeBase32,
  encodeByteString,
  encodeHex,
  encodeUtf8,
  percentDecode,
  percentEncode,
} from "../../src/bytes/text.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { DecodeError } from "../../src/errors.ts";

const bytes = fc.uint8Array({ maxLength: 200 });

Deno.test("Cursor reads what Writer wrote", () => {
  const written = new Writer(18).uint8(1).uint16(0xfffe).uint32(0xfffffffd).uint64(-1n).bytes(
    decodeHex("aabbcc"),
  )
    .done();
  const cursor = new Cursor(written, "test");
  assertEquals([cursor.uint8(), cursor.uint16(), cursor.uint32()], [1, 0xfffe, 0xfffffffd]);
  assertEquals(cursor.uint64(), 0xffffffffffffffffn);
  assertEquals(cursor.remaining, 3);
  assertEquals(encodeHex(cursor.rest()), "aabbcc");
  cursor.end();
});

Deno.test("Cursor throws DecodeError with its offset at the end of input", () => {
  const cursor = new Cursor(new Uint8Array(5), "thing");
  cursor.uint32();
  const error = assertThrows(() => cursor.uint16(), DecodeError, "Cannot decode thing");
  assertEquals(error.offset, 4);
  assertThrows(() => cursor.end(), DecodeError, "1 bytes too many");
});

Deno.test("Writer.done() throws when bytes are missing", () => {
  assertThrows(() => new Writer(2).uint8(1).done(), RangeError);
});

Deno.test("Bitfield keeps its count through set, clear, fill and from", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 70 }), fc.array(fc.nat(69)), (length, indexes) => {
    const bits = new Bitfield(length), expected = new Set<number>();
    for (const index of indexes.map((i) => i % length)) {
      assertEquals(bits.set(index), !expected.has(index));
      expected.add(index);
    }
    assertEquals(bits.count, expected.size);
    assertEquals([...bits.indexes()], [...expected].sort((a, b) => a - b));
    const copy = Bitfield.from(bits.toBytes(), length);
    assertEquals(copy.count, bits.count);
    assertEquals(copy.toBytes(), bits.clone().toBytes());
    for (const index of expected) assert(copy.clear(index));
    assert(copy.isEmpty);
    assertFalse(copy.hasBeyond(bits));
    assertEquals(bits.hasBeyond(copy), expected.size > 0);
    copy.fill();
    assert(copy.isFull);
    assertEquals(Bitfield.from(copy.toBytes(), length).count, length);
    assertEquals(Bitfield.full(length).toBytes(), copy.toBytes());
  }));
});

Deno.test("Bitfield.from() refuses a wrong length and spare bits", () => {
  assertThrows(() => Bitfield.from(new Uint8Array(2), 8), DecodeError, "expected 1 bytes");
  assertThrows(() => Bitfield.from(Uint8Array.of(0x01), 7), DecodeError, "spare bits");
  assertEquals(Bitfield.from(Uint8Array.of(0x02), 7).has(6), true);
});

Deno.test("Bitfield answers false outside its range and refuses to set there", () => {
  const bits = Bitfield.full(9);
  assertFalse(bits.has(9) || bits.has(-1) || bits.has(NaN));
  for (const index of [9, -1, 1.5, NaN]) assertThrows(() => bits.set(index), RangeError);
});

Deno.test("encodeHex(), encodeBase32(), percentEncode(), encodeByteString() round trip", () => {
  fc.assert(fc.property(bytes, (input) => {
    assertEquals(decodeHex(encodeHex(input)), input);
    assertEquals(decodeHex(encodeHex(input).toUpperCase()), input);
    assertEquals(decodeBase32(encodeBase32(input)), input);
    assertEquals(decodeBase32(encodeBase32(input).toLowerCase()), input);
    assertEquals(percentDecode(percentEncode(input)), input);
    assertEquals(decodeByteString(encodeByteString(input)), input);
  }));
});

Deno.test("encodeBase32() agrees with RFC 4648 section 10", () => {
  assertEquals(encodeBase32(encodeUtf8("foobar")), "MZXW6YTBOI");
  assertEquals(encodeBase32(encodeUtf8("foob")), "MZXW6YQ");
});

Deno.test("text decoders refuse broken input", () => {
  assertEquals(assertThrows(() => decodeHex("0g"), DecodeError).offset, 1);
  assertThrows(() => decodeHex("abc"), DecodeError, "odd");
  assertThrows(() => decodeBase32("A1"), DecodeError, "base32 digit");
  assertThrows(() => decodeBase32("A"), DecodeError, "cut");
  assertThrows(() => decodeBase32("AB"), DecodeError, "cut");
  assertEquals(assertThrows(() => percentDecode("a%2"), DecodeError).offset, 1);
  for (const cut of ["%", "%4", "%é1", "%%%", "é%4"]) assertThrows(() => percentDecode(cut), DecodeError);
  assertThrows(() => decodeByteString("\u0100"), RangeError);
});

Deno.test("percentDecode() reads what is not escaped as UTF-8", () => {
  assertEquals(percentDecode("a+é%E9\u{1f600}"), encodeUtf8("a+é\0\u{1f600}").map((byte) => byte || 0xe9));
});

Deno.test("percentEncode() leaves only the unreserved characters", () => {
  assertEquals(percentEncode(encodeUtf8("aZ09-._~ /+é")), "aZ09-._~%20%2F%2B%C3%A9");
});

Deno.test("decodeUtf8Strictly() answers undefined for faulty UTF-8", () => {
  assertEquals(decodeUtf8Strictly(Uint8Array.of(0xc3, 0xa9)), "é");
  assertEquals(decodeUtf8Strictly(Uint8Array.of(0xc3)), undefined);
  assertEquals(decodeUtf8(Uint8Array.of(0xc3)), "\ufffd");
  assertEquals(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), "\ufeffa");
});

Deno.test("compareBytes() orders like memcmp", () => {
  assert(compareBytes(Uint8Array.of(0x7f), Uint8Array.of(0x80)) < 0);
  assert(compareBytes(Uint8Array.of(1, 2), Uint8Array.of(1)) > 0);
  assertEquals(compareBytes(Uint8Array.of(1), Uint8Array.of(1)), 0);
});

Deno.test("crc32c() gives the check value", () => {
  assertEquals(crc32c(encodeUtf8("123456789")), 0xe3069283);
});

Deno.test("sha1Sync() agrees with WebCrypto at every length around the block border", async () => {
  assertEquals(encodeHex(sha1Sync(encodeUtf8("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  for (let length = 0; length < 140; length++) {
    const input = Uint8Array.from({ length }, (_, i) => i * 31 + length);
    assertEquals(sha1Sync(input), await sha1(input));
  }
});

Deno.test("sha1() and sha256() take shared memory", async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(3));
  shared.set(encodeUtf8("abc"));
  assertEquals(encodeHex(await sha1(shared)), "a9993e364706816aba3e25717850c26c9cd0d89d");
  assertEquals((await sha256(shared)).length, 32);
});

Deno.test("shuffle() and friends follow the given chance", () => {
  assertEquals(shuffle(() => 0, [1, 2, 3]), [2, 3, 1]);
  assertEquals(randomBelow(() => 0.999, 10), 9);
  assertEquals(randomBytes(() => 0.5, 2), Uint8Array.of(128, 128));
  assertEquals(randomUint32(() => 1 - 2 ** -53), 0xffffffff);
  const items = Array.from({ length: 50 }, (_, i) => i);
  assertEquals(shuffle(Math.random, items).sort((a, b) => a - b), items);
});
