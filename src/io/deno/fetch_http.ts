/** HTTP requests through `fetch`, also to addresses that were looked up before. */

import { asError, TransportError } from "../../errors.ts";
import { type AddressFamily, canonicalHost, isIpv6 } from "../../peer/ip.ts";
import type { FetchOptions } from "../transport.ts";

/** Addresses of one host that are tried: a host that is not to be reached at three will not be at the fourth. */
const MOST_ADDRESSES = 3;

/** What a socket is bound to that reaches one family alone. */
const WILDCARDS: { readonly [family in AddressFamily]: string } = { 4: "0.0.0.0", 6: "::" };

/** Variables that send requests in the clear through a proxy, which looks names up itself; and those for all requests. */
const CLEAR_PROXIES = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] as const;
const ALL_PROXIES = [...CLEAR_PROXIES, "HTTPS_PROXY", "https_proxy"] as const;

/** Performs an HTTP request, with the runtime's own client or another one. @throws {TransportError} If no answer comes. */
export async function fetchHttp(request: Request, client?: Deno.HttpClient): Promise<Response> {
  try {
    return await (client === undefined ? fetch(request) : fetch(request, { client }));
  } catch (error) {
    request.signal.throwIfAborted();
    const cause = plain(error, request.url);
    throw new TransportError(`Cannot fetch from "${new URL(request.url).host}": ${cause.message}`, { cause });
  }
}

/** What the runtime has to say at the bottom of its errors, without the URL that it repeats: there may be a secret in it. */
function plain(error: unknown, url: string): Error {
  let bottom = error;
  while (bottom instanceof Error && bottom.cause !== undefined) bottom = bottom.cause;
  const text = asError(bottom).message.split(`(${url}): `).at(-1)!.replaceAll(url, "");
  return new Error(text.replace(/^client error \(\w+\): /, ""));
}

/**
 * {@linkcode fetchHttp} at the addresses of the options. Over TLS they do not count: whom the name leads to must have its
 * certificate, and `fetch` takes the name from the URL. There it is the address that we come from that says the family.
 *
 * @throws {TransportError} If no answer comes from any of them.
 */
export async function fetchAt(
  request: Request,
  { addresses, family }: FetchOptions,
  own?: Deno.HttpClient,
): Promise<Response> {
  const { host, hostname, protocol } = new URL(request.url);
  const isName = canonicalHost(hostname.replace(/^\[(.*)\]$/, "$1")) === undefined;
  const isPinned = isName && protocol === "http:" && addresses !== undefined;
  const localAddress = isName && family !== undefined && own === undefined ? WILDCARDS[family] : undefined;
  const isFree = !isPinned && localAddress === undefined;
  if (isFree || own === undefined && hasProxy(CLEAR_PROXIES)) return await fetchHttp(request, own);
  // A name that nobody knew when it was looked at may lead anywhere by now.
  if (isPinned && addresses.length === 0) {
    throw new TransportError(`Cannot fetch from "${host}": it has no address`);
  }
  // The runtime's own client takes no `Host` header. The answer's body outlives the client.
  const client = own ?? Deno.createHttpClient({ allowHost: true, ...(localAddress && { localAddress }) });
  try {
    if (!isPinned) return await fetchHttp(request, client);
    return await firstOf(addresses.slice(0, MOST_ADDRESSES).map((address) => at(request, address)), client);
  } finally {
    if (own === undefined) client.close();
  }
}

/** The first answer that comes, each request being tried when the one before has failed. */
async function firstOf(requests: readonly Request[], client: Deno.HttpClient): Promise<Response> {
  let failure: unknown;
  for (const request of requests) {
    try {
      return await fetchHttp(request, client);
    } catch (error) {
      request.signal.throwIfAborted();
      failure = error;
    }
  }
  throw failure;
}

/** The same request for one address of its host. */
function at(request: Request, address: string): Request {
  const url = new URL(request.url), headers = new Headers(request.headers);
  headers.set("host", url.host);
  url.hostname = isIpv6(address) ? `[${address}]` : address;
  return new Request(url, {
    headers,
    method: request.method,
    redirect: request.redirect,
    signal: request.signal,
  });
}

/** Whether it is us who choose the addresses of requests, and no proxy that the user's variables name. */
export function choosesAddresses(): boolean {
  return !hasProxy(ALL_PROXIES);
}

function hasProxy(variables: readonly string[]): boolean {
  return variables.some((variable) => {
    const { state } = Deno.permissions.querySync({ name: "env", variable });
    return state === "granted" && Deno.env.has(variable);
  });
}
