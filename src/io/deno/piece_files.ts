/** Opens a torrent's content in files of Deno's file system. */

import type { PieceHashSource } from "../../metainfo/verify.ts";
import { PieceBufferPool, SpareMemory } from "../piece_buffers.ts";
import { ContentPieceStore } from "../piece_store.ts";
import { ReadCache } from "../read_cache.ts";
import type { PieceStore } from "../storage.ts";
import { FileEngine } from "./file_engine.ts";
import { FileStorage, type FileStorageOptions } from "./file_storage.ts";
import { PieceWorkers } from "./piece_workers.ts";

/** Two cold workers cost 75 ms, in which one thread hashes some 80 MiB. */
const WORKERS_FROM = 64 << 20;

/** Memory and workers of all torrents of the process; nothing of it costs anything before it is used. */
const readCache = new ReadCache(), spare = new SpareMemory(), pieceWorkers = new PieceWorkers();

/** Where content lies and how it is treated. */
export interface PieceFilesOptions extends FileStorageOptions {
  /** Whether to verify and write in workers; by default for contents of 64 MiB and more. */
  readonly workers?: boolean;
}

/**
 * Opens content below a folder. Needs `--allow-read`, and `--allow-write` once something is stored.
 *
 * @throws {StorageError} If a path is not safe or the folder cannot be looked at.
 */
export async function openPieceFiles(
  source: PieceHashSource,
  options: PieceFilesOptions,
): Promise<PieceStore> {
  const { info } = source, { workers = info.contentLength >= WORKERS_FROM } = options;
  const storage = await FileStorage.open(info.files, options);
  if (!workers || !pieceWorkers.isUsable) return new ContentPieceStore(source, storage, { cache: readCache });
  return new ContentPieceStore(source, storage, {
    cache: readCache,
    buffers: new PieceBufferPool({ ...info, shared: true, spare }),
    engine: new FileEngine(source, storage, pieceWorkers),
  });
}
