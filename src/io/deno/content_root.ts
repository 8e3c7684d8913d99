/** The folder that a torrent's content stays in: no path leads out of it, not even through symbolic links. */

import { StorageError } from "../../errors.ts";
import { isNotFound, storageError } from "./storage_error.ts";

const IS_WINDOWS = Deno.build.os === "windows", SEPARATOR = IS_WINDOWS ? "\\" : "/";

/** What a segment must not be or hold; paths of torrents are sanitised before, this is the last gate. */
const UNSAFE_SEGMENT = IS_WINDOWS ? /^$|^\.{1,2}$|[/\\:\0]/ : /^$|^\.{1,2}$|[/\\\0]/;

/** Separators at the end of a path, but not a path that is nothing else. */
const TRAILING_SEPARATORS = IS_WINDOWS ? /(?<=.)[/\\]+$/ : /(?<=.)\/+$/;

/** Turns path segments into paths and makes folders. All calls are synchronous: metadata takes microseconds. */
export class ContentRoot {
  readonly #directory: string;
  readonly #safeFolders = new Set<string>();
  #realRoot: string | undefined;

  /** Names the folder; it is made when something is first written. */
  constructor(directory: string) {
    this.#directory = directory === "" ? "." : directory.replace(TRAILING_SEPARATORS, "");
  }

  /** The path of some segments below the root. @throws {StorageError} If a segment could lead elsewhere. */
  path(segments: readonly string[]): string {
    return `${this.folder(segments)}/${segments.at(-1)!}`;
  }

  /** The folder of a file: its path without the last segment. @throws {StorageError} If a segment could lead elsewhere. */
  folder(segments: readonly string[]): string {
    if (segments.length === 0 || !segments.every(isSafe)) {
      throw new StorageError(`Cannot use "${segments.join("/")}": it is no safe path`);
    }
    return [this.#directory, ...segments.slice(0, -1)].join("/");
  }

  /**
   * Makes every folder on the way to a file; `folder`, the last of them, is what {@linkcode ContentRoot.folder} says.
   *
   * @throws {StorageError} If one cannot be made, or is a symbolic link that leads out of the root.
   */
  makeParents(segments: readonly string[], folder: string = this.folder(segments)): void {
    if (this.#safeFolders.has(folder)) return;
    this.#makeRoot();
    for (let count = 2; count < segments.length; count++) this.makeParents(segments.slice(0, count));
    if (segments.length > 1) this.#makeFolder(folder);
    this.#safeFolders.add(folder);
  }

  /** Whether the folder of a file is where its path says, not behind a symbolic link. */
  isPlain(segments: readonly string[]): boolean {
    const parents = segments.slice(0, -1), folder = [this.#directory, ...parents].join("/");
    return Deno.realPathSync(folder) === [this.#makeRoot(), ...parents].join(SEPARATOR);
  }

  /** @throws {StorageError} If a symbolic link at this path leads out of the root. */
  assertInside(path: string): void {
    let real: string;
    try {
      real = Deno.realPathSync(path);
    } catch (cause) {
      throw new StorageError(`Cannot write "${path}": it is a symbolic link to nothing`, { cause });
    }
    const root = this.#makeRoot();
    if (real !== root && !real.startsWith(root.endsWith(SEPARATOR) ? root : root + SEPARATOR)) {
      throw new StorageError(`Cannot write "${path}": it is a symbolic link that leads out of the folder`);
    }
  }

  /** Forgets which folders were found safe: others may have changed them. */
  forget(): void {
    this.#safeFolders.clear();
    this.#realRoot = undefined;
  }

  #makeFolder(folder: string): void {
    const found = lstat(folder);
    if (found === undefined) {
      try {
        Deno.mkdirSync(folder);
      } catch (cause) {
        throw storageError("create", folder, cause);
      }
    } else if (found.isSymlink) {
      this.assertInside(folder);
    } else if (!found.isDirectory) {
      throw new StorageError(`Cannot create "${folder}": a file is in the place of a folder`);
    }
  }

  #makeRoot(): string {
    if (this.#realRoot !== undefined) return this.#realRoot;
    try {
      Deno.mkdirSync(this.#directory, { recursive: true });
      return this.#realRoot = Deno.realPathSync(this.#directory);
    } catch (cause) {
      throw storageError("create", this.#directory, cause);
    }
  }
}

/** Whether a segment leads nowhere else. */
export function isSafe(segment: string): boolean {
  return !UNSAFE_SEGMENT.test(segment);
}

/** Looks at a path itself, not at what a symbolic link leads to. @throws {StorageError} If the system refuses. */
export function lstat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (cause) {
    if (isNotFound(cause)) return undefined;
    throw storageError("look at", path, cause);
  }
}
