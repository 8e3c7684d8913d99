/**
 * Pieces over any {@linkcode ContentStorage}: cuts pieces into files, verifies with WebCrypto, reads ahead
 * (BEP 3 "pieces", BEP 47 "padding files", BEP 52 "piece layers").
 */

import { Bitfield } from "../bytes/bitfield.ts";
import { StateError, StorageError } from "../errors.ts";
import { blockFiles, pieceFiles, pieceSize } from "../metainfo/geometry.ts";
import { matchesHash, type PieceHash, pieceHash, type PieceHashSource } from "../metainfo/verify.ts";
import { PieceBufferPool } from "./piece_buffers.ts";
import { ReadAhead, ReadCache } from "./read_cache.ts";
import type {
  CheckOptions,
  ContentStorage,
  FileStamp,
  FinishResult,
  PieceBuffers,
  PieceStore,
} from "./storage.ts";

/** Pieces that `checkAll` has under way: one is read while others are hashed. */
const CHECKS_AT_ONCE = 4;

/** What a piece store may share with others of the same process. */
export interface PieceStoreOptions {
  /** Memory for read-ahead; one of its own if absent. */
  readonly cache?: ReadCache;
  /** Memory for pieces under way; a pool of its own if absent. */
  readonly buffers?: PieceBuffers;
}

/**
 * The pieces of one torrent, kept in a {@linkcode ContentStorage}. Needs nothing of a runtime but WebCrypto.
 *
 * Piece layers of a v2 torrent may be learnt later: they are looked up for each piece in the source's `pieceLayers`.
 */
export class ContentPieceStore implements PieceStore {
  /** Memory to assemble pieces in. */
  readonly buffers: PieceBuffers;
  readonly #source: PieceHashSource;
  readonly #storage: ContentStorage;
  readonly #readAhead: ReadAhead;
  readonly #running = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  /** Takes over the storage: closing the store closes it. */
  constructor(source: PieceHashSource, storage: ContentStorage, options: PieceStoreOptions = {}) {
    const { info } = source;
    this.#source = source;
    this.#storage = storage;
    this.buffers = options.buffers ?? new PieceBufferPool(info);
    this.#readAhead = new ReadAhead(options.cache ?? new ReadCache(), {
      read: (piece, begin, into) => this.#run(() => this.#readFiles(piece, begin, into)),
      pieceSize: (piece) => pieceSize(info, piece),
      pieceLength: info.pieceLength,
    });
  }

  /** Verifies a whole piece, then writes it. */
  store(piece: number, bytes: Uint8Array): Promise<"stored" | "corrupt"> {
    return this.#run(async () => {
      if (bytes.length !== pieceSize(this.#source.info, piece)) return "corrupt";
      if (!await matchesHash(bytes, this.expectedHash(piece))) return "corrupt";
      this.#readAhead.forget(piece);
      const spans = pieceFiles(this.#source.info, piece).filter(({ file }) => !file.pad);
      for (const { file, fileOffset, pieceOffset, length } of spans) {
        await this.#storage.write(file.index, fileOffset, bytes.subarray(pieceOffset, pieceOffset + length));
      }
      this.confirm([piece]);
      return "stored";
    });
  }

  /** Fills `into` with verified content. */
  read(piece: number, begin: number, into: Uint8Array): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(closedError());
    return this.#readAhead.read(piece, begin, into);
  }

  /** Whether what is on the disk hashes to what it should. */
  check(piece: number): Promise<boolean> {
    return this.#run(() => this.#check(piece));
  }

  /** Checks every piece. */
  checkAll(options: CheckOptions = {}): Promise<Bitfield> {
    return this.#run(async () => {
      const valid = new Bitfield(this.#source.info.pieceCount);
      const present = (await this.#storage.stamps()).map((stamp) => stamp !== undefined);
      let next = 0;
      const lane = async () => {
        for (let piece = next++; piece < valid.length; piece = next++) {
          options.signal?.throwIfAborted();
          const isValid = this.#isPresent(piece, present) && await this.#check(piece);
          if (isValid) valid.set(piece);
          options.onProgress?.(piece, isValid);
        }
      };
      // All lanes end before the answer, also when one fails: nothing may still read when the store is closed.
      const lanes = await Promise.allSettled(Array.from({ length: CHECKS_AT_ONCE }, lane));
      for (const ended of lanes) if (ended.status === "rejected") throw ended.reason;
      return valid;
    });
  }

  /** Tells that these pieces are known to be valid. */
  confirm(pieces: Iterable<number>): void {
    for (const piece of pieces) {
      for (const { file } of pieceFiles(this.#source.info, piece)) {
        if (!file.pad) this.#storage.confirm(file.index);
      }
    }
  }

  /** Every file as it is now. */
  stamps(): Promise<readonly (FileStamp | undefined)[]> {
    return this.#run(() => this.#storage.stamps());
  }

  /** Gives a wholly verified file its final name. */
  finish(file: number): Promise<FinishResult> {
    return this.#run(async () => {
      const result = await this.#storage.finish(file);
      if (result === "changed") this.#readAhead.forget();
      return result;
    });
  }

  /** Asks the system to put everything written so far on the disk itself. */
  flush(): Promise<void> {
    return this.#run(() => this.#storage.flush());
  }

  /** Waits for what is under way and closes all handles. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** The same as {@linkcode ContentPieceStore.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What a piece must hash to. @throws {StateError} If that is not known yet. */
  expectedHash(piece: number): PieceHash {
    const hash = pieceHash(this.#source, piece);
    if (hash.sha1 === undefined && hash.merkle === undefined) {
      throw new StateError(`Cannot verify piece ${piece}: its hash is not known yet`);
    }
    return hash;
  }

  async #check(piece: number): Promise<boolean> {
    this.#readAhead.forget(piece);
    const bytes = new Uint8Array(pieceSize(this.#source.info, piece));
    try {
      await this.#readFiles(piece, 0, bytes);
    } catch (error) {
      // Missing, short or unreadable: the piece is not there, whatever the reason.
      if (error instanceof StorageError) return false;
      throw error;
    }
    const isValid = await matchesHash(bytes, pieceHash(this.#source, piece));
    if (isValid) this.confirm([piece]);
    return isValid;
  }

  #isPresent(piece: number, present: readonly boolean[]): boolean {
    return pieceFiles(this.#source.info, piece).every(({ file }) => file.pad || present[file.index]);
  }

  async #readFiles(piece: number, begin: number, into: Uint8Array): Promise<void> {
    for (const span of blockFiles(this.#source.info, { piece, begin, length: into.length })) {
      const at = span.pieceOffset - begin, target = into.subarray(at, at + span.length);
      if (span.file.pad) target.fill(0);
      else await this.#storage.read(span.file.index, span.fileOffset, target);
    }
  }

  #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(closedError());
    const running = work().finally(() => this.#running.delete(running));
    this.#running.add(running);
    return running;
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#running);
    this.#readAhead.forget();
    await this.#storage.close();
  }
}

function closedError(): StateError {
  return new StateError("Cannot use the store: it is closed");
}
