/** Sending the info dictionary to peers that have only its hash: `ut_metadata` (BEP 9 "extension message"). */

import { decodePrefix } from "../../bencode/decode.ts";
import { BencodeDictionary } from "../../bencode/dictionary.ts";
import { encode } from "../../bencode/encode.ts";
import { DecodeError } from "../../errors.ts";

/** Bytes of every block of metadata but the last (BEP 9 "metadata"). */
export const METADATA_BLOCK_LENGTH = 16384;

/** One variant per message. `piece` counts the blocks of the metadata from 0. */
export type MetadataMessage =
  | { readonly type: "metadataRequest"; readonly piece: number }
  /** `totalSize` is the length of the whole metadata in bytes. */
  | {
    readonly type: "metadataData";
    readonly piece: number;
    readonly totalSize: number;
    readonly block: Uint8Array;
  }
  | { readonly type: "metadataReject"; readonly piece: number };

/** The `msg_type` of every message. */
const METADATA_TYPES = { metadataRequest: 0, metadataData: 1, metadataReject: 2 } as const;

/** Three keys are known; some clients add a few. */
const LIMITS = { tolerant: true, maxDepth: 4, maxTokens: 64 } as const;

/** How many bytes a block of metadata must have; 0 or less if it lies behind the end. */
export function metadataBlockLength(piece: number, totalSize: number): number {
  return Math.min(METADATA_BLOCK_LENGTH, totalSize - piece * METADATA_BLOCK_LENGTH);
}

/** Writes a metadata message; the block of `metadataData` follows its dictionary. */
export function encodeMetadata(message: MetadataMessage): Uint8Array<ArrayBuffer> {
  const isData = message.type === "metadataData";
  const dictionary = encode({
    msg_type: METADATA_TYPES[message.type],
    piece: message.piece,
    total_size: isData ? message.totalSize : undefined,
  });
  if (!isData) return dictionary;
  const bytes = new Uint8Array(dictionary.length + message.block.length);
  bytes.set(dictionary);
  bytes.set(message.block, dictionary.length);
  return bytes;
}

/**
 * Reads a metadata message; `undefined` for a message type that BEP 9 does not know ("MUST be ignored"). The block is a
 * view of `bytes`.
 *
 * @throws {DecodeError} If the dictionary is broken, or the block has not the length that its place demands.
 */
export function decodeMetadata(bytes: Uint8Array): MetadataMessage | undefined {
  const { value, end } = decodePrefix(bytes, LIMITS);
  if (!(value instanceof BencodeDictionary)) return fail("not a dictionary", 0);
  const messageType = value.integer("msg_type"), piece = value.integer("piece");
  if (messageType === undefined) return fail('no "msg_type"', 0);
  if (piece === undefined || piece < 0) return fail(`"piece" is ${piece}`, 0);
  switch (messageType) {
    case METADATA_TYPES.metadataRequest:
      return { type: "metadataRequest", piece };
    case METADATA_TYPES.metadataData:
      return readData(value, piece, bytes.subarray(end), end);
    case METADATA_TYPES.metadataReject:
      return { type: "metadataReject", piece };
    default:
      return undefined;
  }
}

function readData(
  dictionary: BencodeDictionary,
  piece: number,
  block: Uint8Array,
  offset: number,
): MetadataMessage {
  const totalSize = dictionary.integer("total_size");
  if (totalSize === undefined) return fail('no "total_size"', 0);
  const expected = metadataBlockLength(piece, totalSize);
  if (expected <= 0) return fail(`block ${piece} lies behind the end`, 0);
  if (block.length !== expected) {
    return fail(`expected a block of ${expected} bytes, got ${block.length}`, offset);
  }
  return { type: "metadataData", piece, totalSize, block };
}

function fail(reason: string, offset: number): never {
  throw new DecodeError(`Cannot decode metadata message: ${reason}`, { offset });
}
