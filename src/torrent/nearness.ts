/**
 * Whose word counts about which address: peers of the internet know nothing of private networks, and must not learn of
 * them (BEP 11 "security considerations").
 */

import { type AddressScope, addressScope, isIpv6, parseIp } from "../peer/address.ts";

/** How near a network is; scopes that are not here are no place for a peer. */
const NEARNESS: Readonly<Partial<Record<AddressScope, number>>> = {
  global: 0,
  private: 1,
  linkLocal: 1,
  loopback: 2,
};

/** How near a host is: 0 the internet, 1 our network, 2 this machine; `undefined` if no peer can be there. */
export function nearnessOf(host: string): number | undefined {
  return parseIp(host) && NEARNESS[addressScope(host)];
}

/**
 * Whether the peer at `witness` and the address `host` may hear of each other: only what is as near as the witness, or
 * farther. Link-local IPv6 addresses mean nothing to others, as they lack the interface.
 */
export function mayName(witness: string, host: string): boolean {
  const nearness = nearnessOf(host);
  if (nearness === undefined || (isIpv6(host) && addressScope(host) === "linkLocal")) return false;
  return nearness <= (nearnessOf(witness) ?? 0);
}
