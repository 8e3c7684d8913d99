/** How many requests one peer is given at a time: enough for its rate over the delay, and never more than it queues. */

import { BLOCK_LENGTH } from "./options.ts";
import { Rate } from "./rate.ts";

/** Requests before anything is known: 128 KiB keep a slow line busy and a fast one ready to grow. */
const START_DEPTH = 8;
/** Never fewer while the peer delivers: one in its hands, the others under way. */
const MIN_DEPTH = 4;
/** Requests cover this time at the measured rate: libtorrent's three seconds. */
const COVER_SECONDS = 3;
/** How often the depth is set anew from the rate. */
const ADJUST_MS = 500;
/** Slow start ends when the rate grows by less than this factor between two adjustments. */
const GROWTH = 1.1;
/** What a peer queues that did not say: libtorrent's assumption. */
const DEFAULT_QUEUE = 250;

/** The pipeline of one peer: starts small, doubles per round trip, then follows the rate. */
export class Pipeline {
  /** Payload from the peer. */
  readonly rate: Rate;
  readonly #max: number;
  #limit: number;
  #depth = START_DEPTH;
  #slowStart = true;
  #lastRate = 0;
  #adjustAt: number;

  /** Starts a slow start; `max` is our own bound. */
  constructor(max: number, now: number) {
    this.rate = new Rate(now);
    this.#max = max;
    this.#limit = Math.min(max, DEFAULT_QUEUE);
    this.#adjustAt = now + ADJUST_MS;
  }

  /** How many requests may be outstanding. */
  get depth(): number {
    return Math.min(this.#depth, this.#limit);
  }

  /** Takes over what the peer says it queues (BEP 10 `reqq`). */
  set limit(requests: number) {
    this.#limit = Math.max(1, Math.min(this.#max, requests));
  }

  /** A block came. */
  received(length: number, now: number): void {
    this.rate.add(length, now);
    if (this.#slowStart && this.#depth < this.#limit) this.#depth++;
    if (now >= this.#adjustAt) this.#adjust(now);
  }

  /** The peer went silent: it gets one request at a time until it answers, then starts anew. */
  stall(now: number): void {
    this.restart(now);
    this.#depth = 1;
  }

  /** A new slow start, because the measured rate is of another time. */
  restart(now: number): void {
    this.#depth = START_DEPTH;
    this.#slowStart = true;
    this.#lastRate = 0;
    this.#adjustAt = now + ADJUST_MS;
  }

  #adjust(now: number): void {
    const rate = this.rate.perSecond(now);
    this.#adjustAt = now + ADJUST_MS;
    if (this.#slowStart && rate > this.#lastRate * GROWTH) {
      this.#lastRate = rate;
      return;
    }
    this.#slowStart = false;
    this.#depth = Math.max(MIN_DEPTH, Math.ceil(rate * COVER_SECONDS / BLOCK_LENGTH));
  }
}
