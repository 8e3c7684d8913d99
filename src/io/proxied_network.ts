/** A network whose connections go through a proxy, and that leaks nothing around it. */

import { TransportError } from "../errors.ts";
import type { PeerAddress } from "../peer/address.ts";
import { canonicalHost } from "../peer/ip.ts";
import { systemClock } from "./clock.ts";
import { holdOpeningTalk, type OpeningTalk } from "./opening_talk.ts";
import type { ByteConnection, Clock, DialOptions, Network } from "./transport.ts";

/** What a network does besides dialling. */
export type DirectService = "listen" | "bindDatagram" | "fetch" | "resolve";

/** Where a proxy is, and what may go past it. */
export interface ProxyOptions {
  /** Where the proxy listens: an IP address or a name, which is looked up without the proxy, and a port. */
  readonly proxy: { readonly host: string; readonly port: number };
  /** Sent with the password if the proxy asks for it. */
  readonly username?: string;
  /** Sent with the username; empty by default. */
  readonly password?: string;
  /**
   * What may go past the proxy and show our own address; nothing by default, so that what the proxy cannot carry fails
   * with a `TransportError` instead. A runtime whose `fetch` has a proxy of its own: `{ ...network, fetch }`, and `fetch`
   * named here.
   */
  readonly direct?: readonly DirectService[];
  /** Time; the system's by default. */
  readonly clock?: Clock;
}

/** How long a proxy may take to reach a target, in milliseconds: as long as a patient dial. */
const TALK_TIMEOUT_MS = 30_000;

/** Longest name that either protocol takes. */
const MAX_NAME_LENGTH = 255;

/** A kind of proxy. */
export interface ProxyKind {
  /** As in "the SOCKS5 proxy". */
  readonly name: string;
  /** Asks the proxy for a connection; answers the stream behind the talk, which may be `connection` itself. */
  readonly connect: (
    talk: OpeningTalk,
    target: PeerAddress,
    connection: ByteConnection,
  ) => Promise<ByteConnection>;
  /** UDP through the proxy, if it can do that. */
  readonly bindDatagram?: Network["bindDatagram"];
}

/** Opens a connection to the proxy and talks to it about `purpose`; closes it unless that ends well. */
export async function talkToProxy<T>(
  network: Network,
  options: ProxyOptions & DialOptions & { readonly purpose: string },
  hold: (talk: OpeningTalk, connection: ByteConnection) => Promise<T>,
): Promise<T> {
  const { proxy, purpose, signal, clock = systemClock } = options;
  const dialOptions = signal === undefined ? {} : { signal };
  const [host] = await network.resolve(proxy.host, dialOptions);
  if (host === undefined) throw new TransportError(`Cannot ${purpose}: the proxy has no address`);
  const connection = await network.dial({ host, port: proxy.port }, dialOptions);
  const talkOptions = { purpose, partner: "the proxy", clock, timeoutMs: TALK_TIMEOUT_MS, signal };
  return await holdOpeningTalk(connection, talkOptions, (talk) => hold(talk, connection));
}

/** Makes the network of a proxy. */
export function proxiedNetwork(network: Network, options: ProxyOptions, kind: ProxyKind): Network {
  const direct = new Set(options.direct);
  const pass = <T>(service: DirectService, go: () => Promise<T>, purpose: string): Promise<T> =>
    direct.has(service) ? go() : Promise.reject(
      new TransportError(`Cannot ${purpose}: the ${kind.name} does not carry it ("direct" lets it past)`),
    );
  return {
    async dial(address, dialOptions = {}) {
      requireTarget(address);
      const purpose = `connect to ${address.host} port ${address.port} through the ${kind.name}`;
      const talkOptions = { ...options, ...dialOptions, purpose };
      const stream = await talkToProxy(network, talkOptions, (talk, connection) => {
        return kind.connect(talk, address, connection);
      });
      return seenAs(stream, address);
    },
    bindDatagram(bind) {
      // A relay joins no groups, and to join one here would show us to everybody around.
      const isGroup = bind?.multicast !== undefined, relayed = isGroup ? undefined : kind.bindDatagram;
      if (relayed !== undefined && !direct.has("bindDatagram")) return relayed(bind);
      const purpose = isGroup ? "join a multicast group" : "bind UDP";
      return pass("bindDatagram", () => network.bindDatagram(bind), purpose);
    },
    listen: (bind) => pass("listen", () => network.listen(bind), "listen for TCP"),
    fetch: (request) =>
      pass("fetch", () => network.fetch(request), `fetch from "${new URL(request.url).host}"`),
    resolve(host, dialOptions) {
      const ip = canonicalHost(host);
      if (ip !== undefined) return Promise.resolve([ip]);
      return pass("resolve", () => network.resolve(host, dialOptions), `find the address of "${host}"`);
    },
  };
}

/** The stream with the target as its other end; what our own end looks like from there only the proxy knows. */
function seenAs(stream: ByteConnection, target: PeerAddress): ByteConnection {
  const host = canonicalHost(target.host);
  return {
    local: undefined,
    remote: host === undefined ? undefined : { host, port: target.port },
    read: (into) => stream.read(into),
    write: (bytes) => stream.write(bytes),
    close: () => stream.close(),
  };
}

/** Makes sure that a target can be named to a proxy, which also keeps line breaks and the like out of requests. */
export function requireTarget({ host, port }: PeerAddress): void {
  const isHost = canonicalHost(host) !== undefined ||
    host.length <= MAX_NAME_LENGTH && /^[\w.-]+$/.test(host);
  if (!isHost) throw new RangeError(`Cannot use host "${host}": neither an IP address nor a name`);
  if (!Number.isInteger(port) || port < 1 || port > 0xffff) {
    throw new RangeError(`Cannot use port ${port}: not from 1 to 65535`);
  }
}
