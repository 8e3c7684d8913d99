/** How long to wait for a reply, from the round trips measured so far: RFC 6298 over all nodes, not one connection. */

/** Before anything is measured. Most nodes that answer at all do so within a second. */
const INITIAL_MS = 1_000;

/** Nodes differ more than the segments of one connection do: the average moves half as fast as in RFC 6298. */
const GAIN = 1 / 16, DEVIATION_GAIN = 1 / 8;

/** Below, the jitter of a busy machine counts; above, a lookup is better served by asking somebody else. */
const LATE_MIN_MS = 300, LATE_MAX_MS = 2_000;

/** A late reply is still worth something: so many times longer is it waited for in the background. */
const FAIL_FACTOR = 3;

/** Estimates the round trip. */
export class Patience {
  #mean: number | undefined;
  #deviation = 0;

  /** A reply took so long. */
  observe(roundTripMs: number): void {
    if (this.#mean === undefined) {
      this.#mean = roundTripMs;
      this.#deviation = roundTripMs / 2;
      return;
    }
    this.#deviation += DEVIATION_GAIN * (Math.abs(roundTripMs - this.#mean) - this.#deviation);
    this.#mean += GAIN * (roundTripMs - this.#mean);
  }

  /** After so long a reply is late: a lookup goes on without it. */
  get lateMs(): number {
    if (this.#mean === undefined) return INITIAL_MS;
    return Math.min(LATE_MAX_MS, Math.max(LATE_MIN_MS, this.#mean + 4 * this.#deviation));
  }

  /** After so long a query has failed: the node counts as silent. */
  get failMs(): number {
    return this.lateMs * FAIL_FACTOR;
  }
}
