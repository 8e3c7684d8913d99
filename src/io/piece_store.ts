/**
 * Pieces over any {@linkcode ContentStorage}: cuts pieces into files, verifies with WebCrypto, reads ahead
 * (BEP 3 "pieces", BEP 47 "padding files", BEP 52 "piece layers").
 */

import { Bitfield } from "../bytes/bitfield.ts";
import { DecodeError, StateError, StorageError } from "../errors.ts";
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

/** A faster way to verify and write than through the storage, where the runtime has one. */
export interface PieceEngine {
  /** Verifies a piece of the right length, then writes it; `undefined` if it cannot do that now. */
  store(piece: number, bytes: Uint8Array, hash: PieceHash): Promise<"stored" | "corrupt" | undefined>;
  /** Checks every piece; `undefined` if it cannot do that now. */
  checkAll(options: CheckOptions): Promise<Bitfield | undefined>;
  /** Lets go of what it holds. */
  close(): void;
}

/** What a piece store may share with others of the same process, and what makes it faster. */
export interface PieceStoreOptions {
  /** Memory for read-ahead; one of its own if absent. */
  readonly cache?: ReadCache;
  /** Memory for pieces under way; a pool of its own if absent. */
  readonly buffers?: PieceBuffers;
  /** Verifies and writes in place of the store itself. */
  readonly engine?: PieceEngine;
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
  readonly #engine: PieceEngine | undefined;
  #running = 0;
  #onIdle: () => void = () => {};
  #closing: Promise<void> | undefined;

  /** Takes over the storage: closing the store closes it. */
  constructor(source: PieceHashSource, storage: ContentStorage, options: PieceStoreOptions = {}) {
    const { info } = source;
    this.#source = source;
    this.#storage = storage;
    this.#engine = options.engine;
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
      const hash = this.#expectedHash(piece);
      this.#readAhead.forget(piece);
      const result = await this.#engine?.store(piece, bytes, hash) ?? await this.#store(piece, bytes, hash);
      if (result === "stored") this.confirm([piece]);
      else if (await contradicts(bytes, hash)) {
        throw new DecodeError(
          `Cannot verify piece ${piece}: the torrent's v1 and v2 hashes contradict each other`,
        );
      }
      return result;
    });
  }

  /** Fills `into` with verified content. */
  read(piece: number, begin: number, into: Uint8Array): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(closedError());
    if (!this.#hasRange(piece, begin, into.length)) {
      return Promise.reject(
        new RangeError(`Cannot read ${into.length} bytes at ${begin} of piece ${piece}: it has less`),
      );
    }
    return this.#readAhead.read(piece, begin, into);
  }

  /** Pieces that can be read without the storage, the latest last. */
  cached(): readonly number[] {
    return this.#readAhead.pieces();
  }

  /** Whether what is on the disk hashes to what it should. */
  check(piece: number): Promise<boolean> {
    return this.#run(() => this.#check(piece));
  }

  /** Checks every piece. */
  checkAll(options: CheckOptions = {}): Promise<Bitfield> {
    return this.#run(async () => {
      this.#readAhead.forget();
      options.signal?.throwIfAborted();
      const valid = await this.#engine?.checkAll(options) ?? await this.#checkAll(options);
      this.confirm(valid.indexes());
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
      if (this.#source.info.files[file]?.pad) return "finished";
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

  #expectedHash(piece: number): PieceHash {
    const hash = pieceHash(this.#source, piece);
    if (hash.sha1 === undefined && hash.merkle === undefined) {
      throw new StateError(`Cannot verify piece ${piece}: its hash is not known yet`);
    }
    return hash;
  }

  #hasRange(piece: number, begin: number, length: number): boolean {
    const { info } = this.#source;
    return piece >= 0 && piece < info.pieceCount && begin >= 0 && begin + length <= pieceSize(info, piece);
  }

  async #store(piece: number, bytes: Uint8Array, hash: PieceHash): Promise<"stored" | "corrupt"> {
    if (!await matchesHash(bytes, hash)) return "corrupt";
    for (const { file, fileOffset, pieceOffset, length } of pieceFiles(this.#source.info, piece)) {
      if (file.pad) continue;
      await this.#storage.write(file.index, fileOffset, bytes.subarray(pieceOffset, pieceOffset + length));
    }
    return "stored";
  }

  async #checkAll(options: CheckOptions): Promise<Bitfield> {
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

  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw closedError();
    this.#running++;
    try {
      return await work();
    } finally {
      if (--this.#running === 0) this.#onIdle();
    }
  }

  async #close(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#onIdle = resolve);
    this.#readAhead.forget();
    this.#engine?.close();
    await this.#storage.close();
  }
}

/**
 * Whether bytes fit one of two hashes: then the author of a hybrid is to blame, not the peers (BEP 52 "upgrade path": whoever finds
 * such a thing may abort).
 */
async function contradicts(bytes: Uint8Array, { sha1, merkle }: PieceHash): Promise<boolean> {
  if (sha1 === undefined || merkle === undefined) return false;
  return await matchesHash(bytes, { sha1 }) || await matchesHash(bytes, { merkle });
}

function closedError(): StateError {
  return new StateError("Cannot use the store: it is closed");
}
