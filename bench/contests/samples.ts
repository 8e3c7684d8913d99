/** Torrents and DHT messages of the sizes that are met: random, but the same in every run. */

import type { Bencodable } from "../../src/bencode/encode.ts";
import { randomBytes } from "../../src/bytes/random.ts";

type Dictionary = { readonly [key: string]: Bencodable };

let seed = 1;
const random = () => (seed = seed * 16807 % 2147483647) / 2147483647;
const bytes = (length: number) => randomBytes(random, length);

/** One file, 13 pieces. */
export const SMALL_TORRENT: Dictionary = {
  announce: "http://tracker.example.org:6969/announce",
  "announce-list": [["http://tracker.example.org:6969/announce"], [
    "udp://tracker.example.net:1337/announce",
  ]],
  comment: "A small torrent with one file",
  "created by": "a client/1.2.3",
  "creation date": 1375363666,
  info: {
    length: 212992,
    name: "Leaves of Grass.epub",
    "piece length": 16384,
    pieces: bytes(260),
    private: 0,
  },
};

function torrent(fileCount: number, pieces: number): Dictionary {
  const pieceLength = 262144, rest = pieceLength * pieces;
  const files = Array.from({ length: fileCount }, (_, i) => ({
    // The last file takes what the others leave.
    length: i < fileCount - 1 ? 1 + i * 7919 % 200_000 : rest - lengthOf(fileCount - 1),
    path: [`dir${i % 500}`, `sub${i % 7}`, `some file name ${i}.dat`],
  }));
  return {
    announce: "udp://tracker.example.org:1337/announce",
    "announce-list": Array.from({ length: 8 }, (_, i) => [`udp://tracker${i}.example.org:1337/announce`]),
    "creation date": 1700000000,
    encoding: "UTF-8",
    info: { files, name: "torrent", "piece length": pieceLength, pieces: bytes(20 * pieces) },
  };
}

function lengthOf(files: number): number {
  let length = 0;
  for (let i = 0; i < files; i++) length += 1 + i * 7919 % 200_000;
  return length;
}

/** 26 KB, nearly all of it hashes. */
export const MEDIUM_TORRENT: Dictionary = torrent(10, 1260);

/** 7.3 MB: 50,000 files and 200,000 pieces. */
export const LARGE_TORRENT: Dictionary = torrent(50_000, 200_000);

const id = () => bytes(20);

/** What a DHT node sees: three questions, two answers, an announce. */
export const KRPC: readonly Dictionary[] = [
  { a: { id: id() }, q: "ping", t: bytes(2), v: bytes(4), y: "q" },
  { a: { id: id(), target: id() }, q: "find_node", t: bytes(2), y: "q" },
  { r: { id: id(), nodes: bytes(208) }, t: bytes(2), y: "r" },
  { a: { id: id(), info_hash: id() }, q: "get_peers", t: bytes(2), v: bytes(4), y: "q" },
  {
    ip: bytes(6),
    r: { id: id(), nodes: bytes(208), token: bytes(8), values: Array.from({ length: 8 }, () => bytes(6)) },
    t: bytes(2),
    y: "r",
  },
  {
    a: { id: id(), implied_port: 1, info_hash: id(), port: 6881, token: bytes(8) },
    q: "announce_peer",
    t: bytes(2),
    y: "q",
  },
];
