/** The keys that a file's entry has in either version: attributes, link target, path segments (BEP 3, 47, 52). */

import type { BencodeDictionary } from "../bencode/dictionary.ts";
import { encodeByteString } from "../bytes/text.ts";
import { fault } from "./key_path.ts";

/** Folders inside each other that a torrent may have; libtorrent's limit. */
export const MAX_PATH_LEVELS = 100;

/** Bytes of one file and of all files; sums of these stay exact. */
export const MAX_LENGTH: number = 2 ** 52;

/** Reads `length`. @throws {DecodeError} If it is missing, negative or absurd. */
export function readLength(entry: BencodeDictionary): number {
  const length = entry.integer("length") ?? fault("length", "missing");
  if (length < 0 || length > MAX_LENGTH) fault("length", `${length} is no length of a file`);
  return length;
}

/** Reads `attr` as a byte string of letters; unknown ones are ignored by whoever looks (BEP 47 "attr"). */
export function readAttributes(entry: BencodeDictionary): string {
  const attributes = entry.get("attr");
  return attributes instanceof Uint8Array ? encodeByteString(attributes) : "";
}

/** Reads the SHA-1 of a file, a mere hint: anything but 20 bytes is left out (BEP 47 "sha1"). */
export function readSha1(entry: BencodeDictionary): Uint8Array | undefined {
  const sha1 = entry.get("sha1");
  return sha1 instanceof Uint8Array && sha1.length === 20 ? sha1 : undefined;
}

/** Reads a list of path segments. @throws {DecodeError} If it is none, is empty, or is too long. */
export function readSegments(entry: BencodeDictionary, key: string): readonly Uint8Array[] | undefined {
  const segments = entry.list(key);
  if (segments === undefined) return undefined;
  if (segments.length === 0) fault(key, "a path without segments");
  if (segments.length > MAX_PATH_LEVELS) fault(key, `more than ${MAX_PATH_LEVELS} levels`);
  const odd = segments.findIndex((segment) => !(segment instanceof Uint8Array));
  if (odd >= 0) fault(`${key}[${odd}]`, "not a byte string");
  return segments as readonly Uint8Array[];
}
