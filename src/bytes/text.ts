/** Bytes as text and back: hexadecimal, base32 (RFC 4648), percent-encoding (RFC 3986), byte strings, UTF-8. */

import { DecodeError } from "../errors.ts";
import { takeFromSlab } from "./slab.ts";

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const PERCENT = 0x25;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LENIENT_UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });
const UTF8 = new TextEncoder();

/** Up to this many bytes a loop beats a call to the platform: 25 to 90 ns to 100 and more. */
const SHORT = 40;

/** What a call takes on any engine's stack. */
const MAX_ARGUMENTS = 4096;

/** The platform's own method, where it has it: three times as fast for an info hash. */
interface HexWriter {
  toHex?(): string;
}

/** Writes bytes as lower-case hexadecimal. */
export function encodeHex(bytes: Uint8Array): string {
  const native = (bytes as HexWriter).toHex?.();
  if (native !== undefined) return native;
  let text = "";
  for (const byte of bytes) text += HEX[byte]!;
  return text;
}

/** Reads hexadecimal of either case. @throws {DecodeError} If the text is no even run of hex digits. */
export function decodeHex(text: string): Uint8Array<ArrayBuffer> {
  const bad = text.search(/[^0-9a-fA-F]/);
  if (bad >= 0) throw new DecodeError("Cannot decode hex: not a hex digit", { offset: bad });
  if (text.length % 2 !== 0) {
    throw new DecodeError("Cannot decode hex: odd number of digits", { offset: text.length });
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

/** Reads base32 of either case, without padding. @throws {DecodeError} If the text is not base32. */
export function decodeBase32(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.floor(text.length * 5 / 8));
  let bits = 0, value = 0, at = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = BASE32.indexOf(text[i]!.toUpperCase());
    if (digit < 0) throw new DecodeError("Cannot decode base32: not a base32 digit", { offset: i });
    value = (value << 5 | digit) & 0xfff;
    bits += 5;
    if (bits >= 8) bytes[at++] = value >> (bits -= 8);
  }
  if (bits >= 5 || (value & ((1 << bits) - 1)) !== 0) {
    throw new DecodeError("Cannot decode base32: the last digit is cut", { offset: text.length - 1 });
  }
  return bytes;
}

/** Writes bytes as upper-case base32 without padding. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = "", bits = 0, value = 0;
  for (const byte of bytes) {
    value = (value << 8 | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[(value >> (bits - 5)) & 31];
  }
  return bits > 0 ? text + BASE32[(value << (5 - bits)) & 31] : text;
}

/** Percent-encodes raw bytes; the unreserved characters `A–Z a–z 0–9 - . _ ~` stay (RFC 3986 section 2.3). */
export function percentEncode(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    text += /[A-Za-z0-9\-._~]/.test(char) ? char : `%${HEX[byte]!.toUpperCase()}`;
  }
  return text;
}

/**
 * Undoes percent-encoding into raw bytes, of the whole text or from `start` to `end`; `+` stays a plus. Others lie in the
 * same buffer (see `slab.ts`): who keeps the bytes for long copies them.
 *
 * @throws {DecodeError} If an escape is broken.
 */
export function percentDecode(text: string, start = 0, end: number = text.length): Uint8Array<ArrayBuffer> {
  let units = 0, length = end - start;
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i);
    units |= unit;
    if (unit === PERCENT) length -= 2;
  }
  if (units > 127) return percentDecode(escapeOthers(text.slice(start, end)));
  const bytes = takeFromSlab(Math.max(length, 0));
  for (let i = start, at = 0; i < end; i++) {
    const unit = text.charCodeAt(i);
    if (unit !== PERCENT) {
      bytes[at++] = unit;
      continue;
    }
    const high = i + 2 < end ? hexDigit(text.charCodeAt(i + 1)) : -1, low = hexDigit(text.charCodeAt(i + 2));
    if (high < 0 || low < 0) {
      throw new DecodeError("Cannot decode percent-encoding: broken escape", { offset: i - start });
    }
    bytes[at++] = high << 4 | low;
    i += 2;
  }
  return bytes;
}

/** Writes what is not ASCII in escapes, as UTF-8. */
function escapeOthers(text: string): string {
  return text.replace(/[^\0-\x7f]+/g, (others) => percentEncode(UTF8.encode(others)));
}

/** The value of a hexadecimal digit of either case, given as its code unit; -1 if it is none. */
export function hexDigit(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30;
  const letter = unit | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** Writes bytes as a byte string: one UTF-16 code unit 0–255 per byte. Bencode dictionary keys have this form. */
export function encodeByteString(bytes: Uint8Array): string {
  if (bytes.length <= SHORT) return shortByteString(bytes);
  let text = "";
  for (let i = 0; i < bytes.length; i += MAX_ARGUMENTS) {
    const some: ArrayLike<number> = bytes.subarray(i, i + MAX_ARGUMENTS);
    text += String.fromCharCode.apply(null, some as number[]); // `...some` takes five times as long
  }
  return text;
}

/** Eight bytes at a time: V8 turns so many into text at once, and what it adds up one by one it has to copy later. */
function shortByteString(bytes: Uint8Array): string {
  const char = String.fromCharCode, { length } = bytes;
  let text = "", i = 0;
  for (; i + 8 <= length; i += 8) {
    const a = bytes[i]!, b = bytes[i + 1]!, c = bytes[i + 2]!, d = bytes[i + 3]!;
    text += char(a, b, c, d, bytes[i + 4]!, bytes[i + 5]!, bytes[i + 6]!, bytes[i + 7]!);
  }
  for (; i < length; i++) text += char(bytes[i]!);
  return text;
}

/** Reads a byte string. @throws {RangeError} If a code unit is above 255: the caller passed ordinary text. */
export function decodeByteString(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 255) throw new RangeError(`Cannot read byte string: code unit ${unit} at ${i} is no byte`);
    bytes[i] = unit;
  }
  return bytes;
}

/** Encodes text as UTF-8. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return UTF8.encode(text);
}

/** Decodes UTF-8, a faulty sequence as U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  return isShortAscii(bytes) ? shortByteString(bytes) : LENIENT_UTF8.decode(bytes);
}

function isShortAscii(bytes: Uint8Array): boolean {
  if (bytes.length > SHORT) return false;
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! >= 0x80) return false;
  return true;
}

/** Decodes UTF-8 if it is valid, else `undefined`. */
export function decodeUtf8Strictly(bytes: Uint8Array): string | undefined {
  try {
    return STRICT_UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}
