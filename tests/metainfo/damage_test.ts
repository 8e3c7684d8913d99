/** Torrents damaged at random: whatever comes, the answer is a torrent or a DecodeError. */

import { assert } from "@std/assert";
import fc from "fast-check";
import { encodeUtf8 } from "../../src/bytes/text.ts";
import { DecodeError } from "../../src/errors.ts";
import { createTorrent } from "../../src/metainfo/create.ts";
import { editTorrent } from "../../src/metainfo/edit.ts";
import { pieceFiles, pieceSize } from "../../src/metainfo/geometry.ts";
import { readMetainfo } from "../../src/metainfo/metainfo.ts";
import { pieceHash } from "../../src/metainfo/verify.ts";
import { corpusTorrents } from "./corpus.ts";

const files = [
  { path: ["a", "b"], content: new Uint8Array(20_000) },
  { path: ["a", "c"], content: new Uint8Array(5), executable: true },
  { path: ["d"], symlink: ["a", "c"] },
];
const options = {
  name: "folder",
  pieceLength: 16384,
  announce: [["http://a/", "http://b/"]],
  webSeeds: ["http://w/"],
};
const sound = await Promise.all([
  createTorrent(files, { ...options, version: "1" }),
  createTorrent(files, { ...options, version: "2" }),
  createTorrent(files, { ...options, version: "hybrid", private: true }),
  createTorrent([{ path: ["bare"], content: new Uint8Array(50_000) }], {
    version: "hybrid",
    pieceLength: 16384,
  }),
]);

/** Mostly nothing, so that much is still a torrent. */
function seldom<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
}

const byte = fc.oneof(fc.nat(255), fc.constantFrom(...encodeUtf8("0123456789deil:-")));

const damaged = fc.record({
  bytes: fc.constantFrom(...sound, ...corpusTorrents(4000)),
  edits: fc.array(fc.record({ at: fc.nat(), byte }), { maxLength: 3 }),
  insert: seldom(fc.record({ at: fc.nat(), from: fc.nat(), length: fc.nat(60) })),
  cut: seldom(fc.nat()),
}).map(({ bytes, edits, insert, cut }) => {
  const copy = [...bytes];
  for (const { at, byte } of edits) copy[at % copy.length] = byte;
  if (insert !== null) {
    const from = insert.from % copy.length;
    copy.splice(insert.at % copy.length, 0, ...copy.slice(from, from + insert.length));
  }
  return Uint8Array.from(cut === null ? copy : copy.slice(0, cut % copy.length));
});

Deno.test("readMetainfo() reads a damaged torrent soundly or throws a DecodeError", async () => {
  let read = 0;
  await fc.assert(
    fc.asyncProperty(damaged, async (bytes) => {
      try {
        const { info, ...metainfo } = await readMetainfo(bytes), last = info.pieceCount - 1;
        for (const piece of [0, last]) {
          const covered = pieceFiles(info, piece).reduce((sum, span) => sum + span.length, 0);
          assert(covered === pieceSize(info, piece) && covered > 0 && covered <= info.pieceLength);
          pieceHash({ ...metainfo, info }, piece);
        }
        read++;
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }),
    { numRuns: 1500 },
  );
  assert(read > 100, `only ${read} were still torrents`);
});

Deno.test("editTorrent() throws nothing but DecodeError", () => {
  fc.assert(fc.property(damaged, (bytes) => {
    try {
      editTorrent(bytes, { comment: "x" });
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  }));
});

Deno.test("readMetainfo() refuses every cut of a torrent", async () => {
  for (const bytes of sound) {
    for (let length = 0; length < bytes.length; length++) {
      const error = await readMetainfo(bytes.subarray(0, length)).catch((error: unknown) => error);
      assert(error instanceof DecodeError, `cut to ${length} bytes`);
    }
  }
});
