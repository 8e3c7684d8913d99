/** Node ids: the XOR metric (BEP 5), ids bound to an IP address (BEP 42), ids of one host's many addresses (BEP 45). */

import { crc32c } from "../bytes/crc32c.ts";
import { type Random, randomBelow, randomBytes } from "../bytes/random.ts";
import { addressScope, parseIp } from "../peer/ip.ts";
import { ID_LENGTH } from "./messages/node_info.ts";

/** Bits of an id. */
export const ID_BITS: number = ID_LENGTH * 8;

/** How much of each byte of an address goes into the hash (BEP 42 "node id restriction"). */
const MASKS = { 4: [0x03, 0x0f, 0x3f, 0xff], 6: [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff] } as const;

/** The id's first 21 bits follow from the address: two bytes and five bits. */
const THIRD_BYTE_MASK = 0xf8;

/** Which id is nearer to `target`: negative if `a`, positive if `b`, zero if they are equal (BEP 5 "overview"). */
export function compareDistance(target: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_LENGTH; i++) {
    const difference = (a[i]! ^ target[i]!) - (b[i]! ^ target[i]!);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** How many leading bits two ids share, 0 to 160. */
export function sharedPrefix(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_LENGTH; i++) {
    const difference = a[i]! ^ b[i]!;
    if (difference !== 0) return i * 8 + Math.clz32(difference) - 24;
  }
  return ID_BITS;
}

/** Draws an id that shares exactly `bits` leading bits with `id`, or at least all 160 of them. */
export function randomIdNear(random: Random, id: Uint8Array, bits: number): Uint8Array<ArrayBuffer> {
  const drawn = randomBytes(random, ID_LENGTH);
  for (let i = 0; i < ID_LENGTH; i++) {
    const kept = Math.max(0, Math.min(8, bits - i * 8)), mask = 0xff00 >> kept & 0xff;
    drawn[i] = id[i]! & mask | drawn[i]! & ~mask;
  }
  if (bits < ID_BITS) {
    const at = bits >> 3, bit = 0x80 >> (bits & 7);
    drawn[at] = drawn[at]! & ~bit | ~id[at]! & bit;
  }
  return drawn;
}

/**
 * Draws an id for a node at `host`, or for a node that does not know its address yet. The id of a node with a global
 * address begins as BEP 42 "node id restriction" wants it.
 */
export function createNodeId(random: Random, host?: string): Uint8Array<ArrayBuffer> {
  const id = randomBytes(random, ID_LENGTH);
  if (host === undefined || isExempt(host)) return id;
  return bindNodeId(id, host, randomBelow(random, 256));
}

/** Puts the part that follows from `host` and `rand` (0 to 255) into an id, as a copy (BEP 42 "node id restriction"). */
export function bindNodeId(id: Uint8Array, host: string, rand: number): Uint8Array<ArrayBuffer> {
  const bound = new Uint8Array(id), crc = addressHash(host, rand & 7);
  bound[0] = crc >>> 24;
  bound[1] = crc >>> 16;
  bound[2] = crc >>> 8 & THIRD_BYTE_MASK | bound[2]! & ~THIRD_BYTE_MASK;
  bound[ID_LENGTH - 1] = rand;
  return bound;
}

/**
 * Whether a node at `host` may have this id (BEP 42 "enforcement"). On a local network every id is right.
 *
 * @throws {RangeError} If `host` is no IP address.
 */
export function isNodeIdOf(host: string, id: Uint8Array): boolean {
  if (isExempt(host)) return true;
  const crc = addressHash(host, id[ID_LENGTH - 1]! & 7);
  return id[0] === crc >>> 24 && id[1] === (crc >>> 16 & 0xff) &&
    ((id[2]! ^ crc >>> 8) & THIRD_BYTE_MASK) === 0;
}

/**
 * The id of the `index`-th address of one host: far from all its other ids (BEP 45 "mandatory"). The high bits count in
 * reversed order: 0, 1/2, 1/4, 3/4 of the id space further on. Where BEP 42 rules, ids follow from the addresses instead.
 *
 * @throws {RangeError} If `index` is not 0 to 65535.
 */
export function spreadNodeId(base: Uint8Array, index: number): Uint8Array<ArrayBuffer> {
  if (!Number.isInteger(index) || index < 0 || index > 0xffff) {
    throw new RangeError(`Cannot spread node id: index ${index} is not 0 to 65535`);
  }
  const id = new Uint8Array(base);
  for (let bit = 0; bit < 16; bit++) if (index >> bit & 1) id[bit >> 3]! ^= 0x80 >> (bit & 7);
  return id;
}

function isExempt(host: string): boolean {
  return addressScope(host) !== "global";
}

function addressHash(host: string, r: number): number {
  const ip = parseIp(host);
  if (ip === undefined) throw new RangeError(`Cannot hash "${host}": not an IP address`);
  const mask = MASKS[ip.length === 4 ? 4 : 6], masked = Uint8Array.from(mask, (bits, i) => ip[i]! & bits);
  masked[0]! |= r << 5;
  return crc32c(masked);
}
