import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  BLOCK_LENGTH,
  blockCount,
  blockFiles,
  filePieces,
  pieceContent,
  pieceFiles,
  pieceSize,
} from "../../src/metainfo/geometry.ts";
import type { TorrentInfo } from "../../src/metainfo/info.ts";
import { layoutContent } from "../../src/metainfo/layout.ts";

const PIECE = 32768;

const content = fc.record({
  version: fc.constantFrom("1" as const, "2" as const, "hybrid" as const),
  lengths: fc.array(fc.oneof(fc.nat(3 * PIECE), fc.constantFrom(0, 1, PIECE, 2 * PIECE)), {
    minLength: 1,
    maxLength: 12,
  }).filter((lengths) => lengths.some((length) => length > 0)),
});

/** A layout of files of these lengths: the shortest way to a `TorrentInfo` of any kind. */
function infoOf(version: "1" | "2" | "hybrid", lengths: readonly number[]): TorrentInfo {
  const files = lengths.map((length, i) => ({ path: [`${i}`.padStart(3, "0")], length }));
  return layoutContent(files, { name: "folder", version, pieceLength: PIECE }).info;
}

Deno.test("pieceSize() is short for the last piece of a v1 torrent only", () => {
  const info = infoOf("1", [PIECE + 1, PIECE]);
  assertEquals([0, 1, 2].map((piece) => pieceSize(info, piece)), [PIECE, PIECE, 1]);
});

Deno.test("pieceSize() is short for the last piece of every file of a v2 torrent", () => {
  const info = infoOf("2", [PIECE + 1, 0, 5, PIECE]);
  assertEquals(info.pieceCount, 4);
  assertEquals([0, 1, 2, 3].map((piece) => pieceSize(info, piece)), [PIECE, 1, 5, PIECE]);
  assertEquals(info.contentLength, 2 * PIECE + 6);
  assertEquals(info.length, 4 * PIECE);
});

Deno.test("pieceContent() leaves the padding of a hybrid torrent out", () => {
  const info = infoOf("hybrid", [PIECE + 1, 5]);
  assertEquals([0, 1, 2].map((piece) => pieceSize(info, piece)), [PIECE, PIECE, PIECE]);
  assertEquals([0, 1, 2].map((piece) => pieceContent(info, piece).length), [PIECE, 1, 5]);
  assertEquals([0, 1, 2].map((piece) => pieceContent(info, piece).file.index), [0, 0, 2]);
});

Deno.test("pieceFiles() covers every piece once, and every byte of every file in order", () => {
  fc.assert(fc.property(content, ({ version, lengths }) => {
    const info = infoOf(version, lengths), covered = new Map<number, number>();
    let total = 0;
    for (let piece = 0; piece < info.pieceCount; piece++) {
      let offset = 0;
      for (const span of pieceFiles(info, piece)) {
        assertEquals(span.pieceOffset, offset);
        assertEquals(span.fileOffset, covered.get(span.file.index) ?? 0);
        assertEquals(span.file.offset + span.fileOffset, piece * PIECE + span.pieceOffset);
        offset += span.length;
        covered.set(span.file.index, span.fileOffset + span.length);
      }
      assertEquals(offset, pieceSize(info, piece));
      total += offset;
    }
    for (const file of info.files) assertEquals(covered.get(file.index) ?? 0, file.length);
    assertEquals(total, version === "2" ? info.contentLength : info.length);
  }));
});

Deno.test("filePieces() names exactly the pieces that pieceFiles() finds the file in", () => {
  fc.assert(fc.property(content, ({ version, lengths }) => {
    const info = infoOf(version, lengths);
    for (const file of info.files) {
      const { first, last } = filePieces(info, file.index), expected: number[] = [];
      for (let piece = 0; piece < info.pieceCount; piece++) {
        if (pieceFiles(info, piece).some((span) => span.file === file)) expected.push(piece);
      }
      assertEquals(Array.from({ length: last - first + 1 }, (_, i) => first + i), expected);
    }
  }));
});

Deno.test("blockFiles() cuts what pieceFiles() gives", () => {
  const info = infoOf("1", [10, 0, 20, PIECE]);
  const spans = blockFiles(info, { piece: 0, begin: 5, length: 20 });
  assertEquals(
    spans.map(({ file, fileOffset, pieceOffset, length }) => [file.index, fileOffset, pieceOffset, length]),
    [
      [0, 5, 5, 5],
      [2, 0, 10, 15],
    ],
  );
  assertEquals(blockFiles(info, { piece: 1, begin: 30, length: 0 }), []);
});

Deno.test("blockCount() counts a short last block", () => {
  const info = infoOf("1", [PIECE + BLOCK_LENGTH + 1]);
  assertEquals([blockCount(info, 0), blockCount(info, 1)], [2, 2]);
});

Deno.test("geometry refuses pieces, files and ranges that are not there", () => {
  const info = infoOf("1", [10]);
  for (const piece of [-1, 1, 0.5, NaN]) {
    assertThrows(() => pieceSize(info, piece), RangeError, "the torrent has 1 pieces");
    assertThrows(() => pieceFiles(info, piece), RangeError);
    assertThrows(() => pieceContent(info, piece), RangeError);
  }
  assertThrows(() => filePieces(info, 1), RangeError, "the torrent has 1 files");
  assertThrows(() => blockFiles(info, { piece: 0, begin: 5, length: 6 }), RangeError, "piece 0 has 10 bytes");
  assertThrows(() => blockFiles(info, { piece: 0, begin: -1, length: 2 }), RangeError);
  assertThrows(() => blockFiles(info, { piece: 0, begin: 0, length: -2 }), RangeError);
});
