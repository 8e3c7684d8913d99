/** HTTP requests that look where they are sent: a tracker on the internet shall not make us ask the printer next door. */

import { TransportError } from "../errors.ts";
import { addressScope, canonicalHost } from "../peer/address.ts";
import type { Network } from "./transport.ts";

/** More than any honest move needs; browsers go on to 20. */
const MOST_REDIRECTS = 5;

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** What to get, and how. */
export interface GetOptions {
  readonly signal: AbortSignal;
  /** Headers; `authorization` is for the first origin only. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer, and where it came from in the end. */
export interface MovedResponse {
  readonly response: Response;
  readonly url: string;
}

/**
 * Gets a URL, wherever it has moved, but never from the internet to this machine or its own network.
 *
 * @throws {TransportError} If it leads there, nowhere, or on and on. @throws What `network.fetch` throws.
 */
export async function fetchMoved(network: Network, url: string, options: GetOptions): Promise<MovedResponse> {
  const { signal, headers } = options, { origin } = new URL(url);
  for (let at = url, count = 0; count <= MOST_REDIRECTS; count++) {
    const init = { signal, headers: new URL(at).origin === origin ? { ...headers } : anonymous(headers) };
    const response = await network.fetch(new Request(at, { ...init, redirect: "manual" }));
    // Browsers hide where it leads; they have rules of their own for it.
    if (response.type === "opaqueredirect") {
      return { response: await network.fetch(new Request(at, init)), url: at };
    }
    if (!REDIRECTS.includes(response.status)) return { response, url: at };
    await response.body?.cancel();
    at = await nextUrl(network, at, response.headers.get("location"));
  }
  throw new TransportError("too many redirects");
}

function anonymous(headers: GetOptions["headers"] = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== "authorization"));
}

async function nextUrl(network: Network, from: string, location: string | null): Promise<string> {
  const next = location === null ? null : URL.parse(location, from);
  if (next === null || !/^https?:$/.test(next.protocol)) throw new TransportError("a redirect to nowhere");
  next.username = next.password = ""; // no request may have them, and they are not for us
  const [was, is] = await Promise.all([new URL(from), next].map((url) => isLocal(network, url.hostname)));
  if (is && !was) throw new TransportError(`a redirect into the local network, to ${next.host}`);
  return next.href;
}

/** Whether a host is, or may be, of this machine or its own network. */
export async function isLocal(network: Network, hostname: string): Promise<boolean> {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  // A name that we cannot look up is for whoever can, a proxy perhaps.
  const addresses = canonicalHost(host) ? [host] : await network.resolve(host).catch(() => []);
  // One with a zone, which is not canonical, is of a network next to us.
  return addresses.map(canonicalHost).some((address) => !address || addressScope(address) !== "global");
}
