/** Open files of a worker, read and written at positions, synchronously: there it costs least. */

import { StorageError } from "../../errors.ts";
import { type FileVersion, versionOf } from "./file_version.ts";
import { storageError } from "./storage_error.ts";

/** Each worker has so many; see `open_files.ts`. */
const MAX_OPEN = 64;

/** How files are opened. */
export type SyncFilesMode = "read" | "write";

/** What is written where. */
export interface Writing {
  /** Byte of the file. */
  readonly offset: number;
  /** How long we know the file to be. */
  readonly knownLength: number;
  /** What to write. */
  readonly bytes: Uint8Array;
}

/** Handles by path, the longest unused one closed when there are too many. */
export class SyncFiles {
  readonly #mode: SyncFilesMode;
  readonly #open = new Map<string, Deno.FsFile>();

  /** Opens files for reading, or for writing, making them if needed. */
  constructor(mode: SyncFilesMode) {
    this.#mode = mode;
  }

  /** Fills `into` from `offset` on. @throws {StorageError} If the file is missing or ends too early. */
  read(path: string, offset: number, into: Uint8Array): void {
    const file = this.#get(path);
    try {
      file.seekSync(offset, Deno.SeekMode.Start);
      for (let filled = 0; filled < into.length;) {
        const count = file.readSync(filled === 0 ? into : into.subarray(filled));
        if (count === null) {
          throw new StorageError(`Cannot read "${path}": it ends at byte ${offset + filled}`);
        }
        filled += count;
      }
    } catch (cause) {
      throw storageError("read", path, cause);
    }
  }

  /**
   * Writes all of `bytes` and answers whether that hides that somebody had cut the file; a cut that it does not hide is seen by
   * {@linkcode SyncFiles.version}. @throws {StorageError} If the system refuses.
   */
  write(path: string, { offset, knownLength, bytes }: Writing): boolean {
    const file = this.#get(path);
    try {
      const end = offset + bytes.length;
      const wasShort = 0 < knownLength && knownLength <= end && file.statSync().size < knownLength;
      file.seekSync(offset, Deno.SeekMode.Start);
      for (let written = 0; written < bytes.length;) {
        written += file.writeSync(written === 0 ? bytes : bytes.subarray(written));
      }
      return wasShort;
    } catch (cause) {
      throw storageError("write", path, cause);
    }
  }

  /** What a file is now that was written to; nothing is left of one that is not there any more. */
  version(path: string): FileVersion {
    try {
      return versionOf(this.#open.get(path)?.statSync() ?? Deno.statSync(path));
    } catch {
      return { length: 0, modifiedMs: 0 };
    }
  }

  /** Closes the handle of a file, if it is open. */
  drop(path: string): void {
    this.#open.get(path)?.close();
    this.#open.delete(path);
  }

  #get(path: string): Deno.FsFile {
    const found = this.#open.get(path);
    if (found !== undefined) {
      this.#open.delete(path);
      this.#open.set(path, found);
      return found;
    }
    if (this.#open.size >= MAX_OPEN) this.drop(this.#open.keys().next().value!);
    const file = openFile(path, this.#mode);
    this.#open.set(path, file);
    return file;
  }
}

function openFile(path: string, mode: SyncFilesMode): Deno.FsFile {
  try {
    return Deno.openSync(path, mode === "read" ? { read: true } : { read: true, write: true, create: true });
  } catch (cause) {
    throw storageError(mode, path, cause);
  }
}
