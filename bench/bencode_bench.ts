/**
 * Bencode against `npm:bencode`, `npm:bencode-ts` and, as the yardstick of the runtime, `JSON.parse` of the same content.
 * The peers do not check canonical form; ours does.
 */

// deno-lint-ignore-file no-import-prefix
import bencode from "npm:bencode@4.0.1";
import { Bencode } from "npm:bencode-ts@1.0.1";
import { Buffer } from "node:buffer";
import { decode } from "../src/bencode/decode.ts";
import { type Bencodable, encode } from "../src/bencode/encode.ts";
import { randomBytes } from "../src/bytes/random.ts";

let seed = 1;
const random = () => (seed = seed * 16807 % 2147483647) / 2147483647;
const bytes = (length: number) => randomBytes(random, length);

const SMALL = {
  announce: "http://tracker.example.org:6969/announce",
  "announce-list": [["http://tracker.example.org:6969/announce"], [
    "udp://tracker.example.net:1337/announce",
  ]],
  comment: "A small torrent with one file",
  "created by": "a client/1.2.3",
  "creation date": 1375363666,
  info: {
    length: 362017,
    name: "Leaves of Grass.epub",
    "piece length": 16384,
    pieces: bytes(260),
    private: 0,
  },
};

function filesOf(count: number): Bencodable[] {
  return Array.from({ length: count }, (_, i) => ({
    length: 1 + i * 7919 % 2000000,
    path: [`dir${i % 500}`, `sub${i % 7}`, `some file name ${i}.dat`],
  }));
}

const torrent = (files: number, pieces: number) => ({
  announce: "udp://tracker.example.org:1337/announce",
  "announce-list": Array.from({ length: 8 }, (_, i) => [`udp://tracker${i}.example.org:1337/announce`]),
  "creation date": 1700000000,
  encoding: "UTF-8",
  info: { files: filesOf(files), name: "torrent", "piece length": 262144, pieces: bytes(20 * pieces) },
});

const id = () => bytes(20);
const KRPC: Bencodable[] = [
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

/** The same content as JSON can say it: a byte string becomes text of the same length. */
function jsonOf(value: Bencodable | undefined): unknown {
  if (value instanceof Uint8Array) {
    return Array.from(value, (byte) => String.fromCharCode(32 + byte % 95)).join("");
  }
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, jsonOf(member)]));
}

const SETS: readonly (readonly [name: string, messages: readonly Bencodable[]])[] = [
  ["a small torrent", [SMALL]],
  ["a 26 KB torrent", [torrent(10, 1260)]],
  ["a 1 MB torrent of 10,000 files", [torrent(10_000, 16_000)]],
  ["six KRPC messages", KRPC],
];

for (const [name, values] of SETS) {
  const messages = values.map((value) => encode(value));
  const buffers = messages.map((message) => Buffer.from(message));
  const texts = values.map((value) => JSON.stringify(jsonOf(value)));
  const length = messages.reduce((sum, message) => sum + message.length, 0);
  const group = `decode ${name}, ${length} bytes`;
  Deno.bench("ours", { group, baseline: true }, () => {
    for (const message of messages) decode(message);
  });
  Deno.bench("npm:bencode", { group }, () => {
    for (const message of messages) bencode.decode(message);
  });
  Deno.bench("npm:bencode-ts", { group }, () => {
    for (const buffer of buffers) Bencode.decode(buffer);
  });
  Deno.bench("JSON.parse", { group }, () => {
    for (const text of texts) JSON.parse(text);
  });
}

for (const [name, values] of SETS) {
  const group = `encode ${name}`;
  // Each library writes what it decodes itself, ours plain objects: a decoded dictionary would only be copied.
  const theirs = values.map((value) => bencode.decode(encode(value)));
  const buffers = values.map((value) => Bencode.decode(Buffer.from(encode(value))));
  const json = values.map(jsonOf);
  Deno.bench("ours", { group, baseline: true }, () => {
    for (const value of values) encode(value);
  });
  Deno.bench("npm:bencode", { group }, () => {
    for (const value of theirs) bencode.encode(value);
  });
  Deno.bench("npm:bencode-ts", { group }, () => {
    for (const value of buffers) Bencode.encode(value);
  });
  Deno.bench("JSON.stringify", { group }, () => {
    for (const value of json) JSON.stringify(value);
  });
}
