/** A reading position in bytes: big-endian integers and views, every read checked against the end. */

import { DecodeError } from "../errors.ts";

/**
 * Reads network-order fields from front to back. Views that it hands out share the input's memory.
 */
export class Cursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #offset = 0;

  /** Reads `bytes`; `what` names the thing in error texts, as in "Cannot decode handshake". */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  /** Offset of the next read, in bytes from the start. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Reads an unsigned 8-bit integer. @throws {DecodeError} If the input ends. */
  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  /** Reads an unsigned 16-bit big-endian integer. @throws {DecodeError} If the input ends. */
  uint16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  /** Reads an unsigned 32-bit big-endian integer. @throws {DecodeError} If the input ends. */
  uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** Reads an unsigned 64-bit big-endian integer. @throws {DecodeError} If the input ends. */
  uint64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  /** Reads `length` bytes as a view. @throws {DecodeError} If the input ends. */
  bytes(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Reads all that is left, as a view. */
  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  /** Makes sure that nothing is left. @throws {DecodeError} If bytes remain. */
  end(): void {
    if (this.remaining > 0) this.fail(`${this.remaining} bytes too many`);
  }

  /** Throws a `DecodeError` at the current offset. */
  fail(reason: string): never {
    throw new DecodeError(`Cannot decode ${this.#what}: ${reason}`, { offset: this.#offset });
  }

  #take(length: number): number {
    const start = this.#offset;
    if (length > this.#bytes.length - start) {
      this.fail(`expected ${length} more bytes, got ${this.#bytes.length - start}`);
    }
    this.#offset = start + length;
    return start;
  }
}
