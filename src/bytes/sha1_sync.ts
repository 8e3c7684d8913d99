/**
 * SHA-1 (FIPS 180-4) in one synchronous call, for tiny inputs inside machines: the allowed-fast set (BEP 6), MSE keys,
 * DHT tokens (BEP 5), item targets (BEP 44). Pieces go through `digest.ts`: the platform is a hundred times faster.
 */

const INITIAL = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0] as const;

function pad(bytes: Uint8Array): DataView {
  const length = Math.ceil((bytes.length + 9) / 64) * 64;
  const padded = new Uint8Array(length);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(length - 8, BigInt(bytes.length) * 8n);
  return view;
}

function schedule(words: Uint32Array, view: DataView, offset: number): void {
  for (let t = 0; t < 16; t++) words[t] = view.getUint32(offset + t * 4);
  for (let t = 16; t < 80; t++) {
    const word = words[t - 3]! ^ words[t - 8]! ^ words[t - 14]! ^ words[t - 16]!;
    words[t] = word << 1 | word >>> 31;
  }
}

function compress(state: Uint32Array, words: Uint32Array): void {
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!, e = state[4]!;
  for (let t = 0; t < 80; t++) {
    let f: number, k: number;
    if (t < 20) f = b & c | ~b & d, k = 0x5a827999;
    else if (t < 40) f = b ^ c ^ d, k = 0x6ed9eba1;
    else if (t < 60) f = b & c | b & d | c & d, k = 0x8f1bbcdc;
    else f = b ^ c ^ d, k = 0xca62c1d6;
    const next = (a << 5 | a >>> 27) + f + e + k + words[t]! | 0;
    e = d, d = c, c = b << 30 | b >>> 2, b = a, a = next;
  }
  state[0]! += a, state[1]! += b, state[2]! += c, state[3]! += d, state[4]! += e;
}

/** The 20-byte SHA-1 of `bytes`, computed here and now; meant for inputs up to a few hundred bytes. */
export function sha1Sync(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const view = pad(bytes), state = Uint32Array.from(INITIAL), words = new Uint32Array(80);
  for (let offset = 0; offset < view.byteLength; offset += 64) {
    schedule(words, view, offset);
    compress(state, words);
  }
  const digest = new DataView(new ArrayBuffer(20));
  state.forEach((word, i) => digest.setUint32(i * 4, word));
  return new Uint8Array(digest.buffer);
}
