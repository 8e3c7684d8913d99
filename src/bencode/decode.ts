/** Bencoded bytes to values: one strict pass, every number from the wire checked before use (BEP 3 "bencoding"). */

import { encodeByteString } from "../bytes/text.ts";
import { DecodeError } from "../errors.ts";
import { BencodeDictionary, type BencodeValue } from "./dictionary.ts";
import { readKeyText } from "./key_cache.ts";

/** How strict a decoder is and how much it takes. */
export interface BencodeDecodeOptions {
  /**
   * Takes what the wild sends: keys out of order or repeated (the first wins), leading zeros, minus zero. Off by
   * default: BEP 3 has one spelling for each value.
   */
  readonly tolerant?: boolean;
  /** How many lists and dictionaries may stand inside each other; 100 by default, 1000 at most. */
  readonly maxDepth?: number;
  /** How many keys and values in all; 3,000,000 by default. */
  readonly maxTokens?: number;
  /** Whether {@linkcode decode} and {@linkcode decodeDictionary} let bytes follow the value; off by default. */
  readonly allowTrailing?: boolean;
}

/** A value and where it ended. */
export interface BencodePrefix {
  /** The decoded value. */
  readonly value: BencodeValue;
  /** Offset of the first byte after the value. */
  readonly end: number;
}

/** The limits that libtorrent keeps for a torrent file; deeper or larger ones are attacks. */
const DEFAULTS = { maxDepth: 100, maxTokens: 3_000_000 } as const;

/** Above this, the recursion could exhaust the stack of some runtime. */
const DEEPEST = 1000;

/** A run of so many digits is always below 2^53. */
const SAFE_DIGITS = 15;

/** No BEP has more than 20 digits (unsigned 64 bits); 1024 leave room, and keep the conversion cheap. */
const MAX_INTEGER_DIGITS = 1024;

/** A length of more digits is beyond any input, or padded with zeros. */
const MAX_LENGTH_DIGITS = 15;

/** Bytes of an input that is a torrent of many files, or of as much of something else. */
const LARGE = 2 ** 16;

const COLON = 0x3a, MINUS = 0x2d, ZERO = 0x30, NINE = 0x39;
const D = 0x64, E = 0x65, I = 0x69, L = 0x6c;

/** Where the decoder stands and what it may still take. */
interface Reading {
  readonly bytes: Uint8Array;
  readonly end: number;
  readonly tolerant: boolean;
  readonly maxDepth: number;
  tokens: number;
  position: number;
  /** What is read of lists and dictionaries that have not ended yet, if the input is large. */
  readonly open: OpenParts | undefined;
}

/**
 * Keys and values on their way into arrays of their exact length, which an array that grows never has: it starts with room
 * for 17. Reading a torrent of many files this way takes a quarter of the time, nearly all of which was spent on collecting
 * garbage; of a message it would take more.
 */
interface OpenParts {
  readonly keys: string[];
  readonly values: BencodeValue[];
  /** The keys of the last dictionary at each depth. Those of a list have the same again and again: they share the array. */
  readonly lastKeys: (readonly string[])[];
}

/**
 * Decodes one value that fills the input.
 *
 * @throws {DecodeError} If the bytes are not canonical bencode, exceed a limit, or go on after the value; `offset`
 * says where.
 */
export function decode(bytes: Uint8Array, options: BencodeDecodeOptions = {}): BencodeValue {
  const { value, end } = decodePrefix(bytes, options);
  if (end < bytes.length && options.allowTrailing !== true) fail("bytes after the value", end);
  return value;
}

/**
 * Decodes one dictionary that fills the input.
 *
 * @throws {DecodeError} As {@linkcode decode} does, and if the value is no dictionary.
 */
export function decodeDictionary(bytes: Uint8Array, options: BencodeDecodeOptions = {}): BencodeDictionary {
  if (bytes.length > 0 && bytes[0] !== D) fail("the value is not a dictionary", 0);
  return decode(bytes, options) as BencodeDictionary;
}

/**
 * Decodes the value at the start of the input and says where it ends; what follows is not looked at (BEP 9
 * "extension message": a block follows the dictionary).
 *
 * @throws {DecodeError} If the bytes are not canonical bencode or exceed a limit; `offset` says where.
 */
export function decodePrefix(bytes: Uint8Array, options: BencodeDecodeOptions = {}): BencodePrefix {
  const reading: Reading = {
    bytes,
    end: bytes.length,
    tolerant: options.tolerant ?? false,
    maxDepth: Math.min(options.maxDepth ?? DEFAULTS.maxDepth, DEEPEST),
    tokens: options.maxTokens ?? DEFAULTS.maxTokens,
    position: 0,
    open: bytes.length < LARGE ? undefined : { keys: [], values: [], lastKeys: [] },
  };
  const value = readValue(reading, 0);
  return { value, end: reading.position };
}

function readValue(reading: Reading, depth: number): BencodeValue {
  countToken(reading);
  switch (byteHere(reading)) {
    case I:
      return readInteger(reading);
    case L:
      return readList(reading, depth + 1);
    case D:
      return readDictionary(reading, depth + 1);
    default:
      return readString(reading);
  }
}

function readInteger(reading: Reading): number | bigint {
  const { bytes, end } = reading;
  let position = reading.position + 1, value = 0;
  const negative = position < end && bytes[position] === MINUS;
  if (negative) position++;
  const start = position;
  for (;; position++) {
    if (position >= end) fail("the input ends", position);
    const byte = bytes[position]!;
    if (byte === E) break;
    if (byte < ZERO || byte > NINE) fail("not a digit in an integer", position);
    if (position - start >= MAX_INTEGER_DIGITS) fail("an integer of too many digits", position);
    value = value * 10 + byte - ZERO;
  }
  checkInteger(reading, start, position, negative);
  reading.position = position + 1;
  if (position - start > SAFE_DIGITS) return exactInteger(bytes.subarray(start, position), negative);
  return negative ? 0 - value : value;
}

function checkInteger(reading: Reading, start: number, end: number, negative: boolean): void {
  if (start === end) fail("an integer without digits", end);
  if (reading.tolerant || reading.bytes[start] !== ZERO) return;
  if (end - start > 1) fail("an integer with a leading zero", start);
  if (negative) fail("minus zero", start - 1);
}

function exactInteger(digits: Uint8Array, negative: boolean): number | bigint {
  const magnitude = BigInt(encodeByteString(digits));
  const exact = negative ? -magnitude : magnitude, value = Number(exact);
  return Number.isSafeInteger(value) ? value : exact;
}

function readString(reading: Reading): Uint8Array {
  const length = readLength(reading, "no value starts like this"), { bytes } = reading;
  const view = new Uint8Array(bytes.buffer, bytes.byteOffset + reading.position, length);
  reading.position += length;
  return view;
}

/** Reads `<length>:` and makes sure that so many bytes follow; `otherwise` is the fault if no length stands here. */
function readLength(reading: Reading, otherwise: string): number {
  const { bytes, end, position: start } = reading;
  let position = start, length = 0;
  for (;; position++) {
    if (position >= end) fail("the input ends", position);
    const byte = bytes[position]!;
    if (byte < ZERO || byte > NINE) {
      if (position === start) fail(otherwise, position);
      if (byte === COLON) break;
      fail("not a digit in a length", position);
    }
    if (position - start >= MAX_LENGTH_DIGITS) fail("a length of too many digits", position);
    length = length * 10 + byte - ZERO;
  }
  if (bytes[start] === ZERO && position - start > 1 && !reading.tolerant) {
    fail("a length with a leading zero", start);
  }
  reading.position = ++position;
  if (length > end - position) fail(`a string of ${length} bytes where ${end - position} are left`, start);
  return length;
}

function readList(reading: Reading, depth: number): readonly BencodeValue[] {
  if (depth > reading.maxDepth) fail("nested too deeply", reading.position);
  reading.position++;
  const values = reading.open?.values ?? [], first = values.length;
  while (byteHere(reading) !== E) values.push(readValue(reading, depth));
  reading.position++;
  return reading.open === undefined ? values : values.splice(first);
}

function readDictionary(reading: Reading, depth: number): BencodeDictionary {
  const start = reading.position;
  if (depth > reading.maxDepth) fail("nested too deeply", start);
  reading.position++;
  const { open } = reading, keys = open?.keys ?? [], values = open?.values ?? [];
  const first = keys.length, firstValue = values.length;
  let previous = "", rising = true;
  while (byteHere(reading) !== E) {
    const at = reading.position, key = readKey(reading);
    if (key <= previous && keys.length > first) {
      if (!reading.tolerant) fail(key === previous ? "a repeated key" : "a key out of order", at);
      rising = false;
    }
    previous = key;
    keys.push(key);
    values.push(readValue(reading, depth));
  }
  reading.position++;
  const ownKeys = open === undefined ? keys : takeKeys(open, first, depth);
  const ownValues = open === undefined ? values : values.splice(firstValue);
  const order = rising ? undefined : risingOrder(ownKeys);
  return new BencodeDictionary(
    order?.map((i) => ownKeys[i]!) ?? ownKeys,
    order?.map((i) => ownValues[i]!) ?? ownValues,
    reading.bytes,
    start,
    reading.position,
  );
}

/** The keys of a dictionary that has ended; its first is at `first`. */
function takeKeys({ keys, lastKeys }: OpenParts, first: number, depth: number): readonly string[] {
  const last = lastKeys[depth], count = keys.length - first;
  let same = last !== undefined && last.length === count;
  for (let i = 0; same && i < count; i++) same = last![i] === keys[first + i];
  if (!same) return lastKeys[depth] = keys.splice(first);
  keys.length = first;
  return last!;
}

/** Indexes of the keys in rising order, of equal keys the first only. */
function risingOrder(keys: readonly string[]): number[] {
  const compare = (a: number, b: number) => keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b;
  const order = keys.map((_, i) => i).sort(compare);
  return order.filter((index, i) => i === 0 || keys[index] !== keys[order[i - 1]!]);
}

function readKey(reading: Reading): string {
  countToken(reading);
  const length = readLength(reading, "a key that is not a byte string"), start = reading.position;
  reading.position += length;
  return readKeyText(reading.bytes, start, reading.position);
}

function byteHere(reading: Reading): number {
  if (reading.position >= reading.end) fail("the input ends", reading.position);
  return reading.bytes[reading.position]!;
}

function countToken(reading: Reading): void {
  if (--reading.tokens < 0) fail("too many values", reading.position);
}

function fail(reason: string, offset: number): never {
  throw new DecodeError(`Cannot decode bencode: ${reason}`, { offset });
}
