/**
 * A torrent file read and its info hash computed, against `npm:parse-torrent`. Ours also checks the structure, makes paths
 * safe and hashes the bytes of the file; theirs encodes the info dictionary anew to hash it.
 */

// deno-lint-ignore-file no-import-prefix
import parseTorrent from "npm:parse-torrent@11.0.24";
import { type Bencodable, encode } from "../src/bencode/encode.ts";
import { readMetainfo } from "../src/metainfo/metainfo.ts";

const SURROUNDINGS = {
  announce: "http://tracker.example.org:6969/announce",
  "announce-list": [["http://tracker.example.org:6969/announce"], [
    "udp://tracker.example.net:1337/announce",
  ]],
  comment: "A torrent",
  "created by": "a client/1.2.3",
  "creation date": 1375363666,
};

function torrentOf(info: { readonly [key: string]: Bencodable }, pieces: number): Uint8Array {
  return encode({
    ...SURROUNDINGS,
    info: { ...info, "piece length": 16384, pieces: new Uint8Array(20 * pieces) },
  });
}

function folderOf(count: number): Uint8Array {
  const files = Array.from({ length: count }, (_, i) => ({
    length: 16384,
    path: [`dir${i % 500}`, `sub${i % 7}`, `some file name ${i}.dat`],
  }));
  return torrentOf({ files, name: "folder" }, count);
}

const TORRENTS: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  ["bare file, 23 pieces", torrentOf({ length: 362017, name: "Leaves of Grass.epub" }, 23)],
  ["bare file, 1,300 pieces", torrentOf({ length: 1300 * 16384, name: "a film.mkv" }, 1300)],
  ["folder of 5,000 files", folderOf(5000)],
];

for (const [name, bytes] of TORRENTS) {
  const group = `read and hash: ${name}, ${bytes.length} bytes`;
  Deno.bench({ name: `ours, ${name}`, group, baseline: true }, async () => {
    await readMetainfo(bytes);
  });
  Deno.bench({ name: `parse-torrent, ${name}`, group }, async () => {
    await parseTorrent(bytes);
  });
}
