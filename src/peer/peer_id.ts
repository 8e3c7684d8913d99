/** Peer ids: making our own and telling which client made another (BEP 20). */

import { type Random, randomBelow } from "../bytes/random.ts";
import { decodeByteString, encodeByteString } from "../bytes/text.ts";
import { AZUREUS_CLIENTS, ODD_CLIENTS, SHADOW_CLIENTS, type VersionStyle } from "./client_names.ts";

/** Bytes of a peer id. */
export const PEER_ID_LENGTH = 20;

/** What a peer id says about the program behind it. Anybody can write anything there: for display only. */
export interface ClientName {
  /** As people know it: `Transmission`. */
  readonly name: string;
  /** As people write it, `4.0.6`; absent if the id does not tell. */
  readonly version?: string;
}

/** The start of this library's ids: Azureus style, version 0.1. */
const OUR_PREFIX = "-NB0100-";

/** Unreserved in URLs (RFC 3986), so that an announce needs no escapes. */
const TAIL_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.-";

/** Digits of Shadow-style versions (BEP 20: "limited to the following characters"), worth 0 to 63. */
const SHADOW_DIGITS = TAIL_CHARACTERS;

const VERSION_STYLES: Readonly<Record<VersionStyle, (digits: string) => string>> = {
  four: (digits) => numbers(digits).slice(0, digits[3] === "0" ? 3 : 4).join("."),
  three: (digits) => numbers(digits).slice(0, 3).join("."),
  pairs: (digits) => `${+digits.slice(0, 2)}.${+digits.slice(2, 4)}`,
  majorAndPair: (digits) => `${+digits.slice(0, 2)}.${digits.slice(2, 4)}`,
  transmission: transmissionVersion,
  none: () => "",
};

/**
 * Makes a peer id: `prefix` (Azureus style by custom), then random characters up to 20 bytes.
 *
 * @throws {RangeError} If `prefix` is longer than 20 bytes or no byte string.
 */
export function createPeerId(random: Random, prefix: string = OUR_PREFIX): Uint8Array<ArrayBuffer> {
  if (prefix.length > PEER_ID_LENGTH) {
    throw new RangeError(`Cannot create peer id: the prefix has ${prefix.length} bytes, more than 20`);
  }
  let id = prefix;
  while (id.length < PEER_ID_LENGTH) id += TAIL_CHARACTERS[randomBelow(random, TAIL_CHARACTERS.length)]!;
  return decodeByteString(id);
}

/** Tells which client a peer id claims, or `undefined` if it follows no known convention. */
export function identifyClient(peerId: Uint8Array): ClientName | undefined {
  const id = encodeByteString(peerId);
  return identifyOdd(id) ?? identifyAzureus(id) ?? identifyShadow(id);
}

function identifyAzureus(id: string): ClientName | undefined {
  // FlashGet leaves the last dash out; µTorrent and others fill up with zero bytes and letters.
  const match = /^-([0-9A-Za-z][0-9A-Za-z~])([0-9A-Za-z]{3}.)/s.exec(id);
  const known = match && Object.hasOwn(AZUREUS_CLIENTS, match[1]!) ? AZUREUS_CLIENTS[match[1]!] : undefined;
  if (known === undefined) return undefined;
  return named(known[0], VERSION_STYLES[known[1] ?? "four"](match![2]!));
}

function identifyShadow(id: string): ClientName | undefined {
  const match = /^([A-Z])([0-9A-Za-z.]{1,5})-*/.exec(id.slice(0, 6));
  const name = match && Object.hasOwn(SHADOW_CLIENTS, match[1]!) ? SHADOW_CLIENTS[match[1]!] : undefined;
  if (name === undefined || match![0].length !== 6 || id.slice(6, 9) !== "---") return undefined;
  return named(name, Array.from(match![2]!, (digit) => SHADOW_DIGITS.indexOf(digit)).join("."));
}

function identifyOdd(id: string): ClientName | undefined {
  for (const { pattern, name, byteVersion } of ODD_CLIENTS) {
    const match = pattern.exec(id);
    if (match === null) continue;
    return named(name, byteVersion ? byteVersionText(match[1]!) : match.slice(1).join("."));
  }
  return undefined;
}

function named(name: string, version: string): ClientName {
  return version === "" ? { name } : { name, version };
}

/** BitComet: "x in decimal before the decimal point and y as two decimal digits after". */
function byteVersionText(bytes: string): string {
  return `${bytes.charCodeAt(0)}.${String(bytes.charCodeAt(1)).padStart(2, "0")}`;
}

/** Digits go on after 9 with letters of either case: A is 10. What is neither ends the version. */
function numbers(digits: string): number[] {
  const all = Array.from(digits, (digit) => parseInt(digit, 36));
  const end = all.findIndex(Number.isNaN);
  return end < 0 ? all : all.slice(0, end);
}

/** `0006` is 0.6, `0072` 0.72, `2940` 2.94, `4060` 4.0.6: the custom changed twice. */
function transmissionVersion(digits: string): string {
  if (digits.startsWith("000")) return `0.${digits[3]}`;
  if (digits.startsWith("00")) return `0.${digits.slice(2)}`;
  return digits[0]! < "4" ? `${digits[0]}.${digits.slice(1, 3)}` : numbers(digits).slice(0, 3).join(".");
}
