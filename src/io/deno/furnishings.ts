/** What a torrent has besides content: empty files, symbolic links, the right to execute (BEP 47). */

import { StorageError } from "../../errors.ts";
import type { TorrentFile } from "../../metainfo/info.ts";
import { type ContentRoot, lstat } from "./content_root.ts";
import { linkTarget } from "./link_target.ts";
import { storageError } from "./storage_error.ts";

/** Files and links without pieces. They are made with the first write, and whatever is there already is left alone. */
export class Furnishings {
  readonly #root: ContentRoot;
  readonly #files: readonly TorrentFile[];
  readonly #symlinks: boolean;
  #isMade = false;

  /** Makes links only if `symlinks` says so; empty files otherwise. */
  constructor(root: ContentRoot, files: readonly TorrentFile[], symlinks: boolean) {
    this.#root = root;
    this.#files = files.filter(({ pad, length }) => !pad && length === 0);
    this.#symlinks = symlinks;
  }

  /** Makes what is missing. @throws {StorageError} If the system refuses. */
  make(): void {
    if (this.#isMade) return;
    for (const file of this.#files) this.#makeOne(file);
    this.#isMade = true;
  }

  /** Makes what is missing, if it can: someone who only seeds may have no right to write, and need not. */
  makeIfPossible(): void {
    try {
      this.make();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
    }
  }

  #makeOne(file: TorrentFile): void {
    this.#root.makeParents(file.path);
    const path = this.#root.path(file.path);
    if (lstat(path) !== undefined || this.#link(file, path)) return;
    try {
      Deno.openSync(path, { write: true, createNew: true }).close();
    } catch (cause) {
      throw storageError("create", path, cause);
    }
    if (file.executable) makeExecutable(path);
  }

  #link(file: TorrentFile, path: string): boolean {
    if (file.symlink === undefined || !this.#symlinks) return false;
    try {
      if (!this.#root.isPlain(file.path)) return false;
      Deno.symlinkSync(linkTarget(file.path, file.symlink), path);
      return true;
    } catch {
      // Windows lets few users do this; an empty file is what BEP 47 leaves.
      return false;
    }
  }
}

/** Lets everybody who may read a file run it, where the system knows such a right. */
export function makeExecutable(path: string): void {
  if (Deno.build.os === "windows") return;
  try {
    const mode = Deno.statSync(path).mode ?? 0o644;
    Deno.chmodSync(path, mode | (mode & 0o444) >> 2);
  } catch {
    // The content is complete all the same.
  }
}
