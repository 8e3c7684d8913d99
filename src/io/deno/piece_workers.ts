/** Workers that verify and write pieces, shared by all torrents of a process: started when needed, ended when idle. */

import { systemClock } from "../clock.ts";
import { StoreLane, type StoreReply } from "./store_lane.ts";
import { coreCount } from "./worker_lane.ts";
import type { PieceToStore } from "./worker_messages.ts";

/** One core is busy with the network; hashing on four others takes what any disk can. */
const MAX_LANES = 4;
/** Starting a worker takes some 40 ms: not worth it twice within a download, and none is kept for seeding. */
const IDLE_MS = 10_000;

/** The workers of a process. */
export class PieceWorkers {
  readonly #lanes: StoreLane[] = [];
  readonly #users = new Set<unknown>();
  readonly #mostLanes = Math.min(MAX_LANES, Math.max(1, coreCount() - 1));
  #cancelIdle: () => void = () => {};
  #isBroken = false;

  /** Whether workers can be had: false once one could not be started or broke down. */
  get isUsable(): boolean {
    return !this.#isBroken && typeof Worker === "function" && typeof SharedArrayBuffer === "function";
  }

  /** Counts a store among the users. */
  attach(user: unknown): void {
    this.#users.add(user);
  }

  /** Ends the workers with their last user. */
  detach(user: unknown): void {
    this.#users.delete(user);
    if (this.#users.size === 0) this.#end();
  }

  /**
   * Verifies a piece and writes it.
   *
   * @throws {StorageError} If it cannot be written.
   * @throws {WorkerFailure} If there is no worker to do it.
   */
  store(piece: PieceToStore): Promise<StoreReply> {
    this.#cancelIdle();
    try {
      return this.#freest().store(piece);
    } catch (error) {
      this.#break();
      return Promise.reject(error);
    }
  }

  /** Handles of this file lead nowhere any more. */
  drop(path: string): void {
    for (const lane of this.#lanes) lane.drop(path);
  }

  /** The worker with the fewest pieces to do; a new one while there are cores. */
  #freest(): StoreLane {
    let freest = this.#lanes[0];
    for (const lane of this.#lanes) if (lane.load < freest!.load) freest = lane;
    if (freest !== undefined && (freest.load === 0 || this.#lanes.length >= this.#mostLanes)) return freest;
    const lane = new StoreLane({ onIdle: () => this.#restIfIdle(), onFailed: () => this.#break() });
    this.#lanes.push(lane);
    return lane;
  }

  #restIfIdle(): void {
    if (this.#lanes.some(({ load }) => load > 0)) return;
    this.#cancelIdle();
    this.#cancelIdle = this.#lanes.length === 0
      ? () => {}
      : systemClock.schedule(systemClock.now() + IDLE_MS, () => this.#end());
  }

  #break(): void {
    this.#isBroken = true;
    this.#end();
  }

  #end(): void {
    this.#cancelIdle();
    for (const lane of this.#lanes.splice(0)) lane.close();
  }
}
