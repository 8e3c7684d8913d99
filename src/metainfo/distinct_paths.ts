/** No two files of a torrent in one place, whatever the file system thinks of case and accents (BEP 52 "file tree"). */

import { DecodeError } from "../errors.ts";
import type { TorrentFile } from "./info.ts";
import { foldCase, PathMarks } from "./path_marks.ts";
import { numberedSegment } from "./paths.ts";

/**
 * Characters of a path below the download folder: no system takes more bytes than this (Linux). Engines do not hash the
 * whole of longer strings, so that a set of thousands of them would be searched one by one.
 */
const MAX_PATH_LENGTH = 4096;

/** A path of so few characters has no more than the greatest number when it is folded, whatever its letters. */
const SURELY_SHORT = MAX_PATH_LENGTH / 8;

const NO_RENAMES: ReadonlyMap<number, string[]> = new Map();

/**
 * New paths for some files, by index, so that no two are one place on a file system that ignores case or composes accents,
 * and none is the folder of another. The first keeps its name, later ones get a number. Pad files are left out of this.
 *
 * @throws {DecodeError} If a path is too long, or names were made to clash for ever.
 */
export function distinctPaths(files: readonly TorrentFile[]): ReadonlyMap<number, string[]> {
  return areSurelyDistinct(files) ? NO_RENAMES : renameClashes(files);
}

/** Tells in a fraction of the time that there is nothing to rename, as in nearly every torrent. */
function areSurelyDistinct(files: readonly TorrentFile[]): boolean {
  if (files.length === 1 && files[0]!.path.length === 1) return true; // one bare file
  const marks = new PathMarks(files.length);
  return files.every((file) => {
    if (file.pad) return true;
    const path = file.path.join("/");
    return path.length <= SURELY_SHORT && marks.add(path);
  });
}

function renameClashes(files: readonly TorrentFile[]): Map<number, string[]> {
  const keys = files.map((file) => file.pad ? "" : foldCase(file.path.join("/")));
  if (keys.some((key) => key.length > MAX_PATH_LENGTH)) {
    throw new DecodeError(`Cannot name files: a path has more than ${MAX_PATH_LENGTH} characters`);
  }
  const folders = foldersOf(keys), taken = new Set<string>(), numbers = new Map<string, number>();
  const renamed = new Map<number, string[]>();
  let renames = 0;
  for (const [i, { path }] of files.entries()) {
    const first = keys[i]!;
    let key = first;
    while (key !== "" && (taken.has(key) || folders.has(key))) {
      // Honest clashes take one step each. Names made to be cut alike take a quadratic number.
      if (renames++ > 2 * files.length) throw new DecodeError("Cannot name files: too many names clash");
      const number = (numbers.get(first) ?? 0) + 1;
      numbers.set(first, number);
      const other = path.with(-1, numberedSegment(path[path.length - 1]!, number));
      renamed.set(i, other);
      key = foldCase(other.join("/"));
    }
    taken.add(key);
  }
  return renamed;
}

/** Every folder on the way to the given paths, all joined with slashes. */
export function foldersOf(paths: Iterable<string>): Set<string> {
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
