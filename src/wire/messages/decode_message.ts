/** Bytes to the messages between peers, every length checked against its id (BEP 3, 5, 6, 10, 52). */

import { DecodeError } from "../../errors.ts";
import {
  type BlockRange,
  type HashRange,
  LENGTH_BY_ID,
  MESSAGE_IDS,
  MESSAGE_LENGTHS,
  messageTypeOf,
  type NumberedMessage,
  OPEN_ENDED,
  type PeerMessage,
  ROOT_LENGTH,
} from "./message.ts";
import { readUint32 } from "./uint32.ts";

// Names of this module's own: what is imported is looked up at each use, a quarter of the time of a small message.
const IDS = MESSAGE_IDS, LENGTHS = MESSAGE_LENGTHS;

const KEEP_ALIVE: PeerMessage = { type: "keepAlive" };

/** 1 for the ids of messages that end in content of any length. */
const OPEN_ENDED_BY_ID = new Uint8Array(256);
for (const type of OPEN_ENDED) OPEN_ENDED_BY_ID[IDS[type]] = 1;

/**
 * Reads a message without its length prefix: nothing is a keep-alive, else the id comes first. `undefined` for an id
 * that this library does not know: such messages are to be skipped. Content is a view of `bytes`.
 *
 * @throws {DecodeError} If the length does not fit the id.
 */
export function decodeMessage(bytes: Uint8Array): PeerMessage | undefined {
  return bytes.length === 0 ? KEEP_ALIVE : decodeMessageAt(bytes, 0, bytes.length);
}

/** Does what {@linkcode decodeMessage} does, in place: the message lies from `start` (its id) to `end`, not empty. */
export function decodeMessageAt(bytes: Uint8Array, start: number, end: number): NumberedMessage | undefined {
  const id = bytes[start]!, at = start + 1;
  checkLength(id, end - start);
  switch (id) {
    case IDS.choke:
      return { type: "choke" };
    case IDS.unchoke:
      return { type: "unchoke" };
    case IDS.interested:
      return { type: "interested" };
    case IDS.notInterested:
      return { type: "notInterested" };
    case IDS.have:
      return { type: "have", piece: readUint32(bytes, at) };
    case IDS.bitfield:
      return { type: "bitfield", bits: bytes.subarray(at, end) };
    case IDS.request:
      return blockRangeAt("request", bytes, at);
    case IDS.piece:
      return {
        type: "piece",
        piece: readUint32(bytes, at),
        begin: readUint32(bytes, at + 4),
        block: bytes.subarray(at + 8, end),
      };
    case IDS.cancel:
      return blockRangeAt("cancel", bytes, at);
    case IDS.port:
      return { type: "port", port: bytes[at]! << 8 | bytes[at + 1]! };
    case IDS.suggest:
      return { type: "suggest", piece: readUint32(bytes, at) };
    case IDS.haveAll:
      return { type: "haveAll" };
    case IDS.haveNone:
      return { type: "haveNone" };
    case IDS.reject:
      return blockRangeAt("reject", bytes, at);
    case IDS.allowedFast:
      return { type: "allowedFast", piece: readUint32(bytes, at) };
    case IDS.extended:
      return { type: "extended", id: bytes[at]!, payload: bytes.subarray(at + 1, end) };
    case IDS.hashRequest:
      return { type: "hashRequest", ...hashRangeAt(bytes, at) };
    case IDS.hashes:
      return {
        type: "hashes",
        ...hashRangeAt(bytes, at),
        hashes: bytes.subarray(start + LENGTHS.hashes, end),
      };
    case IDS.hashReject:
      return { type: "hashReject", ...hashRangeAt(bytes, at) };
  }
}

function checkLength(id: number, length: number): void {
  const expected = LENGTH_BY_ID[id]!;
  if (length === expected || expected === 0 || (length > expected && OPEN_ENDED_BY_ID[id] === 1)) return;
  throw new DecodeError(`Cannot decode ${messageTypeOf(id)}: expected ${expected} bytes, got ${length}`);
}

function blockRangeAt<T extends "request" | "cancel" | "reject">(
  type: T,
  bytes: Uint8Array,
  at: number,
): { readonly type: T } & BlockRange {
  const piece = readUint32(bytes, at), begin = readUint32(bytes, at + 4);
  return { type, piece, begin, length: readUint32(bytes, at + 8) };
}

function hashRangeAt(bytes: Uint8Array, at: number): HashRange {
  const integers = at + ROOT_LENGTH;
  return {
    piecesRoot: bytes.subarray(at, integers),
    baseLayer: readUint32(bytes, integers),
    index: readUint32(bytes, integers + 4),
    length: readUint32(bytes, integers + 8),
    proofLayers: readUint32(bytes, integers + 12),
  };
}
