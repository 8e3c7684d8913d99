/**
 * Whether a read may be synchronous. From the page cache it costs a quarter of the CPU time of an asynchronous one and
 * is over in microseconds (measured: 0.27 against 0.66 s of CPU per GiB); from a slow disk it would stop the thread.
 */

/** A read that takes longer came from a disk. */
const SLOW_MS = 4;
/** After a slow read none blocks for so long, and twice as long after each further one: a cold disk stops the thread rarely. */
const FIRST_CAREFUL_MS = 50, LAST_CAREFUL_MS = 2000;
/** Longer reads never block. */
const MAX_LENGTH = 256 * 1024;

/** Learns from the last reads of one content. */
export class ReadPace {
  #carefulUntil = 0;
  #carefulMs = FIRST_CAREFUL_MS;

  /** Whether a read of so many bytes may block. */
  mayBlock(length: number): boolean {
    return length <= MAX_LENGTH && performance.now() >= this.#carefulUntil;
  }

  /** A read that blocked was begun at `startedAt` and is over now. */
  hasBlocked(startedAt: number): void {
    const now = performance.now();
    if (now - startedAt <= SLOW_MS) {
      this.#carefulMs = FIRST_CAREFUL_MS;
      return;
    }
    this.#carefulUntil = now + this.#carefulMs;
    this.#carefulMs = Math.min(LAST_CAREFUL_MS, this.#carefulMs * 2);
  }
}
