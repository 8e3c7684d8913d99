/** Symbolic links of a torrent, kept only where they lead to another file or folder of it (BEP 47 "symlinks"). */

import { equals } from "@std/bytes/equals";
import type { TorrentFile } from "./info.ts";
import { type PathOptions, safeSegment } from "./paths.ts";
import { safePath } from "./safe_paths.ts";

/** Links behind links; more are a loop. What Linux follows. */
const MAX_HOPS = 40;

/** Characters that all links of a torrent may take to look paths up; only links made to be slow need more. */
const MAX_CHARACTERS = 2 ** 28;

const PARENT = Uint8Array.of(0x2e, 0x2e);

/** What the paths of a torrent lead to; keys are paths joined with slashes. */
interface Places {
  readonly folders: ReadonlySet<string>;
  readonly files: ReadonlySet<string>;
  readonly links: ReadonlyMap<string, readonly string[]>;
  characters: number;
}

/** Where a link says that it leads. */
export interface LinkTarget {
  /** A path from the torrent's folder, which it does not leave. */
  readonly path: readonly string[];
  /** Whether it was meant from the link's own folder. */
  readonly isRelative: boolean;
}

/**
 * Reads the target of a link in `folder`; `undefined` if it leads out of the torrent.
 *
 * Departs from BEP 47, which knows no `..`: a target with one is taken, and followed from the link's own folder, because
 * libtorrent writes what it finds in the link.
 */
export function readTarget(
  segments: readonly Uint8Array[],
  folder: readonly string[],
  options: PathOptions,
): LinkTarget | undefined {
  if (!segments.some(isParent)) return { path: safePath(segments, options), isRelative: false };
  const path = [...folder];
  for (const bytes of segments) {
    const segment = isParent(bytes) ? undefined : safeSegment(bytes, options);
    if (segment !== undefined) path.push(segment);
    else if (isParent(bytes) && path.pop() === undefined) return undefined;
  }
  return { path, isRelative: true };
}

function isParent(segment: Uint8Array): boolean {
  return equals(segment, PARENT);
}

/**
 * Gives each link its target. `targets` stand at the indexes of the links, `root` is the path of the torrent's folder,
 * and `folders` are all folders there are. A link whose target is not in the torrent or goes round in a circle stays
 * what it is without it: an empty file.
 *
 * Departs from BEP 47: a target that does not exist is sought from the link's own folder as well, because there are
 * torrents that were made so.
 */
export function resolveSymlinks(
  files: readonly TorrentFile[],
  targets: readonly (LinkTarget | undefined)[],
  root: readonly string[],
  folders: ReadonlySet<string>,
): TorrentFile[] {
  const fromRoot = targets.map((target) => target && [...root, ...target.path]);
  const first = placesOf(files, fromRoot, folders);
  const chosen = files.map((file, i) => {
    const path = fromRoot[i], target = targets[i];
    if (!path || !target || target.isRelative || leadsSomewhere(path, first)) return path;
    return [...file.path.slice(0, -1), ...target.path];
  });
  const places = placesOf(files, chosen, folders);
  return files.map((file, i) => {
    const symlink = chosen[i];
    return symlink && leadsSomewhere(symlink, places) ? { ...file, symlink } : file;
  });
}

function placesOf(
  files: readonly TorrentFile[],
  targets: readonly (readonly string[] | undefined)[],
  folders: ReadonlySet<string>,
): Places {
  const plain = new Set<string>(), links = new Map<string, readonly string[]>();
  for (const [i, file] of files.entries()) {
    const target = targets[i];
    if (target) links.set(file.path.join("/"), target);
    else if (!file.pad) plain.add(file.path.join("/"));
  }
  return { folders, files: plain, links, characters: MAX_CHARACTERS };
}

/** Walks a path from the root as a file system would, links on the way included. */
function leadsSomewhere(target: readonly string[], places: Places): boolean {
  const rest = target.toReversed();
  let place = "", hops = 0;
  while (rest.length > 0 && places.characters > 0) {
    const segment = rest.pop()!;
    place = place === "" ? segment : `${place}/${segment}`;
    places.characters -= place.length;
    const link = places.links.get(place);
    if (link === undefined) continue;
    if (++hops > MAX_HOPS) return false;
    rest.push(...link.toReversed());
    place = "";
  }
  return rest.length === 0 && (places.files.has(place) || places.folders.has(place));
}
