/** The messages between peers to bytes: alone, in a row, or in place (BEP 3, 5, 6, 10, 52). */

import {
  type BlockRange,
  type HashRange,
  MESSAGE_IDS,
  MESSAGE_LENGTHS,
  type PeerMessage,
  PREFIX_LENGTH,
  ROOT_LENGTH,
} from "./message.ts";
import { writeUint32 } from "./uint32.ts";

/** How many bytes {@linkcode encodeMessage} makes of a message, length prefix included. */
export function messageLength(message: PeerMessage): number {
  return message.type === "keepAlive"
    ? PREFIX_LENGTH
    : PREFIX_LENGTH + MESSAGE_LENGTHS[message.type] + (contentOf(message)?.length ?? 0);
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
  let at = writeUint32(bytes, offset, messageLength(message) - PREFIX_LENGTH);
  if (message.type === "keepAlive") return at;
  bytes[at++] = MESSAGE_IDS[message.type];
  switch (message.type) {
    case "have":
    case "suggest":
    case "allowedFast":
      return writeUint32(bytes, at, message.piece);
    case "request":
    case "cancel":
    case "reject":
      at = writeUint32(bytes, at, message.piece);
      at = writeUint32(bytes, at, message.begin);
      return writeUint32(bytes, at, message.length);
    case "piece":
      at = writeUint32(bytes, at, message.piece);
      at = writeUint32(bytes, at, message.begin);
      break;
    case "port":
      return writePort(bytes, at, message.port);
    case "extended":
      bytes[at++] = message.id;
      break;
    case "hashRequest":
    case "hashes":
    case "hashReject":
      at = writeHashRange(bytes, at, message);
  }
  const content = contentOf(message);
  if (content === undefined) return at;
  bytes.set(content, at);
  return at + content.length;
}

/**
 * Writes what stands before the block of a `piece` message, 13 bytes at `offset`, and answers the offset behind it:
 * there the `length` bytes of the block can be read from disk without a copy.
 *
 * @throws {RangeError} If a number does not fit its field.
 */
export function encodePieceHeader(block: BlockRange, bytes: Uint8Array, offset: number): number {
  let at = writeUint32(bytes, offset, MESSAGE_LENGTHS.piece + block.length);
  bytes[at++] = MESSAGE_IDS.piece;
  at = writeUint32(bytes, at, block.piece);
  return writeUint32(bytes, at, block.begin);
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

/** The content of any length that ends a message. */
function contentOf(message: PeerMessage): Uint8Array | undefined {
  switch (message.type) {
    case "bitfield":
      return message.bits;
    case "piece":
      return message.block;
    case "extended":
      return message.payload;
    case "hashes":
      return message.hashes;
  }
}
