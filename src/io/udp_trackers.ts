/** Announces and scrapes over UDP: runs the exchange machine on a shared socket (BEP 15). */

import type { Random } from "../bytes/random.ts";
import { asError, StateError, TransportError } from "../errors.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { AnnounceResponse, ScrapeResponse } from "../tracker/messages/announce.ts";
import { UdpExchange, type UdpExchangeEffect, type UdpExchangeRequest } from "../tracker/udp_exchange.ts";
import type { DatagramHub } from "./datagram_hub.ts";
import type { Clock } from "./transport.ts";
import { WakeTimer } from "./wake_timer.ts";

/** Sent once and again after 15 and 30 seconds: after that another tracker is the better bet. BEP 15 goes on for hours. */
const MOST_RETRIES = 2;

/** What a tracker answers to either question. */
type Answer = AnnounceResponse | ScrapeResponse;

/** Whoever waits for an answer. */
interface Waiting {
  /** The tracker's. */
  readonly address: PeerAddress;
  resolve(answer: Answer): void;
  reject(reason: unknown): void;
}

/** A runner for UDP trackers. */
export class UdpTrackers {
  readonly #hub: DatagramHub;
  readonly #clock: Clock;
  readonly #exchange: UdpExchange;
  readonly #waiting = new Map<number, Waiting>();
  readonly #leave: () => void;
  readonly #timer: WakeTimer;
  #lastId = 0;
  #isClosed = false;

  /** Sends nothing yet. */
  constructor(options: { readonly hub: DatagramHub; readonly clock: Clock; readonly random: Random }) {
    this.#hub = options.hub;
    this.#clock = options.clock;
    this.#exchange = new UdpExchange({ random: options.random, maxRetries: MOST_RETRIES });
    this.#timer = new WakeTimer({
      clock: options.clock,
      machine: this.#exchange,
      onDue: () => this.#perform(this.#exchange.handle({ type: "tick" }, this.#clock.now())),
    });
    this.#leave = options.hub.add((from, bytes) => {
      if (!this.#exchange.owns(from, bytes)) return false;
      this.#perform(this.#exchange.handle({ type: "datagram", from, bytes }, this.#clock.now()));
      return true;
    });
  }

  /**
   * Asks the tracker at `address`.
   *
   * @throws {TransportError} If no answer comes, or one that makes no sense.
   * @throws The signal's reason if it fires first.
   */
  async ask(address: PeerAddress, request: UdpExchangeRequest, signal: AbortSignal): Promise<Answer> {
    await this.#hub.address(); // a socket that cannot be bound is an error, not a lost datagram
    signal.throwIfAborted();
    if (this.#isClosed) throw new StateError("Cannot ask a tracker: the socket is closed");
    const id = ++this.#lastId, { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const abort = () => {
      this.#perform(this.#exchange.handle({ type: "cancel", id }, this.#clock.now()));
      reject(signal.reason);
    };
    this.#waiting.set(id, { address, resolve, reject });
    signal.addEventListener("abort", abort, { once: true });
    try {
      this.#perform(this.#exchange.handle({ type: "request", id, address, request }, this.#clock.now()));
      return await promise;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#waiting.delete(id);
    }
  }

  /** Whoever waits is rejected; the socket is its owner's matter. Safe to call twice. */
  close(): void {
    this.#isClosed = true;
    this.#leave();
    this.#timer.close();
    for (const { reject } of this.#waiting.values()) reject(new StateError("The socket is closed"));
  }

  /** Where nothing can be sent, as to IPv6 addresses from a host without a way there, nobody waits for an answer. */
  async #send({ bytes, to }: Extract<UdpExchangeEffect, { readonly type: "send" }>): Promise<void> {
    const failure = await this.#hub.send(bytes, to);
    if (failure === undefined) return;
    const reason = asError(failure.cause ?? failure).message;
    for (const [id, { address, reject }] of this.#waiting) {
      if (address.host !== to.host || address.port !== to.port) continue;
      this.#perform(this.#exchange.handle({ type: "cancel", id }, this.#clock.now()));
      reject(new TransportError(`Cannot ask tracker: ${reason}`, { cause: failure }));
    }
  }

  #perform(effects: readonly UdpExchangeEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "send") void this.#send(effect);
      else if (effect.type === "reply") this.#waiting.get(effect.id)?.resolve(effect.response);
      else this.#waiting.get(effect.id)?.reject(new TransportError(`Cannot ask tracker: ${effect.reason}`));
    }
    this.#timer.update();
  }
}
