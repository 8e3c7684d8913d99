/** Taking back a `have`: `lt_donthave` (BEP 54). */

import { Cursor } from "../../bytes/cursor.ts";
import { writeUint32 } from "./uint32.ts";

/** The sender no longer has a piece that it announced before. */
export interface DontHaveMessage {
  /** Tells it from the other extension messages. */
  readonly type: "dontHave";
  /** Piece index. */
  readonly piece: number;
}

/** Writes the payload of a `dontHave` message. @throws {RangeError} If the index is no unsigned 32-bit integer. */
export function encodeDontHave(message: DontHaveMessage): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  writeUint32(bytes, 0, message.piece);
  return bytes;
}

/** Reads the payload of a `dontHave` message. @throws {DecodeError} If it has not 4 bytes. */
export function decodeDontHave(bytes: Uint8Array): DontHaveMessage {
  const cursor = new Cursor(bytes, "lt_donthave"), piece = cursor.uint32();
  cursor.end();
  return { type: "dontHave", piece };
}
