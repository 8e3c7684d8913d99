/** Small notes as files in one folder of Deno's file system, replaced atomically. */

import { StorageError } from "../../errors.ts";
import type { StateStore } from "../state_store.ts";

/** How often a folder is made again that is gone before the note is in it: others who remove the last of theirs take it along. */
const MOST_TRIES = 10;

/** Keeps notes in `directory`, which is made with the first note and removed with the last. */
export class StateFiles implements StateStore {
  readonly #directory: string;

  /** Uses the folder `directory`; nothing is made until something is written. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The file's bytes, or `undefined` if there is none. @throws {StorageError} If it cannot be read. */
  async read(name: string): Promise<Uint8Array | undefined> {
    const path = this.#path(name);
    try {
      return await Deno.readFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
        return undefined;
      }
      throw this.#failed("read", name, error);
    }
  }

  /** Writes beside the file, syncs, and renames over it. @throws {StorageError} If the system refuses. */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    const path = this.#path(name), fresh = `${path}.new`;
    try {
      const file = await this.#inFolder(() =>
        Deno.open(fresh, { write: true, create: true, truncate: true })
      );
      try {
        for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
        await file.syncData();
      } finally {
        file.close();
      }
      await Deno.rename(fresh, path);
    } catch (error) {
      await Deno.remove(fresh).catch(() => {});
      throw this.#failed("write", name, error);
    }
  }

  /** Adds bytes at the end. @throws {StorageError} If the system refuses. */
  async append(name: string, bytes: Uint8Array): Promise<void> {
    const path = this.#path(name);
    try {
      await this.#inFolder(() => Deno.writeFile(path, bytes, { append: true, create: true }));
    } catch (error) {
      throw this.#failed("write", name, error);
    }
  }

  /** Removes the file if it is there, and the folder once it is empty. @throws {StorageError} If it stays. */
  async remove(name: string): Promise<void> {
    const path = this.#path(name);
    try {
      await Deno.remove(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw this.#failed("remove", name, error);
    }
    await Deno.remove(this.#directory).catch(() => {}); // not empty: somebody else's notes
  }

  /** Makes the folder, and a file in it. */
  async #inFolder<T>(make: () => Promise<T>): Promise<T> {
    for (let tries = 1;; tries++) {
      try {
        await Deno.mkdir(this.#directory, { recursive: true });
        return await make();
      } catch (error) {
        const { NotFound, AlreadyExists } = Deno.errors; // the second if it goes while it is looked at
        const mayPass = error instanceof NotFound || error instanceof AlreadyExists;
        if (!mayPass || tries >= MOST_TRIES) throw error;
      }
    }
  }

  #path(name: string): string {
    if (!/^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(name)) {
      throw new TypeError(`Cannot keep notes as "${name}": unsafe name`);
    }
    return `${this.#directory}/${name}`;
  }

  #failed(what: string, name: string, cause: unknown): StorageError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new StorageError(`Cannot ${what} "${this.#directory}/${name}": ${reason}`, { cause });
  }
}
