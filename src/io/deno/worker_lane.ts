/** One worker and the tasks it has been given. */

import type { HashTask, StoreTask, WorkerReply } from "./worker_messages.ts";

/** The worker could not be started or broke down: the work must be done elsewhere. */
export class WorkerFailure extends Error {
  override readonly name = "WorkerFailure";
}

interface Pending {
  onReply(reply: WorkerReply): void;
  reject(error: unknown): void;
}

/** A worker with a queue. Ends with `close`; until then it keeps the process alive. */
export class WorkerLane {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #lastTask = 0;
  #failure: WorkerFailure | undefined;

  /** Starts a worker. @throws {WorkerFailure} If the runtime does not let it. */
  constructor() {
    const module = new URL("./piece_worker.ts", import.meta.url);
    if (!mayLoad(module)) throw new WorkerFailure("Cannot start a worker: reading its module is not allowed");
    try {
      this.#worker = new Worker(module, { type: "module" });
    } catch (cause) {
      throw new WorkerFailure("Cannot start a worker", { cause });
    }
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerReply>) =>
      this.#pending.get(data.task)?.onReply(data);
    this.#worker.onerror = (event) => {
      // Else the process would end.
      event.preventDefault();
      this.#fail(new WorkerFailure(`Cannot use a worker: ${event.message}`));
    };
  }

  /** Tasks that wait or are under way. */
  get load(): number {
    return this.#pending.size;
  }

  /** Gives the worker a task; `onReply` answers whether that was the last reply, or throws what the task fails with. */
  run(task: StoreTask | HashTask, onReply: (reply: WorkerReply) => boolean): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const id = ++this.#lastTask;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, {
        reject,
        onReply: (reply) => {
          try {
            if (!onReply(reply)) return;
            resolve();
          } catch (error) {
            reject(error);
          }
          this.#pending.delete(id);
        },
      });
      this.#worker.postMessage({ ...task, task: id });
    });
  }

  /** Ends the worker; what it was doing must be done elsewhere. Safe to call twice. */
  close(): void {
    this.#worker.terminate();
    this.#fail(new WorkerFailure("Cannot finish the task: the worker was ended"));
  }

  #fail(error: WorkerFailure): void {
    this.#failure ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

/** Whether a worker's module can be loaded without Deno asking the user, or complaining on the terminal. */
function mayLoad(module: URL): boolean {
  return module.protocol !== "file:" ||
    Deno.permissions.querySync({ name: "read", path: module }).state === "granted";
}

/** How many workers may be busy at once. */
export function coreCount(): number {
  return Math.max(1, navigator.hardwareConcurrency ?? 1);
}
