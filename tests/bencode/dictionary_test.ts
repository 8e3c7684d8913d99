import { assert, assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import { decodeDictionary } from "../../src/bencode/decode.ts";
import { decodeByteString, encodeUtf8 } from "../../src/bytes/text.ts";
import { DecodeError } from "../../src/errors.ts";

const SOURCE = "d1:bi18446744073709551615e1:dd1:xi1ee1:ii-5e1:lli1ee1:s3:\xe2\x82\xace";
const dictionary = decodeDictionary(decodeByteString(SOURCE));

Deno.test("BencodeDictionary getters give the value in its type", () => {
  assertEquals(dictionary.integer("i"), -5);
  assertEquals(dictionary.bigInteger("i"), -5n);
  assertEquals(dictionary.bigInteger("b"), 18446744073709551615n);
  assertEquals(dictionary.bytes("s"), encodeUtf8("€"));
  assertEquals(dictionary.text("s"), "€");
  assertEquals(dictionary.list("l"), [1]);
  assertEquals(dictionary.dictionary("d")?.get("x"), 1);
});

Deno.test("BencodeDictionary getters give undefined for an absent key", () => {
  for (const getter of ["get", "bytes", "text", "integer", "bigInteger", "list", "dictionary"] as const) {
    assertStrictEquals(dictionary[getter]("absent"), undefined);
  }
  assertFalse(dictionary.has("absent"));
  assert(dictionary.has("b"));
});

const TYPES = {
  b: ["bigInteger"],
  d: ["dictionary"],
  i: ["integer", "bigInteger"],
  l: ["list"],
  s: ["bytes", "text"],
};

Deno.test("BencodeDictionary getters throw DecodeError naming the key when the type is another", () => {
  for (const getter of ["bytes", "text", "integer", "bigInteger", "list", "dictionary"] as const) {
    for (const [key, getters] of Object.entries(TYPES)) {
      if (getters.includes(getter)) continue;
      assertThrows(() => dictionary[getter](key), DecodeError, `Cannot decode "${key}"`);
    }
  }
});

Deno.test("BencodeDictionary.text() replaces faulty UTF-8", () => {
  assertEquals(decodeDictionary(decodeByteString("d1:s2:\xe9xe")).text("s"), "\ufffdx");
});

Deno.test("BencodeDictionary.raw is the exact source, also of a dictionary that is not canonical", () => {
  const source = decodeByteString("d4:infod1:zi01e1:ai2ee4:name1:xe");
  const info = decodeDictionary(source, { tolerant: true }).dictionary("info");
  assertEquals(info?.raw, decodeByteString("d1:zi01e1:ai2ee"));
  assertEquals(info?.keys(), ["a", "z"]);
  assertStrictEquals(info?.raw.buffer, source.buffer);
});

Deno.test("BencodeDictionary.entries() and keys() rise in byte order", () => {
  assertEquals(dictionary.size, 5);
  assertEquals(dictionary.keys(), ["b", "d", "i", "l", "s"]);
  assertEquals([...dictionary.entries()].map(([key]) => key), ["b", "d", "i", "l", "s"]);
});

Deno.test("BencodeDictionary finds keys by walk and by search alike", () => {
  for (const size of [1, 7, 8, 9, 10, 100, 1001]) {
    const keys = Array.from({ length: size }, (_, i) => String.fromCharCode(i >> 8, i & 255));
    const members = keys.map((key, i) => `2:${key}i${i}e`).join("");
    const found = decodeDictionary(decodeByteString(`d${members}e`));
    keys.forEach((key, i) => assertEquals(found.get(key), i));
    for (const absent of ["", "\0", "\xff", `${keys[size >> 1]}\0`]) {
      assertStrictEquals(found.get(absent), undefined);
    }
  }
});

Deno.test("BencodeDictionary has no keys of its own making", () => {
  const empty = decodeDictionary(decodeByteString("de"));
  for (const key of ["__proto__", "constructor", "length"]) assertStrictEquals(empty.get(key), undefined);
  const odd = decodeDictionary(decodeByteString("d9:__proto__i1e6:lengthi2ee"));
  assertEquals([odd.get("__proto__"), odd.get("length")], [1, 2]);
});
