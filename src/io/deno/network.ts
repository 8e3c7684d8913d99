/** Deno's network: TCP, UDP, `fetch` and name lookup. */

import { TransportError } from "../../errors.ts";
import type { DialOptions, Network } from "../transport.ts";
import { dial, listen } from "./connection.ts";
import { bindDenoDatagram, hasListenDatagram } from "./datagram.ts";
import { bindDgram } from "./node_datagram.ts";
import { withSignal } from "../with_signal.ts";

async function fetchHttp(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (cause) {
    request.signal.throwIfAborted();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TransportError(`Cannot fetch from "${new URL(request.url).host}": ${reason}`, { cause });
  }
}

async function resolve(host: string, options: DialOptions = {}): Promise<readonly string[]> {
  options.signal?.throwIfAborted();
  // The system's own lookup: unlike `Deno.resolveDns` it honours the hosts file.
  const { lookup } = await import("node:dns/promises");
  try {
    const found = await withSignal(lookup(host, { all: true }), options.signal);
    return [...new Set(found.map(({ address }) => address))];
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw new TransportError(`Cannot find the address of "${host}"`, { cause });
  }
}

/**
 * The network of this Deno process. UDP is `Deno.listenDatagram` where the user allowed it with `--unstable-net`,
 * else `node:dgram`, which is three to four times slower. Needs `--allow-net`.
 */
export const denoNetwork: Network = {
  dial,
  listen,
  bindDatagram: (options = {}) => hasListenDatagram() ? bindDenoDatagram(options) : bindDgram(options),
  fetch: fetchHttp,
  resolve,
};
