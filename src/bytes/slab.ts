/** Short arrays cut from long ones, for what is sent and forgotten: a buffer of its own costs more than filling it. */

/** Bytes of a slab. It is freed when the last array cut from it is. */
const SLAB_LENGTH = 1 << 14;

/** Longer ones get buffers of their own, lest the rest of a slab be lost too often. */
const LONGEST = SLAB_LENGTH / 8;

/** Up to this length a loop beats a call to the platform. */
const SHORT = 64;

let slab: ArrayBuffer | undefined, used = 0;

/**
 * An array of zeros. Others lie in the same buffer: who keeps it for long, or transfers it, should make one of their own.
 * (Measured in Deno, whose arrays never lie in the heap of V8: 40 ns, where `new Uint8Array(20)` takes 700 and more.)
 */
export function takeFromSlab(length: number): Uint8Array<ArrayBuffer> {
  if (length > LONGEST) return new Uint8Array(length);
  if (slab === undefined || used + length > SLAB_LENGTH) {
    slab = new ArrayBuffer(SLAB_LENGTH);
    used = 0;
  }
  const bytes = new Uint8Array(slab, used, length);
  used += length;
  return bytes;
}

/** A copy in memory from {@linkcode takeFromSlab}. */
export function copyToSlab(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = bytes, copy = takeFromSlab(length);
  if (length > SHORT) copy.set(bytes);
  else for (let i = 0; i < length; i++) copy[i] = bytes[i]!;
  return copy;
}
