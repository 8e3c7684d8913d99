/** Which files may be there, from one listing per folder: asking for ten thousand absent files one by one is slow. */

import { foldName } from "./part_paths.ts";
import { isNotFound, storageError } from "./storage_error.ts";

/** Listings of folders as they were when first asked for. */
export class Listings {
  readonly #folders = new Map<string, ReadonlySet<string>>();

  /** Whether there may be a file of this name. */
  mayHave(path: string): boolean {
    const slash = path.lastIndexOf("/"), folder = path.slice(0, slash);
    let names = this.#folders.get(folder);
    if (names === undefined) {
      names = list(folder);
      this.#folders.set(folder, names);
    }
    return names.size > 0 && names.has(foldName(path.slice(slash + 1)));
  }
}

function list(folder: string): ReadonlySet<string> {
  try {
    return new Set(Array.from(Deno.readDirSync(folder), ({ name }) => foldName(name)));
  } catch (cause) {
    if (isNotFound(cause)) return new Set();
    throw storageError("look at", folder, cause);
  }
}
