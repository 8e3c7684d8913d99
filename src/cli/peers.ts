/** Peers named on the command line. */

import { denoNetwork } from "../io/deno/network.ts";
import type { Network } from "../io/transport.ts";
import type { PeerAddress } from "../peer/address.ts";
import { readHostAndPort } from "./surroundings.ts";

/** Finds the addresses of `HOST:PORT` texts. @throws {UsageError} If one is none. @throws {TransportError} If a name is unknown. */
export async function resolvePeers(
  texts: readonly string[],
  network: Network = denoNetwork,
): Promise<readonly PeerAddress[]> {
  const targets = texts.map(readHostAndPort);
  const resolved = await Promise.all(targets.map(async ({ host, port }) => {
    const hosts = await network.resolve(host);
    return hosts.map((found) => ({ host: found, port }));
  }));
  return resolved.flat();
}
