/** Canonical peer priority (BEP 40): a number that both ends of a connection compute alike. */

import { compareBytes } from "../bytes/compare.ts";
import { crc32c } from "../bytes/crc32c.ts";
import type { PeerAddress } from "./address.ts";
import { parseIp } from "./ip.ts";

/** Bytes of an address that always count in full, by its length (BEP 40 "overview": FF.FF.55.55, FFFF:FFFF:FFFF:5555…). */
const NETWORK_BYTES = { 4: 2, 16: 6 } as const;

/**
 * The priority of the connection between two addresses, an unsigned 32-bit number; the same whichever is ours.
 * Of too many connections the ones with the greatest numbers stay (the text does not say; deployed clients do so).
 * `ours` must be our address as the outside sees it, else the two ends disagree.
 *
 * BEP 40 leaves a pair of IPv4 and IPv6 open: here IPv4 counts as mapped into IPv6.
 *
 * @throws {RangeError} If a host is no IP address.
 */
export function peerPriority(ours: PeerAddress, theirs: PeerAddress): number {
  const [a, b] = sameLength(ipOf(ours), ipOf(theirs));
  if (compareBytes(a, b) === 0) return hashSorted(portBytes(ours.port), portBytes(theirs.port));
  const kept = keptBytes(a, b);
  return hashSorted(mask(a, kept), mask(b, kept));
}

/** Every whole byte of common prefix beyond the network part unmasks one more byte. */
function keptBytes(a: Uint8Array, b: Uint8Array): number {
  let kept: number = NETWORK_BYTES[a.length as 4 | 16];
  while (kept < a.length && compareBytes(a.subarray(0, kept), b.subarray(0, kept)) === 0) kept++;
  return kept;
}

function mask(ip: Uint8Array, kept: number): Uint8Array {
  return ip.map((byte, i) => i < kept ? byte : byte & 0x55);
}

function hashSorted(a: Uint8Array, b: Uint8Array): number {
  const [first, second] = compareBytes(a, b) <= 0 ? [a, b] : [b, a];
  return crc32c(Uint8Array.from([...first, ...second]));
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port);
}

function ipOf(address: PeerAddress): Uint8Array {
  const ip = parseIp(address.host);
  if (ip === undefined) throw new RangeError(`Cannot rank host "${address.host}": not an IP address`);
  return ip;
}

function sameLength(a: Uint8Array, b: Uint8Array): [Uint8Array, Uint8Array] {
  return a.length === b.length ? [a, b] : [mapped(a), mapped(b)];
}

function mapped(ip: Uint8Array): Uint8Array {
  return ip.length === 16 ? ip : Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...ip);
}
