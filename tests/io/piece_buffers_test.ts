import { assert, assertEquals, assertThrows } from "@std/assert";
import { PieceBufferPool, SpareMemory } from "../../src/io/piece_buffers.ts";

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

Deno.test("pools with spare memory pass it on when the last loan is back, and never share it", () => {
  const spare = new SpareMemory(), kind = { pieceCount: 9, capacity: 4000, spare };
  const first = new PieceBufferPool({ ...kind, pieceLength: 1000 });
  const second = new PieceBufferPool({ ...kind, pieceLength: 500 });
  const [a, b] = [first.take(1000)!, first.take(1000)!];
  const c = second.take(500)!;
  assert(a.buffer === b.buffer && a.buffer !== c.buffer);
  first.give(a);
  assert(first.take(1000)!.buffer === b.buffer);
  first.give(a);
  first.give(b);
  first.give(b);
  assertEquals(first.memory, undefined);
  second.give(c);
  const d = second.take(500)!, e = first.take(1000)!;
  assert(d.buffer === a.buffer && e.buffer !== a.buffer);
});

Deno.test("memory for unusually long pieces goes with its pool: nobody would want it later", () => {
  const spare = new SpareMemory(),
    pool = new PieceBufferPool({ pieceLength: 20 << 20, pieceCount: 9, spare });
  const first = pool.take(100)!;
  pool.give(first);
  assertEquals(spare.take(1)?.byteLength, undefined);
  assert(pool.take(100)!.buffer === first.buffer);
});

Deno.test("spare memory that is too small is not lent", () => {
  const spare = new SpareMemory();
  spare.put(new ArrayBuffer(100));
  spare.put(new ArrayBuffer(50));
  assertEquals(spare.take(101), undefined);
  assertEquals([spare.take(100)?.byteLength, spare.take(1)], [100, undefined]);
});
