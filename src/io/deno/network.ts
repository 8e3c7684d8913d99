/** Deno's network: TCP, UDP, `fetch` and name lookup. */

import { asError, TransportError } from "../../errors.ts";
import type { BindOptions, DatagramSocket, DialOptions, Network } from "../transport.ts";
import { dial, listen } from "./connection.ts";
import { bindDenoDatagram, hasListenDatagram } from "./datagram.ts";
import { bindMulticast } from "./multicast.ts";
import { bindDgram } from "./node_datagram.ts";
import { choosesAddresses, fetchAt } from "./fetch_http.ts";
import { withSignal } from "../with_signal.ts";

/** What the codes of a name lookup mean. */
const REASONS: ReadonlyMap<unknown, string> = new Map([
  ["ENOTFOUND", "there is no such name"],
  ["EAI_AGAIN", "no name server answers"],
]);

async function resolve(host: string, options: DialOptions = {}): Promise<readonly string[]> {
  options.signal?.throwIfAborted();
  // The system's own lookup: unlike `Deno.resolveDns` it honours the hosts file.
  const { lookup } = await import("node:dns/promises");
  try {
    const found = await withSignal(lookup(host, { all: true }), options.signal);
    return [...new Set(found.map(({ address }) => address))];
  } catch (cause) {
    options.signal?.throwIfAborted();
    const { code } = cause as { readonly code?: unknown },
      reason = REASONS.get(code) ?? asError(cause).message;
    throw new TransportError(`Cannot find the address of "${host}": ${reason}`, { cause: new Error(reason) });
  }
}

function bindDatagram(options: BindOptions = {}): Promise<DatagramSocket> {
  const { multicast: group, ...rest } = options;
  if (group !== undefined) return bindMulticast({ ...rest, group });
  return hasListenDatagram() ? Promise.try(() => bindDenoDatagram(rest)) : bindDgram(rest);
}

/**
 * The network of this Deno process. UDP is `Deno.listenDatagram` where the user allowed it with `--unstable-net`,
 * else `node:dgram`, which is three to four times slower. Needs `--allow-net`.
 */
export const denoNetwork: Network = {
  dial,
  listen,
  bindDatagram,
  fetch: (request, options = {}) => fetchAt(request, options),
  get choosesFamily() {
    return choosesAddresses();
  },
  resolve,
};
