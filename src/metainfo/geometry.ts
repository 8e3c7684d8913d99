/** Where pieces, blocks and files lie in each other (BEP 3 "pieces"; BEP 52 "piece length"). Every answer is a search. */

import type { TorrentFile, TorrentInfo } from "./info.ts";

/** Bytes of a block: what a request asks for (BEP 3 "request") and what a Merkle leaf covers (BEP 52). */
export const BLOCK_LENGTH = 16384;

/** A run of bytes of one file inside a piece. Lengths and offsets are bytes. */
export interface FileSpan {
  /** The file; of a pad file the bytes are zeros. */
  readonly file: TorrentFile;
  /** Offset of the run in the file. */
  readonly fileOffset: number;
  /** Offset of the run in the piece. */
  readonly pieceOffset: number;
  /** Bytes of the run, at least 1. */
  readonly length: number;
}

/** Pieces from `first` to `last`, both included; `last` is `first - 1` when there is none. */
export interface PieceRange {
  /** First piece. */
  readonly first: number;
  /** Last piece. */
  readonly last: number;
}

/** The one file of a piece of a v2 or hybrid torrent, and how many bytes of it, at the start of the piece. */
export interface PieceContent {
  /** The file. */
  readonly file: TorrentFile;
  /** Bytes of the file in the piece; what follows in the piece is padding. */
  readonly length: number;
}

/** Bytes of a piece. Of a v2 torrent the last piece of each file is short. @throws {RangeError} If there is no such piece. */
export function pieceSize(info: TorrentInfo, piece: number): number {
  checkPiece(info, piece);
  if (info.version === "2") return pieceContent(info, piece).length;
  return Math.min(info.pieceLength, info.length - piece * info.pieceLength);
}

/** Number of blocks of a piece. @throws {RangeError} If there is no such piece. */
export function blockCount(info: TorrentInfo, piece: number): number {
  return Math.ceil(pieceSize(info, piece) / BLOCK_LENGTH);
}

/** What files a piece is made of, in order. @throws {RangeError} If there is no such piece. */
export function pieceFiles(info: TorrentInfo, piece: number): FileSpan[] {
  return blockFiles(info, { piece, begin: 0, length: pieceSize(info, piece) });
}

/**
 * What files a block, or any other range inside a piece, is made of, in order.
 *
 * @throws {RangeError} If there is no such piece or the range leaves it.
 */
export function blockFiles(
  info: TorrentInfo,
  block: { readonly piece: number; readonly begin: number; readonly length: number },
): FileSpan[] {
  const { piece, begin, length } = block, size = pieceSize(info, piece);
  if (!(begin >= 0 && length >= 0 && begin + length <= size)) {
    throw new RangeError(`Cannot use bytes ${begin} to ${begin + length}: piece ${piece} has ${size} bytes`);
  }
  const spans: FileSpan[] = [], pieceStart = piece * info.pieceLength, end = pieceStart + begin + length;
  let position = pieceStart + begin;
  for (let index = fileIndexAt(info.files, position); position < end; index++) {
    const file = info.files[index]!, until = Math.min(end, file.offset + file.length);
    if (until <= position) continue;
    spans.push({
      file,
      fileOffset: position - file.offset,
      pieceOffset: position - pieceStart,
      length: until - position,
    });
    position = until;
  }
  return spans;
}

/** Which pieces hold bytes of a file; none for an empty one. @throws {RangeError} If there is no such file. */
export function filePieces(info: TorrentInfo, fileIndex: number): PieceRange {
  const file = info.files[fileIndex];
  if (file === undefined) {
    throw new RangeError(`Cannot use file ${fileIndex}: the torrent has ${info.files.length} files`);
  }
  const first = Math.floor(file.offset / info.pieceLength);
  if (file.length === 0) return { first, last: first - 1 };
  return { first, last: Math.floor((file.offset + file.length - 1) / info.pieceLength) };
}

/**
 * The file that a piece of a v2 or hybrid torrent belongs to: there files start at pieces (BEP 52 "piece length"), so
 * it is one, and it stands at the start of the piece. Asked of a v1 torrent, the answer is the first file of the piece.
 *
 * @throws {RangeError} If there is no such piece.
 */
export function pieceContent(info: TorrentInfo, piece: number): PieceContent {
  checkPiece(info, piece);
  const position = piece * info.pieceLength, file = info.files[fileIndexAt(info.files, position)]!;
  return { file, length: Math.min(info.pieceLength, file.offset + file.length - position) };
}

/** Index of the first file that ends after `position`; files never overlap, so their ends never fall. */
function fileIndexAt(files: readonly TorrentFile[], position: number): number {
  let low = 0, high = files.length;
  while (low < high) {
    const middle = (low + high) >>> 1, file = files[middle]!;
    if (file.offset + file.length <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}

function checkPiece(info: TorrentInfo, piece: number): void {
  if (!Number.isInteger(piece) || piece < 0 || piece >= info.pieceCount) {
    throw new RangeError(`Cannot use piece ${piece}: the torrent has ${info.pieceCount} pieces`);
  }
}
