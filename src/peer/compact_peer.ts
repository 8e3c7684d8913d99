/** Peers in compact form: address and port in 6 or 18 bytes (BEP 7, 23). */

import { DecodeError } from "../errors.ts";
import type { PeerAddress } from "./address.ts";
import { type AddressFamily, formatIp, IPV4_IN_IPV6, isIpv6, requireIp, writeIpv4 } from "./ip.ts";

/** Bytes of one peer in compact form: address and port (BEP 23 "compact response", BEP 7 "announce response"). */
const COMPACT_LENGTH = { 4: 6, 6: 18 } as const;

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
