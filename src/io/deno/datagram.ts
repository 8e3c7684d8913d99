/** UDP through `Deno.listenDatagram`, which Deno offers with `--unstable-net` only; else see `node_datagram.ts`. */

import { StateError, TransportError } from "../../errors.ts";
import type { PeerAddress } from "../../peer/address.ts";
import type { BindOptions, Datagram, DatagramSocket } from "../transport.ts";
import { fromDenoAddress } from "./address.ts";
import { bindBoth } from "./bind.ts";

/** Failures in a row after which a socket counts as dead; an ICMP answer to one of our datagrams is a passing one. */
const MAX_RECEIVE_FAILURES = 1000;

class DenoDatagramSocket implements DatagramSocket {
  readonly address: PeerAddress;
  readonly #socket: Deno.DatagramConn;
  #receiving = false;
  #closed = false;

  constructor(socket: Deno.DatagramConn) {
    this.#socket = socket;
    this.address = fromDenoAddress(socket.addr)!;
  }

  // One async function: with a second one inside it, and others in the hub, promises took a tenth of the CPU of a reply.
  async receive(into: Uint8Array): Promise<Datagram | null> {
    if (this.#receiving) throw new StateError("Cannot receive: another receive is waiting");
    this.#receiving = true;
    try {
      for (let failures = 0; !this.#closed; failures++) {
        try {
          const [bytes, from] = await this.#socket.receive(into);
          return { bytes, from: fromDenoAddress(from)! };
        } catch (cause) {
          // Windows reports "connection reset" here when an earlier datagram found nobody.
          if (!this.#closed && failures >= MAX_RECEIVE_FAILURES) {
            throw new TransportError("Cannot receive datagrams", { cause });
          }
        }
      }
      return null;
    } finally {
      this.#receiving = false;
    }
  }

  async send(bytes: Uint8Array, to: PeerAddress): Promise<void> {
    try {
      await this.#socket.send(bytes, { transport: "udp", hostname: to.host, port: to.port });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new TransportError(`Cannot send to ${to.host} port ${to.port}: ${reason}`, { cause });
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}

/** Whether this process may use `Deno.listenDatagram`. */
export function hasListenDatagram(): boolean {
  return typeof (Deno as { listenDatagram?: unknown }).listenDatagram === "function";
}

/** Binds a UDP socket. @throws {TransportError} If the port is taken or forbidden. */
export function bindDenoDatagram(options: BindOptions): DatagramSocket {
  // On Windows `::` is IPv6 alone, and one socket must do: IPv4 it is, where the peers are.
  const host = options.host ?? (Deno.build.os === "windows" ? "0.0.0.0" : undefined);
  const sockets = bindBoth(
    { ...options, ...(host === undefined ? {} : { host }) },
    "bind UDP",
    (hostname, port) => Deno.listenDatagram({ transport: "udp", hostname, port }),
  );
  for (const spare of sockets.slice(1)) spare.close();
  return new DenoDatagramSocket(sockets[0]!);
}
