/** Ed25519 with private keys in expanded form, which WebCrypto cannot use: BEP 44's test vectors, libtorrent's keys. */

import { concat } from "@std/bytes/concat";
import type { Ed25519Signer } from "./ed25519.ts";

/** A scalar and a prefix of 32 bytes each. */
const KEY_LENGTH = 64;

/**
 * Makes a signer from a private key in expanded form: the 64 bytes that a seed's SHA-512 is after clamping (RFC 8032
 * section 5.1.5, steps 1 and 2), as libtorrent keeps it. A seed cannot be made of it again; new keys are better kept as
 * seeds, for `createSigner`.
 *
 * The curve comes from `@noble/curves`, which is loaded by the first call and not before.
 *
 * @throws {RangeError} If it has another length or is not clamped; a seed followed by its public key is yet another form.
 */
export async function createExpandedSigner(key: Uint8Array): Promise<Ed25519Signer> {
  if (key.length !== KEY_LENGTH) {
    throw new RangeError(`Cannot use expanded key: expected ${KEY_LENGTH} bytes, got ${key.length}`);
  }
  if (!isClamped(key)) throw new RangeError("Cannot use expanded key: its scalar is not clamped");
  const { ed25519: { Point } } = await import("@noble/curves/ed25519.js");
  const order = Point.Fn.ORDER, scalar = littleEndian(key.subarray(0, 32)) % order, prefix = key.slice(32);
  const publicKey = pointOf(scalar);
  return { publicKey, sign };

  /** RFC 8032 section 5.1.6, from step 2 on. */
  async function sign(message: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const r = await hash([prefix, message]), commitment = pointOf(r);
    const s = (r + await hash([commitment, publicKey, message]) * scalar) % order;
    const tail = Uint8Array.from({ length: 32 }, (_, i) => Number(s >> BigInt(8 * i) & 0xffn));
    return concat([commitment, tail]);
  }

  function pointOf(scalar: bigint): Uint8Array<ArrayBuffer> {
    return new Uint8Array(Point.BASE.multiply(scalar).toBytes());
  }

  async function hash(parts: Uint8Array[]): Promise<bigint> {
    return littleEndian(new Uint8Array(await crypto.subtle.digest("SHA-512", concat(parts)))) % order;
  }
}

/** Every right key is: bits 0 to 2 and 255 are clear and bit 254 is set. */
function isClamped(key: Uint8Array): boolean {
  return (key[0]! & 7) === 0 && (key[31]! & 0xc0) === 0x40;
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((number, byte) => number << 8n | BigInt(byte), 0n);
}
