/**
 * Where content lives: {@linkcode ContentStorage} knows files and offsets and is what an adapter implements;
 * {@linkcode PieceStore} knows pieces and hashes and is all that a session uses.
 */

import type { Bitfield } from "../bytes/bitfield.ts";

/** What a disk says of one file: enough to see later whether somebody else touched it. */
export interface FileStamp {
  /** Bytes in the file now. */
  readonly length: number;
  /** Last change, in milliseconds since 1970; any number that changes with the content. */
  readonly modifiedMs: number;
  /** The file still bears its `.part` name: not every piece of it has been verified. */
  readonly partial: boolean;
}

/** How {@linkcode PieceStore.finish} ended: the file has its final name, or its pieces must be checked again. */
export type FinishResult = "finished" | "changed";

/**
 * The files of one torrent, by their index in `info.files`. Nothing is ever written outside the root.
 * Every failure is a `StorageError` that names the path and keeps the system's error as `cause`.
 * Pad files, symbolic links and empty files are the storage's own matter: they are never read or written through it.
 */
export interface ContentStorage {
  /**
   * Fills `into` from `offset` on.
   *
   * @throws {StorageError} If the file is missing or ends too early: zeros are never made up.
   */
  read(file: number, offset: number, into: Uint8Array): Promise<void>;
  /**
   * Writes all of `bytes` at `offset`, making the file and its folders if needed.
   *
   * @throws {StorageError} If a file with other content stands in the way, or the system refuses.
   */
  write(file: number, offset: number, bytes: Uint8Array): Promise<void>;
  /** Every file as it is now, by index; `undefined` where there is none. */
  stamps(): Promise<readonly (FileStamp | undefined)[]>;
  /** A verified piece of this file was found, so a file that was there before is content of this torrent. */
  confirm(file: number): void;
  /** Gives a wholly verified file its final name, unless it was changed by others since our last write. */
  finish(file: number): Promise<FinishResult>;
  /** Asks the system to put everything written so far on the disk itself. */
  flush(): Promise<void>;
  /** Closes all handles. Safe to call twice. */
  close(): Promise<void>;
}

/** Memory for pieces while they are downloaded: reused, bounded, and shared with workers where there are any. */
export interface PieceBuffers {
  /** Lends `length` bytes, not zeroed; `undefined` while the bound is reached: start no new piece then. */
  take(length: number): Uint8Array | undefined;
  /** Takes a loan back. Memory that was not lent here, or was given back before, is ignored. */
  give(bytes: Uint8Array): void;
}

/** What a check of all pieces can be told. */
export interface CheckOptions {
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called for every piece, in no fixed order, in bursts. */
  readonly onProgress?: (piece: number, isValid: boolean) => void;
}

/**
 * The pieces of one torrent on a disk or in memory. Verifying and writing happen off the main path where the
 * runtime can. Every failure is a `StorageError`; after `close()` every call rejects with a `StateError`.
 */
export interface PieceStore extends AsyncDisposable {
  /** Memory to assemble pieces in. Bytes given to `store` should, but need not, come from here. */
  readonly buffers: PieceBuffers;
  /**
   * Verifies a whole piece, then writes it. The memory must stay untouched until the promise settles;
   * giving it back to `buffers` is the caller's matter.
   *
   * @throws {StorageError} If it cannot be written; the piece is still missing then.
   * @throws {DecodeError} If the v1 and v2 hashes of a hybrid contradict each other.
   */
  store(piece: number, bytes: Uint8Array): Promise<"stored" | "corrupt">;
  /**
   * Fills `into` with verified content; the caller knows that the piece is ours. Pad files read as zeros.
   *
   * @throws {StorageError} If the content is not there any more.
   */
  read(piece: number, begin: number, into: Uint8Array): Promise<void>;
  /** Pieces that can be read without the disk, the latest last, where the store knows: peers are advised to ask for them. */
  cached?(): readonly number[];
  /** Whether what is on the disk hashes to what it should; a missing or short file is `false`, not an error. */
  check(piece: number): Promise<boolean>;
  /** Checks every piece with all cores the runtime gives; answers those that are there. */
  checkAll(options?: CheckOptions): Promise<Bitfield>;
  /** Tells that these pieces are known to be valid, for example from resume data whose stamps still match. */
  confirm(pieces: Iterable<number>): void;
  /** Every file as it is now, by its index in `info.files`; `undefined` where there is none. For resume data. */
  stamps(): Promise<readonly (FileStamp | undefined)[]>;
  /**
   * Called once every piece of a file is ours: gives the file its final name, which one that lies in a single piece may have
   * got with that.
   * `"changed"` means that somebody else wrote to it: its pieces must be checked again.
   */
  finish(file: number): Promise<FinishResult>;
  /** Asks the system to put everything written so far on the disk itself. */
  flush(): Promise<void>;
  /** Waits for what is under way and closes all handles. Safe to call twice. */
  close(): Promise<void>;
}
