/** HTTP requests through `fetch`, also to addresses that were looked up before. */

import { TransportError } from "../../errors.ts";
import { canonicalHost, isIpv6 } from "../../peer/address.ts";
import type { FetchOptions } from "../transport.ts";

/** Addresses of one host that are tried: a host that is not to be reached at three will not be at the fourth. */
const MOST_ADDRESSES = 3;

/** Variables that send requests in the clear through a proxy, which looks names up itself. */
const PROXIES = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] as const;

/** Performs an HTTP request, with the runtime's own client or another one. @throws {TransportError} If no answer comes. */
export async function fetchHttp(request: Request, client?: Deno.HttpClient): Promise<Response> {
  try {
    return await (client === undefined ? fetch(request) : fetch(request, { client }));
  } catch (cause) {
    request.signal.throwIfAborted();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TransportError(`Cannot fetch from "${new URL(request.url).host}": ${reason}`, { cause });
  }
}

/**
 * {@linkcode fetchHttp} at the addresses of the options. Over TLS they do not count: whom the name leads to must have its
 * certificate, and `fetch` takes the name from the URL.
 *
 * @throws {TransportError} If no answer comes from any of them.
 */
export async function fetchAt(
  request: Request,
  { addresses }: FetchOptions,
  own?: Deno.HttpClient,
): Promise<Response> {
  const { host, hostname, protocol } = new URL(request.url);
  const isName = canonicalHost(hostname.replace(/^\[(.*)\]$/, "$1")) === undefined;
  if (!isName || protocol !== "http:" || addresses === undefined || own === undefined && goesThroughProxy()) {
    return await fetchHttp(request, own);
  }
  // A name that nobody knew when it was looked at may lead anywhere by now.
  if (addresses.length === 0) throw new TransportError(`Cannot fetch from "${host}": it has no address`);
  // The runtime's own client takes no `Host` header. The answer's body outlives the client.
  const client = own ?? Deno.createHttpClient({ allowHost: true });
  try {
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

function goesThroughProxy(): boolean {
  return PROXIES.some((variable) => {
    const { state } = Deno.permissions.querySync({ name: "env", variable });
    return state === "granted" && Deno.env.has(variable);
  });
}
