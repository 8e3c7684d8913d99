/**
 * One UDP socket for all that speaks over UDP: trackers, the DHT and uTP recognise their own datagrams (BEP 5, 15, 29
 * share a port, so that one hole in a firewall serves them all).
 */

import { asError, StateError } from "../errors.ts";
import type { PeerAddress } from "../peer/address.ts";
import { type AddressFamily, isIpv6 } from "../peer/ip.ts";
import type { BindOptions, Datagram, DatagramSocket, Network } from "./transport.ts";

/** Bytes of the largest datagram that counts: an announce of 200 IPv6 peers has 3,620, a DHT packet rarely 1,500. */
const LONGEST_DATAGRAM = 8192;

/** Takes a datagram if it is its own, and says so. The bytes may be reused after the call. */
export type DatagramConsumer = (from: PeerAddress, bytes: Uint8Array) => boolean;

/** A socket that several protocols share. It is bound when first needed. */
export class DatagramHub {
  readonly #network: Network;
  readonly #where: () => BindOptions & { readonly mustHavePort?: boolean };
  readonly #consumers = new Set<DatagramConsumer>();
  #socket: Promise<DatagramSocket> | undefined;
  /** The same, once there is one: most datagrams need not wait for it. */
  #bound: DatagramSocket | undefined;
  #isClosed = false;

  /**
   * Binds nothing yet. `where` is asked when the time comes. If the port is taken another one is chosen, unless it must
   * be this one.
   */
  constructor(network: Network, where: () => BindOptions & { readonly mustHavePort?: boolean } = () => ({})) {
    this.#network = network;
    this.#where = where;
  }

  /** Hands datagrams to `consumer` from now on; the answer ends it. */
  add(consumer: DatagramConsumer): () => void {
    this.#consumers.add(consumer);
    return () => this.#consumers.delete(consumer);
  }

  /** Where the socket is bound. @throws {TransportError} If it cannot be. @throws {StateError} After `close`. */
  async address(): Promise<PeerAddress> {
    return (await this.#open()).address;
  }

  /** The families of addresses that the socket reaches. */
  async families(): Promise<readonly AddressFamily[]> {
    const { host } = await this.address();
    if (!isIpv6(host)) return [4];
    return host === "::" ? [4, 6] : [6];
  }

  /** Sends a datagram; one that cannot be sent is lost, as any may be. Answers why, for those who would wait for an answer. */
  async send(bytes: Uint8Array, to: PeerAddress): Promise<Error | undefined> {
    try {
      await (this.#bound ?? await this.#open()).send(bytes, to);
    } catch (error) {
      return asError(error);
    }
  }

  /** Closes the socket. Safe to call twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#consumers.clear();
    this.#bound = undefined;
    (await this.#socket?.catch(() => undefined))?.close();
  }

  #open(): Promise<DatagramSocket> {
    if (this.#isClosed) return Promise.reject(new StateError("Cannot use the UDP socket: it is closed"));
    if (this.#socket === undefined) {
      this.#socket = this.#bind();
      this.#socket.then((socket) => this.#receive(socket), () => this.#socket = undefined);
    }
    return this.#socket;
  }

  async #bind(): Promise<DatagramSocket> {
    const { mustHavePort = false, ...where } = this.#where();
    try {
      return await this.#network.bindDatagram(where);
    } catch (error) {
      if (!where.port || mustHavePort) throw error;
      return await this.#network.bindDatagram({ ...where, port: 0 });
    }
  }

  /** A socket that hears nothing any more is replaced when somebody next needs one. */
  #lose(socket: DatagramSocket): void {
    socket.close();
    this.#bound = undefined;
    if (!this.#isClosed) this.#socket = undefined;
  }

  async #receive(socket: DatagramSocket): Promise<void> {
    if (this.#isClosed) return socket.close();
    this.#bound = socket;
    const buffer = new Uint8Array(LONGEST_DATAGRAM);
    for (;;) {
      let datagram: Datagram | null = null;
      try {
        datagram = await socket.receive(buffer);
      } catch {
        // Whatever it is, nothing more will come.
      }
      if (datagram === null) return this.#lose(socket);
      for (const consumer of this.#consumers) if (consumer(datagram.from, datagram.bytes)) break;
    }
  }
}
