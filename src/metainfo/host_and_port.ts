/** A host, by name or address, and a port: DHT nodes in torrents, peers in magnet links (BEP 5, BEP 9). */

import { DecodeError } from "../errors.ts";
import { formatPeerAddress } from "../peer/address.ts";
import { canonicalHost } from "../peer/ip.ts";

/** A host name or an IP address, and a port. An address with an IP host is a `PeerAddress`. */
export interface HostAndPort {
  /** Host name, IPv4, or IPv6 without brackets. */
  readonly host: string;
  /** Port, 1 to 65535. */
  readonly port: number;
}

/**
 * Reads `name:port`, `1.2.3.4:port` or `[2001:db8::1]:port` (BEP 9 "magnet URI format"). IP addresses come out in their
 * canonical form, host names as they are.
 *
 * @throws {DecodeError} If it is nothing of the kind.
 */
export function parseHostAndPort(text: string): HostAndPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/?#@[\]]+)):([1-9]\d{0,4})$/.exec(text),
    port = Number(match?.[3]);
  const host = match?.[1] === undefined ? match?.[2] : canonicalHost(match[1]);
  if (host === undefined || port > 65535) {
    throw new DecodeError(`Cannot decode "${text}": not a host and a port`);
  }
  return { host: canonicalHost(host) ?? host, port };
}

/** Writes `host:port`, IPv6 in brackets. */
export function formatHostAndPort(address: HostAndPort): string {
  return formatPeerAddress(address);
}
