/** The order of byte strings: raw unsigned bytes, a prefix before what it starts (BEP 3 "bencoding"). */

/** Compares like `memcmp`: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
