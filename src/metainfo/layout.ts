/** How content is laid out in the piece space of a torrent that is about to be made (BEP 3, 47, 52). */

import { compareBytes } from "../bytes/compare.ts";
import { encodeUtf8 } from "../bytes/text.ts";
import { type FileEntry, makeFiles } from "./files.ts";
import type { TorrentInfo, TorrentVersion } from "./info.ts";
import { measure, MIN_PIECE_LENGTH, pieceLengthFault, spaceFault } from "./piece_space.ts";

/** A file to make a torrent of. */
export interface SourceFile {
  /** Segments below the torrent's folder; of a bare file its name alone. */
  readonly path: readonly string[];
  /** The bytes, or what opens a stream of them; may be absent if a `ContentHasher` knows where they are. */
  readonly content?: Uint8Array | Blob | (() => ReadableStream<Uint8Array>);
  /** Bytes; needed unless `content` is bytes or a `Blob`. */
  readonly length?: number;
  /** Attribute `x` (BEP 47). */
  readonly executable?: boolean;
  /** Attribute `h` (BEP 47). */
  readonly hidden?: boolean;
  /** Makes it a symbolic link to this path below the torrent's folder, without content (BEP 47 "symlinks"). */
  readonly symlink?: readonly string[];
}

/** What decides the layout. */
export interface LayoutOptions {
  /** The torrent's folder. Without it there must be one file, which is the torrent, under its own name. */
  readonly name?: string;
  /** Which protocol; `"1"` by default: every client reads it, while some in use cannot open a hybrid at all. */
  readonly version?: TorrentVersion;
  /** Bytes of a piece; by default a power of two that makes 1,000 to 2,000 pieces, 16 KiB to 16 MiB. */
  readonly pieceLength?: number;
  /** Whether the files of a v1 torrent start at pieces, with pad files between (BEP 47). Hybrids always do. */
  readonly padFiles?: boolean;
  /** Whether the files of a v1 torrent keep the given order. Else, and in v2 always, they stand in byte order. */
  readonly keepOrder?: boolean;
}

/** Content laid out. */
export interface ContentLayout {
  /** The torrent as it will be, without hashes: what `pieceFiles` and the like take. */
  readonly info: TorrentInfo;
  /** Where each file's bytes come from, by its index; nothing for padding. */
  readonly sources: readonly (SourceFile | undefined)[];
}

/** So many pieces are few enough to list and enough to share. */
const MANY_PIECES = 2000;

/** No default is larger: a client verifies, and often keeps, a whole piece. */
const MAX_DEFAULT_PIECE_LENGTH = 2 ** 24;

/**
 * Lays out files.
 *
 * @throws {TypeError} If a path is no path, two files have the same one, or a length is missing.
 * @throws {RangeError} If the piece length is none, there is nothing to download or too much.
 */
export function layoutContent(files: readonly SourceFile[], options: LayoutOptions = {}): ContentLayout {
  const version = options.version ?? "1", multiFile = options.name !== undefined;
  checkPaths(files, options.name);
  const total = files.reduce((sum, file) => sum + sourceLength(file), 0);
  const pieceLength = options.pieceLength ?? defaultPieceLength(total);
  const name = options.name ?? files[0]!.path[0]!, isSorted = version !== "1" || options.keepOrder !== true;
  const isPadded = multiFile && (version === "hybrid" || version === "1" && options.padFiles === true);
  const ordered = isSorted ? inByteOrder(files) : files;
  const sources = isPadded ? withPadding(ordered, pieceLength, version) : ordered;
  const entries = sources.map((source) =>
    typeof source === "number" ? padEntry(source) : sourceEntry(source)
  );
  const folder = multiFile ? { safe: name, original: encodeUtf8(name) } : undefined;
  const alignment = version === "2" ? pieceLength : 1;
  const laidOut = makeFiles(entries, { folder, alignment }, { portableNames: false });
  const space = measure(laidOut, pieceLength);
  const reason = pieceLengthFault(pieceLength, version) ?? spaceFault(space);
  if (reason !== undefined) throw new RangeError(`Cannot create torrent: ${reason}`);
  const content = { version, name, multiFile, pieceLength, ...space, files: laidOut };
  return {
    info: { ...content, private: false, similar: [], collections: [] },
    sources: sources.map((source) => typeof source === "number" ? undefined : source),
  };
}

/** Bytes of a source. @throws {TypeError} If it does not say. */
function sourceLength(file: SourceFile): number {
  const { content } = file;
  if (file.symlink) return 0;
  const known = content instanceof Uint8Array
    ? content.length
    : content instanceof Blob
    ? content.size
    : file.length;
  if (known === undefined || !Number.isSafeInteger(known) || known < 0) {
    throw new TypeError(`Cannot create torrent: the length of "${file.path.join("/")}" is not known`);
  }
  return known;
}

function defaultPieceLength(total: number): number {
  let length = MIN_PIECE_LENGTH;
  while (length < MAX_DEFAULT_PIECE_LENGTH && total > length * MANY_PIECES) length *= 2;
  return length;
}

function checkPaths(files: readonly SourceFile[], name: string | undefined): void {
  if (files.length === 0) throw new TypeError("Cannot create torrent: no files");
  if (name !== undefined && !isSegment(name)) throw pathFault([name], "is no name of a folder");
  if (name === undefined && (files.length > 1 || files[0]!.path.length !== 1)) {
    throw new TypeError(
      "Cannot create torrent: without a name it must be one file with a path of one segment",
    );
  }
  const taken = new Set<string>(), folders = new Set<string>();
  for (const { path } of files) {
    if (path.length === 0 || !path.every(isSegment)) throw pathFault(path, "is no path");
    if (taken.has(path.join("/"))) throw pathFault(path, "is there twice");
    taken.add(path.join("/"));
    for (let end = 1; end < path.length; end++) folders.add(path.slice(0, end).join("/"));
  }
  for (const { path } of files) {
    if (folders.has(path.join("/"))) throw pathFault(path, "is a file and a folder");
  }
}

function pathFault(path: readonly string[], reason: string): TypeError {
  return new TypeError(`Cannot create torrent: "${path.join("/")}" ${reason}`);
}

function isSegment(segment: string): boolean {
  const isWord = segment !== "" && segment !== "." && segment !== "..";
  return isWord && !segment.includes("/") && !segment.includes("\0");
}

/** The order of a file tree: by the bytes of the segments, one by one (BEP 52 "file tree"). */
function inByteOrder(files: readonly SourceFile[]): SourceFile[] {
  const keyed = files.map((file) => ({ file, key: file.path.map(encodeUtf8) }));
  return keyed.sort((a, b) => comparePaths(a.key, b.key)).map(({ file }) => file);
}

function comparePaths(a: readonly Uint8Array[], b: readonly Uint8Array[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compareBytes(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/**
 * Puts the length of a pad file behind each file that ends inside a piece (BEP 47 "padding files"). Behind the last one it
 * is there for hybrids alone: libtorrent does so, and the same content should make the same torrent.
 */
function withPadding(
  files: readonly SourceFile[],
  pieceLength: number,
  version: TorrentVersion,
): (SourceFile | number)[] {
  const end = version === "hybrid" ? files.length : files.findLastIndex((file) => sourceLength(file) > 0);
  return files.flatMap((file, i) => {
    const rest = sourceLength(file) % pieceLength;
    return rest > 0 && i < end ? [file, pieceLength - rest] : [file];
  });
}

/** Where a pad file would be stored (BEP 47 "padding files"). */
export function padPath(length: number): string[] {
  return [".pad", `${length}`];
}

/** The letters of `attr` (BEP 47). */
export function attributesOf(file: SourceFile): string {
  return `${file.executable ? "x" : ""}${file.hidden ? "h" : ""}${file.symlink ? "l" : ""}`;
}

function padEntry(length: number): FileEntry {
  return { path: padPath(length).map(encodeUtf8), length, attributes: "p", pad: true };
}

function sourceEntry(file: SourceFile): FileEntry {
  return {
    path: file.path.map(encodeUtf8),
    length: sourceLength(file),
    attributes: attributesOf(file),
    pad: false,
  };
}
