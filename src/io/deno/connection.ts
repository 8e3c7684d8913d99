/** TCP through `Deno.connect` and `Deno.listen`. */

import { TransportError } from "../../errors.ts";
import type { PeerAddress } from "../../peer/address.ts";
import type { BindOptions, ByteConnection, DialOptions, Listener } from "../transport.ts";
import { fromDenoAddress } from "./address.ts";
import { bindBoth } from "./bind.ts";

/** How often `accept` may fail in a row before the listener gives up: a dead socket stays dead. */
const MAX_ACCEPT_FAILURES = 100;
/** Failures that pass, however long it takes: no free file handles, in the process or the system. */
const PASSING: readonly unknown[] = ["EMFILE", "ENFILE"];
/** Pause after a failed `accept`, so that a process without free handles does not spin. */
const ACCEPT_PAUSE_MS = 50;

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

class DenoConnection implements ByteConnection {
  readonly local: PeerAddress | undefined;
  readonly remote: PeerAddress | undefined;
  readonly #socket: Deno.TcpConn;
  #closed = false;

  constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
    this.local = fromDenoAddress(socket.localAddr);
    this.remote = fromDenoAddress(socket.remoteAddr);
    try {
      // Requests and have messages are small and must not wait for each other.
      socket.setNoDelay(true);
    } catch {
      // The other end is gone already: the first read tells.
    }
  }

  async read(into: Uint8Array): Promise<number | null> {
    try {
      return await this.#socket.read(into);
    } catch (cause) {
      if (this.#closed) return null;
      throw new TransportError(`Cannot read from connection: ${describe(cause)}`, { cause });
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      let written = await this.#socket.write(bytes);
      while (written < bytes.length) written += await this.#socket.write(bytes.subarray(written));
    } catch (cause) {
      throw new TransportError(`Cannot write to connection: ${describe(cause)}`, { cause });
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}

/** Opens a TCP connection. @throws {TransportError} If nobody answers; with the signal's reason if it is aborted. */
export async function dial(address: PeerAddress, options: DialOptions = {}): Promise<ByteConnection> {
  const { signal } = options;
  signal?.throwIfAborted();
  try {
    const socket = await Deno.connect({
      hostname: address.host,
      port: address.port,
      ...(signal === undefined ? {} : { signal }),
    });
    return new DenoConnection(socket);
  } catch (cause) {
    signal?.throwIfAborted();
    throw new TransportError(`Cannot connect to ${address.host} port ${address.port}: ${describe(cause)}`, {
      cause,
    });
  }
}

class DenoListener implements Listener {
  readonly address: PeerAddress;
  readonly #sockets: readonly Deno.TcpListener[];
  #closed = false;

  constructor(sockets: readonly Deno.TcpListener[]) {
    this.#sockets = sockets;
    this.address = fromDenoAddress(sockets[0]!.addr)!;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ByteConnection> {
    const pending = new Map(this.#sockets.map((socket) => [socket, this.#accept(socket)]));
    try {
      while (pending.size > 0) {
        const { socket, connection } = await Promise.race(pending.values());
        if (connection === undefined) {
          pending.delete(socket);
          continue;
        }
        pending.set(socket, this.#accept(socket));
        yield connection;
      }
    } finally {
      this.close();
      for (const last of pending.values()) (await last).connection?.close();
    }
  }

  /** The next connection, or none once the listener is closed. */
  async #accept(
    socket: Deno.TcpListener,
  ): Promise<{ readonly socket: Deno.TcpListener; readonly connection: DenoConnection | undefined }> {
    for (let failures = 0; !this.#closed;) {
      try {
        return { socket, connection: new DenoConnection(await socket.accept()) };
      } catch (cause) {
        if (this.#closed) break;
        if (!PASSING.includes((cause as { code?: unknown }).code) && failures++ >= MAX_ACCEPT_FAILURES) {
          throw new TransportError(`Cannot accept connections: ${describe(cause)}`, { cause });
        }
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
    return { socket, connection: undefined };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const socket of this.#sockets) socket.close();
  }
}

/** Listens on one port for IPv4 and IPv6. @throws {TransportError} If the port is taken or forbidden. */
export function listen(options: BindOptions = {}): Promise<Listener> {
  return Promise.try(() =>
    new DenoListener(bindBoth(options, "listen for TCP", (hostname, port) => Deno.listen({ hostname, port })))
  );
}
