/** Paths of a torrent's files made safe, one after the other (BEP 3 "path", BEP 52 "interpreting paths"). */

import { equals } from "@std/bytes/equals";
import { encodeUtf8 } from "../bytes/text.ts";
import { type PathOptions, safeSegment } from "./paths.ts";

/** The name of a torrent: as a safe path segment, and the bytes that it was made of. */
export interface TorrentName {
  /** Safe as a path segment. */
  readonly safe: string;
  /** The bytes in the torrent, or those of `safe` if there are none. */
  readonly original: Uint8Array;
}

/** A path made safe. */
export interface SafePath {
  /** The segments, the torrent's folder first. */
  readonly path: string[];
  /** Whether these are the segments that the torrent has. */
  readonly isVerbatim: boolean;
}

/** The segment that the last path had at some level. */
interface Level {
  bytes: Uint8Array;
  text: string | undefined;
  isVerbatim: boolean;
}

const EMPTY: Uint8Array = new Uint8Array();

/** What stands for a path that says nothing. */
const SUBSTITUTE = "_";

/**
 * Makes paths safe. Where a path has the same segment as the one before, as files of one folder do, they share its text:
 * it is made once, and a torrent of many files needs less memory.
 */
export class SafePaths {
  readonly #options: PathOptions;
  readonly #folder: TorrentName | undefined;
  readonly #keepsFolder: boolean;
  readonly #levels: Level[] = [];
  /** The path in the making; what is given out is a copy of the exact length. */
  readonly #path: string[] = [];

  /** Every path starts with the folder of the torrent, if there is one. */
  constructor(options: PathOptions, folder?: TorrentName) {
    this.#options = options;
    this.#folder = folder;
    this.#keepsFolder = folder === undefined || isText(folder.original, folder.safe);
    if (folder) this.#path.push(folder.safe);
  }

  /** Makes a path safe: what says nothing is left out, and a path that says nothing at all is `_`. */
  next(segments: readonly Uint8Array[]): SafePath {
    const start = this.#folder ? 1 : 0;
    let isVerbatim = this.#keepsFolder, end = start;
    for (let i = 0; i < segments.length; i++) {
      const level = this.#read(i, segments[i]!);
      isVerbatim &&= level.isVerbatim;
      if (level.text !== undefined) this.#path[end++] = level.text;
    }
    if (end === start) {
      this.#path[end++] = SUBSTITUTE;
      isVerbatim = false;
    }
    return { path: this.#path.slice(0, end), isVerbatim };
  }

  #read(index: number, bytes: Uint8Array): Level {
    const level = this.#levels[index] ??= { bytes: EMPTY, text: SUBSTITUTE, isVerbatim: false };
    if (equals(bytes, level.bytes)) return level;
    level.bytes = bytes;
    level.text = safeSegment(bytes, this.#options);
    level.isVerbatim = level.text !== undefined && isText(bytes, level.text);
    return level;
  }
}

/** Makes one path safe, as {@linkcode SafePaths} does. */
export function safePath(segments: readonly Uint8Array[], options: PathOptions = {}): string[] {
  return new SafePaths(options).next(segments).path;
}

/** Whether bytes are the UTF-8 of a text. */
function isText(bytes: Uint8Array, text: string): boolean {
  let at = 0;
  while (at < bytes.length && bytes[at]! < 0x80 && bytes[at] === text.charCodeAt(at)) at++;
  if (at === bytes.length && at === text.length) return true;
  return (bytes[at] ?? 0) >= 0x80 && equals(bytes, encodeUtf8(text));
}
