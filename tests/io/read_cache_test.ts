import { assert, assertEquals, assertRejects } from "@std/assert";
import { type PieceReader, ReadAhead, ReadCache } from "../../src/io/read_cache.ts";

const CHUNK = 256 * 1024, PIECE = 2 * CHUNK + 1000;

function byteAt(piece: number, offset: number): number {
  return (piece * 31 + offset * 7 + (offset >> 8)) & 0xff;
}

/** A disk that counts its reads and answers when told to, or at once. */
class Disk {
  readonly reads: [piece: number, begin: number, length: number][] = [];
  failure: Error | undefined;
  gate: Promise<void> | undefined;

  readonly read: PieceReader = async (piece, begin, into) => {
    this.reads.push([piece, begin, into.length]);
    await this.gate;
    if (this.failure) throw this.failure;
    for (let i = 0; i < into.length; i++) into[i] = byteAt(piece, begin + i);
  };

  ahead(cache: ReadCache): ReadAhead {
    return new ReadAhead(cache, { read: this.read, pieceSize: () => PIECE, pieceLength: PIECE });
  }
}

async function readBlock(ahead: ReadAhead, piece: number, begin: number, length = 16384): Promise<void> {
  const into = new Uint8Array(length);
  await ahead.read(piece, begin, into);
  assert(into.every((byte, i) => byte === byteAt(piece, begin + i)), `piece ${piece} from ${begin}`);
}

Deno.test("read() turns blocks in sequence into a few long reads that stay inside the piece", async () => {
  const disk = new Disk(), ahead = disk.ahead(new ReadCache());
  for (let begin = 0; begin < PIECE; begin += 16384) {
    await readBlock(ahead, 4, begin, Math.min(16384, PIECE - begin));
  }
  assertEquals(disk.reads, [[4, 0, CHUNK], [4, CHUNK, CHUNK], [4, 2 * CHUNK, 1000]]);
});

Deno.test("read() goes past the cache for reads that are longer or lie across chunks", async () => {
  const disk = new Disk(), cache = new ReadCache(), ahead = disk.ahead(cache);
  await readBlock(ahead, 0, CHUNK - 100, 200);
  await readBlock(ahead, 0, 0, CHUNK + 1);
  assertEquals(disk.reads, [[0, CHUNK - 100, 200], [0, 0, CHUNK + 1]]);
  assertEquals(cache.length, 0);
});

Deno.test("read() by many at once loads a chunk once", async () => {
  const disk = new Disk(), ahead = disk.ahead(new ReadCache());
  await Promise.all(Array.from({ length: 10 }, (_, i) => readBlock(ahead, 1, i * 16384)));
  assertEquals(disk.reads.length, 1);
});

Deno.test("the least recently used chunk leaves, whichever torrent it belongs to", async () => {
  const disk = new Disk(),
    cache = new ReadCache(3 * CHUNK),
    one = disk.ahead(cache),
    other = disk.ahead(cache);
  await readBlock(one, 0, 0);
  await readBlock(one, 1, 0);
  await readBlock(other, 0, 0);
  await readBlock(one, 0, 16384);
  await readBlock(other, 1, 0);
  assertEquals(cache.length, 3 * CHUNK);
  const before = disk.reads.length;
  await readBlock(one, 0, 0);
  await readBlock(other, 0, 0);
  assertEquals(disk.reads.length, before);
  await readBlock(one, 1, 0);
  assertEquals(disk.reads.length, before + 1);
});

Deno.test("a chunk that has readers waiting keeps its memory until they have copied", async () => {
  const disk = new Disk(), cache = new ReadCache(CHUNK), ahead = disk.ahead(cache);
  const { promise, resolve } = Promise.withResolvers<void>();
  disk.gate = promise;
  const reads = Array.from({ length: 20 }, (_, i) => readBlock(ahead, i % 7, (i % 3) * 16384));
  resolve();
  await Promise.all(reads);
  await readBlock(ahead, 9, 0);
  assertEquals(cache.length, CHUNK);
});

Deno.test("forget() makes the next read go to the disk", async () => {
  const disk = new Disk(), cache = new ReadCache(), ahead = disk.ahead(cache);
  for (const piece of [0, 1]) await readBlock(ahead, piece, 0);
  await readBlock(ahead, 1, 2 * CHUNK, 10);
  ahead.forget(1);
  assertEquals(cache.length, CHUNK);
  await readBlock(ahead, 0, 0);
  assertEquals(disk.reads.length, 3);
  await readBlock(ahead, 1, 0);
  assertEquals(disk.reads.length, 4);
  ahead.forget();
  assertEquals(cache.length, 0);
});

Deno.test("read() rejects as the disk does, and tries again the next time", async () => {
  const disk = new Disk(), cache = new ReadCache(), ahead = disk.ahead(cache);
  disk.failure = new Error("gone");
  await Promise.all([0, 1].map(() => assertRejects(() => readBlock(ahead, 0, 0), Error, "gone")));
  assertEquals(cache.length, 0);
  disk.failure = undefined;
  await readBlock(ahead, 0, 0);
});

Deno.test("pieces() tells which pieces are in memory as a whole, the latest last", async () => {
  const disk = new Disk(), ahead = disk.ahead(new ReadCache(6 * CHUNK));
  const readPiece = async (piece: number) => {
    for (const begin of [0, CHUNK, 2 * CHUNK]) await readBlock(ahead, piece, begin, 1000);
  };
  await readPiece(4);
  await readBlock(ahead, 5, 0);
  await readPiece(2);
  assertEquals(ahead.pieces(), [4, 2]);
  await readPiece(7);
  assertEquals(ahead.pieces(), [2, 7]); // there is no room for three
  ahead.forget(7);
  assertEquals(ahead.pieces(), [2]);
  const { promise, resolve } = Promise.withResolvers<void>();
  disk.gate = promise;
  const reading = readPiece(9);
  assertEquals(ahead.pieces().includes(9), false);
  resolve();
  await reading;
});

Deno.test("a chunk that was read to its end leaves first, unless it is read again", async () => {
  const disk = new Disk(), ahead = disk.ahead(new ReadCache(3 * CHUNK));
  const isCached = async (piece: number) => {
    const before = disk.reads.length;
    await readBlock(ahead, piece, 0);
    return disk.reads.length === before;
  };
  for (const piece of [0, 1]) await readBlock(ahead, piece, 0);
  const readToEnd = async (piece: number) => {
    for (let begin = 0; begin < CHUNK; begin += 16384) await readBlock(ahead, piece, begin);
  };
  for (const piece of [2, 3, 4]) await readToEnd(piece);
  assertEquals([await isCached(0), await isCached(1), await isCached(4)], [true, true, true]);
  await readBlock(ahead, 5, 0); // 4 was read again: now the least recently used leaves
  assertEquals([await isCached(4), await isCached(1), await isCached(0)], [true, true, false]);
});
