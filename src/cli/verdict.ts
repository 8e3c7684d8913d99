/** What a check of content found, file by file and piece by piece. */

import type { Bitfield } from "../bytes/bitfield.ts";
import { filePieces, pieceFiles } from "../metainfo/geometry.ts";
import type { TorrentFile, TorrentInfo } from "../metainfo/info.ts";

/**
 * How it stands with a file. `"damaged"` has wrong bytes, `"unverified"` may be right but shares every wrong piece with
 * a file that is missing or short, `"partial"` still bears the name of an unfinished download, `"long"` goes on behind
 * its end.
 */
export type FileState = "complete" | "missing" | "short" | "long" | "damaged" | "unverified" | "partial";

/** What a disk says of a file. */
export interface FoundFile {
  readonly length: number;
  /** It bears the name of an unfinished download. */
  readonly partial: boolean;
}

/** The state of one file. */
export interface FileVerdict {
  /** Safe segments; of several files the torrent's name is the first one. */
  readonly path: readonly string[];
  readonly length: number;
  readonly state: FileState;
}

/** What `verify --json` prints. */
export interface Verdict {
  /** Every piece is right and every file has its name and length. */
  readonly complete: boolean;
  readonly pieceCount: number;
  /** Pieces that are there with wrong bytes. */
  readonly bad: readonly number[];
  /** Pieces that are not there, or not wholly. */
  readonly missing: readonly number[];
  /** Every file but padding. */
  readonly files: readonly FileVerdict[];
}

/** Judges what was found: files by their index, `undefined` where there is none, and the right pieces. */
export function judgeContent(
  info: TorrentInfo,
  found: readonly (FoundFile | undefined)[],
  pieces: Bitfield,
): Verdict {
  const bad: number[] = [], missing: number[] = [];
  for (let piece = 0; piece < info.pieceCount; piece++) {
    if (pieces.has(piece)) continue;
    (pieceFiles(info, piece).some(({ file }) => isLacking(file, found)) ? missing : bad).push(piece);
  }
  const files = info.files.filter(({ pad }) => !pad).map((file): FileVerdict => ({
    path: file.path,
    length: file.length,
    state: judgeFile(info, file, found, pieces),
  }));
  return {
    complete: files.every(({ state }) => state === "complete"),
    pieceCount: info.pieceCount,
    bad,
    missing,
    files,
  };
}

/** Whether bytes of a file are not there. */
function isLacking(file: TorrentFile, found: readonly (FoundFile | undefined)[]): boolean {
  return !file.pad && (found[file.index]?.length ?? 0) < file.length;
}

function judgeFile(
  info: TorrentInfo,
  file: TorrentFile,
  found: readonly (FoundFile | undefined)[],
  pieces: Bitfield,
): FileState {
  const here = found[file.index];
  if (here === undefined) return "missing";
  if (here.partial) return "partial";
  if (here.length < file.length) return "short";
  const wrong = wrongPieces(info, file, pieces);
  const isUnknown = (piece: number) =>
    pieceFiles(info, piece).some((span) => span.file !== file && isLacking(span.file, found));
  if (wrong.some((piece) => !isUnknown(piece))) return "damaged";
  if (wrong.length > 0) return "unverified";
  return here.length > file.length ? "long" : "complete";
}

function wrongPieces(info: TorrentInfo, file: TorrentFile, pieces: Bitfield): readonly number[] {
  if (file.length === 0) return [];
  const { first, last } = filePieces(info, file.index), wrong: number[] = [];
  for (let piece = first; piece <= last; piece++) if (!pieces.has(piece)) wrong.push(piece);
  return wrong;
}
