/** Time that passes when a test says so. */

import { StateError } from "../../errors.ts";
import type { Clock } from "../transport.ts";

/** Virtual time after which `runUntil` gives up: an hour. */
const DEFAULT_LIMIT_MS = 3_600_000;

/** A callback and when it is due; `order` decides among equals. */
interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
  isCancelled: boolean;
}

/** Work of real time and the word that whoever waits for it may go on. */
interface Held {
  readonly settled: Promise<void>;
  readonly release: () => void;
}

/** How long {@linkcode VirtualClock.runUntil} tries. */
export interface RunOptions {
  /** Virtual milliseconds after which it throws; an hour by default. */
  readonly limitMs?: number;
}

/** Lets every promise that can settle without a timer settle, and what follows from it. */
function settleMicrotasks(): Promise<void> {
  const runtime = globalThis as { setImmediate?: (callback: () => void) => void };
  // A turn of the event loop comes after all microtasks; an immediate costs microseconds, a timer milliseconds.
  return new Promise((resolve) =>
    runtime.setImmediate ? runtime.setImmediate(resolve) : setTimeout(resolve, 0)
  );
}

/**
 * A clock for tests: time stands still until {@linkcode VirtualClock.advance} or {@linkcode VirtualClock.runUntil} moves
 * it, from timer to timer, letting all promises settle in between. Equal runs are equal in every step.
 */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  /** A binary heap, the next timer first. */
  readonly #timers: Timer[] = [];
  readonly #held = new Set<Held>();
  #isRunning = false;

  /** Starts at `startAt` milliseconds, 0 by default. */
  constructor(startAt: number = 0) {
    this.#now = startAt;
  }

  /** The virtual time. */
  now(): number {
    return this.#now;
  }

  /** When the next timer is due; `undefined` if none is. */
  get nextAt(): number | undefined {
    while (this.#timers[0]?.isCancelled) this.#pop();
    return this.#timers[0]?.at;
  }

  /** Calls back once when the virtual time reaches `at`, never within this call; the answer cancels it. */
  schedule(at: number, callback: () => void): () => void {
    const timer = { at: Math.max(at, this.#now), order: this.#order++, callback, isCancelled: false };
    this.#push(timer);
    return () => {
      timer.isCancelled = true;
    };
  }

  /**
   * Lets the clock wait for work of real time, such as hashing in another thread: it does not move while `work` is under
   * way, and results come one after the other in the order of the calls, whichever is ready first. Work that itself waits
   * for the virtual time would wait for ever.
   */
  hold<T>(work: Promise<T>): Promise<T> {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const held: Held = { settled: work.then(() => {}, () => {}), release };
    this.#held.add(held);
    if (!this.#isRunning) this.#releaseWhenSettled(held);
    return released.then(() => work);
  }

  /** Moves the time on by `ms`, running every timer on the way. @throws {StateError} If the clock is moved already. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await this.#run(async () => {
      for (let at = this.nextAt; at !== undefined && at <= until; at = this.nextAt) await this.#step();
      this.#now = until;
    });
  }

  /**
   * Moves the time on until a promise settles or a condition holds, and answers what the promise does.
   *
   * @throws {StateError} If that does not come within the limit or nothing is left to happen, or the clock is moved already.
   */
  async runUntil<T>(goal: Promise<T> | (() => boolean), options: RunOptions = {}): Promise<T | undefined> {
    const until = this.#now + (options.limitMs ?? DEFAULT_LIMIT_MS);
    let isSettled = false;
    if (typeof goal !== "function") goal.then(() => isSettled = true, () => isSettled = true);
    const isReached = () => typeof goal === "function" ? goal() : isSettled;
    await this.#run(async () => {
      while (!isReached()) {
        const at = this.nextAt;
        if (at === undefined) throw new StateError("Cannot reach the goal: nothing is left to happen");
        if (at > until) throw new StateError(`Cannot reach the goal: ${until} ms are over`);
        await this.#step();
      }
    });
    return typeof goal === "function" ? undefined : await goal;
  }

  async #run(work: () => Promise<void>): Promise<void> {
    if (this.#isRunning) throw new StateError("Cannot move the clock: it is being moved already");
    this.#isRunning = true;
    try {
      await this.#settle();
      await work();
    } finally {
      this.#isRunning = false;
      for (const held of this.#held) this.#releaseWhenSettled(held);
    }
  }

  async #step(): Promise<void> {
    const timer = this.#pop()!;
    this.#now = timer.at;
    timer.callback();
    await this.#settle();
  }

  async #settle(): Promise<void> {
    await settleMicrotasks();
    for (const held of this.#held) {
      await held.settled;
      this.#release(held);
      await settleMicrotasks();
    }
  }

  #release(held: Held): void {
    this.#held.delete(held);
    held.release();
  }

  #releaseWhenSettled(held: Held): void {
    void held.settled.then(() => this.#release(held));
  }

  #push(timer: Timer): void {
    const heap = this.#timers;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent]!, timer)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#timers, first = heap[0], last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (isBefore(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || a.at === b.at && a.order < b.order;
}
