/** RC4, the stream cipher of MSE: broken as a secret, good enough to hide what protocol is spoken. */

/** A keystream in progress. The same call encrypts and decrypts. */
export class Rc4 {
  readonly #state = new Uint8Array(256);
  #i = 0;
  #j = 0;

  /**
   * Starts with a key of 1 to 256 bytes, and throws the first `dropped` bytes of the keystream away.
   *
   * @throws {RangeError} If the key has another length.
   */
  constructor(key: Uint8Array, dropped: number = 0) {
    if (key.length < 1 || key.length > 256) {
      throw new RangeError(`Cannot use RC4 key: expected 1 to 256 bytes, got ${key.length}`);
    }
    const state = this.#state;
    for (let i = 0; i < 256; i++) state[i] = i;
    for (let i = 0, j = 0; i < 256; i++) {
      const a = state[i]!;
      j = (j + a + key[i % key.length]!) & 255;
      state[i] = state[j]!;
      state[j] = a;
    }
    if (dropped > 0) this.apply(new Uint8Array(dropped));
  }

  /**
   * Writes `from`, with the next bytes of the keystream over it, to the front of `into`; in place by default.
   *
   * @throws {RangeError} If `into` is too short.
   */
  apply(from: Uint8Array, into: Uint8Array = from): void {
    const length = from.length, wordsEnd = length & ~3, state = this.#state;
    const source = new DataView(from.buffer, from.byteOffset, length);
    const target = new DataView(into.buffer, into.byteOffset, length);
    let i = this.#i, j = this.#j, at = 0, a: number, b: number, word: number;
    // Four bytes of keystream go over as one word: half as fast again as byte by byte.
    for (; at < wordsEnd; at += 4) {
      i = (i + 1) & 255, a = state[i]!, j = (j + a) & 255, b = state[j]!, state[i] = b, state[j] = a;
      word = state[(a + b) & 255]!;
      i = (i + 1) & 255, a = state[i]!, j = (j + a) & 255, b = state[j]!, state[i] = b, state[j] = a;
      word |= state[(a + b) & 255]! << 8;
      i = (i + 1) & 255, a = state[i]!, j = (j + a) & 255, b = state[j]!, state[i] = b, state[j] = a;
      word |= state[(a + b) & 255]! << 16;
      i = (i + 1) & 255, a = state[i]!, j = (j + a) & 255, b = state[j]!, state[i] = b, state[j] = a;
      word |= state[(a + b) & 255]! << 24;
      target.setInt32(at, source.getInt32(at, true) ^ word, true);
    }
    for (; at < length; at++) {
      i = (i + 1) & 255, a = state[i]!, j = (j + a) & 255, b = state[j]!, state[i] = b, state[j] = a;
      target.setUint8(at, source.getUint8(at) ^ state[(a + b) & 255]!);
    }
    this.#i = i;
    this.#j = j;
  }
}
