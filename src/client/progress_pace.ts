/** One timer by which all torrents of a client report progress: a thousand of their own would cost seven hundredths of a core, with nobody reading. */

import type { Clock } from "../io/transport.ts";

/** Often enough for a smooth display, too rare to cost anything. */
const PROGRESS_EVERY_MS = 250;

/** Calls reporters at a steady pace as long as there are any. */
export class ProgressPace {
  readonly #clock: Clock;
  readonly #reporters = new Set<() => void>();
  #cancel: () => void = () => {};

  /** Calls nobody yet. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls this one too, until the answer is called. */
  add(report: () => void): () => void {
    this.#reporters.add(report);
    if (this.#reporters.size === 1) this.#schedule();
    return () => {
      if (this.#reporters.delete(report) && this.#reporters.size === 0) this.#cancel();
    };
  }

  #schedule(): void {
    this.#cancel = this.#clock.schedule(this.#clock.now() + PROGRESS_EVERY_MS, () => {
      this.#schedule();
      for (const report of this.#reporters) report();
    });
  }
}
