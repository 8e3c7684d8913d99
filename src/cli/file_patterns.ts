/** Files of a torrent chosen by patterns. */

import { posix } from "node:path";
import type { TorrentInfo } from "../metainfo/info.ts";
import { Failure } from "./failure.ts";

/**
 * Indexes of the files that match one of the patterns. A pattern is a path with `*`, `**`, `?`, `[…]`, `{…,…}`, with or
 * without the torrent's name in front; one without a slash looks at file names alone. A pattern that is a file's very
 * path takes that file, whatever signs are in it.
 *
 * @throws {Failure} If a pattern matches no file.
 */
export function chooseFiles(info: TorrentInfo, patterns: readonly string[]): readonly number[] {
  const chosen = new Set<number>();
  const files = info.files.filter(({ pad }) => !pad);
  for (const pattern of patterns) {
    const found = files.filter(({ path }) => matches(path, pattern.replace(/^\.\//, "")));
    if (found.length === 0) throw new Failure(`No file of "${info.name}" matches "${pattern}"`);
    for (const { index } of found) chosen.add(index);
  }
  return [...chosen].sort((a, b) => a - b);
}

function matches(path: readonly string[], pattern: string): boolean {
  const spellings = [
    path.join("/"),
    path.slice(1).join("/"),
    ...(pattern.includes("/") ? [] : [path.at(-1)!]),
  ];
  return spellings.some((spelling) => spelling === pattern || posix.matchesGlob(spelling, pattern));
}
