import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Bitfield } from "../../src/bytes/bitfield.ts";

const bits = (length: number) =>
  fc.uniqueArray(fc.nat(length - 1)).map((indexes) => {
    const bitfield = new Bitfield(length);
    for (const index of indexes) bitfield.set(index);
    return bitfield;
  });

const pairs = fc.integer({ min: 1, max: 70 }).chain((length) =>
  fc.tuple(bits(length), bits(length), fc.nat(length))
);

function first(length: number, from: number, test: (index: number) => boolean): number {
  for (let index = from; index < length; index++) if (test(index)) return index;
  return -1;
}

Deno.test("Bitfield.nextSet() and nextClear() find what a plain walk finds", () => {
  fc.assert(fc.property(pairs, ([a, _, from]) => {
    assertEquals(a.nextSet(from), first(a.length, from, (index) => a.has(index)));
    assertEquals(a.nextClear(from), first(a.length, from, (index) => !a.has(index)));
  }));
});

Deno.test("Bitfield.nextShared() and countShared() agree with a plain walk", () => {
  fc.assert(fc.property(pairs, ([a, b, from]) => {
    assertEquals(a.nextShared(b, from), first(a.length, from, (index) => a.has(index) && b.has(index)));
    assertEquals(a.countShared(b), [...a.indexes()].filter((index) => b.has(index)).length);
  }));
});

Deno.test("Bitfield.nextSet() answers -1 behind the end", () => {
  assertEquals(Bitfield.full(9).nextSet(9), -1);
  assertEquals(new Bitfield(9).nextClear(100), -1);
});
