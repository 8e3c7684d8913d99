import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Bitfield } from "../../src/bytes/bitfield.ts";
import { contentSize, FileProgress, paddingPieces } from "../../src/client/file_progress.ts";
import type { TorrentFile, TorrentInfo } from "../../src/metainfo/info.ts";

/** A v1 torrent with these files, pieces of 10 bytes. */
function torrent(files: readonly { readonly length: number; readonly pad?: boolean }[]): TorrentInfo {
  let offset = 0;
  const laid: TorrentFile[] = files.map(({ length, pad = false }, index) => {
    const file = { index, path: ["t", `${index}`], length, offset, pad, executable: false, hidden: false };
    offset += length;
    return file;
  });
  return {
    version: "1",
    name: "t",
    multiFile: true,
    pieceLength: 10,
    pieceCount: Math.ceil(offset / 10),
    length: offset,
    contentLength: laid.filter((file) => !file.pad).reduce((sum, { length }) => sum + length, 0),
    private: false,
    files: laid,
    similar: [],
    collections: [],
  };
}

const FILES = torrent([{ length: 15 }, { length: 0 }, { length: 3 }, { length: 12 }]);

Deno.test("FileProgress counts files and bytes piece by piece", () => {
  const progress = new FileProgress(FILES, new Bitfield(3));
  assertEquals([progress.wantedLength, progress.completedLength], [30, 0]);
  assertEquals(progress.isComplete(1), true);
  assertEquals(progress.gained(0), []);
  assertEquals(progress.gained(0), []);
  assertEquals(progress.gained(1), [0, 2]);
  assertEquals(progress.completedLength, 20);
  assertEquals(progress.gained(2), [3]);
  assertEquals(progress.completedLength, 30);
  progress.lost(1);
  progress.lost(1);
  assertEquals(progress.files().map(({ isComplete }) => isComplete), [false, true, false, false]);
  assertEquals(progress.completedLength, 20);
});

Deno.test("FileProgress.prioritize() makes a piece as wanted as its most wanted file", () => {
  const progress = new FileProgress(FILES, new Bitfield(3));
  progress.gained(1);
  progress.prioritize(new Map([[0, 0], [2, 7], [3, 1]]));
  assertEquals([...progress.piecePriorities()], [0, 7, 1]);
  assertEquals([progress.wantedLength, progress.completedLength], [15, 5]);
  assertThrows(() => progress.prioritize(new Map([[4, 1]])), RangeError, "no such file");
  assertThrows(() => progress.prioritize(new Map([[0, 8]])), RangeError, "0 to 7");
});

Deno.test("FileProgress keeps the same numbers as a recount, whatever comes", () => {
  const sizes = fc.array(fc.record({ length: fc.nat(35), pad: fc.boolean() }), { minLength: 1, maxLength: 8 })
    .filter((files) => files.some(({ length }) => length > 0));
  fc.assert(fc.property(sizes, fc.array(fc.tuple(fc.boolean(), fc.nat(40))), (files, steps) => {
    const info = torrent(files), have = new Bitfield(info.pieceCount);
    const progress = new FileProgress(info, have);
    for (const [gain, at] of steps) {
      const piece = at % info.pieceCount;
      if (gain) progress.gained(piece), have.set(piece);
      else progress.lost(piece), have.clear(piece);
    }
    const fresh = new FileProgress(info, have);
    assertEquals(progress.completedLength, fresh.completedLength);
    assertEquals(progress.files(), fresh.files());
  }));
});

Deno.test("paddingPieces() and contentSize() know what nobody needs to ask for", () => {
  const info = torrent([{ length: 4 }, { length: 26, pad: true }, { length: 5 }]);
  assertEquals(paddingPieces(info), [1, 2]);
  assertEquals([0, 1, 2, 3].map((piece) => contentSize(info, piece)), [4, 0, 0, 5]);
  assertEquals(paddingPieces(FILES), []);
  assertEquals(contentSize(FILES, 1), 10);
  const padFirst = torrent([{ length: 5, pad: true }, { length: 5 }]);
  assertEquals(contentSize(padFirst, 0), 10);
});
