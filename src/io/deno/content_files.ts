/**
 * Names and states of a torrent's files: a file that is not wholly verified is `<name>.part`, and gets its final name
 * when it is: absent -> part -> final. A file that was there before is never written into unless a verified piece was
 * found in it. A worker that writes all of a file at once also names it (`whole_files.ts`). Calls on metadata are synchronous:
 * microseconds each, and nothing can come between a look and an act.
 */

import { StorageError } from "../../errors.ts";
import type { TorrentFile } from "../../metainfo/info.ts";
import type { FileStamp, FinishResult } from "../storage.ts";
import { Turns } from "../turns.ts";
import { type ContentRoot, lstat } from "./content_root.ts";
import { FilePaths } from "./file_paths.ts";
import { type FileVersion, versionOf, type WrittenVersion } from "./file_version.ts";
import { Furnishings, makeExecutable } from "./furnishings.ts";
import { Listings } from "./listings.ts";
import { storageError } from "./storage_error.ts";

/** Under which name a file is there. */
type Place = "absent" | "part" | "final";

interface FileState {
  place: Place;
  /** As it was when first seen or last written by us; absent too if a worker gave it its name and nobody looked since. */
  version: FileVersion | undefined;
  /** A verified piece was found in it, or it is of our own making. */
  isOurs: boolean;
  /** Somebody else cut it while we wrote: there may be holes where pieces were. */
  wasCut: boolean;
  /** Its folder and its name were made ready for writing. */
  isReady: boolean;
  /** A folder or the like has the name. */
  isBlocked: boolean;
}

/** How many files are looked at before others may have their turn. */
const FILES_IN_A_ROW = 64;

const UNSEEN: FileState = {
  place: "absent",
  version: undefined,
  isOurs: false,
  wasCut: false,
  isReady: false,
  isBlocked: false,
};

/** How files are treated. */
export interface ContentFilesOptions {
  /** Write into files with other content, and replace them. */
  readonly overwrite: boolean;
  /** Make symbolic links (BEP 47 "symlinks"); empty files otherwise. */
  readonly symlinks: boolean;
}

/** The files of one torrent below a root. */
export class ContentFiles {
  readonly #root: ContentRoot;
  readonly #files: readonly TorrentFile[];
  readonly #options: ContentFilesOptions;
  readonly #paths: FilePaths;
  /** Of files that were looked at or written. */
  readonly #states: (FileState | undefined)[];
  readonly #furnishings: Furnishings;

  /** Knows nothing of the disk yet: see {@linkcode ContentFiles.look}. @throws {StorageError} If a path is not safe. */
  constructor(root: ContentRoot, files: readonly TorrentFile[], options: ContentFilesOptions) {
    this.#root = root;
    this.#files = files;
    this.#options = options;
    this.#paths = new FilePaths(root, files);
    this.#states = new Array<FileState | undefined>(files.length).fill(undefined);
    this.#furnishings = new Furnishings(root, files, options.symlinks);
  }

  /** Where every file was when last looked at. */
  get paths(): (string | undefined)[] {
    return this.#states.map((state, file) => state && this.#nameOf(file, state.place));
  }

  /** Where a file is now; `undefined` if it is nowhere. */
  path(file: number): string | undefined {
    const state = this.#state(file);
    if (state.place === "absent") this.#find(file);
    return this.#nameOf(file, state.place);
  }

  /** The path under its final name, for messages. */
  finalPath(file: number): string {
    return this.#paths.final(file);
  }

  /** The name that a file may be given with its last byte; `undefined` if it has to be looked at before that. */
  nameAtOnce(file: number): string | undefined {
    return this.#options.overwrite || this.#files[file]!.executable ? undefined : this.#paths.final(file);
  }

  /** Looks at every file, giving way to others now and then. */
  async look(): Promise<(FileStamp | undefined)[]> {
    this.#root.forget();
    const turns = new Turns(), listings = new Listings(this.#paths), stamps: (FileStamp | undefined)[] = [];
    for (const { index, pad } of this.#files) {
      if (index % FILES_IN_A_ROW === 0) await turns.next();
      const isThere = !pad && (this.#isKnown(index) || listings.mayHave(index));
      stamps.push(isThere ? this.#find(index) : undefined);
    }
    return stamps;
  }

  /** A verified piece was found in the file. */
  confirm(file: number): void {
    this.#state(file).isOurs = true;
  }

  /** How long a file was when we last saw it or wrote to it. */
  knownLength(file: number): number {
    const { place, version } = this.#state(file);
    return place === "absent" ? 0 : version?.length ?? 0;
  }

  /** A write of ours left the file like this. */
  wrote(file: number, version: WrittenVersion): void {
    if (version.wasCut) this.#state(file).wasCut = true;
    const state = this.#state(file), { length, modifiedMs } = state.version ?? version;
    // Two workers may report in the wrong order; writing never makes a file shorter, others may.
    state.version = {
      length: Math.max(length, version.length),
      modifiedMs: Math.max(modifiedMs, version.modifiedMs),
    };
  }

  /** A worker wrote all of a file at once and gave it its name. */
  named(file: number): void {
    Object.assign(this.#state(file), { place: "final", version: undefined, isReady: false });
  }

  /**
   * Makes a file ready to be written under its `.part` name and answers that, and whether this was new.
   *
   * @throws {StorageError} If other content is in the way or the system refuses.
   */
  prepare(file: number): { readonly path: string; readonly isNew: boolean } {
    const state = this.#state(file), path = this.#paths.part(file);
    if (state.isReady) return { path, isNew: false };
    if (isUnseen(state)) this.#find(file);
    if (state.isBlocked) throw blockedError(this.#paths.final(file));
    this.#furnishings.make();
    this.#root.makeParents(this.#files[file]!.path, this.#paths.folder(file));
    if (state.place === "final") this.#reopen(file);
    else if (state.place === "part") this.#resume(file);
    state.place = "part";
    state.isReady = true;
    return { path, isNew: true };
  }

  /**
   * Gives a file its final name if nobody changed it since we last wrote.
   *
   * @throws {StorageError} If something else has that name or the system refuses.
   */
  finish(file: number): FinishResult {
    const { length, executable } = this.#files[file]!, state = this.#state(file), before = state.version;
    this.#furnishings.makeIfPossible();
    if (length === 0 || isUnseen(state)) return "finished";
    const found = this.#find(file);
    if (found === undefined) return "changed";
    const { wasCut } = state;
    state.version = { length: found.length, modifiedMs: found.modifiedMs };
    state.wasCut = false; // its pieces are looked at now
    if (
      wasCut || found.length < length || before?.length !== found.length ||
      before.modifiedMs !== found.modifiedMs
    ) {
      state.isReady = false; // handles may lead to a file that was replaced
      return "changed";
    }
    if (found.partial) this.#rename(file);
    if (found.partial && executable) makeExecutable(this.#paths.final(file));
    return "finished";
  }

  #state(file: number): FileState {
    return this.#states[file] ??= { ...UNSEEN };
  }

  /** Whether a file was there when last looked at. */
  #isKnown(file: number): boolean {
    return (this.#states[file]?.place ?? "absent") !== "absent";
  }

  /** Sees under which name a file is there and notes it. */
  #find(file: number): FileStamp | undefined {
    const state = this.#state(file), path = this.#paths.final(file);
    // Where both are, the complete one counts; a file of ours in work is always the `.part`.
    const final = state.isReady ? undefined : stat(path);
    const part = final?.isFile && final.size === this.#files[file]!.length
      ? undefined
      : stat(this.#paths.part(file));
    state.isBlocked = [final, part].some((found) => found !== undefined && !found.isFile);
    const found = part ?? final;
    if (found === undefined || state.isBlocked) {
      Object.assign(state, { place: "absent", version: undefined, isReady: false });
      return undefined;
    }
    const version = versionOf(found);
    state.place = part === undefined ? "final" : "part";
    state.version ??= version;
    return { ...version, partial: part !== undefined };
  }

  #nameOf(file: number, place: Place): string | undefined {
    if (place === "absent") return undefined;
    return place === "part" ? this.#paths.part(file) : this.#paths.final(file);
  }

  /** Puts a file under its `.part` name again, because a piece of it must be written. */
  #reopen(file: number): void {
    const { version, isOurs } = this.#state(file), path = this.#paths.final(file), { length } = version!;
    const fits = isOurs && length <= this.#files[file]!.length;
    if (length > 0 && !fits && !this.#options.overwrite) throw existsError(path);
    if (lstat(path)?.isSymlink) this.#root.assertInside(path);
    rename(path, this.#paths.part(file));
    this.#cut(file);
  }

  /** Goes on with a `.part`. */
  #resume(file: number): void {
    const path = this.#paths.final(file), part = this.#paths.part(file);
    if (!this.#options.overwrite && lstat(path) !== undefined) throw existsError(path);
    if (lstat(part)?.isSymlink) this.#root.assertInside(part);
    this.#cut(file);
  }

  #rename(file: number): void {
    const state = this.#state(file), path = this.#paths.final(file);
    if (!this.#options.overwrite && lstat(path) !== undefined) throw existsError(path);
    this.#cut(file);
    rename(this.#paths.part(file), path);
    state.place = "final";
    state.isReady = false;
  }

  /** Cuts off what a `.part` has beyond the length of the file. */
  #cut(file: number): void {
    const state = this.#state(file), path = this.#paths.part(file), { length } = this.#files[file]!;
    if (state.version!.length <= length) return;
    try {
      Deno.truncateSync(path, length);
      state.version = versionOf(Deno.statSync(path));
    } catch (cause) {
      throw storageError("write", path, cause);
    }
  }
}

/** Whether nobody looked at the file since a worker gave it its name. */
function isUnseen({ place, version }: FileState): boolean {
  return place === "final" && version === undefined;
}

function stat(path: string): Deno.FileInfo | undefined {
  const found = lstat(path);
  if (!found?.isSymlink) return found;
  try {
    return Deno.statSync(path);
  } catch {
    // A link to nothing: no file, and yet in the way.
    return found;
  }
}

function existsError(path: string): StorageError {
  return new StorageError(`Cannot write "${path}": it exists with other content`);
}

function blockedError(path: string): StorageError {
  return new StorageError(`Cannot write "${path}": a folder or a device is in the place of the file`);
}

function rename(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (cause) {
    throw storageError("rename", from, cause);
  }
}
