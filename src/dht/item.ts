/** Items: small values that the DHT stores under a hash, immutable or signed (BEP 44). */

import { equals } from "@std/bytes/equals";
import { concat } from "@std/bytes/concat";
import { decode } from "../bencode/decode.ts";
import { type Bencodable, encode } from "../bencode/encode.ts";
import { sha1Sync } from "../bytes/sha1_sync.ts";
import { encodeUtf8 } from "../bytes/text.ts";
import { ID_LENGTH } from "./messages/node_info.ts";

/** Longest value, bencoded, that every node should store (BEP 44 "messages"). */
export const MAX_VALUE_LENGTH = 1000;

/** Longest salt (BEP 44 "errors"; the number is libtorrent's). */
export const MAX_SALT_LENGTH = 64;

/** Sequence numbers are signed 64-bit integers and never negative (BEP 44 "mutable items"). */
const MAX_SEQ: bigint = 2n ** 63n - 1n;

const PUBLIC_KEY_LENGTH = 32, SIGNATURE_LENGTH = 64;

/** A value stored under its own hash (BEP 44 "immutable items"). */
export interface ImmutableItem {
  /** Tells items apart. */
  readonly type: "immutable";
  /** The value in its bencoded form, at most {@linkcode MAX_VALUE_LENGTH} bytes. */
  readonly value: Uint8Array;
}

/** A value stored under the hash of a key, replaced by whoever can sign (BEP 44 "mutable items"). */
export interface MutableItem {
  /** Tells items apart. */
  readonly type: "mutable";
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Tells several items of one key apart; at most {@linkcode MAX_SALT_LENGTH} bytes, empty or absent for none. */
  readonly salt?: Uint8Array | undefined;
  /** Rises with each new value. */
  readonly seq: bigint;
  /** The value in its bencoded form, at most {@linkcode MAX_VALUE_LENGTH} bytes. */
  readonly value: Uint8Array;
  /** Ed25519 signature of the {@linkcode signedBytes}, 64 bytes. */
  readonly signature: Uint8Array;
}

/** Something that the DHT stores. */
export type DhtItem = ImmutableItem | MutableItem;

/** What an item is asked for by. */
export type ItemName =
  | { readonly type: "immutable"; readonly target: Uint8Array }
  | { readonly type: "mutable"; readonly publicKey: Uint8Array; readonly salt?: Uint8Array | undefined };

/** Something that can sign with Ed25519: `createSigner`, or keys in another form, or a machine of their own. */
export interface Signer {
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Signs; 64 bytes. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** What makes a mutable item besides the key. */
export interface MutableItemOptions {
  /** Must be above the sequence number of the value to be replaced. */
  readonly seq: bigint;
  /** Tells several items of one key apart. */
  readonly salt?: Uint8Array;
}

/** The target that an item is stored under: a hash of the value, or of key and salt. */
export function itemTarget(item: DhtItem | ItemName): Uint8Array {
  if (item.type === "mutable") return sha1Sync(concat([item.publicKey, item.salt ?? new Uint8Array()]));
  return "target" in item ? item.target : sha1Sync(item.value);
}

/** Makes an immutable item of a value. @throws {RangeError} If its bencoded form is longer than 1000 bytes. */
export function createImmutableItem(value: Bencodable): ImmutableItem {
  const item: ImmutableItem = { type: "immutable", value: encode(value) };
  checkItem(item);
  return item;
}

/**
 * Makes and signs a mutable item.
 *
 * @throws {RangeError} If value or salt are too long or the sequence number is out of range.
 */
export async function createMutableItem(
  signer: Signer,
  value: Bencodable,
  options: MutableItemOptions,
): Promise<MutableItem> {
  const unsigned = {
    publicKey: signer.publicKey,
    salt: options.salt,
    seq: options.seq,
    value: encode(value),
  };
  const signature = await signer.sign(signedBytes(unsigned));
  const item: MutableItem = { type: "mutable", ...unsigned, signature };
  checkItem(item);
  return item;
}

/** What the signature of a mutable item is made over (BEP 44 "signature verification"). */
export function signedBytes(item: Pick<MutableItem, "salt" | "seq" | "value">): Uint8Array {
  const salt = item.salt?.length ? [encodeUtf8("4:salt"), encode(item.salt)] : [];
  return concat([...salt, encodeUtf8(`3:seqi${item.seq}e1:v`), item.value]);
}

/**
 * Makes sure that an item of ours can be stored.
 *
 * @throws {RangeError} If a part of it is too long, too short or out of range.
 * @throws {DecodeError} If the value is not canonical bencode.
 */
export function checkItem(item: DhtItem): void {
  decode(item.value);
  checkLength("value", item.value, 1, MAX_VALUE_LENGTH);
  if (item.type === "immutable") return;
  checkLength("public key", item.publicKey, PUBLIC_KEY_LENGTH, PUBLIC_KEY_LENGTH);
  checkLength("signature", item.signature, SIGNATURE_LENGTH, SIGNATURE_LENGTH);
  checkLength("salt", item.salt ?? new Uint8Array(), 0, MAX_SALT_LENGTH);
  if (!isSeq(item.seq)) throw new RangeError(`Cannot store item: ${item.seq} is no sequence number`);
}

/** Makes sure that a name can be looked up. @throws {RangeError} If a part of it has the wrong length. */
export function checkItemName(name: ItemName): void {
  if (name.type === "immutable") return checkLength("target", name.target, ID_LENGTH, ID_LENGTH);
  checkLength("public key", name.publicKey, PUBLIC_KEY_LENGTH, PUBLIC_KEY_LENGTH);
  checkLength("salt", name.salt ?? new Uint8Array(), 0, MAX_SALT_LENGTH);
}

/** Whether a number can be a sequence number. */
export function isSeq(seq: bigint): boolean {
  return seq >= 0n && seq <= MAX_SEQ;
}

/** Whether two mutable items of one name are the same version with the same value. */
export function isSameVersion(a: MutableItem, b: MutableItem): boolean {
  return a.seq === b.seq && equals(a.value, b.value);
}

function checkLength(what: string, bytes: Uint8Array, min: number, max: number): void {
  if (bytes.length >= min && bytes.length <= max) return;
  throw new RangeError(`Cannot store item: the ${what} has ${bytes.length} bytes, not ${min} to ${max}`);
}
