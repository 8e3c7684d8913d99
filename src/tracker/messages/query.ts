/** The query part of announce and scrape URLs: raw bytes in percent-encoding, not text (BEP 3 "trackers"). */

import { percentDecode, percentEncode } from "../../bytes/text.ts";
import { DecodeError } from "../../errors.ts";

/** Longer than a scrape of 74 torrents, the most that UDP has; servers cut at 8 KiB as a rule. */
const LONGEST = 8192;

/** No count has more digits: unsigned 64 bits. */
const MAX_DIGITS = 20;

/** Offsets of a pair. */
const PAIR = 3;

/** A query cut into pairs. Values are read where they lie, and only those that are asked for; of a repeated key the first. */
export class Query {
  readonly #text: string;
  /** Three offsets a pair: where its name begins and ends, and where its value ends. */
  readonly #pairs: number[] = [];

  /** Finds the pairs; a leading `?` is passed over. @throws {DecodeError} If the query is too long. */
  constructor(text: string) {
    if (text.length > LONGEST) throw new DecodeError(`Cannot decode query: longer than ${LONGEST}`);
    this.#text = text;
    for (let start = text.startsWith("?") ? 1 : 0, equals = -1; start <= text.length;) {
      const end = indexOrEnd(text, "&", start);
      if (equals < start) equals = indexOrEnd(text, "=", start);
      this.#pairs.push(start, Math.min(equals, end), end);
      start = end + 1;
    }
  }

  /** The raw value of a key, percent-encoding intact. */
  raw(name: string): string | undefined {
    const pair = this.#find(name);
    return pair < 0 ? undefined : this.#text.slice(this.#valueStart(pair), this.#valueEnd(pair));
  }

  /** The bytes that a value stands for. @throws {DecodeError} If an escape is broken. */
  bytes(name: string): Uint8Array | undefined {
    const pair = this.#find(name);
    return pair < 0 ? undefined : this.#bytesOf(pair);
  }

  /**
   * A natural number, above 2^53 − 1 that; `undefined` if there is no value.
   *
   * @throws {DecodeError} If it is no number, or one of more than 20 digits.
   */
  natural(name: string): number | undefined {
    const pair = this.#find(name);
    if (pair < 0) return undefined;
    const start = this.#valueStart(pair), end = this.#valueEnd(pair);
    let value = end - start > MAX_DIGITS ? NaN : 0;
    for (let i = start; i < end; i++) value = value * 10 + digitOf(this.#text.charCodeAt(i));
    if (Number.isNaN(value)) throw new DecodeError(`Cannot decode query: ${name} is no number`);
    return start === end ? undefined : Math.min(value, Number.MAX_SAFE_INTEGER);
  }

  /** A hash or a peer id. @throws {DecodeError} If it is absent or has not 20 bytes. */
  hash(name: string): Uint8Array {
    const pair = this.#find(name);
    if (pair < 0) throw new DecodeError(`Cannot decode query: ${name} is missing`);
    return this.#hashOf(pair, name);
  }

  /** The hashes of every pair with this name, in order. @throws {DecodeError} If there is none, or one has not 20 bytes. */
  hashes(name: string): Uint8Array[] {
    const hashes = [this.hash(name)];
    for (let pair = this.#find(name); (pair = this.#find(name, pair + PAIR)) >= 0;) {
      hashes.push(this.#hashOf(pair, name));
    }
    return hashes;
  }

  /** The first pair with this name at or after `from`; -1 if there is none. */
  #find(name: string, from = 0): number {
    const pairs = this.#pairs;
    for (let pair = from; pair < pairs.length; pair += PAIR) {
      const start = pairs[pair]!;
      if (pairs[pair + 1]! - start === name.length && standsAt(this.#text, start, name)) return pair;
    }
    return -1;
  }

  /** Behind the equals sign, if there is one. */
  #valueStart(pair: number): number {
    return Math.min(this.#pairs[pair + 1]! + 1, this.#valueEnd(pair));
  }

  #valueEnd(pair: number): number {
    return this.#pairs[pair + 2]!;
  }

  #bytesOf(pair: number): Uint8Array {
    return percentDecode(this.#text, this.#valueStart(pair), this.#valueEnd(pair));
  }

  #hashOf(pair: number, name: string): Uint8Array {
    const bytes = this.#bytesOf(pair);
    if (bytes.length === 20) return bytes;
    throw new DecodeError(`Cannot decode query: ${name} has ${bytes.length} bytes, not 20`);
  }
}

/** What `startsWith` tells, in a third of the time. */
function standsAt(text: string, start: number, name: string): boolean {
  let i = name.length - 1;
  while (i >= 0 && text.charCodeAt(start + i) === name.charCodeAt(i)) i--;
  return i < 0;
}

function indexOrEnd(text: string, mark: string, start: number): number {
  const at = text.indexOf(mark, start);
  return at < 0 ? text.length : at;
}

/** What a digit stands for, NaN for everything else. */
function digitOf(unit: number): number {
  return unit >= 0x30 && unit <= 0x39 ? unit - 0x30 : NaN;
}

/** Writes keys and values, which are in percent-encoding already; `undefined` ones are left out. */
export function joinQuery(
  pairs: readonly (readonly [name: string, value: string | number | undefined])[],
): string {
  return pairs.filter(([, value]) => value !== undefined).map(([name, value]) => `${name}=${value}`).join(
    "&",
  );
}

/** Appends a query to a URL that may have one, as private trackers with passkeys do. A fragment is dropped. */
export function appendQuery(url: string, query: string): string {
  const base = url.replace(/#.*$/s, "");
  const joint = !base.includes("?") ? "?" : /[?&]$/.test(base) ? "" : "&";
  return base + joint + query;
}

/** Writes a hash or a peer id. @throws {RangeError} If it has not 20 bytes. */
export function encodeHash(bytes: Uint8Array, name: string): string {
  if (bytes.length !== 20) {
    throw new RangeError(`Cannot encode query: ${name} has ${bytes.length} bytes, not 20`);
  }
  return percentEncode(bytes);
}
