/** The v2 half of an info dictionary: `file tree` (BEP 52 "file tree layout"). */

import { BencodeDictionary } from "../bencode/dictionary.ts";
import { decodeByteString } from "../bytes/text.ts";
import { MAX_PATH_LEVELS, readAttributes, readLength, readSegments, readSha1 } from "./entry.ts";
import type { FileEntry } from "./files.ts";
import { fault, within } from "./key_path.ts";

/** Bytes of a SHA-256. */
const ROOT_LENGTH = 32;

/**
 * Bytes of all paths together. In a tree many files share the names of their folders, so a few megabytes could spell out
 * gigabytes of paths; half a million files, the most there can be, have room for paths of some hundred bytes.
 */
const MAX_PATHS_LENGTH = 2 ** 28;

/** What a segment of a path takes besides its bytes. */
const SEGMENT_OVERHEAD = 16;

/** What has been read so far. */
interface Reading {
  readonly files: FileEntry[];
  /** What the paths of the files take. */
  pathsLength: number;
}

/** Reads the files of a v2 or hybrid info dictionary in tree order. @throws {DecodeError} If they make no sense. */
export function readFilesV2(info: BencodeDictionary): FileEntry[] {
  const tree = info.dictionary("file tree") ?? fault("file tree", "missing");
  if (tree.has("")) fault("file tree", "is itself a file");
  const files: FileEntry[] = [];
  within("file tree", () => readFolder(tree, [], { files, pathsLength: 0 }));
  if (files.length === 0) fault("file tree", "no files");
  return files;
}

function readFolder(folder: BencodeDictionary, path: readonly Uint8Array[], reading: Reading): void {
  if (path.length > MAX_PATH_LEVELS) fault("", `more than ${MAX_PATH_LEVELS} levels`);
  for (const [name, node] of folder.entries()) {
    if (!(node instanceof BencodeDictionary)) fault(name, "not a dictionary");
    within(name, () => readNode(node, [...path, decodeByteString(name)], reading));
  }
}

/** A node is a file if its one key is the empty string, else a folder. */
function readNode(node: BencodeDictionary, path: readonly Uint8Array[], reading: Reading): void {
  if (!node.has("")) return readFolder(node, path, reading);
  if (node.size > 1) fault("", "a file and a folder at once");
  const entry = node.dictionary("")!;
  for (const { length } of path) reading.pathsLength += length + SEGMENT_OVERHEAD;
  if (reading.pathsLength > MAX_PATHS_LENGTH) {
    fault("", `paths of more than ${MAX_PATHS_LENGTH} bytes in all`);
  }
  reading.files.push(readFile(entry, path));
}

function readFile(entry: BencodeDictionary, path: readonly Uint8Array[]): FileEntry {
  const attributes = readAttributes(entry);
  if (attributes.includes("p")) fault("attr", "padding, which has no place in a v2 torrent");
  if (attributes.includes("l")) return symlinkEntry(entry, attributes, path);
  const length = readLength(entry), sha1 = readSha1(entry);
  const piecesRoot = length > 0 ? readRoot(entry) : undefined;
  return {
    path,
    length,
    attributes,
    pad: false,
    ...(piecesRoot && { piecesRoot }),
    ...(sha1 && { sha1 }),
  };
}

function symlinkEntry(
  entry: BencodeDictionary,
  attributes: string,
  path: readonly Uint8Array[],
): FileEntry {
  const symlink = readSegments(entry, "symlink path");
  return { path, length: 0, attributes, pad: false, ...(symlink && { symlink }) };
}

function readRoot(entry: BencodeDictionary): Uint8Array {
  const root = entry.bytes("pieces root") ?? fault("pieces root", "missing");
  if (root.length !== ROOT_LENGTH) fault("pieces root", `${root.length} bytes instead of ${ROOT_LENGTH}`);
  if (root.every((byte) => byte === 0)) fault("pieces root", "all zeros, which is no hash");
  return root;
}
