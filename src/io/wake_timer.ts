/** The timer of a machine at work: one for its earliest deadline, moved only when the machine wants to be called sooner. */

import type { Clock } from "./transport.ts";

/** What a wake timer is made from. */
export interface WakeTimerOptions {
  readonly clock: Clock;
  /** Says when it wants to be called; `undefined` or `Infinity` while nothing is due. */
  readonly machine: { deadline(): number | undefined };
  /** The deadline is reached. */
  readonly onDue: () => void;
}

/** Wakes a machine at its deadline, until `close`. */
export class WakeTimer {
  readonly #options: WakeTimerOptions;
  #wakeAt = Infinity;
  #cancel: () => void = () => {};
  #isClosed = false;

  /** Wakes nobody before `update`. */
  constructor(options: WakeTimerOptions) {
    this.#options = options;
  }

  /** To be called after each call of the machine: its deadline may be another one. */
  update(): void {
    const { clock, machine } = this.#options, deadline = machine.deadline() ?? Infinity;
    if (this.#isClosed || deadline >= this.#wakeAt) return;
    this.#cancel();
    this.#wakeAt = deadline;
    this.#cancel = clock.schedule(deadline, () => this.#wake());
  }

  /** Wakes nobody any more. Safe to call twice. */
  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  #wake(): void {
    const { clock, machine, onDue } = this.#options;
    this.#wakeAt = Infinity;
    if ((machine.deadline() ?? Infinity) <= clock.now()) onDue();
    else this.update();
  }
}
