/**
 * Path segments out of a torrent, made safe to store under: no traversal, no hidden or reordered text, no names that
 * some system cannot keep (BEP 52 "file tree": "Implementations must be prepared to sanitize them").
 */

import { decodeUtf8, encodeUtf8 } from "../bytes/text.ts";

/** Bytes of a segment: file systems take 255, and a client may append a suffix of its own. */
const MAX_SEGMENT_LENGTH = 240;

/** An extension longer than this is no extension, and need not survive cutting. */
const MAX_EXTENSION_LENGTH = 16;

/** What stands for a byte or character that cannot stay, and for a segment without a name. */
const SUBSTITUTE = "_";

/** Characters that Windows refuses in names. */
const NOT_PORTABLE = /[<>:"|?*]/;

/** Device names of Windows, which it finds behind any extension. */
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?=\.|$)/i;

/** 1 for the bytes that every system takes as they are. */
const PLAIN: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  return byte >= 0x20 && byte < 0x7f && !/[/\\<>:"|?*]/.test(String.fromCharCode(byte)) ? 1 : 0;
});

const DOT = 0x2e, SPACE = 0x20;

/** How names are made safe. */
export interface PathOptions {
  /**
   * Whether names must suit every system: then `< > : " | ? *`, trailing dots and spaces, and the device names of
   * Windows are replaced as well. On by default.
   */
  readonly portableNames?: boolean;
}

/**
 * Makes one path segment safe. `undefined` means that the segment says nothing: `.`, `..`, or slashes alone. The empty
 * segment becomes `_`.
 */
export function safeSegment(bytes: Uint8Array, options: PathOptions = {}): string | undefined {
  if (bytes.length === 0) return SUBSTITUTE;
  const plain = plainText(bytes);
  if (plain !== undefined && !RESERVED.test(plain)) return plain;
  const portable = options.portableNames ?? true, text = plain ?? visibleText(bytes, portable);
  if (text === "" || text === "." || text === "..") return undefined;
  const fit = portable ? portableName : (name: string) => name;
  return fit(shorten(fit(text)));
}

/** Puts a number before the extension, as in `photo.1.jpg`, within the length of a segment. */
export function numberedSegment(segment: string, number: number): string {
  const dot = extensionStart(segment);
  return shorten(`${segment.slice(0, dot)}`, `.${number}${segment.slice(dot)}`);
}

/** The name that needs no change, device names apart; `undefined` if it needs one. Most names end here. */
function plainText(bytes: Uint8Array): string | undefined {
  const last = bytes[bytes.length - 1];
  if (bytes.length > MAX_SEGMENT_LENGTH || last === DOT || last === SPACE) return undefined;
  for (let i = 0; i < bytes.length; i++) if (PLAIN[bytes[i]!] === 0) return undefined;
  return decodeUtf8(bytes);
}

/** UTF-8 to text, without separators and without characters that hide or reorder others. */
function visibleText(bytes: Uint8Array, portable: boolean): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const point = codePointAt(bytes, at);
    at += point < 0 ? 1 : point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (isDropped(point)) continue;
    const char = point < 0x20 || point >= 0x7f && point < 0xa0 ? SUBSTITUTE : String.fromCodePoint(point);
    text += portable && NOT_PORTABLE.test(char) ? SUBSTITUTE : char;
  }
  return text;
}

/** Separators, and what Unicode has for invisible joints and for the direction of text. */
function isDropped(point: number): boolean {
  return point === 0x2f || point === 0x5c || point === 0x061c || point >= 0x200b && point <= 0x200f ||
    point >= 0x202a && point <= 0x202e || point >= 0x2060 && point <= 0x2064 ||
    point >= 0x2066 && point <= 0x2069 || point === 0xfeff;
}

/** The smallest code point that UTF-8 may write in so many bytes. */
const SMALLEST = [0, 0, 0x80, 0x800, 0x10000] as const;

/** The code point at an offset, or -1 where no valid UTF-8 sequence starts (RFC 3629 section 4). */
function codePointAt(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return lead;
  const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return -1;
  let point = lead & (0x7f >> length);
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i]!;
    if ((byte & 0xc0) !== 0x80) return -1;
    point = point << 6 | byte & 0x3f;
  }
  const surrogate = point >= 0xd800 && point <= 0xdfff;
  return point < SMALLEST[length]! || surrogate || point > 0x10ffff ? -1 : point;
}

/** A name that Windows keeps as it is. */
function portableName(name: string): string {
  let end = name.length; // not by a pattern: of a name of nothing but dots and one letter it would try every dot
  while (end > 0 && (name[end - 1] === "." || name[end - 1] === " ")) end--;
  if (end === 0) return SUBSTITUTE;
  return name.slice(0, end).replace(RESERVED, (device) => `${device}${SUBSTITUTE}`);
}

/** Cuts a name to the length of a segment, from the end of what stands before its extension or `suffix`. */
function shorten(name: string, suffix?: string): string {
  const end = suffix ?? name.slice(extensionStart(name));
  const start = suffix === undefined ? name.slice(0, name.length - end.length) : name;
  let room = MAX_SEGMENT_LENGTH - encodeUtf8(end).length, kept = "";
  if (start.length * 3 <= room) return start + end;
  for (const char of start) {
    room -= encodeUtf8(char).length;
    if (room < 0) break;
    kept += char;
  }
  return kept + end;
}

/** Index of the dot of the extension, or the length if there is none. */
function extensionStart(name: string): number {
  const dot = name.lastIndexOf(".");
  return dot > 0 && name.length - dot <= MAX_EXTENSION_LENGTH ? dot : name.length;
}
