/** Content in memory: for tests, for small torrents, for runtimes without files. */

import { StorageError } from "../errors.ts";
import type { TorrentFile } from "../metainfo/info.ts";
import type { PieceHashSource } from "../metainfo/verify.ts";
import { ContentPieceStore } from "./piece_store.ts";
import type { ContentStorage, FileStamp, FinishResult, PieceStore } from "./storage.ts";

/** First size of a file's memory, doubled whenever it is too small. */
const FIRST_LENGTH = 64 * 1024;

/** A file in memory: bytes up to `length` are content. */
interface MemoryFile {
  bytes: Uint8Array<ArrayBuffer>;
  length: number;
  changes: number;
  isFinished: boolean;
}

/** Files in memory, each growing as it is written. */
export class MemoryStorage implements ContentStorage {
  readonly #files: readonly TorrentFile[];
  readonly #kept = new Map<number, MemoryFile>();

  /** Starts without any file. */
  constructor(files: readonly TorrentFile[]) {
    this.#files = files;
  }

  /** The bytes of a file as far as they were written, as a view; `undefined` if there is none. */
  content(file: number): Uint8Array<ArrayBuffer> | undefined {
    const kept = this.#kept.get(file);
    return kept?.bytes.subarray(0, kept.length);
  }

  /** Fills `into` from `offset` on. */
  read(file: number, offset: number, into: Uint8Array): Promise<void> {
    const content = this.content(file);
    if (content === undefined || offset + into.length > content.length) {
      const path = this.#files[file]?.path.join("/");
      const found = content === undefined ? "no such file" : `it ends at byte ${content.length}`;
      return Promise.reject(new StorageError(`Cannot read "${path}": ${found}`));
    }
    into.set(content.subarray(offset, offset + into.length));
    return Promise.resolve();
  }

  /** Writes all of `bytes` at `offset`. */
  write(file: number, offset: number, bytes: Uint8Array): Promise<void> {
    const end = offset + bytes.length, kept = this.#grow(file, end);
    kept.bytes.set(bytes, offset);
    kept.length = Math.max(kept.length, end);
    kept.changes++;
    kept.isFinished = false;
    return Promise.resolve();
  }

  /** Every file as it is now. */
  stamps(): Promise<readonly (FileStamp | undefined)[]> {
    return Promise.resolve(this.#files.map(({ index }) => {
      const kept = this.#kept.get(index);
      return kept && { length: kept.length, modifiedMs: kept.changes, partial: !kept.isFinished };
    }));
  }

  /** Nothing of anybody else's can be here. */
  confirm(): void {}

  /** Marks a file as complete. */
  finish(file: number): Promise<FinishResult> {
    const kept = this.#kept.get(file);
    if ((kept?.length ?? 0) !== this.#files[file]?.length) return Promise.resolve("changed");
    if (kept !== undefined) kept.isFinished = true;
    return Promise.resolve("finished");
  }

  /** There is nothing to wait for. */
  flush(): Promise<void> {
    return Promise.resolve();
  }

  /** Does nothing: the content can be opened again. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  #grow(file: number, end: number): MemoryFile {
    let kept = this.#kept.get(file);
    if (kept === undefined) {
      kept = { bytes: new Uint8Array(), length: 0, changes: 0, isFinished: false };
      this.#kept.set(file, kept);
    }
    if (kept.bytes.length >= end) return kept;
    const whole = this.#files[file]?.length ?? end;
    const grown = new Uint8Array(
      Math.max(end, Math.min(whole, Math.max(FIRST_LENGTH, kept.bytes.length * 2))),
    );
    grown.set(kept.bytes.subarray(0, kept.length));
    kept.bytes = grown;
    return kept;
  }
}

/** Opens a torrent's content in memory, empty at first unless a storage is given. */
export function openMemoryStore(source: PieceHashSource, storage?: MemoryStorage): PieceStore {
  return new ContentPieceStore(source, storage ?? new MemoryStorage(source.info.files));
}
