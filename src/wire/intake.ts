/** Bytes that came but do not make a whole unit yet: the only copy on the way in. */

const NO_BYTES = new Uint8Array();

/** Buffers above this are dropped after use; those for a block stay. */
const KEPT = 1 << 15;

/**
 * Gathers a unit that straddles reads. Two buffers take turns: one may be handed out, with views into it alive, while
 * the start of the next unit goes into the other.
 */
export class Intake {
  /** How many bytes the held unit has, as far as is known. */
  expected = 0;
  #filling: Uint8Array = NO_BYTES;
  #resting: Uint8Array = NO_BYTES;
  #held = 0;

  /** How many bytes are held. */
  get held(): number {
    return this.#held;
  }

  /** The buffer that is being filled; what is held lies at its start. */
  get bytes(): Uint8Array {
    return this.#filling;
  }

  /** Copies `bytes` from `start` to `end` behind what is held. Memory grows with what came, not with what is announced. */
  hold(bytes: Uint8Array, start: number, end: number): void {
    const length = this.#held + end - start;
    if (length > this.#filling.length) this.#grow(length);
    this.#filling.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.#held);
    this.#held = length;
  }

  /** Hands out what is held, and goes on with the other buffer. */
  release(): Uint8Array {
    const full = this.#filling, held = full.subarray(0, this.#held);
    this.#filling = this.#resting;
    this.#resting = full.length > KEPT ? NO_BYTES : full;
    this.#held = 0;
    return held;
  }

  /** Lets go of all memory. */
  forget(): void {
    this.#filling = this.#resting = NO_BYTES;
    this.#held = 0;
  }

  #grow(length: number): void {
    const grown = new Uint8Array(Math.max(length, this.#filling.length * 2));
    grown.set(this.#filling.subarray(0, this.#held));
    this.#filling = grown;
  }
}
