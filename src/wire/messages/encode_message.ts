/** The messages between peers to bytes: alone, in a row, or in place (BEP 3, 5, 6, 10, 52). */

import {
  type BlockRange,
  type HashRange,
  LENGTH_BY_ID,
  MESSAGE_IDS,
  MESSAGE_LENGTHS,
  type PeerMessage,
  PREFIX_LENGTH,
  ROOT_LENGTH,
} from "./message.ts";
import { writeUint32 } from "./uint32.ts";

// Names of this module's own: what is imported is looked up at each use. The messages that come in crowds are cases of
// their own below: a table that is asked by text takes 9 ns, as long as writing the rest of a request.
const IDS = MESSAGE_IDS, LENGTHS = MESSAGE_LENGTHS;

type Of<T extends PeerMessage["type"]> = Extract<PeerMessage, { readonly type: T }>;

/** How many bytes {@linkcode encodeMessage} makes of a message, length prefix included. */
export function messageLength(message: PeerMessage): number {
  switch (message.type) {
    case "keepAlive":
      return PREFIX_LENGTH;
    case "have":
      return PREFIX_LENGTH + LENGTHS.have;
    case "request":
      return PREFIX_LENGTH + LENGTHS.request;
    case "bitfield":
      return PREFIX_LENGTH + LENGTHS.bitfield + message.bits.length;
    case "piece":
      return PREFIX_LENGTH + LENGTHS.piece + message.block.length;
    case "extended":
      return PREFIX_LENGTH + LENGTHS.extended + message.payload.length;
    case "hashes":
      return PREFIX_LENGTH + LENGTHS.hashes + message.hashes.length;
    default:
      return PREFIX_LENGTH + LENGTHS[message.type];
  }
}

/**
 * Writes a message with its length prefix.
 *
 * @throws {RangeError} If a number does not fit its field, or a root has not 32 bytes.
 */
export function encodeMessage(message: PeerMessage): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(messageLength(message));
  encodeMessageInto(message, bytes, 0);
  return bytes;
}

/** Writes messages one behind the other, in one allocation. @throws {RangeError} As {@linkcode encodeMessage} does. */
export function encodeMessages(messages: readonly PeerMessage[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const message of messages) length += messageLength(message);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const message of messages) at = encodeMessageInto(message, bytes, at);
  return bytes;
}

/**
 * Writes a message with its length prefix into `bytes` at `offset`, where {@linkcode messageLength} bytes must be
 * free, and answers the offset behind it.
 *
 * @throws {RangeError} As {@linkcode encodeMessage} does.
 */
export function encodeMessageInto(message: PeerMessage, bytes: Uint8Array, offset: number): number {
  switch (message.type) {
    case "keepAlive":
      return writeUint32(bytes, offset, 0);
    case "have":
      return writeUint32(bytes, writeHead(bytes, offset, IDS.have), message.piece);
    case "suggest":
    case "allowedFast":
      return writeUint32(bytes, writeHead(bytes, offset, IDS[message.type]), message.piece);
    case "request":
      return writeBlockRange(bytes, writeHead(bytes, offset, IDS.request), message);
    case "cancel":
    case "reject":
      return writeBlockRange(bytes, writeHead(bytes, offset, IDS[message.type]), message);
    case "piece":
      return writePiece(bytes, offset, message);
    case "bitfield":
      return writeContent(bytes, writeHead(bytes, offset, IDS.bitfield, message.bits.length), message.bits);
    case "extended":
      return writeExtended(bytes, offset, message);
    case "port":
      return writePort(bytes, writeHead(bytes, offset, IDS.port), message.port);
    case "hashRequest":
    case "hashReject":
      return writeHashRange(bytes, writeHead(bytes, offset, IDS[message.type]), message);
    case "hashes": {
      const at = writeHead(bytes, offset, IDS.hashes, message.hashes.length);
      return writeContent(bytes, writeHashRange(bytes, at, message), message.hashes);
    }
    default:
      return writeHead(bytes, offset, IDS[message.type]);
  }
}

/**
 * Writes what stands before the block of a `piece` message, 13 bytes at `offset`, and answers the offset behind it:
 * there the `length` bytes of the block can be read from disk without a copy.
 *
 * @throws {RangeError} If a number does not fit its field.
 */
export function encodePieceHeader(block: BlockRange, bytes: Uint8Array, offset: number): number {
  const at = writeUint32(bytes, writeHead(bytes, offset, IDS.piece, block.length), block.piece);
  return writeUint32(bytes, at, block.begin);
}

/** Writes length prefix and id; `contentLength` is that of the content of any length that the message ends in. */
function writeHead(bytes: Uint8Array, offset: number, id: number, contentLength = 0): number {
  const at = writeUint32(bytes, offset, LENGTH_BY_ID[id]! + contentLength);
  bytes[at] = id;
  return at + 1;
}

function writePiece(bytes: Uint8Array, offset: number, { piece, begin, block }: Of<"piece">): number {
  return writeContent(bytes, encodePieceHeader({ piece, begin, length: block.length }, bytes, offset), block);
}

function writeExtended(bytes: Uint8Array, offset: number, { id, payload }: Of<"extended">): number {
  const at = writeHead(bytes, offset, IDS.extended, payload.length);
  bytes[at] = id;
  return writeContent(bytes, at + 1, payload);
}

function writeBlockRange(bytes: Uint8Array, offset: number, { piece, begin, length }: BlockRange): number {
  return writeUint32(bytes, writeUint32(bytes, writeUint32(bytes, offset, piece), begin), length);
}

function writeContent(bytes: Uint8Array, offset: number, content: Uint8Array): number {
  bytes.set(content, offset);
  return offset + content.length;
}

function writeHashRange(bytes: Uint8Array, offset: number, range: HashRange): number {
  if (range.piecesRoot.length !== ROOT_LENGTH) {
    throw new RangeError(`Cannot encode root: expected ${ROOT_LENGTH} bytes, got ${range.piecesRoot.length}`);
  }
  bytes.set(range.piecesRoot, offset);
  let at = writeUint32(bytes, offset + ROOT_LENGTH, range.baseLayer);
  at = writeUint32(bytes, at, range.index);
  at = writeUint32(bytes, at, range.length);
  return writeUint32(bytes, at, range.proofLayers);
}

function writePort(bytes: Uint8Array, offset: number, port: number): number {
  if ((port & 0xffff) !== port) throw new RangeError(`Cannot encode port ${port}: not 0 to 65535`);
  bytes[offset] = port >> 8;
  bytes[offset + 1] = port;
  return offset + 2;
}
