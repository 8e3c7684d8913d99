/** Hashes files on the disk for a new torrent: with one worker per core if it is worth it, else in one go. */

import { StorageError } from "../errors.ts";
import { hashWithWorkers } from "../io/deno/hash_content.ts";
import { WorkerFailure } from "../io/deno/worker_lane.ts";
import { pieceSize } from "../metainfo/geometry.ts";
import {
  type ContentHasher,
  hashContent,
  type HashOptions,
  type PieceHashes,
} from "../metainfo/hash_content.ts";
import type { ContentLayout } from "../metainfo/layout.ts";
import type { DiskFile } from "./source_files.ts";

/** Bytes from which workers are faster, although it takes them a while to start. */
const WORKERS_FROM = 64 << 20;

/** Makes a hasher of these files. */
export function hashFiles(files: readonly DiskFile[]): ContentHasher {
  const paths = new Map(files.map((file) => [file.path.join("/"), file.diskPath]));
  return async (layout, options) => {
    const { contentLength } = layout.info;
    const hashes = contentLength >= WORKERS_FROM ? await tryWorkers(layout, paths, options) : undefined;
    const result = hashes ?? await hashContent(layout, options);
    await refuseChanged(files);
    return result;
  };
}

/** `undefined` where there can be no workers. */
async function tryWorkers(
  { info, sources }: ContentLayout,
  paths: ReadonlyMap<string, string>,
  { signal, onProgress }: HashOptions,
): Promise<PieceHashes | undefined> {
  const unreadable = new AbortController(), signals = [unreadable.signal, ...(signal ? [signal] : [])];
  let hashed = 0;
  try {
    const { sha1, merkle } = await hashWithWorkers({
      info,
      paths: sources.map((source) => source && paths.get(source.path.join("/"))),
      signal: AbortSignal.any(signals),
      onHashed: (pieces) => {
        for (const piece of pieces) hashed += pieceSize(info, piece);
        onProgress?.(hashed, info.length);
      },
      onUnreadable: (_piece, error) => unreadable.abort(error),
    });
    // What workers share is of no use to WebCrypto.
    return { ...(sha1 && { sha1: sha1.slice() }), ...(merkle && { merkle: merkle.slice() }) };
  } catch (error) {
    if (error instanceof WorkerFailure) return undefined;
    throw error;
  }
}

/** A file that grew or shrank meanwhile is not what was hashed. */
async function refuseChanged(files: readonly DiskFile[]): Promise<void> {
  for (const { diskPath, length } of files) {
    const size = await Deno.stat(diskPath).then((info) => info.size, () => undefined);
    if (size !== length) {
      throw new StorageError(`Cannot make a torrent: "${diskPath}" changed while it was hashed`);
    }
  }
}
