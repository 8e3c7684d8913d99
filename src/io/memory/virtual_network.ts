/** A network in memory: hosts, links with faults of their own, names and HTTP origins, in virtual time. */

import { TransportError } from "../../errors.ts";
import { addressFamily, canonicalHost } from "../../peer/ip.ts";
import type { Clock, FetchOptions, Network } from "../transport.ts";
import { withSignal } from "../with_signal.ts";
import { DEFAULT_LINK, type LinkQuality } from "./link.ts";
import { type Link, Links } from "./links.ts";
import { seededRandom } from "./seeded_random.ts";
import type { Traffic } from "./traffic.ts";
import { type Surroundings, VirtualHost } from "./virtual_host.ts";

/** What a virtual network is made from. */
export interface VirtualNetworkOptions {
  /** Time; a `VirtualClock` makes runs repeat themselves. */
  readonly clock: Clock;
  /** Seed of the chance behind loss, jitter and the like; 1 by default. */
  readonly seed?: number;
  /** Quality of links that are not told otherwise; 10 ms and no faults by default. */
  readonly link?: Partial<LinkQuality>;
}

/** Answers HTTP requests, like a handler of `Deno.serve`. */
export type HttpHandler = (request: Request) => Response | Promise<Response>;

/**
 * A network without sockets. Each {@linkcode VirtualNetwork.host} is a `Network` with IP addresses of its own; links
 * between them delay, lose, double and reorder, can be cut and restored, and connections can be reset. With the same
 * seed and a virtual clock, equal runs are equal to the last byte.
 */
export class VirtualNetwork {
  readonly #hosts = new Map<string, VirtualHost>();
  readonly #names = new Map<string, readonly string[]>();
  readonly #handlers = new Map<string, HttpHandler>();
  readonly #surroundings: Surroundings;
  readonly #links: Links;

  /** Makes a network without hosts. */
  constructor(options: VirtualNetworkOptions) {
    const { clock, seed = 1, link = {} } = options;
    this.#links = new Links({ clock, random: seededRandom(seed), quality: { ...DEFAULT_LINK, ...link } });
    this.#surroundings = {
      clock,
      hostAt: (address) => this.#hosts.get(address),
      hosts: () => new Set(this.#hosts.values()),
      linkBetween: (a, b) => this.#links.between(a.addresses[0]!, b?.addresses[0] ?? ""),
      fetch: (from, request, options) => this.#fetch(from, request, options),
      resolve: (name) => this.#resolve(name),
    };
  }

  /**
   * The host with these IP addresses, made when first asked for; later one address is enough to name it.
   *
   * @throws {TypeError} If an address is no IP address or the addresses belong to different hosts.
   */
  host(address: string, ...more: readonly string[]): Network {
    const addresses = [address, ...more].map(canonical);
    const owners = new Set(addresses.map((each) => this.#hosts.get(each)));
    const [owner] = owners;
    if (owners.size > 1) {
      throw new TypeError(`Cannot use ${addresses.join(", ")}: they belong to different hosts`);
    }
    if (owner !== undefined) return owner;
    const host = new VirtualHost(addresses, this.#surroundings);
    for (const each of addresses) this.#hosts.set(each, host);
    return host;
  }

  /** Changes the quality of the link between two hosts, for what is sent from now on. */
  link(a: string, b: string, quality: Partial<LinkQuality>): void {
    const link = this.#link(a, b);
    link.quality = { ...link.quality, ...quality };
  }

  /**
   * Cuts the link between two hosts: datagrams are lost, dials stay unanswered, and bytes of connections wait until
   * {@linkcode VirtualNetwork.restore}.
   */
  cut(a: string, b: string): void {
    this.#link(a, b).setCut(true);
  }

  /** Restores a link that was cut. */
  restore(a: string, b: string): void {
    this.#link(a, b).setCut(false);
  }

  /** Breaks all open connections of a host, or those with one other host: reads and writes fail at both ends. */
  reset(a: string, b?: string): void {
    const host = this.#known(a), other = b === undefined ? undefined : this.#known(b);
    host.reset(other);
    for (const peer of this.#surroundings.hosts()) {
      if (other === undefined || peer === other) peer.reset(host);
    }
  }

  /** Gives a host name addresses, for `resolve` and `fetch`. */
  name(name: string, addresses: readonly string[]): void {
    this.#names.set(name.toLowerCase(), addresses.map(canonical));
  }

  /**
   * Answers HTTP requests to an origin such as `http://tracker.example:6969`. Its host must have a name or be an IP
   * address, and there must be a {@linkcode VirtualNetwork.host} of that address.
   */
  serve(origin: string, handler: HttpHandler): void {
    this.#handlers.set(new URL(origin).origin, handler);
  }

  /** What a host sent and received so far, HTTP apart. */
  traffic(address: string): Traffic {
    return this.#known(address).traffic;
  }

  #known(address: string): VirtualHost {
    const host = this.#hosts.get(canonical(address));
    if (host === undefined) throw new TypeError(`Cannot use ${address}: there is no such host`);
    return host;
  }

  #link(a: string, b: string): Link {
    return this.#links.between(this.#known(a).addresses[0]!, this.#known(b).addresses[0]!);
  }

  #resolve(name: string): readonly string[] {
    const address = canonicalHost(name.replace(/^\[|\]$/g, ""));
    const found = address === undefined ? this.#names.get(name.toLowerCase()) : [address];
    if (found === undefined) throw new TransportError(`Cannot find the address of "${name}"`);
    return found;
  }

  async #fetch(from: VirtualHost, request: Request, { addresses, family }: FetchOptions): Promise<Response> {
    const { signal } = request, { origin, hostname, host } = new URL(request.url);
    signal.throwIfAborted();
    const [address = ""] = (addresses ?? this.#resolve(hostname))
      .filter((one) => family === undefined || addressFamily(one) === family);
    if (address === "") throw new TransportError(`Cannot fetch from "${host}": it has no address`);
    const target = this.#hosts.get(address), handler = this.#handlers.get(origin);
    const link = this.#surroundings.linkBetween(from, target);
    const pass = () => new Promise<void>((resolve) => link.after(link.quality.latencyMs, resolve));
    await withSignal(pass(), signal);
    // Nobody answers: only the caller's patience ends this.
    if (link.isCut || target === undefined) return await withSignal(new Promise<Response>(() => {}), signal);
    const response = handler === undefined
      ? undefined
      : await withSignal(Promise.try(handler, request), signal);
    await withSignal(pass(), signal);
    if (response === undefined) throw new TransportError(`Cannot fetch from "${host}": connection refused`);
    return response;
  }
}

function canonical(address: string): string {
  const host = canonicalHost(address);
  if (host === undefined) throw new TypeError(`Cannot use "${address}": it is no IP address`);
  return host;
}
