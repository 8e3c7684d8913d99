/**
 * Bencode, the encoding of torrent files, trackers, the DHT and extension messages (BEP 3 "bencoding").
 *
 * The decoder is strict: every value has one spelling, and anything else is a {@linkcode DecodeError} with the offset
 * of the fault; `tolerant` takes what the wild sends. Integers are exact at any size. Dictionary keys are byte strings,
 * one code unit 0–255 per byte, so that binary keys survive a round trip. A decoded dictionary keeps its source bytes,
 * which is what info hashes are computed over.
 *
 * ```ts
 * import { decodeDictionary, encode } from "@network/bittorrent/bencode";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encode({ interval: 1800, peers: new Uint8Array(6), "tracker id": "x" });
 * const reply = decodeDictionary(bytes);
 * assertEquals(reply.integer("interval"), 1800);
 * assertEquals(reply.text("tracker id"), "x");
 * assertEquals(reply.bytes("peers")?.length, 6);
 * assertEquals(reply.text("failure reason"), undefined);
 * assertEquals(reply.raw, bytes);
 * ```
 *
 * @module
 */

export { DecodeError, type DecodeErrorOptions } from "../errors.ts";
export {
  type BencodeDecodeOptions,
  type BencodePrefix,
  decode,
  decodeDictionary,
  decodePrefix,
} from "./decode.ts";
export { BencodeDictionary, type BencodeValue } from "./dictionary.ts";
export { type Bencodable, encode } from "./encode.ts";
export { RawBencode } from "./raw.ts";
