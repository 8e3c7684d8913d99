/** Addresses of peers: an IP address as text and a port (BEP 3). */

import { DecodeError } from "../errors.ts";
import { canonicalHost, isIpv6 } from "./ip.ts";

/** Where a peer listens or connects from. */
export interface PeerAddress {
  /** IPv4 in dotted form or IPv6 in canonical form (RFC 5952), without brackets. */
  readonly host: string;
  /** TCP or UDP port, 1 to 65535. */
  readonly port: number;
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
