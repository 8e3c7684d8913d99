/** A writing position in bytes of known length: big-endian integers and byte strings, front to back. */

/**
 * Fills one allocation of a length known before. Calls chain; `done()` gives the bytes.
 */
export class Writer {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;
  #offset = 0;

  /** Allocates `length` zero bytes. */
  constructor(length: number) {
    this.#bytes = new Uint8Array(length);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Writes an unsigned 8-bit integer. */
  uint8(value: number): this {
    this.#view.setUint8(this.#advance(1), value);
    return this;
  }

  /** Writes an unsigned 16-bit integer, big-endian. */
  uint16(value: number): this {
    this.#view.setUint16(this.#advance(2), value);
    return this;
  }

  /** Writes an unsigned 32-bit integer, big-endian. */
  uint32(value: number): this {
    this.#view.setUint32(this.#advance(4), value);
    return this;
  }

  /** Writes a 64-bit integer, big-endian (two's complement if negative). */
  uint64(value: bigint): this {
    this.#view.setBigUint64(this.#advance(8), BigInt.asUintN(64, value));
    return this;
  }

  /** Copies `bytes`. */
  bytes(bytes: Uint8Array): this {
    this.#bytes.set(bytes, this.#advance(bytes.length));
    return this;
  }

  /** Gives the bytes. @throws {RangeError} If fewer were written than announced: a fault in an encoder. */
  done(): Uint8Array<ArrayBuffer> {
    if (this.#offset !== this.#bytes.length) {
      throw new RangeError(`Cannot finish writing: ${this.#offset} of ${this.#bytes.length} bytes written`);
    }
    return this.#bytes;
  }

  #advance(length: number): number {
    const start = this.#offset;
    this.#offset = start + length;
    return start;
  }
}
