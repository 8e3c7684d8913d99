/** The fast way for large contents in files: pieces go to workers through shared memory, checks use every core. */

import { equals } from "@std/bytes/equals";
import { Bitfield } from "../../bytes/bitfield.ts";
import { pieceFiles } from "../../metainfo/geometry.ts";
import type { PieceHashes } from "../../metainfo/hash_content.ts";
import { type PieceHash, pieceHash, type PieceHashSource } from "../../metainfo/verify.ts";
import type { PieceEngine } from "../piece_store.ts";
import type { CheckOptions } from "../storage.ts";
import type { FileStorage } from "./file_storage.ts";
import { hashWithWorkers } from "./hash_content.ts";
import type { PieceWorkers } from "./piece_workers.ts";
import { WorkerFailure } from "./worker_lane.ts";
import type { WriteSpan } from "./worker_messages.ts";

/** Bytes of a SHA-1 and of a Merkle node. */
const SHA1_LENGTH = 20, NODE_LENGTH = 32;

/** Verifies and writes with workers as long as there are any. */
export class FileEngine implements PieceEngine {
  readonly #source: PieceHashSource;
  readonly #storage: FileStorage;
  readonly #workers: PieceWorkers;

  /** Counts as a user of the workers until closed. */
  constructor(source: PieceHashSource, storage: FileStorage, workers: PieceWorkers) {
    this.#source = source;
    this.#storage = storage;
    this.#workers = workers;
    workers.attach(this);
  }

  /** Verifies and writes a piece; `undefined` if there are no workers. */
  async store(piece: number, bytes: Uint8Array, hash: PieceHash): Promise<"stored" | "corrupt" | undefined> {
    if (!this.#workers.isUsable) return undefined;
    try {
      const reply = await this.#workers.store({ bytes, hash: copyHash(hash), spans: this.#prepare(piece) });
      if (reply.type === "corrupt") return "corrupt";
      for (const { file, ...version } of reply.written) this.#storage.wrote(file, version);
      for (const file of reply.named) this.#storage.named(file);
      return "stored";
    } catch (error) {
      if (error instanceof WorkerFailure) return undefined;
      throw error;
    }
  }

  /** Checks every piece; `undefined` if there are no workers. */
  async checkAll({ signal, onProgress }: CheckOptions): Promise<Bitfield | undefined> {
    if (!this.#workers.isUsable) return undefined;
    await this.#storage.stamps();
    const { info } = this.#source, valid = new Bitfield(info.pieceCount);
    const onHashed = (pieces: readonly number[], hashes: PieceHashes) => {
      for (const piece of pieces) {
        const isValid = hasHash(hashes, piece, pieceHash(this.#source, piece));
        if (isValid) valid.set(piece);
        onProgress?.(piece, isValid);
      }
    };
    const onUnreadable = (piece: number) => onProgress?.(piece, false);
    try {
      await hashWithWorkers({ info, paths: this.#storage.paths, signal, onHashed, onUnreadable });
      return valid;
    } catch (error) {
      if (error instanceof WorkerFailure) return undefined;
      throw error;
    }
  }

  /** Lets go of the workers. */
  close(): void {
    this.#workers.detach(this);
  }

  /** Makes the files of a piece ready and says where its bytes go. */
  #prepare(piece: number): WriteSpan[] {
    const spans: WriteSpan[] = [];
    for (const { file, fileOffset, pieceOffset, length } of pieceFiles(this.#source.info, piece)) {
      if (file.pad) continue;
      const { index } = file, { path, isNew } = this.#storage.prepareWrite(index);
      const finalPath = length === file.length ? this.#storage.nameAtOnce(index) : undefined;
      if (isNew && finalPath === undefined) this.#workers.drop(path);
      const knownLength = this.#storage.knownLength(index);
      spans.push({ file: index, path, finalPath, fileOffset, knownLength, pieceOffset, length });
    }
    return spans;
  }
}

/** Hashes are views of a whole torrent file, which would be cloned for each message. */
function copyHash({ sha1, merkle }: PieceHash): PieceHash {
  return {
    ...(sha1 && { sha1: sha1.slice() }),
    ...(merkle && { merkle: { ...merkle, hash: merkle.hash.slice() } }),
  };
}

function hasHash(hashes: PieceHashes, piece: number, wanted: PieceHash): boolean {
  if (wanted.sha1 === undefined && wanted.merkle === undefined) return false;
  return isAt(hashes.sha1, piece * SHA1_LENGTH, wanted.sha1) &&
    isAt(hashes.merkle, piece * NODE_LENGTH, wanted.merkle?.hash);
}

/** Whether a hash stands at an offset; one that is not wanted does. */
function isAt(hashes: Uint8Array | undefined, offset: number, wanted: Uint8Array | undefined): boolean {
  return wanted === undefined ||
    hashes !== undefined && equals(hashes.subarray(offset, offset + wanted.length), wanted);
}
