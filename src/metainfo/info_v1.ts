/** The v1 half of an info dictionary: `length` or `files`, and `pieces` (BEP 3 "info dictionary", BEP 47). */

import { BencodeDictionary } from "../bencode/dictionary.ts";
import { encodeByteString } from "../bytes/text.ts";
import { readAttributes, readLength, readSegments, readSha1 } from "./entry.ts";
import type { FileEntry } from "./files.ts";
import { fault, locate } from "./key_path.ts";

/** How a file of padding was called before BEP 47 (BitComet). */
const OLD_PAD_PREFIX = "_____padding_file_";

/** Reads the files of a v1 or hybrid info dictionary; `name` is the path of a bare file. @throws {DecodeError} If they make no sense. */
export function readFilesV1(info: BencodeDictionary, name: Uint8Array): FileEntry[] {
  const files = info.list("files");
  if (files === undefined) return [bareFile(info, name)];
  if (info.has("length")) fault("length", 'stands beside "files"');
  if (files.length === 0) fault("files", "no files");
  return files.map((file, i) => {
    try {
      return readFile(file instanceof BencodeDictionary ? file : fault("", "not a dictionary"));
    } catch (error) {
      throw locate(`files[${i}]`, error);
    }
  });
}

/** Reads the hashes of `pieceCount` pieces. @throws {DecodeError} If there are more or fewer. */
export function readPieces(info: BencodeDictionary, pieceCount: number): Uint8Array {
  const pieces = info.bytes("pieces") ?? fault("pieces", "missing");
  if (pieces.length !== pieceCount * 20) {
    fault("pieces", `${pieces.length} bytes, but ${pieceCount} pieces need ${pieceCount * 20}`);
  }
  return pieces;
}

function bareFile(info: BencodeDictionary, name: Uint8Array): FileEntry {
  if (!info.has("length")) fault("files", 'missing, and so is "length"');
  return fileEntry(info, readAttributes(info), [name], readLength(info));
}

function readFile(entry: BencodeDictionary): FileEntry {
  const attributes = readAttributes(entry), isLink = attributes.includes("l");
  const path = readSegments(entry, "path.utf-8") ?? readSegments(entry, "path") ?? [];
  if (path.length === 0 && !attributes.includes("p")) fault("path", "missing");
  // BEP 47 "symlinks": the length of a link is zero whatever it says, and may be missing.
  return fileEntry(entry, attributes, path, isLink ? 0 : readLength(entry));
}

function fileEntry(
  entry: BencodeDictionary,
  attributes: string,
  path: readonly Uint8Array[],
  length: number,
): FileEntry {
  const symlink = attributes.includes("l") ? readSegments(entry, "symlink path") : undefined;
  const sha1 = readSha1(entry), pad = attributes.includes("p") || hasOldPadName(path);
  if (symlink === undefined && sha1 === undefined) return { path, length, attributes, pad };
  return { path, length, attributes, pad, ...(symlink && { symlink }), ...(sha1 && { sha1 }) };
}

function hasOldPadName(path: readonly Uint8Array[]): boolean {
  const name = path[path.length - 1];
  return name !== undefined && name[0] === 0x5f &&
    encodeByteString(name.subarray(0, OLD_PAD_PREFIX.length)) === OLD_PAD_PREFIX;
}
