/** Opens a torrent's content in files of Deno's file system. */

import type { PieceHashSource } from "../../metainfo/verify.ts";
import { ContentPieceStore } from "../piece_store.ts";
import { ReadCache } from "../read_cache.ts";
import type { PieceStore } from "../storage.ts";
import { FileStorage, type FileStorageOptions } from "./file_storage.ts";

/** Read-ahead of all torrents of the process. */
const readCache = new ReadCache();

/** Opens content below a folder. @throws {StorageError} If a path is not safe or the folder cannot be looked at. */
export async function openPieceFiles(
  source: PieceHashSource,
  options: FileStorageOptions,
): Promise<PieceStore> {
  const storage = await FileStorage.open(source.info.files, options);
  return new ContentPieceStore(source, storage, { cache: readCache });
}
