/** Chance that repeats itself, for tests. */

import type { Random } from "../../bytes/random.ts";

/** Makes a source that draws the same numbers for the same seed: sfc32 by Chris Doty-Humphrey. */
export function seededRandom(seed: number): Random {
  let a = seed | 0, b = (seed / 0x1_0000_0000) | 0, c = 0x9e3779b9 | 0, counter = 1;
  const next = () => {
    const sum = (a + b | 0) + counter | 0;
    counter = counter + 1 | 0;
    a = b ^ b >>> 9;
    b = c + (c << 3) | 0;
    c = (c << 21 | c >>> 11) + sum | 0;
    return sum >>> 0;
  };
  // The first numbers still show what the seed was.
  for (let i = 0; i < 12; i++) next();
  return () => next() / 0x1_0000_0000;
}
