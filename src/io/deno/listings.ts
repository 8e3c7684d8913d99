/** Which files may be there, from one listing per folder: asking for ten thousand absent files one by one is slow. */

import { type FilePaths, foldName } from "./file_paths.ts";
import { isNotFound, storageError } from "./storage_error.ts";

/** Listings of a torrent's folders as they were when first asked for. */
export class Listings {
  readonly #paths: FilePaths;
  readonly #folders: (ReadonlySet<string> | undefined)[] = [];

  /** Looks at nothing yet. */
  constructor(paths: FilePaths) {
    this.#paths = paths;
  }

  /** Whether there may be something under either name of a file. */
  mayHave(file: number): boolean {
    const paths = this.#paths, folder = paths.folderIndex(file);
    const names = this.#folders[folder] ??= list(paths.folders[folder]!);
    return names.size > 0 &&
      (names.has(foldName(paths.name(file))) || names.has(foldName(paths.partName(file))));
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
