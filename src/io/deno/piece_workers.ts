/** Workers that verify and write pieces, shared by all torrents of a process: started when needed, ended when idle. */

import { systemClock } from "../clock.ts";
import { fromStorageFault } from "./storage_fault.ts";
import { coreCount, WorkerFailure, WorkerLane } from "./worker_lane.ts";
import type { StoreTask, WorkerReply } from "./worker_messages.ts";

/** One core is busy with the network; hashing on four others takes what any disk can. */
const MAX_LANES = 4;
/** Starting a worker takes some 40 ms: not worth it twice within a download, and none is kept for seeding. */
const IDLE_MS = 10_000;

/** What became of a piece. */
export type StoreReply = Extract<WorkerReply, { type: "stored" | "corrupt" }>;

/** The workers of a process. */
export class PieceWorkers {
  readonly #lanes: { readonly worker: WorkerLane; readonly dropped: Set<string> }[] = [];
  readonly #users = new Set<unknown>();
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
  async store(task: Omit<StoreTask, "type" | "dropped">): Promise<StoreReply> {
    this.#cancelIdle();
    let answer: StoreReply | undefined;
    try {
      const lane = this.#freest(), dropped = [...lane.dropped];
      lane.dropped.clear();
      await lane.worker.run({ ...task, type: "store", dropped }, (reply) => {
        if (reply.type === "failed") throw fromStorageFault(reply.error);
        if (reply.type === "stored" || reply.type === "corrupt") answer = reply;
        return true;
      });
    } catch (error) {
      if (error instanceof WorkerFailure) this.#break();
      throw error;
    } finally {
      this.#restIfIdle();
    }
    if (answer === undefined) throw new WorkerFailure("Cannot understand a worker");
    return answer;
  }

  /** Handles of this file lead nowhere any more. */
  drop(path: string): void {
    for (const { dropped } of this.#lanes) dropped.add(path);
  }

  /** The worker with the fewest pieces to do; a new one while there are cores. */
  #freest(): { readonly worker: WorkerLane; readonly dropped: Set<string> } {
    const freest = this.#lanes.toSorted((a, b) => a.worker.load - b.worker.load)[0];
    if (freest !== undefined && (freest.worker.load === 0 || this.#lanes.length >= mostLanes())) {
      return freest;
    }
    const lane = { worker: new WorkerLane(), dropped: new Set<string>() };
    this.#lanes.push(lane);
    return lane;
  }

  #restIfIdle(): void {
    if (this.#lanes.some(({ worker }) => worker.load > 0)) return;
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
    for (const { worker } of this.#lanes.splice(0)) worker.close();
  }
}

function mostLanes(): number {
  return Math.min(MAX_LANES, Math.max(1, coreCount() - 1));
}
