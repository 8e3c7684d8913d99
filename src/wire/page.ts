/** Memory for small outgoing messages: a view into a page costs a tenth of an allocation of its own. */

import { encodeMessage, encodeMessageInto, encodePieceHeader } from "./messages/encode_message.ts";
import { type BlockRange, OPEN_ENDED, type PeerMessage } from "./messages/message.ts";

/** A page holds two hundred requests; what waits in a socket keeps no more than that alive. */
const PAGE_LENGTH = 4096;

/** No message that has a fixed length is longer (BEP 52 "hash request": 53 bytes). */
const LONGEST = 64;

let page = new Uint8Array(), used = PAGE_LENGTH;

/** Encodes a message into bytes that nobody else has or will have. @throws {RangeError} If it cannot be encoded. */
export function encodeOnPage(message: PeerMessage): Uint8Array<ArrayBuffer> {
  if (message.type !== "keepAlive" && OPEN_ENDED.has(message.type)) return encodeMessage(message);
  turnPage();
  return take(encodeMessageInto(message, page, used));
}

/** Encodes what stands before the block of a `piece` message. @throws {RangeError} If it cannot be encoded. */
export function encodeHeaderOnPage(block: BlockRange): Uint8Array<ArrayBuffer> {
  turnPage();
  return take(encodePieceHeader(block, page, used));
}

function turnPage(): void {
  if (used + LONGEST > PAGE_LENGTH) page = new Uint8Array(PAGE_LENGTH), used = 0;
}

function take(end: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(page.buffer, used, end - used);
  used = end;
  return bytes;
}
