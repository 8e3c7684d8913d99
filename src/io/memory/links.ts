/** The ways between virtual hosts: their quality, whether they are cut, and what is under way on them. */

import type { Random } from "../../bytes/random.ts";
import type { Clock } from "../transport.ts";
import { datagramDelays, DEFAULT_LINK, type LinkQuality, transferMs } from "./link.ts";
import type { PipeRoute } from "./pipe.ts";

/** Nothing is between a host and itself. */
const LOOPBACK: LinkQuality = { ...DEFAULT_LINK, latencyMs: 0 };

/** Counts the bytes of one direction of a connection. */
export interface Meter {
  /** Bytes left the sender. */
  sent(length: number): void;
  /** Bytes reached the receiver. */
  received(length: number): void;
}

/** What the links need of the network. */
export interface LinksOptions {
  /** Virtual time. */
  readonly clock: Clock;
  /** Chance for loss, jitter and the like. */
  readonly random: Random;
  /** Quality of every link that is not told otherwise. */
  readonly quality: LinkQuality;
}

/** The way between two hosts. */
export class Link {
  /** How good it is now. */
  quality: LinkQuality;
  /** When the last datagram has left, by direction. */
  readonly #busyUntil = new Map<string, number>();
  readonly #clock: Clock;
  readonly #random: Random;
  /** Deliveries on byte connections that wait for the link to be restored. */
  #stalled: (() => void)[] = [];
  #isCut = false;

  /** A link in order. */
  constructor(options: LinksOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.quality = options.quality;
  }

  /** Whether nothing gets through. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Cuts the link, or restores it: what was under way on byte connections then arrives after all. */
  setCut(isCut: boolean): void {
    this.#isCut = isCut;
    if (isCut) return;
    const stalled = this.#stalled;
    this.#stalled = [];
    for (const deliver of stalled) this.after(this.quality.latencyMs, deliver);
  }

  /** Calls back after some milliseconds. */
  after(ms: number, callback: () => void): void {
    this.#clock.schedule(this.#clock.now() + ms, callback);
  }

  /** Delivers a datagram, once, twice or never. Answers whether it will arrive. */
  sendDatagram(from: string, length: number, arrive: () => void): boolean {
    if (this.#isCut) return false;
    const now = this.#clock.now();
    const leavesAt = Math.max(now, this.#busyUntil.get(from) ?? 0) + transferMs(this.quality, length);
    this.#busyUntil.set(from, leavesAt);
    const delays = datagramDelays(this.quality, this.#random);
    for (const delay of delays) this.after(leavesAt - now + delay, () => this.#isCut || arrive());
    return delays.length > 0;
  }

  /** The way of one direction of a byte connection. */
  route(meter: Meter): PipeRoute {
    const queue: (() => void)[] = [];
    let leftAt = 0, arrivesAt = 0;
    // Whoever's time has come, it is the first in the queue that arrives: bytes never overtake each other.
    const fire = () => this.#isCut ? void this.#stalled.push(fire) : queue.shift()!();
    return {
      deliver: (length, arrive) => {
        const now = this.#clock.now(), { latencyMs, jitterMs } = this.quality;
        leftAt = Math.max(now, leftAt) + transferMs(this.quality, length);
        arrivesAt = Math.max(arrivesAt, leftAt + latencyMs + jitterMs * this.#random());
        meter.sent(length);
        queue.push(() => {
          meter.received(length);
          arrive();
        });
        this.after(arrivesAt - now, fire);
      },
    };
  }
}

/** All links, by the names of their ends. */
export class Links {
  readonly #options: LinksOptions;
  readonly #links = new Map<string, Link>();

  /** Links come into being when they are asked for. */
  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** The link between two hosts, whichever comes first. */
  between(a: string, b: string): Link {
    const key = a < b ? `${a} ${b}` : `${b} ${a}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = new Link(a === b ? { ...this.#options, quality: LOOPBACK } : this.#options);
      this.#links.set(key, link);
    }
    return link;
  }
}
