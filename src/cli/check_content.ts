/** Checks the content of a torrent on disk. */

import { join } from "node:path";
import { openPieceFiles } from "../io/deno/piece_files.ts";
import type { PieceStore } from "../io/storage.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { describeSystemError, Failure } from "./failure.ts";
import { type FoundFile, judgeContent, type Verdict } from "./verdict.ts";
import type { Watch } from "./watch_work.ts";

/** Hashes every piece and looks at every file; changes nothing. @throws {Failure} If the folder is none. */
export async function checkContent(
  metainfo: Metainfo,
  directory: string,
  { signal, onProgress }: Partial<Watch> = {},
): Promise<Verdict> {
  const { info } = metainfo;
  await refuseNoFolder(directory);
  await using store = await openPieceFiles(metainfo, { directory, overwrite: false });
  const found = await findFiles(metainfo, directory, store);
  let checked = 0;
  const pieces = await store.checkAll({
    ...(signal && { signal }),
    onProgress: () => onProgress?.(Math.min(++checked * info.pieceLength, info.length), info.length),
  });
  return judgeContent(info, found, pieces);
}

/** Looks whether there is such a folder. @throws {Failure} If there is none. */
export async function refuseNoFolder(directory: string): Promise<void> {
  const { isDirectory } = await Deno.stat(directory).catch((error) => {
    throw new Failure(`Cannot read "${directory}": ${describeSystemError(error)}`);
  });
  if (!isDirectory) throw new Failure(`Cannot read "${directory}": it is no folder`);
}

/** The store knows files with content; empty ones and symbolic links need a look of their own. */
async function findFiles(
  { info }: Metainfo,
  directory: string,
  store: PieceStore,
): Promise<readonly (FoundFile | undefined)[]> {
  const stamps = await store.stamps();
  return await Promise.all(info.files.map(async (file) => {
    if (file.pad || file.length > 0) return stamps[file.index];
    try {
      const { size, isSymlink } = await Deno.lstat(join(directory, ...file.path));
      return { length: isSymlink ? 0 : size, partial: false };
    } catch {
      return undefined;
    }
  }));
}
