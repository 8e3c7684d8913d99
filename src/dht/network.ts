/** Which network an address lies in: one attacker has many addresses, but seldom many networks (BEP 42 "rationale"). */

import { addressScope, isIpv6, parseIp } from "../peer/address.ts";

/** Whether an address is of a local network, where neither BEP 42 nor the limits per network apply. */
export function isLocalHost(host: string): boolean {
  return addressScope(host) !== "global";
}

/** Whether a datagram could be answered there: not to all, to many or to nobody. */
export function isReachableHost(host: string): boolean {
  const scope = addressScope(host);
  return scope !== "unspecified" && scope !== "multicast" && scope !== "reserved";
}

/** The /24 of an IPv4 address or the /64 of an IPv6 address, as a map key. */
export function networkOf(host: string): string {
  if (!isIpv6(host)) return host.slice(0, host.lastIndexOf("."));
  return parseIp(host)?.subarray(0, 8).join(".") ?? host;
}

/** What counts as one source of traffic: an IPv4 address, or the /64 that one IPv6 host commands (BEP 45). */
export function sourceOf(host: string): string {
  return isIpv6(host) ? networkOf(host) : host;
}
