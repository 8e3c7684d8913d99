/** Decode errors that say where in a torrent the fault is: `info.files[3].length`. */

import { DecodeError } from "../errors.ts";

const LOCATED = /^Cannot decode "([^]*?)": ([^]*)$/;

/** Throws a {@linkcode DecodeError} about the value of a key; the empty key is the value that `within` is reading. */
export function fault(key: string, reason: string): never {
  throw new DecodeError(`Cannot decode "${key}": ${reason}`);
}

/** Runs `read` and puts `path` before the key that a {@linkcode DecodeError} of it names. */
export function within<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw locate(path, error);
  }
}

/** A {@linkcode DecodeError} with `path` before the key that it names; any other error as it is. */
export function locate(path: string, error: unknown): unknown {
  if (!(error instanceof DecodeError)) return error;
  const [, key, reason] = LOCATED.exec(error.message) ?? [];
  if (key === undefined || reason === undefined) return error;
  return new DecodeError(`Cannot decode "${path}${key && "."}${key}": ${reason}`, { cause: error });
}
