/** Which files may be there, from one listing per folder: asking for ten thousand absent files one by one is slow. */

import { isNotFound, storageError } from "./storage_error.ts";

/** The system may ignore case and the composition of accents. */
function fold(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/** Listings of folders as they were when first asked for. */
export class Listings {
  readonly #folders = new Map<string, ReadonlySet<string>>();

  /** Whether the file, or one of that name with something behind it, may be there. */
  mayHave(path: string): boolean {
    const slash = path.lastIndexOf("/"), folder = path.slice(0, slash);
    let names = this.#folders.get(folder);
    if (names === undefined) {
      names = list(folder);
      this.#folders.set(folder, names);
    }
    const name = fold(path.slice(slash + 1));
    return names.has(name) || names.has(`${name}.part`);
  }
}

function list(folder: string): ReadonlySet<string> {
  try {
    return new Set(Array.from(Deno.readDirSync(folder), ({ name }) => fold(name)));
  } catch (cause) {
    if (isNotFound(cause)) return new Set();
    throw storageError("look at", folder, cause);
  }
}
