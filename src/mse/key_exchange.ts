/** The key exchange of MSE: Diffie–Hellman in a group of 768 bits. */

import { decodeHex, encodeHex } from "../bytes/text.ts";
import { type Random, randomBytes } from "../bytes/random.ts";

/** Bytes of a public key and of the shared secret, zeros in front where the number is smaller. */
export const KEY_LENGTH = 96;

/** Bytes of a private key: more than 160 bits add nothing, the specification says. */
const PRIVATE_KEY_LENGTH = 20;

/** The prime of Oakley group 1 (RFC 2409), as MSE has it: only its last 65 bits are others. */
const PRIME = BigInt(
  "0xffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd" +
    "ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563",
);

const GENERATOR = 2n;

/** Draws a private key. */
export function drawPrivateKey(random: Random): Uint8Array {
  return randomBytes(random, PRIVATE_KEY_LENGTH);
}

/** The public key that belongs to a private key. */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  return toBytes(power(GENERATOR, privateKey));
}

/**
 * The secret that both sides share; `undefined` if the other side's public key is outside of 2 to p − 2, where the
 * secret would be known to everybody.
 */
export function sharedSecretOf(privateKey: Uint8Array, theirPublicKey: Uint8Array): Uint8Array | undefined {
  const theirs = toNumber(theirPublicKey);
  return theirs < 2n || theirs > PRIME - 2n ? undefined : toBytes(power(theirs, privateKey));
}

/** `base` to the power of `exponent`, modulo the prime: square and multiply from the highest bit on. */
function power(base: bigint, exponent: Uint8Array): bigint {
  let result = 1n;
  for (const bit of toNumber(exponent).toString(2)) {
    result = result * result % PRIME;
    if (bit === "1") result = result * base % PRIME;
  }
  return result;
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(bytes)}`);
}

function toBytes(value: bigint): Uint8Array {
  return decodeHex(value.toString(16).padStart(KEY_LENGTH * 2, "0"));
}
