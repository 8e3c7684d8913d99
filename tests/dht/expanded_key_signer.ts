/**
 * Signs with an Ed25519 key in expanded form: 64 bytes, the clamped scalar and the prefix (RFC 8032 section 5.1.5,
 * steps 2 and 3 done). BEP 44's test vectors and libtorrent's key files have this form, which WebCrypto cannot use.
 */

// deno-lint-ignore no-import-prefix
import { ed25519 } from "npm:@noble/curves@1.9.7/ed25519";
import { concat } from "@std/bytes/concat";
import type { Signer } from "../../src/dht/item.ts";

const { Point, CURVE: { n: ORDER } } = ed25519;

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((number, byte) => number << 8n | BigInt(byte), 0n);
}

async function sha512Number(...parts: Uint8Array[]): Promise<bigint> {
  const digest = await crypto.subtle.digest("SHA-512", concat(parts));
  return littleEndian(new Uint8Array(digest)) % ORDER;
}

/** Makes a signer of the expanded key. */
export function createExpandedKeySigner(expanded: Uint8Array): Signer {
  const scalar = littleEndian(expanded.subarray(0, 32)) % ORDER, prefix = expanded.subarray(32);
  const publicKey = Point.BASE.multiply(scalar).toBytes();
  return {
    publicKey,
    async sign(message) {
      const r = await sha512Number(prefix, message), commitment = Point.BASE.multiply(r).toBytes();
      const s = (r + await sha512Number(commitment, publicKey, message) * scalar) % ORDER;
      const tail = Uint8Array.from({ length: 32 }, (_, i) => Number(s >> BigInt(8 * i) & 0xffn));
      return concat([commitment, tail]);
    },
  };
}
