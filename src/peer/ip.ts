/** IP addresses: text, bytes, family and scope (RFC 4291, 5952). */

import { takeFromSlab } from "../bytes/slab.ts";
import { hexDigit } from "../bytes/text.ts";
import { type AddressScope, scopeOf } from "./scope.ts";

/** Version of the Internet Protocol: which compact form an address has. */
export type AddressFamily = 4 | 6;

/** Where in an IPv6 address an IPv4 address is that is mapped into it (RFC 4291 section 2.5.5.2). */
export const IPV4_IN_IPV6 = 12;

/**
 * Reads an IP address: 4 bytes for IPv4 and for IPv4 written as IPv6 (`::ffff:1.2.3.4`), 16 for other IPv6, `undefined` for
 * anything else. Strict: no leading zeros, octal or short IPv4 forms, zone or brackets. Others lie in the same buffer.
 */
export function parseIp(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  return bytes !== undefined && isMapped(bytes) ? bytes.subarray(IPV4_IN_IPV6) : bytes;
}

/**
 * Writes an IP address of 4 or 16 bytes: IPv4 dotted, IPv6 as RFC 5952 wants it, IPv4 mapped into IPv6 as IPv4.
 *
 * @throws {RangeError} If it has another number of bytes.
 */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) {
    throw new RangeError(`Cannot format IP address: expected 4 or 16 bytes, got ${bytes.length}`);
  }
  return isMapped(bytes) ? bytes.subarray(IPV4_IN_IPV6).join(".") : formatIpv6(bytes);
}

/** The one spelling of an IP address that this library uses, or `undefined` if `text` is none: see {@linkcode parseIp}. */
export function canonicalHost(text: string): string | undefined {
  // IPv4 has one spelling only: what can be read is canonical.
  if (!text.includes(":")) return writeIpv4(text, SCRATCH, 0) ? text : undefined;
  const bytes = parseIp(text);
  return bytes && formatIp(bytes);
}

/** Whether a canonical host is IPv6. */
export function isIpv6(host: string): boolean {
  return host.includes(":");
}

/** The family of an IP address. */
export function addressFamily(host: string): AddressFamily {
  return isIpv6(host) ? 6 : 4;
}

/** What kind of network an IP address belongs to. @throws {RangeError} If `host` is no IP address. */
export function addressScope(host: string): AddressScope {
  return scopeOf(requireIp(host));
}

/** The bytes of an IP address. @throws {RangeError} If `host` is none. */
export function requireIp(host: string): Uint8Array<ArrayBuffer> {
  const bytes = parseIp(host);
  if (bytes === undefined) throw new RangeError(`Cannot use host "${host}": not an IP address`);
  return bytes;
}

function parseIpv4(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = takeFromSlab(4);
  return writeIpv4(text, bytes, 0) ? bytes : undefined;
}

/** Where bytes go that nobody reads. */
const SCRATCH = new Uint8Array(4);

/**
 * Writes the four bytes of an IPv4 address, or answers `false` if `text` is none. One pass without splitting, into memory that is there: nodes of the DHT and
 * trackers read and write addresses all day, and most of the time would go into small arrays.
 */
export function writeIpv4(text: string, into: Uint8Array, offset: number): boolean {
  let at = offset, value = -1;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i), digit = unit - 0x30;
    if (unit === 0x2e && value >= 0 && at < offset + 3) {
      into[at++] = value;
      value = -1;
    } else {
      if (digit < 0 || digit > 9 || value === 0) return false;
      value = value < 0 ? digit : value * 10 + digit;
      if (value > 255) return false;
    }
  }
  into[at] = value;
  return at === offset + 3 && value >= 0;
}

function parseIpv6(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length > 45) return undefined; // the longest spelling: eight groups, the last two as dotted IPv4
  const bytes = takeFromSlab(16);
  let end = 0, gap = text.startsWith("::") ? 0 : -1, start = gap === 0 ? 2 : 0;
  while (start < text.length) {
    const colon = text.indexOf(":", start), group = groupAt(text, start, colon < 0 ? text.length : colon);
    if (group < 0) {
      if (colon >= 0 || end > IPV4_IN_IPV6 || !writeIpv4(text.slice(start), bytes, end)) return undefined;
      end += 4;
    } else if (end < 16) {
      bytes[end++] = group >> 8;
      bytes[end++] = group;
    } else return undefined;
    if (colon < 0) break;
    start = colon + 1;
    if (start === text.length) return undefined;
    if (text[start] !== ":") continue;
    if (gap >= 0) return undefined;
    gap = end;
    start++;
  }
  return fillGap(bytes, gap, end);
}

/** The number that a group of one to four hexadecimal digits is; -1 if it is none. */
function groupAt(text: string, start: number, end: number): number {
  if (end === start || end > start + 4) return -1;
  let group = 0;
  for (let i = start; i < end; i++) {
    const digit = hexDigit(text.charCodeAt(i));
    if (digit < 0) return -1;
    group = group << 4 | digit;
  }
  return group;
}

/** Moves what was written behind "::" to the end; the colons stand for at least one group of zeros. */
function fillGap(bytes: Uint8Array<ArrayBuffer>, gap: number, end: number): typeof bytes | undefined {
  if (gap < 0) return end === 16 ? bytes : undefined;
  if (end > 14) return undefined;
  return bytes.copyWithin(16 - (end - gap), gap, end).fill(0, gap, 16 - (end - gap));
}

function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[i * 2]! << 8 | bytes[i * 2 + 1]!).toString(16));
  const { start, length } = longestZeroRun(groups);
  if (length < 2) return groups.join(":"); // RFC 5952 section 4.2.2: a single zero group stays
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}

function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }, start = 0;
  for (let i = 0; i < groups.length; i++) {
    if (groups[i] !== "0") start = i + 1;
    else if (i + 1 - start > best.length) best = { start, length: i + 1 - start };
  }
  return best;
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.length === 16 && bytes[10] === 0xff && bytes[11] === 0xff &&
    bytes.subarray(0, 10).every((byte) => byte === 0);
}
