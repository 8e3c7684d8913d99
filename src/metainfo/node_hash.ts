/**
 * SHA-256 of two Merkle nodes (FIPS 180-4), synchronously. A tree has as many nodes as leaves, each hashed from 64 bytes:
 * one call of WebCrypto per node would cost fifty times what the hashing itself does.
 */

/** Bytes of a node. */
export const NODE_LENGTH = 32;

/** First 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const ROUND: Int32Array = Int32Array.from(primes(64), (prime) => fraction(Math.cbrt(prime)));

/** First 32 bits of the fractional parts of the square roots of the first 8 primes. */
const INITIAL: Int32Array = Int32Array.from(primes(8), (prime) => fraction(Math.sqrt(prime)));

/** The message schedule of the second block, which is padding alone: a one bit, zeros, and the length of 512 bits. */
const PADDING: Int32Array = paddingSchedule();

/** The schedule of the block at hand, with the round constants added. */
const words: Int32Array = new Int32Array(64);

/** The chaining value of the message at hand. */
const state: Int32Array = new Int32Array(8);

/** Hashes the 64 bytes at `from` of `source` into the 32 bytes at `to` of `target`; the two may be the same array. */
export function hashPair(source: Uint8Array, from: number, target: Uint8Array, to: number): void {
  for (let t = 0, at = from; t < 16; t++, at += 4) {
    words[t] = source[at]! << 24 | source[at + 1]! << 16 | source[at + 2]! << 8 | source[at + 3]!;
  }
  extend(words);
  state.set(INITIAL);
  compress(words);
  compress(PADDING);
  for (let i = 0, at = to; i < 8; i++, at += 4) {
    const word = state[i]!;
    target[at] = word >>> 24,
      target[at + 1] = word >>> 16,
      target[at + 2] = word >>> 8,
      target[at + 3] = word;
  }
}

/** Fills in the last 48 words of a schedule and adds the round constants to all. */
function extend(schedule: Int32Array): void {
  for (let t = 16; t < 64; t++) {
    const a = schedule[t - 15]!, b = schedule[t - 2]!;
    const s0 = (a >>> 7 | a << 25) ^ (a >>> 18 | a << 14) ^ a >>> 3;
    const s1 = (b >>> 17 | b << 15) ^ (b >>> 19 | b << 13) ^ b >>> 10;
    schedule[t] = schedule[t - 16]! + s0 + schedule[t - 7]! + s1 | 0;
  }
  for (let t = 0; t < 64; t++) schedule[t] = schedule[t]! + ROUND[t]! | 0;
}

function compress(schedule: Int32Array): void {
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!;
  let e = state[4]!, f = state[5]!, g = state[6]!, h = state[7]!;
  for (let t = 0; t < 64; t++) {
    const s1 = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
    const first = h + s1 + (g ^ e & (f ^ g)) + schedule[t]! | 0;
    const s0 = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
    const second = s0 + (a & b | c & (a | b)) | 0;
    h = g, g = f, f = e, e = d + first | 0, d = c, c = b, b = a, a = first + second | 0;
  }
  state[0]! += a, state[1]! += b, state[2]! += c, state[3]! += d;
  state[4]! += e, state[5]! += f, state[6]! += g, state[7]! += h;
}

function paddingSchedule(): Int32Array {
  const schedule = new Int32Array(64);
  schedule[0] = 0x80000000 | 0;
  schedule[15] = 512;
  extend(schedule);
  return schedule;
}

function primes(count: number): number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
}

function fraction(root: number): number {
  return (root - Math.floor(root)) * 2 ** 32 | 0;
}
