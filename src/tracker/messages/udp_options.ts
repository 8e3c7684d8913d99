/** What follows the fixed part of a UDP announce: options in the manner of IP and TCP (BEP 41). */

import { concat } from "@std/bytes/concat";
import { decodeUtf8, encodeUtf8 } from "../../bytes/text.ts";

/** BEP 41 "Option Types". Types above these two have a length byte, known or not. */
const END = 0, NOP = 1, URL_DATA = 2;

/** What one length byte can say. */
const CHUNK = 255;

/** Writes path and query of a tracker's URL in as many options as it takes; empty text gives one empty option. */
export function encodeUrlData(urlData: string): Uint8Array<ArrayBuffer> {
  const data = encodeUtf8(urlData), options: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < data.length; at += CHUNK) {
    const chunk = data.subarray(at, at + CHUNK);
    options.push(Uint8Array.of(URL_DATA, chunk.length), chunk);
  }
  return concat(options);
}

/**
 * Reads the same from the bytes after an announce; `undefined` if the option is absent. Options of unknown type are
 * passed over, as is one that the packet's end cuts: clients older than BEP 41 append what they like.
 */
export function decodeUrlData(bytes: Uint8Array): string | undefined {
  let urlData: Uint8Array[] | undefined;
  for (let at = 0; at < bytes.length && bytes[at] !== END;) {
    if (bytes[at] === NOP) {
      at++;
      continue;
    }
    const end = at + 2 + (bytes[at + 1] ?? Infinity);
    if (end > bytes.length) break;
    if (bytes[at] === URL_DATA) (urlData ??= []).push(bytes.subarray(at + 2, end));
    at = end;
  }
  return urlData && decodeUtf8(concat(urlData));
}
