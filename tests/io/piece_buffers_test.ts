import { assert, assertEquals, assertThrows } from "@std/assert";
import { PieceBufferPool } from "../../src/io/piece_buffers.ts";

Deno.test("take() lends different memory until the bound is reached, and again what give() brings back", () => {
  const pool = new PieceBufferPool({ pieceLength: 100, pieceCount: 1000, capacity: 800 });
  const lent = Array.from({ length: 8 }, () => pool.take(100)!);
  assertEquals(pool.take(1), undefined);
  lent.forEach((bytes, i) => bytes.fill(i));
  lent.forEach((bytes, i) => assert(bytes.length === 100 && bytes.every((byte) => byte === i)));
  pool.give(lent[3]!);
  const again = pool.take(60)!;
  assertEquals([again.length, again.byteOffset], [60, lent[3]!.byteOffset]);
  assertEquals(pool.take(1), undefined);
});

Deno.test("give() ignores what was not lent or was given back before", () => {
  const pool = new PieceBufferPool({ pieceLength: 100, pieceCount: 1000, capacity: 400 });
  pool.give(new Uint8Array(100));
  const lent = Array.from({ length: 4 }, () => pool.take(100)!);
  pool.give(lent[0]!.subarray(1));
  pool.give(new Uint8Array(100));
  assertEquals(pool.take(1), undefined);
  pool.give(lent[0]!);
  pool.give(lent[0]!);
  assert(pool.take(100) !== undefined);
  assertEquals(pool.take(1), undefined);
});

Deno.test("a pool has room for four pieces however long, and for no more than there are", () => {
  const count = (pool: PieceBufferPool, length: number) => {
    for (let taken = 0;; taken++) if (pool.take(length) === undefined) return taken;
  };
  assertEquals(count(new PieceBufferPool({ pieceLength: 1 << 20, pieceCount: 9, capacity: 1 }), 1 << 20), 4);
  assertEquals(count(new PieceBufferPool({ pieceLength: 1 << 20, pieceCount: 2 }), 1 << 20), 2);
  assertEquals(count(new PieceBufferPool({ pieceLength: 1 << 20, pieceCount: 99 }), 1 << 20), 32);
});

Deno.test("take() refuses more than a piece, and shares memory only if told to", () => {
  const pool = new PieceBufferPool({ pieceLength: 100, pieceCount: 1 });
  assertThrows(() => pool.take(101), RangeError, "at most 100");
  assert(pool.take(100)!.buffer instanceof ArrayBuffer);
  const shared = new PieceBufferPool({ pieceLength: 100, pieceCount: 1, shared: true });
  assert(shared.take(100)!.buffer instanceof SharedArrayBuffer);
});
