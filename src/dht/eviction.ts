/** Which stored thing goes when a store is full: the one that others have the least reason to seek here. */

import { compareDistance } from "./node_id.ts";

/** How many of the oldest entries compete: enough to spare what belongs here, few enough to be cheap in a flood. */
const COMPETITORS = 16;

/** Something stored under a hash. */
export interface Targeted {
  /** The info hash or the item's target, 20 bytes. */
  readonly target: Uint8Array;
}

/** Removes the entry farthest from `near`, our own id, among the oldest, and gives it back. */
export function evictFarthest<T extends Targeted>(entries: Map<string, T>, near: Uint8Array): T | undefined {
  let farthestKey = "", farthest: T | undefined, seen = 0;
  for (const [key, entry] of entries) {
    if (seen++ >= COMPETITORS) break;
    if (farthest === undefined || compareDistance(near, entry.target, farthest.target) > 0) {
      farthestKey = key;
      farthest = entry;
    }
  }
  entries.delete(farthestKey);
  return farthest;
}
