/**
 * The transport interface: what the library needs of a runtime, small and free of runtime types, so that `Deno.connect`,
 * `node:net`, `cloudflare:sockets`, a WebRTC data channel or an in-memory pair can each be an adapter of a few lines.
 */

import type { PeerAddress } from "../peer/address.ts";
import type { AddressFamily } from "../peer/ip.ts";

/** A two-way byte stream. Half-close is never relied on; both ends of the life are `close()`. */
export interface ByteConnection {
  /** Our end, where the runtime tells it. */
  readonly local: PeerAddress | undefined;
  /** The other end, where the runtime tells it. */
  readonly remote: PeerAddress | undefined;
  /** Reads at least one byte into the front of `into` and answers how many; `null` at the end of the stream. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes all of `bytes`; when the promise settles the memory may be used again. */
  write(bytes: Uint8Array): Promise<void>;
  /** Closes both directions. Pending reads end with `null` or an error. Safe to call twice. */
  close(): void;
}

/** What a dial may be told besides where to. */
export interface DialOptions {
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What a request may be told besides what to ask. */
export interface FetchOptions {
  /**
   * Addresses of the URL's host, as somebody has looked them up and found them fit: where a request in the clear shall go, and
   * nowhere else; none if nothing was found, which is for a proxy alone to know better. Over TLS the certificate proves the
   * host. A runtime that cannot do that looks the name up again itself.
   */
  readonly addresses?: readonly string[];
  /** The only family of addresses to go over: both our own and the host's. For networks of which `choosesFamily` holds. */
  readonly family?: AddressFamily;
}

/** Waits for connections. Iterating ends when it is closed. */
export interface Listener extends AsyncIterable<ByteConnection> {
  /** Where it listens; the port is the real one if 0 was asked for. */
  readonly address: PeerAddress;
  /** Stops listening. Safe to call twice. */
  close(): void;
}

/** A datagram as it came in. */
export interface Datagram {
  /** The payload: a view into the buffer given to `receive`. */
  readonly bytes: Uint8Array;
  /** Who sent it. */
  readonly from: PeerAddress;
}

/** A UDP socket. One is shared by DHT, UDP trackers and uTP. */
export interface DatagramSocket {
  /** Where it is bound. */
  readonly address: PeerAddress;
  /** Waits for one datagram; `null` once the socket is closed. A longer payload than `into` is cut. One call at a time. */
  receive(into: Uint8Array): Promise<Datagram | null>;
  /** Sends one datagram. @throws {TransportError} If the network refuses it. */
  send(bytes: Uint8Array, to: PeerAddress): Promise<void>;
  /** Closes the socket. Safe to call twice. */
  close(): void;
}

/** Where to bind; every part may be left to the runtime. */
export interface BindOptions {
  /** Local IP address; all of IPv4 and IPv6 where the runtime can, if absent. */
  readonly host?: string;
  /** Local port; 0 or absent lets the system choose. */
  readonly port?: number;
  /**
   * For datagrams only: a multicast group to join on every network, or on that of `host` alone. The port is then shared
   * with others who joined it, and what is sent to the group comes back as well (BEP 14).
   */
  readonly multicast?: string;
}

/** A runtime's network. Every failure is a `TransportError` with the runtime's error as `cause`. */
export interface Network {
  /** Opens a TCP connection. */
  dial(address: PeerAddress, options?: DialOptions): Promise<ByteConnection>;
  /** Listens for TCP connections. */
  listen(options?: BindOptions): Promise<Listener>;
  /** Binds a UDP socket. */
  bindDatagram(options?: BindOptions): Promise<DatagramSocket>;
  /** Performs an HTTP request: trackers, web seeds. */
  fetch(request: Request, options?: FetchOptions): Promise<Response>;
  /** Whether `fetch` and `bindDatagram` reach both families of addresses, each as it is asked to; if absent they may not. */
  readonly choosesFamily?: boolean;
  /** Finds the IP addresses of a host name; an IP address is answered as it is. */
  resolve(host: string, options?: DialOptions): Promise<readonly string[]>;
}

/** Time: real in production, virtual in tests. Milliseconds that never go backwards. */
export interface Clock {
  /** The time now, in milliseconds from any fixed start. */
  now(): number;
  /** Calls back once at or after `at`; the answer cancels it. Timers never keep a process alive by themselves. */
  schedule(at: number, callback: () => void): () => void;
}
