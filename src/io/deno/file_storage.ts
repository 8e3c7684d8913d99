/** A torrent's content as files below a folder, through Deno. */

import { StorageError } from "../../errors.ts";
import type { TorrentFile } from "../../metainfo/info.ts";
import type { ContentStorage, FileStamp, FinishResult } from "../storage.ts";
import { ContentFiles } from "./content_files.ts";
import { versionOf, type WrittenVersion } from "./file_version.ts";
import { ContentRoot } from "./content_root.ts";
import { OpenFiles } from "./open_files.ts";
import { ReadPace } from "./read_pace.ts";
import { isNotFound, storageError } from "./storage_error.ts";

/** Where content lies and how it is treated. */
export interface FileStorageOptions {
  /** Folder that holds the torrent's top name; made when something is first written. */
  readonly directory: string;
  /** Write into files that exist with other content, and replace them. False by default: nothing of the user's is lost. */
  readonly overwrite?: boolean;
  /** Make symbolic links where the torrent has them, inside its folder only (BEP 47 "symlinks"). True by default. */
  readonly symlinks?: boolean;
}

/**
 * Files below a folder. A file that is not wholly verified is `<name>.part`, sparse where the system can, and gets its
 * final name by {@linkcode FileStorage.finish}. Nothing is written outside the folder.
 */
export class FileStorage implements ContentStorage {
  readonly #files: ContentFiles;
  readonly #open = new OpenFiles();
  readonly #pace = new ReadPace();
  readonly #unflushed = new Set<number>();

  /** Knows nothing of the disk yet: {@linkcode FileStorage.open} looks. @throws {StorageError} If a path is not safe. */
  constructor(files: readonly TorrentFile[], options: FileStorageOptions) {
    const { directory, overwrite = false, symlinks = true } = options;
    this.#files = new ContentFiles(new ContentRoot(directory), files, { overwrite, symlinks });
  }

  /**
   * Looks at what is there. Nothing is made yet.
   *
   * @throws {StorageError} If a path is not safe or the folder cannot be looked at.
   */
  static async open(files: readonly TorrentFile[], options: FileStorageOptions): Promise<FileStorage> {
    const storage = new FileStorage(files, options);
    await storage.stamps();
    return storage;
  }

  /** Where each file is now, by index; `undefined` where it is nowhere. */
  get paths(): (string | undefined)[] {
    return this.#files.paths;
  }

  /** Fills `into` from `offset` on. */
  async read(file: number, offset: number, into: Uint8Array): Promise<void> {
    const path = this.#files.path(file);
    if (path === undefined) {
      throw new StorageError(`Cannot read "${this.#files.finalPath(file)}": no such file`);
    }
    const span = { path, offset, into };
    await this.#open.use({ file, path, isWritable: false }, (handle) => readAt(handle, span, this.#pace));
  }

  /** Writes all of `bytes` at `offset`. */
  async write(file: number, offset: number, bytes: Uint8Array): Promise<void> {
    const path = this.prepareWrite(file).path;
    const version = await this.#open.use(
      { file, path, isWritable: true },
      (handle) => writeAt(handle, { offset, bytes, knownLength: this.knownLength(file) }),
    );
    this.wrote(file, version);
  }

  /** Every file as it is now. */
  stamps(): Promise<readonly (FileStamp | undefined)[]> {
    return this.#files.look();
  }

  /** A verified piece was found in the file. */
  confirm(file: number): void {
    this.#files.confirm(file);
  }

  /** Gives a wholly verified file its final name. */
  finish(file: number): Promise<FinishResult> {
    return Promise.try(() => {
      const result = this.#files.finish(file);
      if (result === "changed") this.#open.drop(file);
      return result;
    });
  }

  /** Asks the system to put everything written so far on the disk itself. */
  async flush(): Promise<void> {
    for (const file of [...this.#unflushed]) {
      this.#unflushed.delete(file);
      const path = this.#files.path(file);
      if (path !== undefined) await syncFile(path);
    }
  }

  /** Closes all handles. */
  close(): Promise<void> {
    this.#open.close();
    return Promise.resolve();
  }

  /** Makes a file ready for somebody else's writing, a worker's: see `ContentFiles.prepare`. */
  prepareWrite(file: number): { readonly path: string; readonly isNew: boolean } {
    const prepared = this.#files.prepare(file);
    if (prepared.isNew) this.#open.drop(file);
    return prepared;
  }

  /** The name that a worker may give a file whose bytes it writes all at once: see `ContentFiles.nameAtOnce`. */
  nameAtOnce(file: number): string | undefined {
    return this.#files.nameAtOnce(file);
  }

  /** How long a file was when we last saw it or wrote to it. */
  knownLength(file: number): number {
    return this.#files.knownLength(file);
  }

  /** Notes that a file was written and what it is now. */
  wrote(file: number, version: WrittenVersion): void {
    this.#files.wrote(file, version);
    this.#unflushed.add(file);
  }

  /** Notes that a worker wrote all of a file at once and gave it its name. */
  named(file: number): void {
    this.#files.named(file);
    this.#unflushed.add(file);
  }
}

/** What is read: bytes from `offset` on, to fill `into`. */
interface ReadSpan {
  readonly path: string;
  readonly offset: number;
  readonly into: Uint8Array;
}

async function readAt(handle: Deno.FsFile, { path, offset, into }: ReadSpan, pace: ReadPace): Promise<void> {
  // Seeking is no work of the disk: synchronous it costs half a microsecond, asynchronous fifty.
  handle.seekSync(offset, Deno.SeekMode.Start);
  const blocks = pace.mayBlock(into.length), startedAt = blocks ? performance.now() : 0;
  for (let filled = 0; filled < into.length;) {
    const rest = filled === 0 ? into : into.subarray(filled);
    const count = blocks ? handle.readSync(rest) : await handle.read(rest);
    if (count === null) throw new StorageError(`Cannot read "${path}": it ends at byte ${offset + filled}`);
    filled += count;
  }
  if (blocks) pace.hasBlocked(startedAt);
}

async function writeAt(
  handle: Deno.FsFile,
  { offset, bytes, knownLength }: { offset: number; bytes: Uint8Array; knownLength: number },
): Promise<WrittenVersion> {
  const wasCut = handle.statSync().size < knownLength;
  handle.seekSync(offset, Deno.SeekMode.Start);
  for (let written = 0; written < bytes.length;) {
    written += await handle.write(written === 0 ? bytes : bytes.subarray(written));
  }
  return { ...versionOf(handle.statSync()), wasCut };
}

async function syncFile(path: string): Promise<void> {
  try {
    using handle = await Deno.open(path, { read: true, write: true });
    await handle.syncData();
  } catch (cause) {
    // Removed by the user meanwhile: nothing to keep.
    if (!isNotFound(cause)) throw storageError("flush", path, cause);
  }
}
