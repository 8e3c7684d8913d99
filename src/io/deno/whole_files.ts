/**
 * Files that are written whole and get their name at once, as most of a torrent of many files do: that costs half of opening
 * one, writing, looking, closing, looking again and renaming.
 */

import { existsSync } from "node:fs";
import { storageError } from "./storage_error.ts";

/** Writes all bytes of a file under a name that it has until it is whole. @throws {StorageError} If the system refuses. */
export function writeWhole(path: string, bytes: Uint8Array): void {
  try {
    using file = Deno.openSync(path, { write: true, create: true, truncate: true }); // Deno.writeFileSync copies the bytes
    for (let written = 0; written < bytes.length;) {
      written += file.writeSync(written === 0 ? bytes : bytes.subarray(written));
    }
  } catch (cause) {
    throw storageError("write", path, cause);
  }
}

/**
 * Gives a file its final name. `false` if something has that name, or it cannot be given: then the file keeps the one it has.
 *
 * The question is `node:fs`'s, whose "no" costs a quarter of what an exception does. It takes a symbolic link to nothing for
 * nothing.
 */
export function nameWhole(path: string, finalPath: string): boolean {
  if (existsSync(finalPath)) return false;
  try {
    Deno.renameSync(path, finalPath);
    return true;
  } catch {
    return false;
  }
}
