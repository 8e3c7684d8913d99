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

Deno.test("Bitfield.without() keeps the bits that the other lacks, and counts them", () => {
  const some = (pieces: readonly number[]) => {
    const bits = new Bitfield(20);
    for (const piece of pieces) bits.set(piece);
    return bits;
  };
  const rest = Bitfield.full(20).without(some([0, 7, 8, 19]));
  assertEquals([...rest.indexes()], [1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
  assertEquals([rest.count, rest.isFull], [16, false]);
  assertEquals(some([3]).without(some([3, 4])).isEmpty, true);
});
