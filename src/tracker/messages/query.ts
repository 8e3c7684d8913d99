/** The query part of announce and scrape URLs: raw bytes in percent-encoding, not text (BEP 3 "trackers"). */

import { percentDecode, percentEncode } from "../../bytes/text.ts";
import { DecodeError } from "../../errors.ts";

/** Longer than a scrape of 74 torrents, the most that UDP has; servers cut at 8 KiB as a rule. */
const LONGEST = 8192;

const EQUALS = 0x3d, AMPERSAND = 0x26;

/** The raw value of each key, percent-encoding intact; of a repeated key the first. @throws {DecodeError} If too long. */
export function splitQuery(query: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  readQuery(query, (name, value) => {
    if (!values.has(name)) values.set(name, value);
  });
  return values;
}

/** Every raw value of a key, in order. @throws {DecodeError} If the query is too long. */
export function queryValues(query: string, key: string): string[] {
  const values: string[] = [];
  readQuery(query, (name, value) => {
    if (name === key) values.push(value);
  });
  return values;
}

/** Hands over every key and raw value, in order. A leading `?` is passed over. */
function readQuery(query: string, take: (name: string, value: string) => void): void {
  if (query.length > LONGEST) throw new DecodeError(`Cannot decode query: longer than ${LONGEST}`);
  let start = query.startsWith("?") ? 1 : 0, equals = -1;
  for (let i = start; i <= query.length; i++) {
    const unit = query.charCodeAt(i);
    if (unit === EQUALS && equals < 0) equals = i;
    if (unit !== AMPERSAND && i < query.length) continue;
    if (equals < 0) take(query.slice(start, i), "");
    else take(query.slice(start, equals), query.slice(equals + 1, i));
    start = i + 1;
    equals = -1;
  }
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

/** Reads a hash or a peer id. @throws {DecodeError} If it is absent or has not 20 bytes. */
export function decodeHash(value: string | undefined, name: string): Uint8Array {
  if (value === undefined) throw new DecodeError(`Cannot decode query: ${name} is missing`);
  const bytes = percentDecode(value);
  if (bytes.length !== 20) {
    throw new DecodeError(`Cannot decode query: ${name} has ${bytes.length} bytes, not 20`);
  }
  return bytes;
}
