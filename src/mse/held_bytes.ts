/** The bytes of a handshake that came and are not dealt with yet. */

/** A queue of bytes in one buffer, of our own so that it may be decrypted in place. */
export class HeldBytes {
  #buffer = new Uint8Array();
  #start = 0;
  #end = 0;

  /** How many there are. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** All of them, as a view that is valid until the next `add`. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** Copies bytes to the end. */
  add(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#buffer.length) this.#makeRoom(bytes.length);
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Takes `count` from the front, as a view that is valid until the next `add`; nothing if there are fewer. */
  take(count: number): Uint8Array | undefined {
    if (count > this.length) return undefined;
    this.#start += count;
    return this.#buffer.subarray(this.#start - count, this.#start);
  }

  #makeRoom(count: number): void {
    const { bytes } = this, needed = bytes.length + count;
    // Twice as much as needed, so that a stream that comes byte by byte is not copied for every byte.
    if (needed > this.#buffer.length / 2) this.#buffer = new Uint8Array(needed * 2);
    this.#buffer.set(bytes);
    this.#start = 0;
    this.#end = bytes.length;
  }
}
