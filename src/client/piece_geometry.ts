/** How the torrent machine sees the content of a torrent (BEP 47 "padding files", BEP 52). */

import { pieceSize } from "../metainfo/geometry.ts";
import type { TorrentInfo } from "../metainfo/info.ts";
import type { PieceGeometry } from "../torrent/options.ts";
import { contentSize } from "./file_progress.ts";

/** The machine's view of the info dictionary; the padding rule only where there is padding. */
export function geometryOf(info: TorrentInfo): PieceGeometry {
  const { pieceCount, pieceLength } = info;
  const hasWholeBlocks = info.version === "2";
  const sizes = {
    pieceCount,
    pieceLength,
    pieceSize: (piece: number) => pieceSize(info, piece),
    hasWholeBlocks,
  };
  if (!info.files.some((file) => file.pad)) return sizes;
  return { ...sizes, contentSize: (piece: number) => contentSize(info, piece) };
}
