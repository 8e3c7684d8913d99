/** UDP through `node:dgram`: correct in every Deno, three to four times slower than `Deno.listenDatagram`. */

import type { Socket } from "node:dgram";
import { StateError, TransportError } from "../../errors.ts";
import type { PeerAddress } from "../../peer/address.ts";
import { isIpv6 } from "../../peer/ip.ts";
import type { BindOptions, Datagram, DatagramSocket } from "../transport.ts";
import { plainHost } from "./address.ts";

/** Datagrams kept while nobody receives; the system drops beyond its own buffer in the same way. */
const MAX_QUEUED = 512;

/** A receive that waits. */
interface Receiver {
  readonly into: Uint8Array;
  readonly resolve: (datagram: Datagram | null) => void;
}

function fill(into: Uint8Array, bytes: Uint8Array, from: PeerAddress): Datagram {
  const kept = bytes.length > into.length ? bytes.subarray(0, into.length) : bytes;
  into.set(kept);
  return { bytes: into.subarray(0, kept.length), from };
}

/** A socket of `node:dgram` as ours. */
export class DgramSocket implements DatagramSocket {
  readonly address: PeerAddress;
  readonly #socket: Socket;
  readonly #queue: Datagram[] = [];
  #receiver: Receiver | undefined;
  #closed = false;

  /** Takes a bound socket over. */
  constructor(socket: Socket) {
    this.#socket = socket;
    const { address, port } = socket.address();
    this.address = { host: plainHost(address), port };
    socket.on(
      "message",
      (bytes, from) => this.#deliver(bytes, { host: plainHost(from.address), port: from.port }),
    );
    // An error after binding is about one datagram; without a listener it would end the process.
    socket.on("error", () => {});
  }

  #deliver(bytes: Uint8Array, from: PeerAddress): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    if (receiver !== undefined) receiver.resolve(fill(receiver.into, bytes, from));
    // The bytes belong to a pool of the runtime and must be copied out.
    else if (this.#queue.length < MAX_QUEUED) this.#queue.push({ bytes: new Uint8Array(bytes), from });
  }

  receive(into: Uint8Array): Promise<Datagram | null> {
    if (this.#closed) return Promise.resolve(null);
    if (this.#receiver !== undefined) {
      return Promise.reject(new StateError("Cannot receive: another receive is waiting"));
    }
    const queued = this.#queue.shift();
    if (queued !== undefined) return Promise.resolve(fill(into, queued.bytes, queued.from));
    return new Promise((resolve) => this.#receiver = { into, resolve });
  }

  send(bytes: Uint8Array, to: PeerAddress): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (cause: Error | null) => {
        if (cause === null) resolve();
        else {
          reject(
            new TransportError(`Cannot send to ${to.host} port ${to.port}: ${cause.message}`, { cause }),
          );
        }
      };
      try {
        this.#socket.send(bytes, to.port, to.host, done);
      } catch (cause) {
        done(cause instanceof Error ? cause : new Error(String(cause)));
      }
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    this.#receiver?.resolve(null);
    this.#receiver = undefined;
  }
}

/** What a socket is bound to. */
export interface Binding {
  /** IP address, of a multicast group if need be. */
  readonly host: string;
  readonly port: number;
  /** Others may bind the port too, and a socket for `::` leaves IPv4 to them: for multicast. */
  readonly isShared?: boolean;
}

/** Binds a socket. @throws {TransportError} If the port is taken or forbidden. */
export async function openDgram({ host, port, isShared = false }: Binding): Promise<Socket> {
  // Loaded when first needed: it brings a good part of Node with it.
  const { createSocket } = await import("node:dgram");
  // Never set recvBufferSize: under Deno it makes every datagram cost a millisecond.
  const socket = createSocket({
    type: isIpv6(host) ? "udp6" : "udp4",
    ipv6Only: isShared,
    reuseAddr: isShared,
  });
  return await new Promise((resolve, reject) => {
    socket.once("error", (cause: Error) => {
      try {
        socket.close();
      } catch {
        // It never came to be bound.
      }
      reject(new TransportError(`Cannot bind UDP on ${host} port ${port}: ${cause.message}`, { cause }));
    });
    socket.bind({ address: host, port }, () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

/**
 * Binds a UDP socket; without a host it serves IPv6 and IPv4, or IPv4 alone where that is all there is.
 *
 * @throws {TransportError} If the port is taken or forbidden.
 */
export async function bindDgram(options: BindOptions): Promise<DatagramSocket> {
  const { host, port = 0 } = options;
  if (host !== undefined) return new DgramSocket(await openDgram({ host, port }));
  try {
    return new DgramSocket(await openDgram({ host: "::", port }));
  } catch (error) {
    const cause = (error as Error).cause as { code?: string } | undefined;
    if (cause?.code === "EADDRINUSE") throw error;
    return new DgramSocket(await openDgram({ host: "0.0.0.0", port }));
  }
}
