/** The piece space as a whole: how long it is, and what is too much (BEP 3 "piece length", BEP 52 "piece length"). */

import type { TorrentFile, TorrentInfo, TorrentVersion } from "./info.ts";

/** Smallest piece of a v2 torrent (BEP 52 "piece length"). */
export const MIN_PIECE_LENGTH = 16384;

/** Largest piece: one must fit in memory. libtorrent's limit is about the same. */
const MAX_PIECE_LENGTH = 2 ** 29;

/** Pieces of a torrent; libtorrent's limit, and 40 MiB of v1 hashes. */
const MAX_PIECES = 0x20_0000;

/** Numbers that sum up a list of files. */
export type PieceSpace = Pick<TorrentInfo, "pieceCount" | "length" | "contentLength">;

/** Sums up files that are laid out. */
export function measure(files: readonly TorrentFile[], pieceLength: number): PieceSpace {
  let length = 0, contentLength = 0;
  for (const file of files) {
    if (file.length > 0) length = file.offset + file.length;
    if (!file.pad) contentLength += file.length;
  }
  return { pieceCount: Math.ceil(length / pieceLength), length, contentLength };
}

/** Why no torrent can be of this size; `undefined` if it can. */
export function spaceFault(space: PieceSpace): string | undefined {
  if (space.contentLength === 0) return "nothing to download: every file is empty";
  if (space.pieceCount > MAX_PIECES) return `${space.pieceCount} pieces, more than ${MAX_PIECES}`;
  return undefined;
}

/** Why pieces cannot have this length; `undefined` if they can. */
export function pieceLengthFault(length: number, version: TorrentVersion): string | undefined {
  if (!Number.isInteger(length) || length <= 0 || length > MAX_PIECE_LENGTH) {
    return `${length} is no length of a piece`;
  }
  const isPowerOfTwo = (length & (length - 1)) === 0;
  if (version === "1" || length >= MIN_PIECE_LENGTH && isPowerOfTwo) return undefined;
  return `${length} is no power of two from ${MIN_PIECE_LENGTH} on`;
}
