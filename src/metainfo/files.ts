/** From the entries of a torrent to files with safe, distinct paths and a place in the piece space (BEP 3, 47, 52). */

import { distinctPaths, foldersOf } from "./distinct_paths.ts";
import type { Draft } from "./draft.ts";
import type { TorrentFile } from "./info.ts";
import type { PathOptions } from "./paths.ts";
import { SafePaths, type TorrentName } from "./safe_paths.ts";
import { readTarget, resolveSymlinks } from "./symlinks.ts";

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

/** Where files are. */
export interface FilePlaces {
  /** The torrent's folder, the first segment of every path; absent for one bare file. */
  readonly folder?: TorrentName | undefined;
  /** Where files start: at multiples of this many bytes (BEP 52), or behind each other (1). */
  readonly alignment: number;
}

/** Makes files of entries. @throws {DecodeError} If their paths are too long or were made to clash for ever. */
export function makeFiles(
  entries: readonly FileEntry[],
  places: FilePlaces,
  options: PathOptions,
): TorrentFile[] {
  const { folder, alignment } = places;
  const paths = new SafePaths(options, folder), files: Draft<TorrentFile>[] = [];
  let offset = 0;
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index]!, { path, isVerbatim } = paths.next(entry.path);
    offset = Math.ceil(offset / alignment) * alignment;
    const file = makeFile(entry, { index, path, offset });
    if (!isVerbatim && !entry.pad) file.originalPath = originalPath(entry, folder);
    files.push(file);
    offset += entry.length;
  }
  for (const [index, path] of distinctPaths(files)) {
    files[index]!.path = path;
    files[index]!.originalPath = originalPath(entries[index]!, folder);
  }
  return entries.some((entry) => entry.symlink) ? linkFiles(files, entries, { folder, ...options }) : files;
}

function makeFile(
  entry: FileEntry,
  place: Pick<TorrentFile, "index" | "path" | "offset">,
): Draft<TorrentFile> {
  const { length, attributes, pad, sha1, piecesRoot } = entry, { index, path, offset } = place;
  const executable = attributes.includes("x"), hidden = attributes.includes("h");
  const file: Draft<TorrentFile> = { index, path, length, offset, pad, executable, hidden };
  if (piecesRoot) file.piecesRoot = piecesRoot;
  if (sha1) file.sha1 = sha1;
  return file;
}

function originalPath(entry: FileEntry, folder: TorrentName | undefined): readonly Uint8Array[] {
  return folder ? [folder.original, ...entry.path] : entry.path;
}

function linkFiles(
  files: readonly TorrentFile[],
  entries: readonly FileEntry[],
  { folder, ...options }: PathOptions & Pick<FilePlaces, "folder">,
): TorrentFile[] {
  const root = folder ? [folder.safe] : [];
  const targets = entries.map(({ symlink }, i) =>
    symlink && readTarget(symlink, files[i]!.path.slice(root.length, -1), options)
  );
  const paths = files.filter((file) => !file.pad).map((file) => file.path.join("/"));
  return resolveSymlinks(files, targets, root, foldersOf(paths));
}
