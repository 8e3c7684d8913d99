/** Whether a name is taken, asked so that the usual answer, "no", costs little. */

import { lstat } from "./content_root.ts";

/** `Deno.lstatSync` throws where nothing is, for 20 µs; from so many files on, loading a cheaper question (30 ms) pays. */
const MANY_FILES = 2000;

let existsSync: ((path: string) => boolean) | undefined;

/** Gets ready to be asked about many files. */
export async function expectFiles(count: number): Promise<void> {
  if (count >= MANY_FILES) existsSync ??= (await import("node:fs")).existsSync;
}

/**
 * Whether a file, a folder or the like has this name.
 *
 * With many files a symbolic link to nothing is taken for nothing: one that was there before has been seen by `look`.
 *
 * @throws {StorageError} If the system refuses to tell.
 */
export function isTaken(path: string): boolean {
  return existsSync === undefined ? lstat(path) !== undefined : existsSync(path);
}
