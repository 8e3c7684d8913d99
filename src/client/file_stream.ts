/** Reading a file while it is downloaded: bytes in order, each as soon as its piece is verified. */

import { filePieces } from "../metainfo/geometry.ts";
import type { TorrentFile, TorrentInfo } from "../metainfo/info.ts";

/** Bytes ahead of the reader that are asked for first: some seconds of video, a few pieces at least. */
const READ_AHEAD = 16 * 1024 * 1024;

/** Bytes given out at once. */
const CHUNK = 256 * 1024;

/** Which bytes of a file, and how to give up. */
export interface StreamOptions {
  /** First byte; 0 by default. */
  readonly start?: number;
  /** First byte that is not wanted; the length of the file by default. */
  readonly end?: number;
  /** Ends the stream with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What a stream needs of the torrent it reads. */
export interface StreamSource {
  /** What the torrent says. */
  readonly info: TorrentInfo;
  /** Settles once a piece is verified; rejects if the torrent ends or the signal fires. */
  whenPiece(piece: number, signal: AbortSignal): Promise<void>;
  /** Asks for these pieces before all others, most urgent first; none ends the wish. */
  want(pieces: readonly number[]): void;
  /** Fills `into` with verified content. */
  read(piece: number, begin: number, into: Uint8Array): Promise<void>;
}

/**
 * Streams bytes `start` to `end` of a file; pieces that are missing are waited for, and downloaded first.
 *
 * @throws {RangeError} If the range does not lie in the file.
 */
export function streamFile(
  source: StreamSource,
  file: TorrentFile,
  options: StreamOptions = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { start = 0, end = file.length } = options;
  if (
    !(Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= file.length)
  ) {
    throw new RangeError(`Cannot stream bytes ${start} to ${end}: the file has ${file.length} bytes`);
  }
  const abort = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, abort.signal]) : abort.signal;
  let position = start, wantedFrom = -1;
  const wantNoMore = () => {
    signal.removeEventListener("abort", wantNoMore);
    source.want([]);
  };
  signal.addEventListener("abort", wantNoMore); // nobody may read on to find out
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        signal.throwIfAborted();
        if (position >= end) {
          wantNoMore();
          return controller.close();
        }
        const { piece, begin, length } = chunkAt(source.info, file, position, end);
        if (piece !== wantedFrom) source.want(readAhead(source.info, file, wantedFrom = piece, end));
        await source.whenPiece(piece, signal);
        const chunk = new Uint8Array(length);
        await source.read(piece, begin, chunk);
        position += length;
        controller.enqueue(chunk);
      } catch (error) {
        wantNoMore();
        throw error;
      }
    },
    cancel(reason) {
      abort.abort(reason);
    },
  }, { highWaterMark: 0 });
}

/** The next run of bytes: within one piece and one chunk. */
function chunkAt(info: TorrentInfo, file: TorrentFile, position: number, end: number) {
  const at = file.offset + position;
  const piece = Math.floor(at / info.pieceLength), begin = at - piece * info.pieceLength;
  return { piece, begin, length: Math.min(CHUNK, info.pieceLength - begin, end - position) };
}

function readAhead(info: TorrentInfo, file: TorrentFile, first: number, end: number): number[] {
  const until = Math.floor((file.offset + end - 1) / info.pieceLength);
  const last = Math.min(filePieces(info, file.index).last, until);
  const count = Math.max(2, Math.ceil(READ_AHEAD / info.pieceLength));
  return Array.from({ length: Math.min(count, last - first + 1) }, (_, i) => first + i);
}
