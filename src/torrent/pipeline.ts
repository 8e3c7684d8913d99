/**
 * How many requests one peer is given at a time: enough for its rate over the delay, never more than it queues, and no more than
 * its share of the memory for pieces.
 */

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

/** What every pipeline may take of the memory for pieces. */
export interface PipelineShare {
  /** Requests of each peer, whatever its rate. */
  readonly least: number;
  /** Besides, as many as the peer answers in this time. */
  readonly seconds: number;
}

/** What is to be shared out, and among whom. */
export interface SharedMemory {
  /** The memory, in blocks. */
  readonly blocks: number;
  /** Peers that could be asked. */
  readonly peers: number;
  /** Payload per second from everybody. */
  readonly rate: number;
}

/**
 * Shares the memory for pieces out by rate. Without that the first few of many peers would get requests for three seconds each, all
 * others none, and the download would go at the rate of those few. Half of the memory holds blocks that wait for the rest of their piece.
 */
export function shareOut({ blocks, peers, rate }: SharedMemory): PipelineShare {
  const room = blocks / 2;
  const least = Math.max(1, Math.min(MIN_DEPTH, Math.floor(room / peers)));
  const spare = Math.max(0, room - least * peers) * BLOCK_LENGTH;
  return { least, seconds: Math.min(COVER_SECONDS, spare / rate) };
}

/** The pipeline of one peer: starts small, doubles per round trip, then follows the rate. */
export class Pipeline {
  /** Payload from the peer. */
  readonly rate: Rate;
  readonly #max: number;
  #limit: number;
  #depth = START_DEPTH;
  #share = Infinity;
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
    return Math.min(this.#depth, this.#limit, this.#share);
  }

  /** Takes over what the peer says it queues (BEP 10 `reqq`). */
  set limit(requests: number) {
    this.#limit = Math.max(1, Math.min(this.#max, requests));
  }

  /** A block came. */
  received(length: number, now: number, share?: PipelineShare): void {
    this.rate.add(length, now);
    if (this.#slowStart && this.#depth < this.#limit) this.#depth++;
    if (now >= this.#adjustAt) this.#adjust(now, share);
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

  #adjust(now: number, share?: PipelineShare): void {
    const rate = this.rate.perSecond(now);
    if (share) this.#share = share.least + Math.ceil(rate * share.seconds / BLOCK_LENGTH);
    this.#adjustAt = now + ADJUST_MS;
    if (this.#slowStart && rate > this.#lastRate * GROWTH) {
      this.#lastRate = rate;
      return;
    }
    this.#slowStart = false;
    this.#depth = Math.max(MIN_DEPTH, Math.ceil(rate * COVER_SECONDS / BLOCK_LENGTH));
  }
}
