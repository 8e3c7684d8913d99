/** Long loops that leave others their turn. */

/** Longest time that a loop keeps the thread: two frames of a display, and peers notice nothing. */
const TURN_MS = 16;

/** Counts the time since a loop last gave way. */
export class Turns {
  #startedAt = performance.now();

  /** Call once per step: waits for the next turn of the event loop when this one has lasted long. */
  async next(): Promise<void> {
    if (performance.now() - this.#startedAt < TURN_MS) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#startedAt = performance.now();
  }
}
