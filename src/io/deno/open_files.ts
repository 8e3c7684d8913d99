/** Open files of one torrent on the main thread: a bounded number, one operation at a time on each. */

import { isNotFound, storageError } from "./storage_error.ts";

/** Systems allow 256 (macOS) to 1,024 (Linux) handles per process, and sockets need theirs. */
const MAX_OPEN = 64;

/** A handle and the operations that wait for it. */
interface OpenFile {
  readonly handle: Deno.FsFile;
  readonly isWritable: boolean;
  /** Settles, never rejects, when the last operation is over. */
  tail: Promise<unknown>;
  users: number;
  isDropped: boolean;
}

/** Which file and what for. */
export interface FileUse {
  /** Index of the file. */
  readonly file: number;
  /** Where it is. */
  readonly path: string;
  /** Open for writing too, making it if needed. */
  readonly isWritable: boolean;
}

function closeIfIdle(open: OpenFile): void {
  if (open.isDropped && open.users === 0) open.handle.close();
}

/** Handles by index of the file, the longest idle one closed when there are too many. */
export class OpenFiles {
  readonly #open = new Map<number, OpenFile>();

  /** Runs an operation on a file's handle, alone. */
  async use<T>(use: FileUse, work: (handle: Deno.FsFile) => Promise<T>): Promise<T> {
    const open = this.#get(use);
    open.users++;
    const running = open.tail.then(() => work(open.handle));
    open.tail = running.catch(() => {});
    try {
      return await running;
    } catch (cause) {
      throw storageError(use.isWritable ? "write" : "read", use.path, cause);
    } finally {
      open.users--;
      closeIfIdle(open);
    }
  }

  /** Closes the handle of a file once nobody uses it. */
  drop(file: number): void {
    const open = this.#open.get(file);
    if (open === undefined) return;
    this.#open.delete(file);
    open.isDropped = true;
    closeIfIdle(open);
  }

  /** Closes all handles once nobody uses them. */
  close(): void {
    for (const file of [...this.#open.keys()]) this.drop(file);
  }

  #get(use: FileUse): OpenFile {
    const { file, isWritable } = use, found = this.#open.get(file);
    if (found !== undefined && (found.isWritable || !isWritable)) {
      this.#open.delete(file);
      this.#open.set(file, found);
      return found;
    }
    this.drop(file);
    this.#makeRoom();
    const open = { handle: openFile(use), isWritable, tail: Promise.resolve(), users: 0, isDropped: false };
    this.#open.set(file, open);
    return open;
  }

  #makeRoom(): void {
    for (const [file, { users }] of this.#open) {
      if (this.#open.size < MAX_OPEN) return;
      if (users === 0) this.drop(file);
    }
  }
}

function openFile({ path, isWritable }: FileUse): Deno.FsFile {
  try {
    return Deno.openSync(path, isWritable ? { read: true, write: true, create: true } : { read: true });
  } catch (cause) {
    // A folder that vanished needs another text than a missing file.
    throw storageError(
      isWritable && !isNotFound(cause) ? "write" : isWritable ? "create" : "read",
      path,
      cause,
    );
  }
}
