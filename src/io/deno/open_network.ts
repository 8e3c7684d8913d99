/** Deno's network under restrictions that fail closed: from one local address only, through a proxy only. */

import { TransportError } from "../../errors.ts";
import { formatPeerAddress } from "../../peer/address.ts";
import { addressScope, canonicalHost } from "../../peer/ip.ts";
import { throughHttpConnect } from "../http_connect.ts";
import type { ProxyOptions } from "../proxied_network.ts";
import { throughSocks5 } from "../socks5.ts";
import type { FetchOptions, Network } from "../transport.ts";
import { fetchAt } from "./fetch_http.ts";
import { denoNetwork } from "./network.ts";
import { dialFrom } from "./node_connection.ts";

/** A proxy and how it is spoken to. */
export interface DenoProxy {
  /** `http` is the CONNECT method for peers, and for requests whatever `fetch` does with an HTTP proxy. */
  readonly protocol: "socks5" | "http";
  /** An IP address or a name, which is looked up without the proxy. */
  readonly host: string;
  /** TCP port. */
  readonly port: number;
  /** Sent with the password if the proxy asks for it. */
  readonly username?: string;
  /** Sent with the username; empty by default. */
  readonly password?: string;
}

/** What {@linkcode openDenoNetwork} is told; without restrictions it is `denoNetwork`. */
export interface DenoNetworkOptions {
  /**
   * Local IP address that everything comes from: listeners, UDP, dials and requests. If it goes away, as that of a VPN
   * that ends, all of them fail; no other address takes its place. Only names are looked up as the system likes to.
   * `0.0.0.0` and `::` are every address, and so no restriction.
   */
  readonly localHost?: string;
  /**
   * The only way out. What it cannot carry fails: listening, looking up names (it does so itself for requests), and UDP
   * unless it is a SOCKS5 proxy that relays it.
   */
  readonly proxy?: DenoProxy;
}

/** A network with idle HTTP connections of its own: dispose of it when everything that uses it is closed. */
export interface DisposableNetwork extends Network, Disposable {}

/** Variables that let requests past a proxy, also past one that the program names. */
const EXCEPTIONS = ["NO_PROXY", "no_proxy"] as const;

/**
 * Makes a network of this Deno process with restrictions. Dials from a given address go through `node:net`, because
 * `Deno.connect` cannot be told where from; they cost a little more.
 *
 * With a SOCKS5 proxy and a local address together `fetch` fails, because Deno does not tie that connection to an address.
 *
 * @throws {RangeError} If the local host is no IP address, or the credentials cannot be told to the proxy.
 */
export function openDenoNetwork(options: DenoNetworkOptions = {}): DisposableNetwork {
  const { proxy } = options, localHost = boundHost(options.localHost);
  if (localHost === undefined && proxy === undefined) return { ...denoNetwork, [Symbol.dispose]: () => {} };
  const requests = new Requests(localHost, proxy);
  const bound: Network = {
    ...(localHost === undefined ? denoNetwork : boundTo(localHost)),
    fetch: (request: Request, options?: FetchOptions) => requests.fetch(request, options),
    choosesFamily: false,
  };
  return {
    ...(proxy === undefined ? bound : through(proxy, bound)),
    [Symbol.dispose]: () => requests.close(),
  };
}

/** The one address, if it is one. */
function boundHost(localHost: string | undefined): string | undefined {
  if (localHost === undefined) return undefined;
  if (canonicalHost(localHost) === undefined) {
    throw new RangeError(`Cannot use "${localHost}" as local address: it is no IP address`);
  }
  return addressScope(localHost) === "unspecified" ? undefined : localHost;
}

/** All sockets at one address. */
function boundTo(localHost: string): Network {
  return {
    ...denoNetwork,
    dial: (address, options) => dialFrom(localHost, address, options),
    listen: (options) => denoNetwork.listen({ ...options, host: localHost }),
    bindDatagram: (options) => denoNetwork.bindDatagram({ ...options, host: localHost }),
  };
}

/** `fetch` goes through the proxy by itself. */
function through({ protocol, host, port, username, password }: DenoProxy, network: Network): Network {
  const options: ProxyOptions = {
    proxy: { host, port },
    direct: ["fetch"],
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  };
  return protocol === "socks5" ? throughSocks5(network, options) : throughHttpConnect(network, options);
}

/** Requests under the same restrictions, through a client that is made with the first of them. */
class Requests {
  readonly #localHost: string | undefined;
  readonly #proxy: DenoProxy | undefined;
  #client: Deno.HttpClient | undefined;
  #isClosed = false;

  constructor(localHost: string | undefined, proxy: DenoProxy | undefined) {
    this.#localHost = localHost;
    this.#proxy = proxy;
  }

  async fetch(request: Request, options: FetchOptions = {}): Promise<Response> {
    if (this.#isClosed) throw this.#refuse(request, "the network is closed");
    this.#client ??= this.#open(request);
    return await fetchAt(request, this.#proxy === undefined ? options : {}, this.#client);
  }

  close(): void {
    this.#isClosed = true;
    this.#client?.close();
    this.#client = undefined;
  }

  #open(request: Request): Deno.HttpClient {
    const localHost = this.#localHost, proxy = this.#proxy;
    if (proxy === undefined) return Deno.createHttpClient({ localAddress: localHost!, allowHost: true });
    if (localHost !== undefined && proxy.protocol === "socks5") {
      throw this.#refuse(request, "Deno does not tie requests through a SOCKS5 proxy to a local address");
    }
    const { host, port, username, password = "" } = proxy;
    // The "h" leaves names to the proxy.
    const url = `${proxy.protocol === "socks5" ? "socks5h" : "http"}://${formatPeerAddress({ host, port })}`;
    return withoutExceptions(request, () =>
      Deno.createHttpClient({
        proxy: {
          transport: proxy.protocol,
          url,
          ...(username !== undefined && { basicAuth: { username, password } }),
        },
        ...(localHost !== undefined && { localAddress: localHost }),
      }));
  }

  #refuse(request: Request, reason: string): TransportError {
    return new TransportError(`Cannot fetch from "${new URL(request.url).host}": ${reason}`);
  }
}

/**
 * Makes a client that takes every request to its proxy: it looks at the variables when it is made, and never again.
 *
 * @throws {TransportError} If they cannot be looked at.
 */
function withoutExceptions(request: Request, make: () => Deno.HttpClient): Deno.HttpClient {
  const isBlind = EXCEPTIONS.some((variable) =>
    Deno.permissions.querySync({ name: "env", variable }).state !== "granted"
  );
  if (isBlind) {
    const { host } = new URL(request.url), names = EXCEPTIONS.join(",");
    throw new TransportError(
      `Cannot fetch from "${host}": ${EXCEPTIONS[0]} could let it past the proxy; see --allow-env=${names}`,
    );
  }
  const kept = EXCEPTIONS.map((variable) => [variable, Deno.env.get(variable)] as const);
  for (const variable of EXCEPTIONS) Deno.env.delete(variable);
  try {
    return make();
  } finally {
    for (const [variable, value] of kept) if (value !== undefined) Deno.env.set(variable, value);
  }
}
