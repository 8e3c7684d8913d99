/**
 * A torrent file read and its info hash computed, beside `npm:parse-torrent` and `npm:@ctrl/torrent-file`. Ours also checks
 * the structure, makes paths safe and hashes the bytes of the file; theirs encode the info dictionary anew to hash it.
 */

// deno-lint-ignore-file no-import-prefix
import { files, hash, info } from "npm:@ctrl/torrent-file@4.4.0";
import { Buffer } from "node:buffer";
import parseTorrent from "npm:parse-torrent@11.0.24";
import { encode } from "../../src/bencode/encode.ts";
import { readMetainfo } from "../../src/metainfo/metainfo.ts";
import { type Contest, type Contestant, OURS } from "./contest.ts";
import { LARGE_TORRENT, MEDIUM_TORRENT, SMALL_TORRENT } from "./samples.ts";

function reading(what: string, bytes: Uint8Array, aim: string): Contest {
  return {
    work: `read ${what}, ${bytes.length} B`,
    units: 1,
    aim,
    contestants: {
      "parse-torrent": async () => void await parseTorrent(bytes),
      // Its time grows with the square of the files: half a minute for the largest.
      ...(bytes.length < 2 ** 20 && { "@ctrl/torrent-file": ctrlReader(Buffer.from(bytes)) }),
      [OURS]: async () => void await readMetainfo(bytes),
    },
  };
}

function ctrlReader(bytes: Buffer): Contestant {
  return () => {
    info(bytes);
    files(bytes);
    hash(bytes);
  };
}

/** Torrents per second. */
export const CONTESTS: readonly Contest[] = [
  reading("a small torrent", encode(SMALL_TORRENT), "≥ 10 ×"),
  reading("a torrent with a long pieces string", encode(MEDIUM_TORRENT), ""),
  reading("a torrent of 50,000 files", encode(LARGE_TORRENT), ""),
];
