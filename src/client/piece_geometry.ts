/** How the torrent machine sees the content of a torrent (BEP 47 "padding files", BEP 52). */

import { pieceContent, pieceSize } from "../metainfo/geometry.ts";
import type { TorrentInfo } from "../metainfo/info.ts";
import { hashBlocks } from "../metainfo/merkle.ts";
import type { TreeFile } from "../torrent/missing_hashes.ts";
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
    ...(info.version !== "1" && { treeFile: (piece: number) => treeFile(info, piece) }),
  };
  if (!info.files.some((file) => file.pad)) return sizes;
  return { ...sizes, contentSize: (piece: number) => contentSize(info, piece) };
}

/** The hashes of the blocks of a piece as it came, 32 bytes each; `undefined` if it is in no Merkle tree (v1). */
export async function leavesOf(
  geometry: PieceGeometry,
  piece: number,
  bytes: Uint8Array,
): Promise<Uint8Array | undefined> {
  if (geometry.treeFile?.(piece) === undefined) return undefined;
  return await hashBlocks(bytes.subarray(0, geometry.contentSize?.(piece) ?? bytes.length));
}

function treeFile(info: TorrentInfo, piece: number): TreeFile | undefined {
  const { file: { piecesRoot, length, offset } } = pieceContent(info, piece);
  return piecesRoot && { piecesRoot, length, firstPiece: offset / info.pieceLength };
}
