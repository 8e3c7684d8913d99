/** What one can wait for in a torrent: milestones, which may lie ahead again, and pieces. */

import { Waiters } from "./waiters.ts";

/** The info dictionary is known; the first check is over; every wanted file is complete. */
export type Milestone = "metadata" | "checked" | "completed";

/** What a torrent has reached, and who waits for what. */
export class Goals {
  readonly #waiters = new Waiters<Milestone | number>();
  readonly #reached = new Set<Milestone>();
  /** Why nothing will be reached any more. */
  #failure: Error | undefined;

  /** A milestone is reached; whoever waits goes on. */
  reach(milestone: Milestone): void {
    this.#reached.add(milestone);
    this.#waiters.settle(milestone);
  }

  /** A milestone is ahead again: more is wanted, or content was lost. */
  unreach(milestone: Milestone): void {
    this.#reached.delete(milestone);
  }

  /** Whether a milestone is reached. */
  hasReached(milestone: Milestone): boolean {
    return this.#reached.has(milestone);
  }

  /** A piece is verified. */
  gained(piece: number): void {
    this.#waiters.settle(piece);
  }

  /** Nothing will be reached any more, as it stands; whoever waits, or asks before `revive`, hears why. */
  fail(reason: Error): void {
    this.#failure = reason;
    this.#waiters.rejectAll(reason);
  }

  /** The torrent goes on after all. */
  revive(): void {
    this.#failure = undefined;
  }

  /** Waits for a milestone or a piece. @throws Why the torrent failed or closed, or the signal's reason. */
  async wait(goal: Milestone | number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#failure) throw this.#failure;
    if (typeof goal === "string" && this.#reached.has(goal)) return;
    await this.#waiters.wait(goal, signal);
  }
}
