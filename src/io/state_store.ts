/** Where the library keeps small notes of its own, such as resume data; and one that forgets with the process. */

/** Keeps small files by name. Names are safe file names: letters, digits, dots and hyphens. */
export interface StateStore {
  /** The file's bytes, or `undefined` if there is none. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Replaces the file as a whole: after a crash the old or the new bytes are there, never a mixture. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Adds bytes at the end, making the file if needed. */
  append(name: string, bytes: Uint8Array): Promise<void>;
  /** Removes the file if it is there. */
  remove(name: string): Promise<void>;
}

/** Notes in memory: for tests, and for clients that shall leave no trace. */
export class MemoryStateStore implements StateStore {
  readonly #files = new Map<string, Uint8Array>();

  /** The file's bytes, or `undefined` if there is none. */
  read(name: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#files.get(name));
  }

  /** Replaces the file. */
  write(name: string, bytes: Uint8Array): Promise<void> {
    this.#files.set(name, bytes.slice());
    return Promise.resolve();
  }

  /** Adds bytes at the end. */
  append(name: string, bytes: Uint8Array): Promise<void> {
    const before = this.#files.get(name) ?? new Uint8Array();
    const after = new Uint8Array(before.length + bytes.length);
    after.set(before);
    after.set(bytes, before.length);
    this.#files.set(name, after);
    return Promise.resolve();
  }

  /** Removes the file. */
  remove(name: string): Promise<void> {
    this.#files.delete(name);
    return Promise.resolve();
  }
}
