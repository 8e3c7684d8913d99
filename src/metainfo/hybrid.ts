/** The two halves of a hybrid torrent made one (BEP 52 "upgrade path"). */

import { equals } from "@std/bytes/equals";
import type { FileEntry } from "./files.ts";
import { fault } from "./key_path.ts";

/**
 * The v1 entries, pad files included, with the Merkle roots of the v2 entries.
 *
 * @throws {DecodeError} If the halves do not name the same files, or do not put them at the same pieces.
 */
export function mergeHybrid(
  v1: readonly FileEntry[],
  v2: readonly FileEntry[],
  pieceLength: number,
): FileEntry[] {
  let next = 0, end = 0, endV2 = 0;
  const merged = v1.map((entry) => {
    const start = end;
    end += entry.length;
    if (entry.pad) return entry;
    const twin = v2[next++];
    if (twin === undefined || !isSameFile(entry, twin)) {
      fault("file tree", `file ${next} is another than in the v1 list`);
    }
    if (entry.length === 0) return entry;
    if (start !== align(endV2, pieceLength)) fault("files", `file ${next} does not start at a piece`);
    endV2 = start + entry.length;
    return { ...entry, ...(twin.piecesRoot && { piecesRoot: twin.piecesRoot }) };
  });
  if (next < v2.length) fault("file tree", `${v2.length} files, but ${next} in the v1 list`);
  if (align(end, pieceLength) !== align(endV2, pieceLength)) fault("files", "padding beyond the last piece");
  return merged;
}

function isSameFile(a: FileEntry, b: FileEntry): boolean {
  return a.length === b.length && a.path.length === b.path.length &&
    a.path.every((segment, i) => equals(segment, b.path[i]!));
}

function align(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
