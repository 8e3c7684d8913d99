/** Files that are whole or not there: written beside their place under another name, then renamed. */

import { basename, dirname, join } from "node:path";
import { describeSystemError, Failure } from "./failure.ts";

/**
 * Writes a file as a whole: whoever looks, also after a crash, finds the old bytes or the new ones, never a part.
 * A symbolic link is followed; a device or a pipe is written to as it is. An old file's access rights are kept.
 *
 * @throws {Failure} If it cannot be written; nothing is left behind then.
 */
export async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  try {
    const old = await statIfThere(path);
    if (old !== undefined && !old.isFile && !old.isDirectory) return await Deno.writeFile(path, bytes);
    if (old?.isDirectory) throw new Deno.errors.IsADirectory();
    await replace(old === undefined ? path : await Deno.realPath(path), bytes, old?.mode ?? undefined);
  } catch (error) {
    throw new Failure(`Cannot write "${path}": ${describeSystemError(error)}`);
  }
}

async function statIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Writes a file that must not be there yet. @throws {Failure} If it is, or cannot be written; then nothing is left behind. */
export async function writeNew(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  try {
    await writeThrough(path, bytes, mode);
  } catch (error) {
    throw new Failure(`Cannot write "${path}": ${describeSystemError(error)}`);
  }
}

async function replace(path: string, bytes: Uint8Array, mode: number | undefined): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${crypto.randomUUID().slice(0, 8)}.tmp`);
  await writeThrough(temporary, bytes);
  try {
    if (mode !== undefined && Deno.build.os !== "windows") await Deno.chmod(temporary, mode & 0o7777);
    await Deno.rename(temporary, path);
  } catch (error) {
    await removeIfPossible(temporary);
    throw error;
  }
}

/** Writes a new file down to the disk, or leaves none. */
async function writeThrough(path: string, bytes: Uint8Array, mode: number = 0o666): Promise<void> {
  const file = await Deno.open(path, { write: true, createNew: true, mode });
  let isWhole = false;
  try {
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    await file.sync();
    isWhole = true;
  } finally {
    file.close();
    if (!isWhole) await removeIfPossible(path);
  }
}

async function removeIfPossible(path: string): Promise<void> {
  await Deno.remove(path).catch(() => {});
}
