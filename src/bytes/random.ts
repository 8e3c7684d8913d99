/** Chance as an input: machines never draw their own numbers, they are given a {@linkcode Random}. */

/** Draws a number from 0 (inclusive) to 1 (exclusive), like `Math.random`. */
export type Random = () => number;

/** Draws an integer from 0 (inclusive) to `limit` (exclusive). */
export function randomBelow(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

/** Draws `length` bytes. */
export function randomBytes(random: Random, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, () => randomBelow(random, 256));
}

/** Draws an unsigned 32-bit integer. */
export function randomUint32(random: Random): number {
  return randomBelow(random, 0x1_0000_0000);
}

/** Gives the items in a random order, as a new array (Fisher–Yates). */
export function shuffle<T>(random: Random, items: readonly T[]): T[] {
  const shuffled = items.slice();
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = randomBelow(random, i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled;
}
