/** One worker that verifies and writes pieces. While it is busy, pieces gather: fewer and larger messages cost less. */

import { fromStorageFault } from "./storage_fault.ts";
import { WorkerFailure, WorkerLane } from "./worker_lane.ts";
import type { PieceToStore, StoreResult, WorkerReply } from "./worker_messages.ts";

/**
 * So many bytes are worth a message of their own, however busy the worker is: it shall never run dry. Half of what a session lets
 * wait for the disk, so that one message is under way while the next one gathers; a round trip costs as much as hashing 100 KiB.
 */
const MESSAGE_BYTES = 4 << 20;

/** What became of a piece; a failure is thrown. */
export type StoreReply = Exclude<StoreResult, { type: "failed" }>;

interface WaitingPiece {
  readonly piece: PieceToStore;
  resolve(reply: StoreReply): void;
  reject(error: unknown): void;
}

/** Who is told about a lane: once a message and not once a piece, which would be a promise more for each. */
export interface StoreLaneOptions {
  /** Nothing waits, and nothing is under way. */
  readonly onIdle: () => void;
  /** The worker is not to be used any more. */
  readonly onFailed: () => void;
}

/** A worker with a queue of pieces. */
export class StoreLane {
  readonly #options: StoreLaneOptions;
  readonly #worker = new WorkerLane();
  readonly #dropped = new Set<string>();
  #waiting: WaitingPiece[] = [];
  #waitingBytes = 0;
  #load = 0;

  /** Starts a worker. @throws {WorkerFailure} If the runtime does not let it. */
  constructor(options: StoreLaneOptions) {
    this.#options = options;
  }

  /** Pieces that wait or are under way. */
  get load(): number {
    return this.#load;
  }

  /**
   * Verifies a piece and writes it.
   *
   * @throws {StorageError} If it cannot be written.
   * @throws {WorkerFailure} If the worker is not to be used any more.
   */
  store(piece: PieceToStore): Promise<StoreReply> {
    this.#load++;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ piece, resolve, reject });
      this.#waitingBytes += piece.bytes.length;
      if (this.#worker.load === 0 || this.#waitingBytes >= MESSAGE_BYTES) void this.#send();
    });
  }

  /** The handle of this file leads nowhere any more. */
  drop(path: string): void {
    this.#dropped.add(path);
  }

  /** Ends the worker; what it was doing, and what waits, must be done elsewhere. Safe to call twice. */
  close(): void {
    this.#worker.close();
    void this.#send();
  }

  async #send(): Promise<void> {
    const batch = this.#waiting, dropped = [...this.#dropped];
    if (batch.length === 0) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#dropped.clear();
    try {
      const pieces = batch.map(({ piece }) => piece);
      await this.#worker.run({ type: "store", pieces, dropped }, (reply) => this.#settle(batch, reply));
    } catch (error) {
      this.#load -= batch.length;
      for (const { reject } of batch) reject(error);
      if (error instanceof WorkerFailure) this.#options.onFailed();
    }
    if (this.#worker.load === 0) void this.#send();
    if (this.#load === 0) this.#options.onIdle();
  }

  #settle(batch: readonly WaitingPiece[], reply: WorkerReply): true {
    if (reply.type !== "stored" || reply.results.length !== batch.length) {
      throw new WorkerFailure("Cannot understand a worker");
    }
    this.#load -= batch.length;
    for (const [index, { resolve, reject }] of batch.entries()) {
      const result = reply.results[index]!;
      if (result.type === "failed") reject(fromStorageFault(result.error));
      else resolve(result);
    }
    return true;
  }
}
