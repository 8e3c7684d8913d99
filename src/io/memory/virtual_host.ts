/** A host of the virtual network, as the library sees it. */

import { TransportError } from "../../errors.ts";
import type { PeerAddress } from "../../peer/address.ts";
import { addressScope, isIpv6 } from "../../peer/ip.ts";
import type {
  BindOptions,
  ByteConnection,
  Clock,
  DatagramSocket,
  DialOptions,
  FetchOptions,
  Listener,
  Network,
} from "../transport.ts";
import { withSignal } from "../with_signal.ts";
import type { Link, Meter } from "./links.ts";
import type { Traffic } from "./traffic.ts";
import { connectionPair, type VirtualConnection, VirtualListener } from "./virtual_connection.ts";
import { VirtualDatagramSocket } from "./virtual_datagrams.ts";

/** What systems take before they give up on a silent host. */
const DIAL_TIMEOUT_MS = 75_000;
/** First port of those that a system gives out (RFC 6335 section 6). */
const FIRST_EPHEMERAL_PORT = 49_152;

/** What a host needs of the network around it. */
export interface Surroundings {
  /** Virtual time. */
  readonly clock: Clock;
  /** Finds the host of an IP address. */
  hostAt(address: string): VirtualHost | undefined;
  /** Every host, each once. */
  hosts(): Iterable<VirtualHost>;
  /** The way between two hosts; to `undefined`, where nobody is, it is as good as any. */
  linkBetween(a: VirtualHost, b: VirtualHost | undefined): Link;
  /** Answers an HTTP request from a host. */
  fetch(from: VirtualHost, request: Request, options: FetchOptions): Promise<Response>;
  /** Looks up a name. @throws {TransportError} If nobody knows it. */
  resolve(name: string): readonly string[];
}

/** A host with IP addresses of its own. */
export class VirtualHost implements Network {
  /** Its addresses, the first being its name in the network. */
  readonly addresses: readonly string[];
  /** Every host reaches what its own addresses allow. */
  readonly choosesFamily = true;
  readonly #surroundings: Surroundings;
  readonly #listeners = new Map<number, VirtualListener>();
  readonly #sockets = new Map<number, VirtualDatagramSocket>();
  /** Sockets that joined a multicast group, each with it. Their ports are shared. */
  readonly #members = new Map<VirtualDatagramSocket, PeerAddress>();
  /** Open connections, each with the host at the other end. */
  readonly #connections = new Map<VirtualConnection, VirtualHost>();
  readonly #traffic = { sentBytes: 0, receivedBytes: 0, sentDatagrams: 0, lostDatagrams: 0 };
  #lastPort = FIRST_EPHEMERAL_PORT - 1;

  /** Comes into the network. */
  constructor(addresses: readonly string[], surroundings: Surroundings) {
    this.addresses = addresses;
    this.#surroundings = surroundings;
  }

  /** What was sent and received so far. */
  get traffic(): Traffic {
    return { ...this.#traffic };
  }

  /** Opens a connection; a host that is cut off or not there is waited for in vain. */
  async dial(address: PeerAddress, options: DialOptions = {}): Promise<ByteConnection> {
    options.signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<VirtualConnection>();
    const fail = (reason: string) =>
      reject(new TransportError(`Cannot connect to ${address.host} port ${address.port}: ${reason}`));
    const cancelTimeout = this.#after(DIAL_TIMEOUT_MS, () => fail("timed out"));
    const target = this.#hostAt(address.host), link = this.#surroundings.linkBetween(this, target);
    link.after(link.quality.latencyMs, () => {
      if (link.isCut || target === undefined) return;
      const connection = target.#knock(this, address);
      link.after(link.quality.latencyMs, () => connection ? resolve(connection) : fail("connection refused"));
    });
    try {
      return await withSignal(promise, options.signal);
    } catch (error) {
      // It may stand after all, though nobody waits for it any more.
      promise.then((connection) => connection.close(), () => {});
      throw error;
    } finally {
      cancelTimeout();
    }
  }

  /** Listens on a port of one address or of all. */
  listen(options: BindOptions = {}): Promise<Listener> {
    return new Promise((resolve) => {
      const address = this.#bind(options, this.#listeners, "listen for TCP");
      const listener = new VirtualListener(address, () => this.#listeners.delete(address.port));
      this.#listeners.set(address.port, listener);
      resolve(listener);
    });
  }

  /** Binds a datagram socket to a port of one address or of all. */
  bindDatagram(options: BindOptions = {}): Promise<DatagramSocket> {
    return new Promise((resolve) => {
      if (options.multicast !== undefined) return resolve(this.#join(options.multicast, options));
      const address = this.#bind(options, this.#sockets, "bind UDP");
      const socket = new VirtualDatagramSocket(
        address,
        (bytes, to) => this.#carry(bytes, address, to),
        () => {
          this.#sockets.delete(address.port);
        },
      );
      this.#sockets.set(address.port, socket);
      resolve(socket);
    });
  }

  /** Asks the HTTP handlers of the network. */
  fetch(request: Request, options: FetchOptions = {}): Promise<Response> {
    return this.#surroundings.fetch(this, request, options);
  }

  /** Looks a name up in the network. */
  resolve(host: string, options: DialOptions = {}): Promise<readonly string[]> {
    return new Promise((resolve) => {
      options.signal?.throwIfAborted();
      resolve(this.#surroundings.resolve(host));
    });
  }

  /** Breaks all open connections with a host, or with every host. */
  reset(other: VirtualHost | undefined): void {
    for (const [connection, peer] of this.#connections) {
      if (other !== undefined && peer !== other) continue;
      this.#connections.delete(connection);
      connection.break(new TransportError("Cannot use connection: it was reset"));
    }
  }

  /** Somebody dials: the dialler's end of a new connection, or nothing if nobody listens. */
  #knock(from: VirtualHost, address: PeerAddress): VirtualConnection | undefined {
    const listener = this.#listeners.get(address.port);
    if (listener === undefined || !this.#isBoundTo(listener.address.host, address.host)) return undefined;
    const link = this.#surroundings.linkBetween(from, this), host = from.#sourceFor(address.host);
    const dialler = { host, port: from.#nextPort() };
    const [outgoing, incoming] = connectionPair({
      dialler: { address: dialler, route: link.route(from.#meterTo(this)) },
      listener: { address, route: link.route(this.#meterTo(from)) },
    });
    from.#remember(outgoing, this);
    this.#remember(incoming, from);
    listener.accept(incoming);
    return outgoing;
  }

  #remember(connection: VirtualConnection, peer: VirtualHost): void {
    for (const known of this.#connections.keys()) if (known.isClosed) this.#connections.delete(known);
    this.#connections.set(connection, peer);
  }

  #join(group: string, options: BindOptions): DatagramSocket {
    if (addressScope(group) !== "multicast") {
      throw new TransportError(`Cannot join multicast group ${group}: it is none`);
    }
    const address = this.#bind(options, new Map(), "bind UDP"), to = { host: group, port: address.port };
    const socket = new VirtualDatagramSocket(address, (bytes, to) => this.#carry(bytes, address, to), () => {
      this.#members.delete(socket);
    });
    this.#members.set(socket, to);
    return socket;
  }

  #carry(bytes: Uint8Array, bound: PeerAddress, to: PeerAddress): void {
    const isWildcard = this.addresses[0] === bound.host;
    const from = { host: isWildcard ? this.#sourceFor(to.host) : bound.host, port: bound.port };
    this.#traffic.sentBytes += bytes.length;
    this.#traffic.sentDatagrams++;
    const isGroup = addressScope(to.host) === "multicast";
    for (const target of isGroup ? this.#surroundings.hosts() : [this.#hostAt(to.host)]) {
      const link = this.#surroundings.linkBetween(this, target);
      const arrives = link.sendDatagram(this.addresses[0]!, bytes.length, () => {
        for (const socket of target === undefined ? [] : target.#socketsAt(to)) {
          target!.#traffic.receivedBytes += bytes.length;
          socket.arrive(bytes, from);
        }
      });
      if (!arrives) this.#traffic.lostDatagrams++;
    }
  }

  /** Who hears what is sent to an address. */
  #socketsAt({ host, port }: PeerAddress): VirtualDatagramSocket[] {
    const members = [...this.#members].filter(([, group]) => group.host === host && group.port === port);
    const socket = this.#sockets.get(port), isHeard = socket && this.#isBoundTo(socket.address.host, host);
    return [...members.map(([member]) => member), ...(isHeard ? [socket] : [])];
  }

  /** The address of ours that an address is reached from. @throws {TransportError} If we have none of its family. */
  #sourceFor(host: string): string {
    if (addressScope(host) === "loopback") return host;
    const source = this.addresses.find((address) => isIpv6(address) === isIpv6(host));
    if (source === undefined) throw new TransportError(`Cannot reach ${host}: no address of the same family`);
    return source;
  }

  #isBoundTo(bound: string, host: string): boolean {
    const isOurs = this.addresses.includes(host) || addressScope(host) === "loopback";
    return bound === host || isOurs && bound === this.addresses[0];
  }

  #hostAt(host: string): VirtualHost | undefined {
    return addressScope(host) === "loopback" ? this : this.#surroundings.hostAt(host);
  }

  /** Chooses an address and a free port. A socket for all addresses bears the first. */
  #bind(options: BindOptions, taken: ReadonlyMap<number, unknown>, what: string): PeerAddress {
    const { host = this.addresses[0]!, port = 0 } = options;
    const isOurs = this.addresses.includes(host) || ["loopback", "unspecified"].includes(addressScope(host));
    const reason = !isOurs
      ? "not an address of this host"
      : taken.has(port)
      ? "address already in use"
      : undefined;
    if (reason !== undefined) throw new TransportError(`Cannot ${what} on ${host} port ${port}: ${reason}`);
    return {
      host: addressScope(host) === "unspecified" ? this.addresses[0]! : host,
      port: port || this.#nextPort(),
    };
  }

  #nextPort(): number {
    this.#lastPort = this.#lastPort === 0xffff ? FIRST_EPHEMERAL_PORT : this.#lastPort + 1;
    return this.#listeners.has(this.#lastPort) || this.#sockets.has(this.#lastPort)
      ? this.#nextPort()
      : this.#lastPort;
  }

  #meterTo(target: VirtualHost): Meter {
    return {
      sent: (length) => this.#traffic.sentBytes += length,
      received: (length) => target.#traffic.receivedBytes += length,
    };
  }

  #after(ms: number, callback: () => void): () => void {
    const { clock } = this.#surroundings;
    return clock.schedule(clock.now() + ms, callback);
  }
}
