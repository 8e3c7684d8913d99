/**
 * Where the files of a torrent are: in which folder, under their names, and under those that they bear until they are whole,
 * none of which is the name of another file or folder of the torrent.
 */

import type { TorrentFile } from "../../metainfo/info.ts";
import { type ContentRoot, isSafe } from "./content_root.ts";

/** What the name of a file ends with that is not whole; a number follows where the torrent has that name itself. */
const PART = ".part";

/** Whether some file or folder might be in the way. */
const LIKE_PART = /\.part\d*$/i;

/** What a file system that ignores case and the composition of accents compares. */
export function foldName(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/** The paths of a torrent's files, made when asked for: of ten thousand files they would be a megabyte. */
export class FilePaths {
  /** Every folder that holds files, once. */
  readonly folders: readonly string[];
  readonly #files: readonly TorrentFile[];
  readonly #folderOf: Uint32Array;
  /** What follows `.part` in the names of files that need it. */
  readonly #numbers: ReadonlyMap<number, number>;

  /** Pad files have no path. @throws {StorageError} If a path is not safe. */
  constructor(root: ContentRoot, files: readonly TorrentFile[]) {
    const folders: string[] = [],
      indexes = new Map<string, number>(),
      folderOf = new Uint32Array(files.length);
    let mayClash = false;
    for (const { index, path, pad } of files) {
      if (pad) continue;
      const parents = path.length === 2 ? path[0]! : path.slice(0, -1).join("/"), name = path.at(-1) ?? "";
      let folder = indexes.get(parents);
      if (folder === undefined || !isSafe(name)) {
        folder = folders.push(root.folder(path)) - 1; // looks at every segment
        indexes.set(parents, folder);
        mayClash ||= path.some((segment) => LIKE_PART.test(segment));
      }
      mayClash ||= LIKE_PART.test(name);
      folderOf[index] = folder;
    }
    this.folders = folders;
    this.#files = files;
    this.#folderOf = folderOf;
    this.#numbers = mayClash ? partNumbers(files) : new Map();
  }

  /** The folder of a file, as an index of `folders`. */
  folderIndex(file: number): number {
    return this.#folderOf[file]!;
  }

  /** The folder of a file. */
  folder(file: number): string {
    return this.folders[this.#folderOf[file]!]!;
  }

  /** The name of a file that is whole. */
  name(file: number): string {
    return this.#files[file]!.path.at(-1)!;
  }

  /** The name of a file that is not. */
  partName(file: number): string {
    return this.name(file) + PART + (this.#numbers.get(file) ?? "");
  }

  /** The path of a file that is whole. */
  final(file: number): string {
    return `${this.folder(file)}/${this.name(file)}`;
  }

  /** The path of a file that is not. */
  part(file: number): string {
    return `${this.folder(file)}/${this.partName(file)}`;
  }
}

/** Which files cannot be called `.part` and nothing more, and the number that helps. */
function partNumbers(files: readonly TorrentFile[]): Map<number, number> {
  const numbers = new Map<number, number>(), taken = new Set<string>();
  for (const { path, pad } of files) if (!pad) addWithFolders(taken, foldName(path.join("/")));
  for (const { index, path, pad } of files) {
    if (pad) continue;
    const name = foldName(path.join("/")) + PART;
    if (!taken.has(name)) continue;
    let number = 1;
    while (taken.has(name + number)) number++;
    numbers.set(index, number);
  }
  return numbers;
}

function addWithFolders(taken: Set<string>, path: string): void {
  for (
    let end = path.length;
    end > 0 && !taken.has(path.slice(0, end));
    end = path.lastIndexOf("/", end - 1)
  ) {
    taken.add(path.slice(0, end));
  }
}
