/** Hashes all pieces of files with one worker per core: 92 % of what the hardware can do. */

import type { StorageError } from "../../errors.ts";
import type { TorrentInfo } from "../../metainfo/info.ts";
import { NODE_LENGTH } from "../../metainfo/node_hash.ts";
import type { PieceHashes } from "../../metainfo/hash_content.ts";
import { withSignal } from "../with_signal.ts";
import { fromStorageFault } from "./storage_fault.ts";
import { coreCount, WorkerLane } from "./worker_lane.ts";
import type { HashTask, WorkerReply } from "./worker_messages.ts";

/** Beyond this many, memory and disk are the limit, and each costs some 10 MiB. */
const MAX_WORKERS = 16;
/** Bytes of a SHA-1. */
const SHA1_LENGTH = 20;

/** What is hashed. */
export interface HashJob {
  /** The shape of the content. */
  readonly info: TorrentInfo;
  /** Where each file is, by index; `undefined` where it is nowhere. */
  readonly paths: readonly (string | undefined)[];
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called in bursts with the pieces that were hashed, in no fixed order. */
  readonly onHashed: (pieces: readonly number[], hashes: PieceHashes) => void;
  /** Called for each piece that could not be read. */
  readonly onUnreadable: (piece: number, error: StorageError) => void;
}

/**
 * Hashes every piece that can be read.
 *
 * @throws {WorkerFailure} If workers cannot be used here.
 */
export async function hashWithWorkers(job: HashJob): Promise<PieceHashes> {
  job.signal?.throwIfAborted();
  const hashes = sharedHashes(job.info), lanes: WorkerLane[] = [];
  const { pieceCount } = job.info;
  const task: HashTask = {
    type: "hash",
    info: shapeOf(job.info),
    paths: job.paths,
    next: new Int32Array(new SharedArrayBuffer(4)),
    sha1: hashes.sha1,
    merkle: hashes.merkle,
  };
  const count = Math.min(MAX_WORKERS, coreCount(), pieceCount);
  try {
    while (lanes.length < count) lanes.push(new WorkerLane());
    const work = lanes.map((lane) => lane.run(task, (reply) => take(job, hashes, reply)));
    await withSignal(Promise.all(work), job.signal);
  } finally {
    for (const lane of lanes) lane.close();
  }
  return hashes;
}

/** Deals with a reply and answers whether it was the last. */
function take(job: HashJob, hashes: PieceHashes, reply: WorkerReply): boolean {
  if (reply.type === "done") return true;
  if (reply.type === "failed") throw fromStorageFault(reply.error);
  if (reply.type !== "hashed") return false;
  job.onHashed(reply.pieces, hashes);
  for (const { piece, error } of reply.unreadable) job.onUnreadable(piece, fromStorageFault(error));
  return false;
}

function sharedHashes({ version, pieceCount }: TorrentInfo): PieceHashes {
  const shared = (length: number) => new Uint8Array(new SharedArrayBuffer(length * pieceCount));
  return {
    ...(version !== "2" && { sha1: shared(SHA1_LENGTH) }),
    ...(version !== "1" && { merkle: shared(NODE_LENGTH) }),
  };
}

/** Without the byte strings: cloning a view of a torrent file would clone the whole file. */
function shapeOf(info: TorrentInfo): TorrentInfo {
  const { pieces: _, ...shape } = info;
  const files = info.files.map(({ index, path, length, offset, pad, executable, hidden }) => ({
    ...{ index, path, length, offset, pad, executable, hidden },
  }));
  return { ...shape, files, similar: [] };
}
