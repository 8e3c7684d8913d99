/** Announces and scrapes over UDP: owns a socket per address family and runs the exchange machine on it (BEP 15). */

import type { Random } from "../bytes/random.ts";
import { StateError, TransportError } from "../errors.ts";
import { isIpv6, type PeerAddress } from "../peer/address.ts";
import type { AnnounceResponse, ScrapeResponse } from "../tracker/messages/announce.ts";
import { UdpExchange, type UdpExchangeEffect, type UdpExchangeRequest } from "../tracker/udp_exchange.ts";
import type { Clock, DatagramSocket, Network } from "./transport.ts";

/** Sent once and again after 15 and 30 seconds: after that another tracker is the better bet. BEP 15 goes on for hours. */
const MOST_RETRIES = 2;

/** Bytes of the largest datagram that counts: 200 IPv6 peers are 3,620. */
const LONGEST_DATAGRAM = 8192;

/** What a tracker answers to either question. */
type Answer = AnnounceResponse | ScrapeResponse;

/** Whoever waits for an answer. */
interface Waiting {
  resolve(answer: Answer): void;
  reject(reason: unknown): void;
}

/** A runner for UDP trackers. Sockets are bound when first needed. */
export class UdpTrackers {
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #exchange: UdpExchange;
  readonly #sockets = new Map<"IPv4" | "IPv6", Promise<DatagramSocket>>();
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #isClosed = false;
  #cancelWake: () => void = () => {};

  /** Binds nothing yet. */
  constructor(options: { readonly network: Network; readonly clock: Clock; readonly random: Random }) {
    this.#network = options.network;
    this.#clock = options.clock;
    this.#exchange = new UdpExchange({ random: options.random, maxRetries: MOST_RETRIES });
  }

  /**
   * Asks the tracker at `address`.
   *
   * @throws {TransportError} If no answer comes, or one that makes no sense.
   * @throws The signal's reason if it fires first.
   */
  async ask(address: PeerAddress, request: UdpExchangeRequest, signal: AbortSignal): Promise<Answer> {
    signal.throwIfAborted();
    if (this.#isClosed) throw new StateError("Cannot ask a tracker: the socket is closed");
    await this.#socketFor(address);
    const id = ++this.#lastId, { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const abort = () => {
      this.#perform(this.#exchange.handle({ type: "cancel", id }, this.#clock.now()));
      reject(signal.reason);
    };
    this.#waiting.set(id, { resolve, reject });
    signal.addEventListener("abort", abort, { once: true });
    try {
      this.#perform(this.#exchange.handle({ type: "request", id, address, request }, this.#clock.now()));
      return await promise;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#waiting.delete(id);
    }
  }

  /** Closes the sockets; whoever waits is rejected. Safe to call twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelWake();
    for (const { reject } of this.#waiting.values()) reject(new StateError("The socket is closed"));
    const sockets = await Promise.allSettled(this.#sockets.values());
    for (const socket of sockets) if (socket.status === "fulfilled") socket.value.close();
  }

  #socketFor({ host }: PeerAddress): Promise<DatagramSocket> {
    const family = isIpv6(host) ? "IPv6" : "IPv4";
    let socket = this.#sockets.get(family);
    if (socket === undefined) {
      socket = this.#network.bindDatagram({ host: family === "IPv6" ? "::" : "0.0.0.0" });
      this.#sockets.set(family, socket);
      socket.then((bound) => this.#receive(bound), () => this.#sockets.delete(family));
    }
    return socket;
  }

  async #receive(socket: DatagramSocket): Promise<void> {
    const buffer = new Uint8Array(LONGEST_DATAGRAM);
    while (!this.#isClosed) {
      const datagram = await socket.receive(buffer);
      if (datagram === null) return;
      this.#perform(this.#exchange.handle({ type: "datagram", ...datagram }, this.#clock.now()));
    }
  }

  #perform(effects: readonly UdpExchangeEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "send") void this.#send(effect.to, effect.bytes);
      else if (effect.type === "reply") this.#waiting.get(effect.id)?.resolve(effect.response);
      else this.#waiting.get(effect.id)?.reject(new TransportError(`Cannot ask tracker: ${effect.reason}`));
    }
    this.#cancelWake();
    const deadline = this.#exchange.deadline();
    if (deadline === undefined || this.#isClosed) return;
    this.#cancelWake = this.#clock.schedule(deadline, () => {
      this.#perform(this.#exchange.handle({ type: "tick" }, this.#clock.now()));
    });
  }

  /** A datagram that cannot be sent is a datagram lost: the schedule sends it again. */
  async #send(to: PeerAddress, bytes: Uint8Array): Promise<void> {
    const socket = await this.#socketFor(to).catch(() => undefined);
    await socket?.send(bytes, to).catch(() => {});
  }
}
