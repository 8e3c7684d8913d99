/** `StorageError`s between threads: errors lose their class on the way. */

import { StorageError } from "../../errors.ts";
import type { StorageFault } from "./worker_messages.ts";

/** Takes an error apart. */
export function storageFault(error: unknown): StorageFault {
  const { message, cause } = error as { message?: string; cause?: { message?: string; code?: string } };
  return { message: message ?? String(error), causeMessage: cause?.message, causeCode: cause?.code };
}

/** Puts an error together again. */
export function fromStorageFault({ message, causeMessage, causeCode }: StorageFault): StorageError {
  if (causeMessage === undefined) return new StorageError(message);
  const cause = Object.assign(new Error(causeMessage), causeCode !== undefined && { code: causeCode });
  return new StorageError(message, { cause });
}
