/** Byte connections and listeners between virtual hosts. */

import { TransportError } from "../../errors.ts";
import type { PeerAddress } from "../../peer/address.ts";
import type { ByteConnection, Listener } from "../transport.ts";
import { Pipe, type PipeRoute } from "./pipe.ts";

/** One end of a virtual connection. */
export class VirtualConnection implements ByteConnection {
  readonly local: PeerAddress;
  readonly remote: PeerAddress;
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;
  #isClosed = false;

  /** Joins two pipes. */
  constructor(
    addresses: { readonly local: PeerAddress; readonly remote: PeerAddress },
    incoming: Pipe,
    outgoing: Pipe,
  ) {
    this.local = addresses.local;
    this.remote = addresses.remote;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  /** Whether this end was closed here. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#isClosed ? Promise.resolve(null) : this.#incoming.read(into);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#outgoing.write(bytes);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#incoming.abandon();
    // Once the other end has heard of it, its writes fail, as they do when a system answers with a reset.
    const closed = new TransportError("Cannot write to connection: the other end closed it");
    this.#outgoing.end(() => this.#incoming.fail(closed));
  }

  /** Breaks this end at once, as a reset does. */
  break(error: TransportError): void {
    this.#incoming.fail(error);
    this.#outgoing.fail(error);
  }
}

/** The two ends of a new connection and the ways between them. */
export interface ConnectionPairOptions {
  /** Who dials, and the way from there. */
  readonly dialler: { readonly address: PeerAddress; readonly route: PipeRoute };
  /** Who listens, and the way from there. */
  readonly listener: { readonly address: PeerAddress; readonly route: PipeRoute };
}

/** Makes both ends of a connection, the dialler's first; each sees the other's address. */
export function connectionPair(options: ConnectionPairOptions): [VirtualConnection, VirtualConnection] {
  const { dialler, listener } = options, there = new Pipe(dialler.route), back = new Pipe(listener.route);
  return [
    new VirtualConnection({ local: dialler.address, remote: listener.address }, back, there),
    new VirtualConnection({ local: listener.address, remote: dialler.address }, there, back),
  ];
}

/** Waits for connections on a virtual host. */
export class VirtualListener implements Listener {
  readonly address: PeerAddress;
  readonly #onClose: () => void;
  readonly #waiting: VirtualConnection[] = [];
  #wake: () => void = () => {};
  #isClosed = false;

  /** Listens until closed. */
  constructor(address: PeerAddress, onClose: () => void) {
    this.address = address;
    this.#onClose = onClose;
  }

  /** Hands over a connection. */
  accept(connection: VirtualConnection): void {
    this.#waiting.push(connection);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ByteConnection> {
    try {
      while (!this.#isClosed) {
        const connection = this.#waiting.shift();
        if (connection !== undefined) yield connection;
        else await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClose();
    for (const connection of this.#waiting.splice(0)) connection.close();
    this.#wake();
  }
}
