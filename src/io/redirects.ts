/**
 * HTTP requests that look where they are sent: a tracker on the internet shall not make us ask the printer next door. What a name
 * stands for may change from one lookup to the next, so a request goes to the addresses that were looked at.
 */

import { TransportError } from "../errors.ts";
import { addressFamily, addressScope, canonicalHost } from "../peer/ip.ts";
import type { DialOptions, FetchOptions, Network } from "./transport.ts";

/** More than any honest move needs; browsers go on to 20. */
const MOST_REDIRECTS = 5;

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** What to get, and how; `addresses` are those of the URL's host, if somebody has looked at them. */
export interface GetOptions extends FetchOptions {
  readonly signal: AbortSignal;
  /** Headers; `authorization` is for the first origin only. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The URL that has led here some time ago: it is looked at again whether it may. */
  readonly from?: string;
}

/** An answer, and where it came from in the end. */
export interface MovedResponse {
  readonly response: Response;
  readonly url: string;
}

/** A URL that may be asked, and the addresses of its host if they were looked at. */
interface Place {
  readonly url: string;
  readonly addresses?: readonly string[];
}

/** How names are looked up on the way. */
type LookUpOptions = DialOptions & Pick<FetchOptions, "family">;

/**
 * Gets a URL, wherever it has moved, but never from the internet to this machine or its own network.
 *
 * @throws {TransportError} If it leads there, nowhere, or on and on. @throws What `network.fetch` throws.
 */
export async function fetchMoved(network: Network, url: string, options: GetOptions): Promise<MovedResponse> {
  const { signal, headers, from, addresses } = options, { origin } = new URL(url);
  const over = options.family && { family: options.family }, look = { signal, ...over };
  let at: Place = from === undefined
    ? { url, ...(addresses && { addresses }) }
    : await followed(network, { from: { url: from }, to: new URL(url) }, look);
  for (let count = 0; count <= MOST_REDIRECTS; count++) {
    const init = { signal, headers: new URL(at.url).origin === origin ? { ...headers } : anonymous(headers) };
    const response = await network.fetch(new Request(at.url, { ...init, redirect: "manual" }), {
      ...at,
      ...over,
    });
    // Browsers hide where it leads; they have rules of their own for it.
    if (response.type === "opaqueredirect") {
      return { response: await network.fetch(new Request(at.url, init), over), url: at.url };
    }
    if (!REDIRECTS.includes(response.status)) return { response, url: at.url };
    await response.body?.cancel();
    at = await followed(network, { from: at, to: nextUrl(at, response.headers.get("location")) }, look);
  }
  throw new TransportError("too many redirects");
}

function anonymous(headers: GetOptions["headers"] = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== "authorization"));
}

function nextUrl(from: Place, location: string | null): URL {
  const next = location === null ? null : URL.parse(location, from.url);
  if (next === null || !/^https?:$/.test(next.protocol)) throw new TransportError("a redirect to nowhere");
  next.username = next.password = ""; // no request may have them, and they are not for us
  return next;
}

/**
 * Where to ask next: the URL that a place leads to, if it may. A place whose name stands for our own network is asked again
 * there, for the answer may have come from elsewhere: what it leads to then is taken from it.
 */
async function followed(
  network: Network,
  { from, to }: { readonly from: Place; readonly to: URL },
  options: LookUpOptions,
): Promise<Place> {
  const addresses = await lookUp(network, to.hostname, options);
  const { hostname, origin, protocol } = new URL(from.url);
  // Over TLS the certificate proves that one host is the same as before, and nothing about where it is.
  const isSame = protocol === "https:" && to.origin === origin;
  if (isSame || !isLocal(addresses)) return { url: to.href, addresses };
  const own = from.addresses ?? await lookUp(network, hostname, options),
    isNamed = !own.includes(bare(hostname));
  if (own.length === 0 || !own.every((address) => isLocal([address])) || isNamed && protocol === "https:") {
    throw new TransportError(`a redirect into the local network, to ${to.host}`);
  }
  return isNamed && from.addresses === undefined
    ? { url: from.url, addresses: own }
    : { url: to.href, addresses };
}

/** A URL's host without the brackets of IPv6. */
function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

/** The addresses of a URL's host; none if it is a name that we cannot look up: that is for whoever can, a proxy perhaps. */
export async function lookUp(
  network: Network,
  hostname: string,
  { family, ...options }: LookUpOptions,
): Promise<readonly string[]> {
  const host = bare(hostname);
  const addresses = canonicalHost(host) ? [host] : await network.resolve(host, options).catch(() => {
    options.signal?.throwIfAborted();
    return [];
  });
  return family === undefined ? addresses : addresses.filter((address) => addressFamily(address) === family);
}

/** Whether addresses are, or some of them may be, of this machine or its own network. */
export function isLocal(addresses: readonly string[]): boolean {
  // One with a zone, which is not canonical, is of a network next to us.
  return addresses.map(canonicalHost).some((address) => !address || addressScope(address) !== "global");
}
