/** TCP through `node:net`, which unlike `Deno.connect` can be told the local address to dial from. */

import type { Socket } from "node:net";
import { TransportError } from "../../errors.ts";
import { formatPeerAddress, type PeerAddress } from "../../peer/address.ts";
import { isIpv6 } from "../../peer/ip.ts";
import type { ByteConnection, DialOptions } from "../transport.ts";
import { plainHost } from "./address.ts";

/** A chunk that is read in part. */
interface Rest {
  readonly bytes: Uint8Array;
  /** How much of it was read. */
  at: number;
}

class NodeConnection implements ByteConnection {
  readonly local: PeerAddress | undefined;
  readonly remote: PeerAddress | undefined;
  readonly #socket: Socket;
  /** Reads no faster than it is asked: what is not asked for stays with the system. */
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Rest | undefined;
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]();
    this.local = toPeerAddress(socket.localAddress, socket.localPort);
    this.remote = toPeerAddress(socket.remoteAddress, socket.remotePort);
    // Without a listener an error between two reads would end the process; the next read or write tells of it.
    socket.on("error", () => {});
    // Requests and have messages are small and must not wait for each other.
    socket.setNoDelay(true);
  }

  async read(into: Uint8Array): Promise<number | null> {
    try {
      while (this.#rest === undefined) {
        const { value, done } = await this.#chunks.next();
        if (done === true) return null;
        if (value.length > 0) this.#rest = { bytes: value, at: 0 };
      }
    } catch (cause) {
      if (this.#closed) return null;
      throw new TransportError(`Cannot read from connection: ${describe(cause)}`, { cause });
    }
    return this.#take(this.#rest, into);
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (cause) => {
        if (cause === null || cause === undefined) resolve();
        else reject(new TransportError(`Cannot write to connection: ${describe(cause)}`, { cause }));
      });
    });
  }

  close(): void {
    this.#closed = true;
    this.#rest = undefined;
    this.#socket.destroy();
  }

  #take(rest: Rest, into: Uint8Array): number {
    const part = rest.bytes.subarray(rest.at, rest.at + into.length);
    into.set(part);
    rest.at += part.length;
    if (rest.at === rest.bytes.length) this.#rest = undefined;
    return part.length;
  }
}

/**
 * Opens a TCP connection from a local IP address.
 *
 * @throws {TransportError} If nobody answers, or this machine does not have the local address, or one address is IPv4 and
 * the other IPv6; with the signal's reason if it is aborted.
 */
export async function dialFrom(
  localHost: string,
  address: PeerAddress,
  options: DialOptions = {},
): Promise<ByteConnection> {
  const { signal } = options, { host, port } = address;
  signal?.throwIfAborted();
  const fail = (reason: string, cause?: unknown) =>
    new TransportError(`Cannot connect to ${formatPeerAddress(address)} from ${localHost}: ${reason}`, {
      cause,
    });
  if (isIpv6(host) !== isIpv6(localHost)) throw fail("only one of them is an IPv6 address");
  // Loaded when first needed: it brings a good part of Node with it.
  const { connect } = await import("node:net");
  const socket = connect({ host, port, localAddress: localHost });
  try {
    await settled(socket, signal);
    return new NodeConnection(socket);
  } catch (cause) {
    socket.destroy();
    signal?.throwIfAborted();
    throw fail(describe(cause), cause);
  }
}

function settled(socket: Socket, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    const settle = (then: () => void) => {
      signal?.removeEventListener("abort", abort);
      then();
    };
    socket.once("connect", () => settle(resolve));
    socket.on("error", (error) => settle(() => reject(error)));
    if (signal?.aborted) abort();
  });
}

function toPeerAddress(host: string | undefined, port: number | undefined): PeerAddress | undefined {
  return host === undefined || port === undefined ? undefined : { host: plainHost(host), port };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
