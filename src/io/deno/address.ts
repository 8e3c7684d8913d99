/** Deno's addresses as ours. */

import type { PeerAddress } from "../../peer/address.ts";

/** An IPv4 peer of a socket that serves both families shows up as `::ffff:a.b.c.d`; for us it is `a.b.c.d`. */
export function plainHost(host: string): string {
  return host.startsWith("::ffff:") && host.includes(".") ? host.slice(7) : host;
}

/** Turns an address of a socket into ours; Unix sockets have none. */
export function fromDenoAddress(address: Deno.Addr): PeerAddress | undefined {
  if (!("hostname" in address)) return undefined;
  return { host: plainHost(address.hostname), port: address.port };
}
