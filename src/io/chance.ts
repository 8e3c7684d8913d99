/** The system's source of chance as a {@linkcode Random}. */

import type { Random } from "../bytes/random.ts";

/** Words drawn at once: a system call costs more than the numbers. */
const BUFFERED_WORDS = 256;

/** Makes a source with a buffer of its own. */
function bufferedRandom(): Random {
  let words: Uint32Array<ArrayBuffer> | undefined;
  let next = BUFFERED_WORDS;
  return () => {
    if (next + 2 > BUFFERED_WORDS) {
      // Not at module scope: edge runtimes forbid chance there.
      words = crypto.getRandomValues(words ?? new Uint32Array(BUFFERED_WORDS));
      next = 0;
    }
    // 53 bits, all that a double can hold below 1.
    const high = words![next++]! >>> 5;
    const low = words![next++]! >>> 6;
    return (high * 0x400_0000 + low) / 0x20_0000_0000_0000;
  };
}

/** Draws unpredictable numbers from `crypto.getRandomValues`: peer ids, tokens, transaction ids. */
export const cryptoRandom: Random = bufferedRandom();
