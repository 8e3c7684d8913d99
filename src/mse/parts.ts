/** The parts that both sides write: a public key, and what is said under encryption; each with padding of a random length. */

import { concat } from "@std/bytes/concat";
import { type Random, randomBelow, randomBytes } from "../bytes/random.ts";
import { Writer } from "../bytes/writer.ts";
import { publicKeyOf } from "./key_exchange.ts";

/** Bytes of padding that a part may have. */
export const MAX_PADDING = 512;

/** Zeros under encryption, by which a side proves that it knows the secret and the torrent. */
export const VERIFICATION: Uint8Array = new Uint8Array(8);

/** Bytes of methods and length of padding. */
export const METHODS_LENGTH = 6;

/** The first part of either side. Its padding is noise, to give the connection no length to be known by. */
export function encodeKeyPart(privateKey: Uint8Array, random: Random): Uint8Array {
  return concat([publicKeyOf(privateKey), randomBytes(random, drawPaddingLength(random))]);
}

/** The second part before encryption: methods and what follows them. Its padding is zeros, as the specification asks. */
export function encodeMethodsPart(methods: number, rest: Uint8Array, random: Random): Uint8Array {
  const padding = drawPaddingLength(random);
  return new Writer(VERIFICATION.length + METHODS_LENGTH + padding + rest.length)
    .bytes(VERIFICATION).uint32(methods).uint16(padding).bytes(new Uint8Array(padding)).bytes(rest).done();
}

function drawPaddingLength(random: Random): number {
  return randomBelow(random, MAX_PADDING + 1);
}
