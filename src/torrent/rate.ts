/** Bytes per second with a short memory: an exponential average that costs nothing while nothing happens. */

/** Time after which an old byte weighs a third: quick enough for the pipeline, calm enough for the choker's rounds. */
const MEMORY_MS = 5000;
/** A younger meter is taken to be this old, so that the first block does not count as an endless rate. */
const MIN_AGE_MS = 250;

/** Measures one direction of one connection, or of the whole torrent. */
export class Rate {
  readonly #since: number;
  #total = 0;
  #weight = 0;
  #at: number;

  /** Starts at zero. */
  constructor(now: number) {
    this.#since = now;
    this.#at = now;
  }

  /** All bytes ever counted. */
  get total(): number {
    return this.#total;
  }

  /** Counts bytes. */
  add(bytes: number, now: number): void {
    this.#total += bytes;
    this.#decay(now);
    this.#weight += bytes;
  }

  /** The rate now. */
  perSecond(now: number): number {
    if (this.#total === 0) return 0;
    this.#decay(now);
    const age = Math.max(MIN_AGE_MS, now - this.#since);
    return this.#weight * 1000 / (MEMORY_MS * (1 - Math.exp(-age / MEMORY_MS)));
  }

  #decay(now: number): void {
    if (now <= this.#at) return;
    this.#weight *= Math.exp((this.#at - now) / MEMORY_MS);
    this.#at = now;
  }
}
