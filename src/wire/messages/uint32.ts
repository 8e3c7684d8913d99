/** Unsigned 32-bit big-endian integers in place: the hot path cannot afford a `Cursor` per message (BEP 3 "peer messages"). */

/** Reads four bytes at `offset`; they must be there. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 24 | bytes[offset + 1]! << 16 | bytes[offset + 2]! << 8 | bytes[offset + 3]!) >>>
    0;
}

/**
 * Writes four bytes at `offset` and answers the offset behind them.
 *
 * @throws {RangeError} If `value` is no unsigned 32-bit integer: it would arrive as another number.
 */
export function writeUint32(bytes: Uint8Array, offset: number, value: number): number {
  if (value >>> 0 !== value) {
    throw new RangeError(`Cannot encode ${value}: not an unsigned 32-bit integer`);
  }
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
  return offset + 4;
}
