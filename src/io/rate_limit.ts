/** Limits bytes per second over many connections: a token bucket that may go into debt, served first come, first served. */

import type { PeerAddress } from "../peer/address.ts";
import type { ByteConnection, Clock } from "./transport.ts";

/** What may be spent at once after a pause, in seconds of the rate: long enough for a timer, too short to be seen. */
const BURST_SECONDS = 0.25;
/** A slice takes this long at the full rate, so that ten connections each get a turn per second. */
const SLICE_SECONDS = 0.1;
/** Smaller slices than a TCP segment carries cost more than they smooth. */
const MIN_SLICE = 1448;

/** A payment that waits for its turn. */
export interface Spending {
  /** Resolves when the bytes are paid for, or the payment was cancelled. */
  readonly done: Promise<void>;
  /** Gives up: nothing is paid. Safe to call twice and after the end. */
  cancel(): void;
}

interface Turn {
  readonly bytes: number;
  readonly resolve: () => void;
}

/** A rate that many connections share. */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #turns = new Set<Turn>();
  #rate: number;
  /** Bytes that may be spent; negative after a large spending. */
  #tokens: number;
  #countedAt: number;
  #cancelWake: (() => void) | undefined;

  /** Lets `bytesPerSecond` pass; 0 is unlimited. @throws {RangeError} If it is negative or no number. */
  constructor(clock: Clock, bytesPerSecond: number = 0) {
    this.#clock = clock;
    this.#rate = checkRate(bytesPerSecond);
    this.#tokens = bytesPerSecond * BURST_SECONDS;
    this.#countedAt = clock.now();
  }

  /** Bytes a second; 0 is unlimited. */
  get rate(): number {
    return this.#rate;
  }

  /** How much to spend at once so that others get their turn. */
  get sliceLength(): number {
    return this.#rate === 0 ? Infinity : Math.max(MIN_SLICE, Math.floor(this.#rate * SLICE_SECONDS));
  }

  /** Changes the rate at once, also for those who wait; 0 is unlimited. @throws {RangeError} If it is negative or no number. */
  setRate(bytesPerSecond: number): void {
    this.#count();
    this.#rate = checkRate(bytesPerSecond);
    this.#tokens = Math.min(this.#tokens, bytesPerSecond * BURST_SECONDS);
    this.#serve();
  }

  /** Pays for `bytes`; `undefined` if that is done at once. */
  spend(bytes: number): Spending | undefined {
    if (this.#rate === 0) return undefined;
    this.#count();
    if (this.#turns.size === 0 && this.#tokens > 0) {
      this.#tokens -= bytes;
      return undefined;
    }
    const { promise, resolve } = Promise.withResolvers<void>(), turn = { bytes, resolve };
    this.#turns.add(turn);
    this.#serve();
    return {
      done: promise,
      cancel: () => {
        if (this.#turns.delete(turn)) resolve();
      },
    };
  }

  /** Lets everybody pass from now on and stops the timer. Safe to call twice. */
  close(): void {
    this.setRate(0);
  }

  #count(): void {
    const now = this.#clock.now(), earned = (now - this.#countedAt) / 1000 * this.#rate;
    this.#countedAt = now;
    this.#tokens = Math.min(this.#rate * BURST_SECONDS, this.#tokens + earned);
  }

  #serve(): void {
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    this.#count();
    for (const turn of this.#turns) {
      if (this.#rate > 0 && this.#tokens <= 0) break;
      this.#turns.delete(turn);
      if (this.#rate > 0) this.#tokens -= turn.bytes;
      turn.resolve();
    }
    if (this.#turns.size === 0) return;
    // One byte above zero, and never a wake-up for less than a millisecond's worth.
    const waitMs = Math.max(1, (1 - this.#tokens) / this.#rate * 1000);
    this.#cancelWake = this.#clock.schedule(this.#clock.now() + waitMs, () => this.#serve());
  }
}

function checkRate(bytesPerSecond: number): number {
  if (bytesPerSecond >= 0 && bytesPerSecond < Infinity) return bytesPerSecond;
  throw new RangeError(`Cannot limit the rate to ${bytesPerSecond} bytes a second`);
}

/** The two directions of a connection. */
export interface RateLimits {
  /** What comes in. */
  readonly download: RateLimiter;
  /** What goes out. */
  readonly upload: RateLimiter;
}

class LimitedConnection implements ByteConnection {
  readonly #connection: ByteConnection;
  readonly #limits: RateLimits;
  readonly #spendings = new Set<Spending>();
  #isClosed = false;

  constructor(connection: ByteConnection, limits: RateLimits) {
    this.#connection = connection;
    this.#limits = limits;
  }

  get local(): PeerAddress | undefined {
    return this.#connection.local;
  }

  get remote(): PeerAddress | undefined {
    return this.#connection.remote;
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#limits.download.rate === 0 ? this.#connection.read(into) : this.#readSlice(into);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#limits.upload.rate === 0 ? this.#connection.write(bytes) : this.#writeSlices(bytes);
  }

  close(): void {
    this.#isClosed = true;
    for (const spending of this.#spendings) spending.cancel();
    this.#connection.close();
  }

  async #readSlice(into: Uint8Array): Promise<number | null> {
    const { download } = this.#limits, slice = Math.min(download.sliceLength, into.length);
    const count = await this.#connection.read(into.subarray(0, slice));
    // Paid after the fact, because nobody knows before how much comes; until it is, TCP holds the sender back.
    if (count !== null) await this.#pay(download.spend(count));
    return count;
  }

  async #writeSlices(bytes: Uint8Array): Promise<void> {
    const { upload } = this.#limits;
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + upload.sliceLength);
      await this.#pay(upload.spend(end - at));
      await this.#connection.write(bytes.subarray(at, end));
      at = end;
    }
  }

  async #pay(spending: Spending | undefined): Promise<void> {
    if (spending === undefined) return;
    if (this.#isClosed) return spending.cancel();
    this.#spendings.add(spending);
    await spending.done;
    this.#spendings.delete(spending);
  }
}

/** Wraps a connection so that it keeps to limits shared with others. */
export function limitRate(connection: ByteConnection, limits: RateLimits): ByteConnection {
  return new LimitedConnection(connection, limits);
}
