/** Values to canonical bencoded bytes: keys sorted as raw bytes, one spelling per integer (BEP 3 "bencoding"). */

import { BencodeDictionary } from "./dictionary.ts";
import { RawBencode } from "./raw.ts";

/**
 * What can be encoded. Text is written as UTF-8. Keys of objects and maps are byte strings (one code unit 0–255 per
 * byte); members that are `undefined` are left out. A decoded dictionary is written with its source bytes, raw bencode
 * with its own.
 */
export type Bencodable =
  | number
  | bigint
  | string
  | Uint8Array
  | BencodeDictionary
  | RawBencode
  | readonly Bencodable[]
  | ReadonlyMap<string, Bencodable | undefined>
  | { readonly [key: string]: Bencodable | undefined };

/** Deeper than any message; a cycle ends here. */
const DEEPEST = 1000;

/** Most messages fit; a larger scratch is not kept. */
const SCRATCH = 1 << 14;

/** Room for the digits of any exact integer and a colon. */
const HEAD = 17;

/** Up to this length a loop beats a call to the platform. */
const SHORT = 64;

const COLON = 0x3a, MINUS = 0x2d, ZERO = 0x30;
const D = 0x64, E = 0x65, I = 0x69, L = 0x6c;
const UTF8 = new TextEncoder();

/** Bytes written so far, in memory that grows. */
interface Writing {
  bytes: Uint8Array<ArrayBuffer>;
  length: number;
}

/** The scratch that the next call may use; a call takes it away, so that a getter may encode something itself. */
let spare: Uint8Array<ArrayBuffer> | undefined;

/**
 * Encodes a value.
 *
 * @throws {TypeError} If something in it has no bencoded form: a fraction, `null`, a boolean.
 * @throws {RangeError} If a number is beyond ±(2^53 − 1), a key is no byte string, or the nesting exceeds 1000.
 */
export function encode(value: Bencodable): Uint8Array<ArrayBuffer> {
  return encodeThrough((written) => written.slice(), value);
}

/** Encodes a value as {@linkcode encode} does, copied out by `copy`: the memory it is given is used again. */
export function encodeThrough<T>(copy: (written: Uint8Array<ArrayBuffer>) => T, value: Bencodable): T {
  const writing: Writing = { bytes: spare ?? new Uint8Array(SCRATCH), length: 0 };
  spare = undefined;
  writeValue(writing, value, 0);
  const encoded = copy(writing.bytes.subarray(0, writing.length));
  if (writing.bytes.length === SCRATCH) spare = writing.bytes;
  return encoded;
}

function writeValue(writing: Writing, value: Bencodable, depth: number): void {
  if (value instanceof Uint8Array) return writeString(writing, value);
  if (typeof value === "string") return writeText(writing, value);
  if (typeof value === "number") return writeInteger(writing, value);
  if (typeof value === "bigint") return writeBigInteger(writing, value);
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`Cannot encode bencode: ${value} has no bencoded form`);
  }
  if (depth >= DEEPEST) throw new RangeError(`Cannot encode bencode: nested deeper than ${DEEPEST}`);
  if (value instanceof BencodeDictionary) return writeBytes(writing, value.raw);
  if (value instanceof RawBencode) return writeBytes(writing, value.bytes);
  if (isList(value)) return writeList(writing, value, depth + 1);
  if (isMap(value)) return writeMap(writing, value, depth + 1);
  writeObject(writing, value, depth + 1);
}

function isList(value: Bencodable): value is readonly Bencodable[] {
  return Array.isArray(value);
}

function isMap(value: Bencodable): value is ReadonlyMap<string, Bencodable | undefined> {
  return value instanceof Map;
}

function writeList(writing: Writing, values: readonly Bencodable[], depth: number): void {
  writeByte(writing, L);
  for (const value of values) writeValue(writing, value, depth);
  writeByte(writing, E);
}

function writeObject(
  writing: Writing,
  value: { readonly [key: string]: Bencodable | undefined },
  depth: number,
): void {
  writeByte(writing, D);
  for (const key of rising(Object.keys(value))) writeMember(writing, key, value[key], depth);
  writeByte(writing, E);
}

function writeMap(
  writing: Writing,
  value: ReadonlyMap<string, Bencodable | undefined>,
  depth: number,
): void {
  writeByte(writing, D);
  for (const key of rising([...value.keys()])) writeMember(writing, key, value.get(key), depth);
  writeByte(writing, E);
}

function writeMember(writing: Writing, key: string, value: Bencodable | undefined, depth: number): void {
  if (value === undefined) return;
  writeKey(writing, key);
  writeValue(writing, value, depth);
}

/** Byte strings in UTF-16 order are in byte order; the default sort is right for them. */
function rising(keys: string[]): string[] {
  for (let i = 1; i < keys.length; i++) if (keys[i - 1]! > keys[i]!) return keys.sort();
  return keys;
}

function writeKey(writing: Writing, key: string): void {
  reserve(writing, key.length + HEAD);
  writeHead(writing, key.length);
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i);
    if (unit > 255) throw new RangeError(`Cannot encode bencode: the key "${key}" is no byte string`);
    writing.bytes[writing.length++] = unit;
  }
}

function writeText(writing: Writing, text: string): void {
  if (text.length > SHORT || !writeAscii(writing, text)) writeString(writing, UTF8.encode(text));
}

/** Writes a short ASCII string without going through the platform's encoder; `false` if it is not ASCII. */
function writeAscii(writing: Writing, text: string): boolean {
  const start = writing.length;
  reserve(writing, text.length + HEAD);
  writeHead(writing, text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 127) {
      writing.length = start;
      return false;
    }
    writing.bytes[writing.length++] = unit;
  }
  return true;
}

function writeString(writing: Writing, bytes: Uint8Array): void {
  reserve(writing, bytes.length + HEAD);
  writeHead(writing, bytes.length);
  writeBytes(writing, bytes);
}

/** Writes `<length>:`; the caller has reserved it. */
function writeHead(writing: Writing, length: number): void {
  writeDigits(writing, length);
  writing.bytes[writing.length++] = COLON;
}

function writeInteger(writing: Writing, value: number): void {
  if (!Number.isSafeInteger(value)) {
    if (Number.isInteger(value)) throw new RangeError(`Cannot encode bencode: ${value} is not exact`);
    throw new TypeError(`Cannot encode bencode: ${value} is no integer`);
  }
  reserve(writing, HEAD + 3);
  writing.bytes[writing.length++] = I;
  if (value < 0) writing.bytes[writing.length++] = MINUS;
  writeDigits(writing, Math.abs(value));
  writing.bytes[writing.length++] = E;
}

function writeBigInteger(writing: Writing, value: bigint): void {
  writeBytes(writing, UTF8.encode(`i${value}e`));
}

/** Writes a natural number; the caller has reserved it. */
function writeDigits(writing: Writing, value: number): void {
  let digits = 1;
  for (let rest = value; rest >= 10; digits++) rest = Math.floor(rest / 10);
  writing.length += digits;
  for (let at = writing.length - 1, rest = value; digits > 0; digits--, at--) {
    writing.bytes[at] = ZERO + rest % 10;
    rest = Math.floor(rest / 10);
  }
}

function writeByte(writing: Writing, byte: number): void {
  reserve(writing, 1);
  writing.bytes[writing.length++] = byte;
}

function writeBytes(writing: Writing, bytes: Uint8Array): void {
  reserve(writing, bytes.length);
  if (bytes.length > SHORT) {
    writing.bytes.set(bytes, writing.length);
    writing.length += bytes.length;
  } else {
    for (let i = 0; i < bytes.length; i++) writing.bytes[writing.length++] = bytes[i]!;
  }
}

function reserve(writing: Writing, length: number): void {
  if (writing.length + length <= writing.bytes.length) return;
  const grown = new Uint8Array(Math.max(writing.bytes.length * 2, writing.length + length));
  grown.set(writing.bytes.subarray(0, writing.length));
  writing.bytes = grown;
}
