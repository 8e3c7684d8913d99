/** Dictionary keys as byte strings, each made once: messages repeat a few dozen keys for ever. */

import { encodeByteString } from "../bytes/text.ts";

/** Slots of the cache: many times the keys of all BEPs. A newer key takes the place of an older one in its slot. */
const SLOTS = 4096;

/** Longer keys are paths or hashes, and seldom seen again. */
const LONGEST = 31;

const cache: (string | undefined)[] = new Array<string | undefined>(SLOTS).fill(undefined);

/** The byte string of `bytes` from `start` to `end`. */
export function readKeyText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > LONGEST) return encodeByteString(bytes.subarray(start, end));
  let hash = end - start;
  for (let i = start; i < end; i++) hash = hash * 31 + bytes[i]! | 0;
  const slot = hash & SLOTS - 1, cached = cache[slot];
  if (cached !== undefined && isSame(cached, bytes, start, end)) return cached;
  let key = "";
  for (let i = start; i < end; i++) key += String.fromCharCode(bytes[i]!);
  return cache[slot] = key;
}

function isSame(key: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (key.length !== end - start) return false;
  for (let i = start; i < end; i++) if (key.charCodeAt(i - start) !== bytes[i]) return false;
  return true;
}
