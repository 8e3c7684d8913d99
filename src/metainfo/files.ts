/** From the entries of a torrent to files with safe, distinct paths and a place in the piece space (BEP 3, 47, 52). */

import { equals } from "@std/bytes/equals";
import { encodeUtf8 } from "../bytes/text.ts";
import { DecodeError } from "../errors.ts";
import type { TorrentFile } from "./info.ts";
import { numberedSegment, type PathOptions, safePaths } from "./paths.ts";
import { readTarget, resolveSymlinks } from "./symlinks.ts";

/**
 * Characters of a path below the download folder: no system takes more bytes than this (Linux). Engines do not hash the
 * whole of longer strings, so that a set of thousands of them would be searched one by one.
 */
const MAX_PATH_LENGTH = 4096;

/** A file as the info dictionary has it, whichever version. */
export interface FileEntry {
  /** Segments below the torrent's folder, or the one name of a bare file; may be empty for a pad file. */
  readonly path: readonly Uint8Array[];
  /** Bytes. */
  readonly length: number;
  /** Letters of `attr` (BEP 47), as a byte string. */
  readonly attributes: string;
  /** Padding by attribute or by name (BEP 47). */
  readonly pad: boolean;
  /** Segments of the target of a symbolic link (BEP 47). */
  readonly symlink?: readonly Uint8Array[];
  /** SHA-1 of the file (BEP 47). */
  readonly sha1?: Uint8Array;
  /** Root of the Merkle tree (BEP 52). */
  readonly piecesRoot?: Uint8Array;
}

/** The name of a torrent: as a safe path segment, and the bytes that it was made of. */
export interface TorrentName {
  /** Safe as a path segment. */
  readonly safe: string;
  /** The bytes in the torrent, or those of `safe` if there are none. */
  readonly original: Uint8Array;
}

/** How entries become files. */
export interface FileOptions extends PathOptions {
  /** The torrent's folder; absent for one bare file. */
  readonly folder?: TorrentName;
  /** Where files start: at multiples of this many bytes (BEP 52), or behind each other (1). */
  readonly alignment: number;
}

/** Makes files of entries. */
export function makeFiles(entries: readonly FileEntry[], options: FileOptions): TorrentFile[] {
  const paths = distinctPaths(entries, options), files: TorrentFile[] = [], { folder } = options;
  const keepsFolder = folder === undefined || isText(folder.original, folder.safe);
  let offset = 0;
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index]!, path = paths[index]!;
    const { length, attributes, pad, sha1, piecesRoot } = entry;
    offset = Math.ceil(offset / options.alignment) * options.alignment;
    const isKept = pad || keepsFolder && keepsPath(entry.path, folder ? path.slice(1) : path);
    const originalPath = isKept ? undefined : folder ? [folder.original, ...entry.path] : entry.path;
    files.push({
      index,
      path,
      ...(originalPath && { originalPath }),
      length,
      offset,
      pad,
      executable: attributes.includes("x"),
      hidden: attributes.includes("h"),
      ...(piecesRoot && { piecesRoot }),
      ...(sha1 && { sha1 }),
    });
    offset += length;
  }
  return entries.some((entry) => entry.symlink) ? linkFiles(files, entries, options) : files;
}

function linkFiles(
  files: readonly TorrentFile[],
  entries: readonly FileEntry[],
  options: FileOptions,
): TorrentFile[] {
  const root = options.folder ? [options.folder.safe] : [];
  const targets = entries.map(({ symlink }, i) =>
    symlink && readTarget(symlink, files[i]!.path.slice(root.length, -1), options)
  );
  const paths = files.filter((file) => !file.pad).map((file) => file.path.join("/"));
  return resolveSymlinks(files, targets, root, foldersOf(paths));
}

/** Whether a path is what the torrent has. */
function keepsPath(original: readonly Uint8Array[], path: readonly string[]): boolean {
  return original.length === path.length && original.every((bytes, i) => isText(bytes, path[i]!));
}

/** Whether bytes are the UTF-8 of a text. */
function isText(bytes: Uint8Array, text: string): boolean {
  let at = 0;
  while (at < bytes.length && bytes[at]! < 0x80 && bytes[at] === text.charCodeAt(at)) at++;
  if (at === bytes.length && at === text.length) return true;
  return (bytes[at] ?? 0) >= 0x80 && equals(bytes, encodeUtf8(text));
}

/**
 * Safe paths, no two of which are one place on a file system that ignores case or composes accents, and none of which
 * is the folder of another. The first keeps its name, later ones get a number. Pad files are left out of this.
 */
function distinctPaths(entries: readonly FileEntry[], options: FileOptions): string[][] {
  const paths = safePaths(entries.map((entry) => entry.path), options);
  const keys = paths.map((path, i) => entries[i]!.pad ? "" : foldCase(path.join("/")));
  if (keys.some((key) => key.length > MAX_PATH_LENGTH)) {
    throw new DecodeError(`Cannot name files: a path has more than ${MAX_PATH_LENGTH} characters`);
  }
  const folders = foldersOf(keys), taken = new Set<string>(), numbers = new Map<string, number>();
  let renames = 0;
  return paths.map((path, i) => {
    let key = keys[i]!;
    const first = key, name = path[path.length - 1]!;
    while (key !== "" && (taken.has(key) || folders.has(key))) {
      // Honest clashes take one step each. Names made to be cut alike take a quadratic number.
      if (renames++ > 2 * entries.length) throw new DecodeError("Cannot name files: too many names clash");
      const number = (numbers.get(first) ?? 0) + 1;
      numbers.set(first, number);
      path[path.length - 1] = numberedSegment(name, number);
      key = foldCase(path.join("/"));
    }
    taken.add(key);
    if (options.folder) path.unshift(options.folder.safe);
    return path;
  });
}

/** Every folder on the way to the given paths, all joined with slashes. */
function foldersOf(paths: Iterable<string>): Set<string> {
  const folders = new Set<string>();
  for (const path of paths) {
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const folder = path.slice(0, at);
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  }
  return folders;
}

/**
 * What a file system that ignores case and composition compares. Capitals tell fewer letters apart than small ones: both
 * forms of a sigma, and the long s, have one.
 */
function foldCase(path: string): string {
  return (/[\u0080-\uffff]/.test(path) ? path.normalize("NFC").toLowerCase() : path).toUpperCase();
}
