/** Bytes of a stream that were read too early, put back in front of it. */

import type { PeerAddress } from "../peer/address.ts";
import type { ByteConnection } from "./transport.ts";

class UnreadConnection implements ByteConnection {
  readonly #connection: ByteConnection;
  #bytes: Uint8Array;

  constructor(connection: ByteConnection, bytes: Uint8Array) {
    this.#connection = connection;
    this.#bytes = bytes;
  }

  get local(): PeerAddress | undefined {
    return this.#connection.local;
  }

  get remote(): PeerAddress | undefined {
    return this.#connection.remote;
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#bytes.length === 0) return this.#connection.read(into);
    const part = this.#bytes.subarray(0, into.length);
    this.#bytes = this.#bytes.subarray(part.length);
    into.set(part);
    return Promise.resolve(part.length);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#connection.write(bytes);
  }

  close(): void {
    this.#bytes = this.#bytes.subarray(0, 0);
    this.#connection.close();
  }
}

/** A connection whose first reads give `bytes`, before what comes from the connection itself. */
export function unread(connection: ByteConnection, bytes: Uint8Array): ByteConnection {
  return bytes.length === 0 ? connection : new UnreadConnection(connection, bytes);
}
