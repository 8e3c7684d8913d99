/** A worker's part in hashing all pieces of some files. */

import { pieceContent, pieceFiles } from "../../metainfo/geometry.ts";
import type { TorrentInfo } from "../../metainfo/info.ts";
import { NODE_LENGTH } from "../../metainfo/node_hash.ts";
import { pieceNodeLayer } from "../../metainfo/verify.ts";
import { StorageError } from "../../errors.ts";
import { storageFault } from "./storage_fault.ts";
import type { SyncFiles } from "./sync_files.ts";
import { SyncPieceHasher } from "./sync_hash.ts";
import type { HashTask, UnreadablePiece } from "./worker_messages.ts";

/** Fits into the second-level cache beside the tables of the hash; a multiple of a block. */
const READ_LENGTH = 256 * 1024;
/** Neighbouring pieces are taken together, so that small files are mostly opened by one worker. */
const TAKEN_LENGTH = 4 << 20;
/** How often a worker tells how far it is. */
const REPORT_MS = 50;
/** Bytes of a SHA-1. */
const SHA1_LENGTH = 20;

const ZEROS = new Uint8Array(READ_LENGTH);

/** Tells which pieces are done since the last time. */
export type HashReport = (pieces: readonly number[], unreadable: readonly UnreadablePiece[]) => void;

/** Takes pieces until none is left; hashes go into the task's shared memory. */
export function hashPieces(task: HashTask, files: SyncFiles, report: HashReport): void {
  const { info, next } = task, buffer = new Uint8Array(READ_LENGTH);
  const takes = Math.max(1, Math.floor(TAKEN_LENGTH / info.pieceLength));
  let done: number[] = [], unreadable: UnreadablePiece[] = [], reportedAt = performance.now();
  for (
    let first = Atomics.add(next, 0, takes);
    first < info.pieceCount;
    first = Atomics.add(next, 0, takes)
  ) {
    for (let piece = first; piece < Math.min(first + takes, info.pieceCount); piece++) {
      try {
        hashPiece(task, piece, files, buffer);
        done.push(piece);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        unreadable.push({ piece, error: storageFault(error) });
      }
      if (performance.now() - reportedAt < REPORT_MS) continue;
      report(done, unreadable);
      [done, unreadable, reportedAt] = [[], [], performance.now()];
    }
  }
  report(done, unreadable);
}

function hashPiece(task: HashTask, piece: number, files: SyncFiles, buffer: Uint8Array): void {
  const { info, paths, sha1, merkle } = task;
  const hasher = new SyncPieceHasher({ sha1: sha1 !== undefined, merkle: merkle && treeOf(info, piece) });
  for (const { file, fileOffset, length } of pieceFiles(info, piece)) {
    const path = paths[file.index];
    if (!file.pad && path === undefined) {
      throw new StorageError(`Cannot read "${file.path.join("/")}": no such file`);
    }
    for (let at = 0; at < length; at += READ_LENGTH) {
      const part = (file.pad ? ZEROS : buffer).subarray(0, Math.min(READ_LENGTH, length - at));
      if (!file.pad) files.read(path!, fileOffset + at, part);
      hasher.update(part);
    }
  }
  sha1?.set(hasher.sha1()!, piece * SHA1_LENGTH);
  merkle?.set(hasher.merkle()!, piece * NODE_LENGTH);
}

function treeOf(info: TorrentInfo, piece: number): { layer: number; length: number } {
  const { file, length } = pieceContent(info, piece);
  return { layer: pieceNodeLayer(file, info.pieceLength), length };
}
