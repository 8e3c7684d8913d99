/** Which network an address lies in: one attacker has many addresses, but seldom many networks (BEP 42 "rationale"). */

import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { addressScope, isIpv6, parseIp } from "../peer/ip.ts";
import { nearnessOfIp } from "../peer/nearness.ts";

/** Whether an address is of a local network, where neither BEP 42 nor the limits per network apply. */
export function isLocalHost(host: string): boolean {
  return addressScope(host) !== "global";
}

/** How near the host of a compact address is, as `nearnessOf` says; `Infinity` if it is no place for a peer. */
export function compactNearness(compact: Uint8Array): number {
  return nearnessOfIp(compact.subarray(0, -2)) ?? Infinity;
}

/** The /24 of an IPv4 address or the /64 of an IPv6 address, as a map key. */
export function networkOf(host: string): string {
  if (!isIpv6(host)) return host.slice(0, host.lastIndexOf("."));
  return parseIp(host)?.subarray(0, 8).join(".") ?? host;
}

/** What counts as one host: its IP address, but on this very machine, where all share it, the port too. */
export function hostKey(address: PeerAddress): string {
  const isLoopback = address.host.startsWith("127.") || address.host === "::1";
  return isLoopback ? formatPeerAddress(address) : address.host;
}

/** The part of a compact address that tells hosts apart, as {@linkcode hostKey} does. */
export function hostPart(compact: Uint8Array): Uint8Array {
  return isLoopback(compact) ? compact : compact.subarray(0, -2);
}

/** The part of a compact address that tells networks apart, as {@linkcode networkOf} does. */
export function networkPart(compact: Uint8Array): Uint8Array {
  return compact.subarray(0, compact.length === 6 ? 3 : 8);
}

function isLoopback(compact: Uint8Array): boolean {
  return compact.length === 6
    ? compact[0] === 127
    : compact.subarray(0, 16).every((byte, i) => byte === (i < 15 ? 0 : 1));
}

/** What counts as one source of traffic: a host, or the /64 that one IPv6 host commands (BEP 45). */
export function sourceOf(address: PeerAddress): string {
  return isIpv6(address.host) && address.host !== "::1" ? networkOf(address.host) : hostKey(address);
}
