/** Torrents with content, for tests of storage. */

import { pieceFiles, pieceSize } from "../../src/metainfo/geometry.ts";
import type { TorrentVersion } from "../../src/metainfo/info.ts";
import { createTorrent } from "../../src/metainfo/create.ts";
import { type Metainfo, readMetainfo } from "../../src/metainfo/metainfo.ts";
import { seededRandom } from "../../src/io/memory/seeded_random.ts";
import { randomBytes } from "../../src/bytes/random.ts";

/** A torrent and what it is of. */
export interface SampleTorrent {
  readonly metainfo: Metainfo;
  /** Content by index of the file; nothing for padding. */
  readonly contents: readonly (Uint8Array | undefined)[];
  /** The bytes of a piece. */
  piece(index: number): Uint8Array;
}

export const SAMPLE_FILES: Readonly<Record<string, number>> = {
  "a.bin": 100_000,
  "b/empty": 0,
  "b/small.txt": 10,
  "c/d/e.bin": 70_000,
  "z.bin": 16_384,
};

/** Makes a torrent called `sample` of files with the given lengths. */
export async function sampleTorrent(
  options: { version?: TorrentVersion; pieceLength?: number; files?: Readonly<Record<string, number>> } = {},
): Promise<SampleTorrent> {
  const { version = "1", pieceLength = 32768, files = SAMPLE_FILES } = options, random = seededRandom(42);
  const made = Object.entries(files).map(([path, length]) => ({
    path: path.split("/"),
    content: randomBytes(random, length),
  }));
  const metainfo = await readMetainfo(await createTorrent(made, { name: "sample", version, pieceLength }));
  const byPath = new Map(made.map(({ path, content }) => [`sample/${path.join("/")}`, content]));
  const contents = metainfo.info.files.map(({ path, pad }) => pad ? undefined : byPath.get(path.join("/"))!);
  return {
    metainfo,
    contents,
    piece(index) {
      const bytes = new Uint8Array(pieceSize(metainfo.info, index));
      for (const { file, fileOffset, pieceOffset, length } of pieceFiles(metainfo.info, index)) {
        const content = contents[file.index];
        if (content) bytes.set(content.subarray(fileOffset, fileOffset + length), pieceOffset);
      }
      return bytes;
    },
  };
}
