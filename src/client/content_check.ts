/** Finds out which pieces are on the disk before a torrent starts: from resume data where it holds, by hashing where not. */

import { Bitfield } from "../bytes/bitfield.ts";
import type { PieceStore } from "../io/storage.ts";
import { pieceFiles } from "../metainfo/geometry.ts";
import type { TorrentInfo } from "../metainfo/info.ts";
import { paddingPieces } from "./file_progress.ts";
import { planCheck, type ResumeData } from "./resume.ts";

/** What a check needs. */
export interface ContentCheckOptions {
  /** The content. */
  readonly store: PieceStore;
  /** What the torrent says. */
  readonly info: TorrentInfo;
  /** What was noted before; hash everything if absent. */
  readonly resume: { readonly data: ResumeData; readonly journal: readonly number[] } | undefined;
  /** Gives up with the signal's reason. */
  readonly signal: AbortSignal;
  /** Called with the share that is done, 0 to 1. */
  readonly onProgress: (done: number) => void;
}

/** Answers the verified pieces; pieces of nothing but padding are among them. */
export async function checkContent(options: ContentCheckOptions): Promise<Bitfield> {
  const have = await (options.resume ? checkDoubtful(options, options.resume) : checkEverything(options));
  for (const piece of paddingPieces(options.info)) have.set(piece);
  return have;
}

async function checkEverything({ store, info, signal, onProgress }: ContentCheckOptions): Promise<Bitfield> {
  const stamps = await store.stamps();
  // Nothing there yet: no need to look at every piece of it.
  if (stamps.every((stamp) => stamp === undefined || stamp.length === 0)) {
    return new Bitfield(info.pieceCount);
  }
  let checked = 0;
  return await store.checkAll({ signal, onProgress: () => onProgress(++checked / info.pieceCount) });
}

async function checkDoubtful(
  { store, info, signal, onProgress }: ContentCheckOptions,
  { data, journal }: NonNullable<ContentCheckOptions["resume"]>,
): Promise<Bitfield> {
  const filesOf = (piece: number) =>
    pieceFiles(info, piece).filter(({ file }) => !file.pad).map(({ file }) => file.index);
  const { trusted, doubtful } = planCheck(data, journal, await store.stamps(), filesOf);
  store.confirm(trusted.indexes());
  for (const [i, piece] of doubtful.entries()) {
    signal.throwIfAborted();
    if (await store.check(piece)) trusted.set(piece);
    onProgress((i + 1) / doubtful.length);
  }
  return trusted;
}
