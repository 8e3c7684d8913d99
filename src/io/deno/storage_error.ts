/** The system's errors as `StorageError`s in words that a user understands. */

import { StorageError } from "../../errors.ts";

/** Texts by the system's code; Windows has the same codes under Deno. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file system takes no files of this size",
  ENOENT: "no such file or folder",
  ENOTDIR: "a file is in the place of a folder",
  EISDIR: "a folder is in the place of the file",
  EEXIST: "something of that name exists",
  ENAMETOOLONG: "the name is too long",
  EMFILE: "too many open files",
  ENFILE: "too many open files in the system",
  EIO: "the disk reports an error",
  ELOOP: "too many symbolic links",
};

/** What storage tries to do with a path. */
export type StorageAction = "read" | "write" | "create" | "rename" | "look at" | "finish" | "flush";

/** Says what is so, from an error of the runtime. */
export function storageReason(cause: unknown): string {
  const { name, message, code } = cause as { name?: string; message?: string; code?: string };
  if (name === "NotCapable") return "this process was not given the permission";
  const byCode = code === undefined ? undefined : REASONS[code];
  return byCode ?? (name === "NotFound" ? REASONS.ENOENT! : message ?? String(cause));
}

/** Makes a `StorageError` of an error of the runtime; a `StorageError` stays what it is. */
export function storageError(action: StorageAction, path: string, cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  return new StorageError(`Cannot ${action} "${path}": ${storageReason(cause)}`, { cause });
}

/** Whether an error says that there is no such file. */
export function isNotFound(error: unknown): boolean {
  const cause = error instanceof StorageError ? error.cause : error;
  return cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory;
}
