/** Promises that wait for something by key, each with its own signal, all with an owner that can end them. */

interface Waiter {
  resolve(): void;
  reject(reason: unknown): void;
}

/** Who waits for what. Keys are whatever the owner counts in: pieces, or names of milestones. */
export class Waiters<Key> {
  readonly #waiting = new Map<Key, Set<Waiter>>();

  /** Waits until `settle(key)`. @throws The signal's reason, or the reason given to `rejectAll`. */
  wait(key: Key, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const end = () => {
        signal?.removeEventListener("abort", abort);
        this.#waiting.get(key)?.delete(waiter);
      };
      const abort = () => waiter.reject(signal!.reason);
      const waiter: Waiter = {
        resolve: () => (end(), resolve()),
        reject: (reason) => (end(), reject(reason)),
      };
      signal?.addEventListener("abort", abort);
      this.#waitersOf(key).add(waiter);
    });
  }

  /** What everybody waited for under this key has come. */
  settle(key: Key): void {
    const waiters = this.#waiting.get(key);
    this.#waiting.delete(key);
    for (const waiter of [...waiters ?? []]) waiter.resolve();
  }

  /** Nothing will come any more. */
  rejectAll(reason: unknown): void {
    const all = [...this.#waiting.values()].flatMap((waiters) => [...waiters]);
    this.#waiting.clear();
    for (const waiter of all) waiter.reject(reason);
  }

  #waitersOf(key: Key): Set<Waiter> {
    let waiters = this.#waiting.get(key);
    if (waiters === undefined) this.#waiting.set(key, waiters = new Set());
    return waiters;
  }
}
