/**
 * Bencode beside `npm:bencode`, `npm:bencode-ts` and, as the yardstick of the runtime, `JSON` with the same content. The
 * others do not check canonical form; ours does.
 */

// deno-lint-ignore-file no-import-prefix
import bencode from "npm:bencode@4.0.1";
import { Bencode } from "npm:bencode-ts@1.0.1";
import { Buffer } from "node:buffer";
import { decode } from "../../src/bencode/decode.ts";
import { type Bencodable, encode } from "../../src/bencode/encode.ts";
import { type Contest, OURS } from "./contest.ts";
import { KRPC, LARGE_TORRENT, MEDIUM_TORRENT, SMALL_TORRENT } from "./samples.ts";

/** The same content as JSON can say it: a byte string becomes text of the same length. */
function jsonOf(value: Bencodable | undefined): unknown {
  if (value instanceof Uint8Array) {
    return Array.from(value, (byte) => String.fromCharCode(32 + byte % 95)).join("");
  }
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, jsonOf(member)]));
}

/** Does something to each of some values. */
function each<T>(values: readonly T[], act: (value: T) => unknown): () => void {
  return () => {
    for (const value of values) act(value);
  };
}

function decoding(what: string, values: readonly Bencodable[], aim: string): Contest {
  const messages = values.map((value) => encode(value));
  return {
    work: `decode ${what}, ${messages.reduce((sum, { length }) => sum + length, 0)} B`,
    units: values.length,
    aim,
    contestants: {
      "bencode": each(messages, (bytes) => bencode.decode(bytes)),
      "bencode-ts": each(messages.map((bytes) => Buffer.from(bytes)), (bytes) => Bencode.decode(bytes)),
      "JSON": each(values.map((value) => JSON.stringify(jsonOf(value))), (text) => JSON.parse(text)),
      [OURS]: each(messages, (bytes) => decode(bytes)),
    },
  };
}

/** Each writes what it decodes itself, ours plain objects: a decoded dictionary would only be copied. */
function encoding(what: string, values: readonly Bencodable[], aim: string): Contest {
  const messages = values.map((value) => encode(value));
  return {
    work: `encode ${what}`,
    units: values.length,
    aim,
    contestants: {
      "bencode": each(messages.map((bytes) => bencode.decode(bytes)), (value) => bencode.encode(value)),
      "bencode-ts": each(messages.map((bytes) => Bencode.decode(Buffer.from(bytes))), (value) => {
        Bencode.encode(value);
      }),
      "JSON": each(values.map(jsonOf), (value) => JSON.stringify(value)),
      [OURS]: each(values, (value) => encode(value)),
    },
  };
}

/** Messages per second. */
export const CONTESTS: readonly Contest[] = [
  decoding("a small torrent", [SMALL_TORRENT], "≥ 8 ×, ≥ 0.5 × JSON"),
  decoding("a torrent with a long pieces string", [MEDIUM_TORRENT], "≥ 10 ×"),
  decoding("a torrent of 50,000 files", [LARGE_TORRENT], "≥ 4 ×"),
  decoding("six KRPC messages", KRPC, "≥ 8 ×"),
  encoding("a small torrent", [SMALL_TORRENT], ""),
  encoding("a torrent of 50,000 files", [LARGE_TORRENT], ""),
  encoding("six KRPC messages", KRPC, "≥ 5 ×"),
];
