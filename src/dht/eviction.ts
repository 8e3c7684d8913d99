/** Which stored things go when a store is full: those that others have the least reason to seek here. */

import { compareDistance } from "./node_id.ts";

/** So much goes at once: looking through the whole store for each newcomer would make a flood expensive. */
const SHARE = 8;

/** Something stored under a hash. */
export interface Targeted {
  /** The info hash or the item's target, 20 bytes. */
  readonly target: Uint8Array;
}

/** Removes the eighth of the entries that is farthest from `near`, our own id, and gives it back. */
export function evictFarthest<T extends Targeted>(entries: Map<string, T>, near: Uint8Array): T[] {
  const farthestFirst = [...entries].sort(([, a], [, b]) => compareDistance(near, b.target, a.target));
  const evicted = farthestFirst.slice(0, Math.ceil(entries.size / SHARE));
  for (const [key] of evicted) entries.delete(key);
  return evicted.map(([, entry]) => entry);
}
