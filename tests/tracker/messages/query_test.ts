import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { encodeUtf8 } from "../../../src/bytes/text.ts";
import { DecodeError } from "../../../src/errors.ts";
import { Query } from "../../../src/tracker/messages/query.ts";

/** The values of a key, found the plain way. */
function valuesOf(query: string, name: string): string[] {
  const pairs = query.replace(/^\?/, "").split("&").map((pair) => /^([^=]*)=?(.*)$/s.exec(pair)!);
  return pairs.filter((pair) => pair[1] === name).map((pair) => pair[2]!);
}

Deno.test("Query.raw() finds what splitting finds, of a repeated key the first", () => {
  const names = ["", "a", "b", "ab", "key", "yek"];
  const text = fc.array(fc.constantFrom("?", "&", "=", "a", "b", "key", "%41", "é"), { maxLength: 12 })
    .map((parts) => parts.join(""));
  fc.assert(fc.property(text, fc.constantFrom(...names), (query, name) => {
    assertEquals(new Query(query).raw(name), valuesOf(query, name)[0]);
  }));
});

Deno.test("Query.natural() reads what Number() reads, as far as it is exact, and nothing else", () => {
  fc.assert(fc.property(fc.stringMatching(/^[0-9]{1,20}$/), (digits) => {
    assertEquals(new Query(`n=${digits}`).natural("n"), Math.min(Number(digits), Number.MAX_SAFE_INTEGER));
  }));
  for (const absent of ["", "m=1", "n", "n=", "n=&n=1"]) {
    assertEquals(new Query(absent).natural("n"), undefined);
  }
  for (const wrong of ["-1", "1.0", "1e3", "0x1", " 1", "1%30", "٣", "1".repeat(21)]) {
    assertThrows(() => new Query(`n=${wrong}`).natural("n"), DecodeError, "n is no number");
  }
});

Deno.test("Query.hashes() reads every value of a key, escaped or not, each 20 bytes", () => {
  const a = "a".repeat(20), b = "%62".repeat(20), e = "é".repeat(10);
  assertEquals(new Query(`?h=${a}&x=1&h=${b}&h=${e}`).hashes("h"), [
    encodeUtf8(a),
    encodeUtf8("b".repeat(20)),
    encodeUtf8(e),
  ]);
  assertThrows(() => new Query(`x=${a}`).hashes("h"), DecodeError, "h is missing");
  assertThrows(() => new Query(`h=${a}&h=${a}a`).hashes("h"), DecodeError, "h has 21 bytes");
  assertThrows(() => new Query(`h=${a}%6&x=1`).hashes("h"), DecodeError, "broken escape");
  assertThrows(() => new Query("&".repeat(8193)), DecodeError, "longer than 8192");
});
