/** Addresses of peers: an IP address as text and a port; text and compact forms (BEP 3, 7, 23). */

import { takeFromSlab } from "../bytes/slab.ts";
import { hexDigit } from "../bytes/text.ts";
import { DecodeError } from "../errors.ts";
import { type AddressScope, scopeOf } from "./scope.ts";

/** Where a peer listens or connects from. */
export interface PeerAddress {
  /** IPv4 in dotted form or IPv6 in canonical form (RFC 5952), without brackets. */
  readonly host: string;
  /** TCP or UDP port, 1 to 65535. */
  readonly port: number;
}

/** Version of the Internet Protocol: which compact form an address has. */
export type AddressFamily = 4 | 6;

/** Where in an IPv6 address an IPv4 address is that is mapped into it (RFC 4291 section 2.5.5.2). */
const IPV4_IN_IPV6 = 12;

/** Bytes of one peer in compact form: address and port (BEP 23 "compact response", BEP 7 "announce response"). */
const COMPACT_LENGTH = { 4: 6, 6: 18 } as const;

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

/** Reads `1.2.3.4:80` or `[::1]:80`. @throws {DecodeError} If the host is no IP address or the port not 1 to 65535. */
export function parsePeerAddress(text: string): PeerAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([1-9]\d{0,4})$/.exec(text);
  const host = canonicalHost(match?.[1] ?? match?.[2] ?? ""), port = Number(match?.[3]);
  const bracketsFit = match?.[1] === undefined || match[1].includes(":");
  if (host === undefined || !bracketsFit || port > 65535) {
    throw new DecodeError(`Cannot decode peer address "${text}": not an IP address with a port`);
  }
  return { host, port };
}

/** Writes `1.2.3.4:80` or `[::1]:80`. Equal addresses give equal text, so it also serves as a map key. */
export function formatPeerAddress(address: PeerAddress): string {
  return isIpv6(address.host) ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * Writes one peer in compact form: 6 bytes for IPv4, 18 for IPv6 (BEP 23, 7).
 *
 * @throws {RangeError} If the host is no IP address.
 */
export function encodeCompactPeer(address: PeerAddress): Uint8Array<ArrayBuffer> {
  const ip = isIpv6(address.host) ? requireIp(address.host) : undefined;
  const bytes = new Uint8Array(ip === undefined ? COMPACT_LENGTH[4] : ip.length + 2);
  writeCompactPeer(address, bytes, { offset: 0, ip });
  return bytes;
}

/**
 * Writes one peer as the 18 bytes of IPv6, an IPv4 address mapped into it (RFC 4291 section 2.5.5.2), and answers its
 * family. One form for both, which ends with the compact form of IPv4.
 *
 * @throws {RangeError} If the host is no IP address.
 */
export function writeMappedPeer({ host, port }: PeerAddress, into: Uint8Array): AddressFamily {
  writePort(port, into, COMPACT_LENGTH[6] - 2);
  if (!writeIpv4(host, into, IPV4_IN_IPV6)) {
    const bytes = requireIp(host);
    into.set(bytes, 16 - bytes.length);
    if (bytes.length === 16) return 6;
  }
  for (let i = 0; i < IPV4_IN_IPV6; i++) into[i] = i < IPV4_IN_IPV6 - 2 ? 0 : 0xff;
  return 4;
}

/** Reads one peer in compact form. @throws {DecodeError} If it has neither 6 nor 18 bytes, or port 0. */
export function decodeCompactPeer(bytes: Uint8Array): PeerAddress {
  if (bytes.length !== COMPACT_LENGTH[4] && bytes.length !== COMPACT_LENGTH[6]) {
    throw new DecodeError(`Cannot decode compact peer: expected 6 or 18 bytes, got ${bytes.length}`);
  }
  const address = compactPeerAt(bytes, 0, bytes.length === COMPACT_LENGTH[4] ? 4 : 6);
  if (address === undefined) throw new DecodeError("Cannot decode compact peer: port is 0");
  return address;
}

/**
 * Writes the peers of one family in compact form, one behind the other; those of the other family are left out.
 *
 * @throws {RangeError} If a host is no IP address.
 */
export function encodeCompactPeers(
  addresses: readonly PeerAddress[],
  family: AddressFamily,
): Uint8Array<ArrayBuffer> {
  const chosen = addresses.filter(({ host }) => isIpv6(host) === (family === 6));
  const bytes = new Uint8Array(chosen.length * COMPACT_LENGTH[family]);
  chosen.forEach((address, i) => writeCompactPeer(address, bytes, { offset: i * COMPACT_LENGTH[family] }));
  return bytes;
}

/**
 * Reads peers in compact form, one behind the other. Entries with port 0 are dropped: nobody can be reached there.
 *
 * @throws {DecodeError} If the length is no multiple of 6 (IPv4) or 18 (IPv6).
 */
export function decodeCompactPeers(bytes: Uint8Array, family: AddressFamily): PeerAddress[] {
  const entry = COMPACT_LENGTH[family], addresses: PeerAddress[] = [];
  if (bytes.length % entry !== 0) {
    throw new DecodeError(`Cannot decode compact peers: ${bytes.length} bytes are no multiple of ${entry}`);
  }
  for (let at = 0; at < bytes.length; at += entry) {
    const address = compactPeerAt(bytes, at, family);
    if (address !== undefined) addresses.push(address);
  }
  return addresses;
}

/** Reads the compact peer that starts at `offset`; `undefined` if its port is 0. The bytes must be there. */
export function compactPeerAt(
  bytes: Uint8Array,
  offset: number,
  family: AddressFamily,
): PeerAddress | undefined {
  const end = offset + COMPACT_LENGTH[family];
  const port = bytes[end - 2]! << 8 | bytes[end - 1]!;
  return port === 0 ? undefined : { host: formatIp(bytes.subarray(offset, end - 2)), port };
}

/** Writes an address; IPv6 as it was read, if it was. */
function writeCompactPeer(
  { host, port }: PeerAddress,
  into: Uint8Array,
  { offset, ip }: { readonly offset: number; readonly ip?: Uint8Array | undefined },
): void {
  let end = offset + COMPACT_LENGTH[4] - 2;
  if (ip !== undefined || !writeIpv4(host, into, offset)) {
    const bytes = ip ?? requireIp(host);
    into.set(bytes, offset);
    end = offset + bytes.length;
  }
  writePort(port, into, end);
}

function writePort(port: number, into: Uint8Array, offset: number): void {
  into[offset] = port >>> 8;
  into[offset + 1] = port;
}

function requireIp(host: string): Uint8Array<ArrayBuffer> {
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
 * Writes the four bytes, or answers `false`. One pass without splitting, into memory that is there: nodes of the DHT and
 * trackers read and write addresses all day, and most of the time would go into small arrays.
 */
function writeIpv4(text: string, into: Uint8Array, offset: number): boolean {
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
