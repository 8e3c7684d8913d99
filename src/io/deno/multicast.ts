/**
 * Multicast through `node:dgram`, with or without `--unstable-net`: unlike `Deno.listenDatagram` it chooses the interface
 * that a datagram leaves by, and such traffic is too thin for speed to matter.
 */

import type { Socket } from "node:dgram";
import type { NetworkInterfaceInfo } from "node:os";
import { TransportError } from "../../errors.ts";
import type { PeerAddress } from "../../peer/address.ts";
import { canonicalHost, isIpv6 } from "../../peer/ip.ts";
import type { Datagram, DatagramSocket } from "../transport.ts";
import { DgramSocket, openDgram } from "./node_datagram.ts";

/** How many routers a datagram may pass: a site, by old custom. BEP 14 advises more than the default of none. */
const TIME_TO_LIVE = 32;

/** Which group to take part in. */
export interface MulticastOptions {
  /** IP address of the group. */
  readonly group: string;
  /** Local port, which others may have bound; 0 or absent lets the system choose. */
  readonly port?: number;
  /** A local IP address: only the network of its interface takes part. All networks if absent. */
  readonly host?: string;
}

/** An interface as `node:dgram` wants it named; `undefined` is the one that the system prefers. */
type Gate = string | undefined;

class MulticastSocket implements DatagramSocket {
  readonly address: PeerAddress;
  readonly #options: MulticastOptions;
  readonly #socket: Socket;
  readonly #datagrams: DgramSocket;
  #joined: ReadonlySet<Gate> = new Set();
  /** The socket has one interface to send by at a time, so datagrams leave one after the other. */
  #sending: Promise<unknown> = Promise.resolve();

  constructor(socket: Socket, options: MulticastOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#datagrams = new DgramSocket(socket);
    this.address = this.#datagrams.address;
    socket.setMulticastTTL(TIME_TO_LIVE);
    socket.setMulticastLoopback(true);
  }

  /** Joins the group on every interface that it is not joined on yet, and answers with all of them. */
  async join(): Promise<ReadonlySet<Gate>> {
    const { group } = this.#options, joined = new Set<Gate>();
    let fault: unknown;
    for (const gate of await findGates(this.#options)) {
      try {
        if (!this.#joined.has(gate)) this.#join(gate);
        joined.add(gate);
      } catch (cause) {
        fault = cause;
      }
    }
    this.#joined = joined;
    if (joined.size > 0) return joined;
    throw new TransportError(`Cannot join multicast group ${group}: no interface takes part`, {
      cause: fault,
    });
  }

  receive(into: Uint8Array): Promise<Datagram | null> {
    return this.#datagrams.receive(into);
  }

  send(bytes: Uint8Array, to: PeerAddress): Promise<void> {
    if (to.host !== this.#options.group) return this.#datagrams.send(bytes, to);
    const sent = this.#sending.then(() => this.#send(bytes, to));
    this.#sending = sent.catch(() => {});
    return sent;
  }

  close(): void {
    this.#datagrams.close();
  }

  /** Interfaces come and go: whichever are there now take part. */
  async #send(bytes: Uint8Array, to: PeerAddress): Promise<void> {
    let fault: unknown, sent = 0;
    for (const gate of await this.join()) {
      try {
        if (gate !== undefined) this.#socket.setMulticastInterface(gate);
        await this.#datagrams.send(bytes, to);
        sent++;
      } catch (cause) {
        fault = cause;
      }
    }
    if (sent > 0) return;
    throw new TransportError(`Cannot send to multicast group ${to.host}: no interface takes it`, {
      cause: fault,
    });
  }

  #join(gate: Gate): void {
    const { group } = this.#options;
    try {
      // It may be joined already, by another address of its own or from before it went away: twice is an error.
      this.#socket.dropMembership(group, gate);
    } catch {
      // It was not.
    }
    this.#socket.addMembership(group, gate);
  }
}

/** The interfaces that a group is joined on; those of this machine alone only if there are no others. */
async function findGates({ group, host }: MulticastOptions): Promise<Gate[]> {
  const { state } = await Deno.permissions.query({ name: "sys", kind: "networkInterfaces" });
  if (state !== "granted") return [host !== undefined && !isIpv6(group) ? host : undefined];
  const { networkInterfaces } = await import("node:os");
  const family = isIpv6(group) ? "IPv6" : "IPv4";
  const all = Object.entries(networkInterfaces()).flatMap(([name, infos = []]) =>
    infos.filter((info) => info.family === family).map((info) => ({ name, info }))
  );
  const outside = all.filter(({ info }) => !info.internal);
  const chosen = host !== undefined
    ? all.filter(({ info }) => canonicalHost(info.address) === host)
    : outside.length > 0
    ? outside
    : all;
  return [...new Set(chosen.map(({ name, info }) => gateOf(name, info)))];
}

function gateOf(name: string, { family, address }: NetworkInterfaceInfo): Gate {
  return family === "IPv4" ? address : `::%${name}`;
}

/** Takes part in a multicast group. @throws {TransportError} If the port or the group cannot be had. */
export async function bindMulticast(options: MulticastOptions): Promise<DatagramSocket> {
  const { group, port = 0 } = options, any = isIpv6(group) ? "::" : "0.0.0.0";
  // Bound to the group it hears nothing that was sent to us alone; Windows cannot do that.
  const socket = await openDgram({ host: group, port, isShared: true })
    .catch(() => openDgram({ host: any, port, isShared: true }));
  const multicast = new MulticastSocket(socket, options);
  try {
    await multicast.join();
  } catch (error) {
    multicast.close();
    throw error;
  }
  return multicast;
}
