/**
 * SHA-1 (FIPS 180-4) in one synchronous call, for tiny inputs inside machines: the allowed-fast set (BEP 6), MSE keys,
 * DHT tokens (BEP 5), item targets (BEP 44). Pieces go through `digest.ts`: the platform is a hundred times faster.
 */

/** Scratch for one call at a time, which is all that one thread can make: allocating cost more than hashing. */
const STATE: Int32Array = new Int32Array(5);
const WORDS: Int32Array = new Int32Array(80);
const BLOCK: Uint8Array = new Uint8Array(64);

/** Reads a block into the first 16 words and computes the other 64. */
function schedule(bytes: Uint8Array, offset: number): void {
  for (let t = 0, at = offset; t < 16; t++, at += 4) {
    WORDS[t] = bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
  }
  for (let t = 16; t < 80; t++) {
    const word = WORDS[t - 3]! ^ WORDS[t - 8]! ^ WORDS[t - 14]! ^ WORDS[t - 16]!;
    WORDS[t] = word << 1 | word >>> 31;
  }
}

/** One block into the state. A loop for each of the four functions: choosing one in every step took as long as the step. */
function compress(bytes: Uint8Array, offset: number): void {
  schedule(bytes, offset);
  let a = STATE[0]!, b = STATE[1]!, c = STATE[2]!, d = STATE[3]!, e = STATE[4]!, t = 0;
  for (; t < 20; t++) {
    const next = (a << 5 | a >>> 27) + (d ^ b & (c ^ d)) + e + 0x5a827999 + WORDS[t]! | 0;
    e = d, d = c, c = b << 30 | b >>> 2, b = a, a = next;
  }
  for (; t < 40; t++) {
    const next = (a << 5 | a >>> 27) + (b ^ c ^ d) + e + 0x6ed9eba1 + WORDS[t]! | 0;
    e = d, d = c, c = b << 30 | b >>> 2, b = a, a = next;
  }
  for (; t < 60; t++) {
    const next = (a << 5 | a >>> 27) + (b & c | d & (b | c)) + e + 0x8f1bbcdc + WORDS[t]! | 0;
    e = d, d = c, c = b << 30 | b >>> 2, b = a, a = next;
  }
  for (; t < 80; t++) {
    const next = (a << 5 | a >>> 27) + (b ^ c ^ d) + e + 0xca62c1d6 + WORDS[t]! | 0;
    e = d, d = c, c = b << 30 | b >>> 2, b = a, a = next;
  }
  STATE[0]! += a, STATE[1]! += b, STATE[2]! += c, STATE[3]! += d, STATE[4]! += e;
}

/** The last block or two: what is left, a one bit, zeros, the length in bits. */
function finish(bytes: Uint8Array, offset: number): void {
  const left = bytes.length - offset;
  for (let i = 0; i < left; i++) BLOCK[i] = bytes[offset + i]!;
  BLOCK[left] = 0x80;
  BLOCK.fill(0, left + 1);
  if (left > 55) {
    compress(BLOCK, 0);
    BLOCK.fill(0);
  }
  const high = Math.floor(bytes.length / 0x2000_0000), low = bytes.length << 3;
  for (let i = 0; i < 4; i++) {
    BLOCK[56 + i] = high >>> (24 - 8 * i);
    BLOCK[60 + i] = low >>> (24 - 8 * i);
  }
  compress(BLOCK, 0);
}

/**
 * The 20-byte SHA-1 of `bytes`, computed here and now; meant for inputs up to a few hundred bytes. It is written to
 * `digest` and given back.
 */
export function sha1Sync(
  bytes: Uint8Array,
  digest: Uint8Array<ArrayBuffer> = new Uint8Array(20),
): Uint8Array<ArrayBuffer> {
  STATE[0] = 0x67452301,
    STATE[1] = 0xefcdab89,
    STATE[2] = 0x98badcfe,
    STATE[3] = 0x10325476,
    STATE[4] = 0xc3d2e1f0;
  let offset = 0;
  for (; offset + 64 <= bytes.length; offset += 64) compress(bytes, offset);
  finish(bytes, offset);
  for (let i = 0; i < 20; i++) digest[i] = STATE[i >> 2]! >>> (24 - 8 * (i & 3));
  return digest;
}
