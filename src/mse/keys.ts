/** What MSE hashes: markers in the stream, the name of a torrent for those who know it, the keys of both directions. */

import { concat } from "@std/bytes/concat";
import { sha1Sync } from "../bytes/sha1_sync.ts";
import { encodeUtf8 } from "../bytes/text.ts";
import { Rc4 } from "./rc4.ts";

/** Bytes of an info hash: the shared key (SKEY) of a BitTorrent handshake. */
export const INFO_HASH_LENGTH = 20;

/** Keystream that both directions throw away, because the first bytes of RC4 tell about the key. */
const DROPPED = 1024;

const REQ1 = encodeUtf8("req1"), REQ2 = encodeUtf8("req2"), REQ3 = encodeUtf8("req3");
const KEY_A = encodeUtf8("keyA"), KEY_B = encodeUtf8("keyB");

/** The ciphers of both directions of a stream. */
export interface StreamCiphers {
  /** Decrypts what comes. */
  readonly incoming: Rc4;
  /** Encrypts what goes. */
  readonly outgoing: Rc4;
}

/** What the dialler says between padding and key material, so that the other side finds its place. */
export function markerOf(secret: Uint8Array): Uint8Array {
  return sha1Sync(concat([REQ1, secret]));
}

/**
 * The name that an incoming connection gives its torrent, 20 bytes. Only who knows the info hash can tell which it is:
 * keep this of every torrent in a map, or in a {@linkcode SkeyIndex}.
 */
export function skeyHash(infoHash: Uint8Array): Uint8Array {
  return sha1Sync(concat([REQ2, infoHash]));
}

/** Covers the name of a torrent, or uncovers it: the same operation. */
export function maskSkeyHash(hash: Uint8Array, secret: Uint8Array): Uint8Array {
  const mask = sha1Sync(concat([REQ3, secret]));
  return mask.map((byte, i) => byte ^ hash[i]!);
}

/** The ciphers of the one who dialled or was dialled. */
export function streamCiphersOf(
  direction: "outgoing" | "incoming",
  secret: Uint8Array,
  infoHash: Uint8Array,
): StreamCiphers {
  const cipher = (name: Uint8Array) => new Rc4(sha1Sync(concat([name, secret, infoHash])), DROPPED);
  const a = cipher(KEY_A), b = cipher(KEY_B);
  return direction === "outgoing" ? { outgoing: a, incoming: b } : { outgoing: b, incoming: a };
}
