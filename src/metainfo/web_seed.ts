/** What to ask a web server for the content of a torrent (BEP 19 "metadata extension", BEP 17 "protocol"). */

import { encodeUtf8, percentEncode } from "../bytes/text.ts";
import { blockFiles, type FileSpan, pieceSize } from "./geometry.ts";
import type { TorrentFile, TorrentInfo } from "./info.ts";

/** A web seed: `files`, plain files on a server (BEP 19), or `pieces`, a script that serves pieces (BEP 17). */
export interface WebSeedSource {
  readonly kind: "files" | "pieces";
  /** As the torrent or the magnet link has it. */
  readonly url: string;
}

/** Bytes inside one piece. */
interface PieceSlice {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

/** The next bytes of the content: zeros that nobody is asked for, or the answer to one request. */
export type WebSeedStep =
  /** Padding (BEP 47 "padding files"). */
  | { readonly type: "zeros"; readonly length: number }
  /** Bytes `from` on of a file of `total` bytes. */
  | {
    readonly type: "file";
    readonly url: string;
    readonly file: TorrentFile;
    readonly from: number;
    readonly length: number;
    readonly total: number;
    /** The piece that the first byte belongs to. */
    readonly piece: number;
  }
  /** The whole answer of a script. */
  | { readonly type: "piece"; readonly url: string; readonly piece: number; readonly length: number };

/** What the slices of a torrent's content are asked from. */
export interface WebSeedTorrent {
  readonly info: TorrentInfo;
  /** As in announces: 20 bytes. */
  readonly infoHash: Uint8Array;
}

/**
 * The URL of a file below one of a torrent's `webSeeds`. A URL that ends in a slash, and any URL of a torrent with a
 * folder, gets the torrent's path appended, as the torrent spells it; else it is the file itself.
 */
export function webSeedUrl(webSeed: string, info: TorrentInfo, file: TorrentFile): string {
  if (!info.multiFile && !webSeed.endsWith("/")) return webSeed;
  const segments = (file.originalPath ?? file.path.map(encodeUtf8)).map(percentEncode);
  return `${webSeed}${webSeed.endsWith("/") ? "" : "/"}${segments.join("/")}`;
}

/**
 * The URL under which a script serves bytes of a piece; it takes the whole piece for granted if no range is named.
 *
 * @throws {RangeError} If there is no such piece.
 */
export function httpSeedUrl(httpSeed: string, { info, infoHash }: WebSeedTorrent, slice: PieceSlice): string {
  const { piece, begin, length } = slice, isWhole = length === pieceSize(info, piece);
  const query = `info_hash=${percentEncode(infoHash)}&piece=${piece}` +
    (isWhole ? "" : `&ranges=${begin}-${begin + length - 1}`);
  return `${httpSeed}${httpSeed.includes("?") ? "&" : "?"}${query}`;
}

/**
 * What to ask a web seed for, in the order of the slices: a file that goes on from one piece to the next is asked for in
 * one go, a piece of many files takes a request for each (BEP 19 "multi-file torrents").
 *
 * @throws {RangeError} If a slice does not lie in its piece.
 */
export function webSeedSteps(
  source: WebSeedSource,
  torrent: WebSeedTorrent,
  slices: readonly PieceSlice[],
): WebSeedStep[] {
  return source.kind === "pieces"
    ? slices.flatMap((slice) => pieceSteps(source.url, torrent, slice))
    : fileSteps(source.url, torrent.info, slices);
}

function fileSteps(webSeed: string, info: TorrentInfo, slices: readonly PieceSlice[]): WebSeedStep[] {
  const steps: WebSeedStep[] = [];
  for (const slice of slices) {
    for (const span of blockFiles(info, slice)) {
      const step = fileStep(webSeed, info, { ...span, piece: slice.piece }), last = steps.at(-1);
      if (last !== undefined && goesOn(last, step)) {
        steps[steps.length - 1] = { ...last, length: last.length + step.length };
      } else steps.push(step);
    }
  }
  return steps;
}

function fileStep(
  webSeed: string,
  info: TorrentInfo,
  { file, fileOffset, length, piece }: FileSpan & { readonly piece: number },
): WebSeedStep {
  if (file.pad) return { type: "zeros", length };
  const url = webSeedUrl(webSeed, info, file);
  return { type: "file", url, file, from: fileOffset, length, total: file.length, piece };
}

/** Whether the second step starts in the file of the first, where that ends. */
function goesOn(step: WebSeedStep, next: WebSeedStep): boolean {
  return step.type === "file" && next.type === "file" && step.file === next.file &&
    step.from + step.length === next.from;
}

/** The script knows where files begin and end, but nothing of padding. */
function pieceSteps(httpSeed: string, torrent: WebSeedTorrent, slice: PieceSlice): WebSeedStep[] {
  const { piece } = slice, steps: WebSeedStep[] = [];
  const end = slice.begin + slice.length;
  let begin = slice.begin;
  const ask = (until: number) => {
    const length = until - begin;
    if (length === 0) return;
    steps.push({
      type: "piece",
      url: httpSeedUrl(httpSeed, torrent, { piece, begin, length }),
      piece,
      length,
    });
  };
  for (const { file, pieceOffset, length } of blockFiles(torrent.info, slice)) {
    if (!file.pad) continue;
    ask(pieceOffset);
    steps.push({ type: "zeros", length });
    begin = pieceOffset + length;
  }
  ask(end);
  return steps;
}
