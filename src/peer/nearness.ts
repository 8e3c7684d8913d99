/**
 * Whose word counts about which address: peers and nodes of the internet know nothing of private networks, and must not
 * learn of them (BEP 11 "security considerations").
 */

import { isIpv6, parseIp } from "./ip.ts";
import { type AddressScope, scopeOf } from "./scope.ts";

/** How near a network is; scopes that are not here are no place for a peer. */
const NEARNESS: Readonly<Partial<Record<AddressScope, number>>> = {
  global: 0,
  private: 1,
  linkLocal: 1,
  loopback: 2,
};

/** How near a host is: 0 the internet, 1 our network, 2 this machine; `undefined` if no peer can be there. */
export function nearnessOf(host: string): number | undefined {
  const ip = parseIp(host);
  return ip && nearnessOfIp(ip);
}

/** The same of an address of 4 or 16 bytes. */
export function nearnessOfIp(ip: Uint8Array): number | undefined {
  return NEARNESS[scopeOf(ip)];
}

/**
 * Whether the peer or node at `witness` and the address `host` may hear of each other: only what is as near as the
 * witness, or farther. Link-local IPv6 addresses mean nothing to others, as they lack the interface.
 */
export function mayName(witness: string, host: string): boolean {
  const ip = parseIp(host), scope = ip && scopeOf(ip), nearness = scope && NEARNESS[scope];
  if (nearness === undefined || (isIpv6(host) && scope === "linkLocal")) return false;
  return nearness === 0 || nearness <= (nearnessOf(witness) ?? 0);
}
