import { assert, assertEquals } from "@std/assert";
import { Blame } from "../../src/torrent/blame.ts";
import { lastAskedAt, OpenPiece } from "../../src/torrent/open_piece.ts";
import { BLOCK } from "./machine.ts";

function open(length: number, contentSize = length): OpenPiece {
  const bytes = new Uint8Array(length).fill(0xa5);
  return new OpenPiece({ piece: 3, bytes, contentSize, exclusive: undefined });
}

function blockOf(value: number, length = BLOCK): Uint8Array {
  return new Uint8Array(length).fill(value);
}

Deno.test("OpenPiece gives out each free block once and the released ones again", () => {
  const piece = open(3 * BLOCK - 5);
  assertEquals([piece.takeFree(0), piece.takeFree(0), piece.takeFree(0), piece.takeFree(0)], [0, 1, 2, -1]);
  assertEquals(piece.blockLength(2), BLOCK - 5);
  piece.release(1);
  assertEquals(piece.free, 1);
  assertEquals(piece.takeFree(5), 1);
  assertEquals([piece.askedAt(0), piece.askedAt(1), lastAskedAt(piece)], [0, 5, 5]);
});

Deno.test("OpenPiece.receive() copies blocks and ends in storing", () => {
  const piece = open(2 * BLOCK);
  piece.takeFree(0);
  piece.receive(0, blockOf(1), "a");
  piece.receive(1, blockOf(2), "b");
  assert(piece.isStoring);
  assertEquals([piece.bytes[0], piece.bytes[BLOCK], piece.free], [1, 2, 0]);
  assertEquals(piece.senders.toArray(), ["a", "b"]);
});

Deno.test("OpenPiece asks for no padding and delivers it as zeros", () => {
  const piece = open(4 * BLOCK, BLOCK + 10);
  assertEquals(piece.blockCount, 2);
  assertEquals(piece.blockLength(1), 10);
  piece.receive(0, blockOf(1), "a");
  piece.receive(1, blockOf(2, 10), "a");
  assert(piece.isStoring);
  assertEquals(piece.bytes.subarray(BLOCK + 8, BLOCK + 12), Uint8Array.of(2, 2, 0, 0));
  assert(piece.bytes.subarray(BLOCK + 10).every((byte) => byte === 0));
});

Deno.test("OpenPiece of padding alone still has a block to ask for", () => {
  const piece = open(100, 0);
  assertEquals([piece.blockCount, piece.blockLength(0)], [1, 100]);
});

Deno.test("OpenPiece.forget() frees the blocks of one host", () => {
  const piece = open(3 * BLOCK);
  for (let block = 0; block < 3; block++) piece.takeFree(0);
  piece.release(0);
  piece.receive(0, blockOf(1), "a");
  piece.release(1);
  piece.receive(1, blockOf(2), "b");
  piece.forget("a");
  assertEquals([piece.missing, piece.free, piece.takeFree(0)], [2, 1, 0]);
  assertEquals(piece.senders.toArray(), [undefined, "b", undefined]);
});

Deno.test("Blame.failed() names the only sender", () => {
  const piece = open(BLOCK);
  piece.receive(0, blockOf(1), "a");
  const blame = new Blame();
  assertEquals(blame.failed(piece), "a");
  assert(!blame.isOnParole(3));
});

Deno.test("Blame.passed() names those whose blocks differed, and nobody else", () => {
  const blame = new Blame();
  const bad = open(3 * BLOCK);
  bad.receive(0, blockOf(1), "a");
  bad.receive(1, blockOf(9), "b");
  bad.receive(2, blockOf(3), "c");
  assertEquals(blame.failed(bad), undefined);
  assert(blame.isOnParole(3));
  bad.bytes.fill(0);
  const good = open(3 * BLOCK);
  for (let block = 0; block < 3; block++) good.receive(block, blockOf(block + 1), "d");
  assertEquals(blame.passed(good), new Set(["b"]));
  assert(!blame.hasParole);
  assertEquals(blame.passed(good), new Set());
});
