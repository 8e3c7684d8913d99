/** Peers telling each other about peers: `ut_pex` (BEP 11). */

import { decodeDictionary } from "../../bencode/decode.ts";
import type { BencodeDictionary } from "../../bencode/dictionary.ts";
import { encode } from "../../bencode/encode.ts";
import type { PeerAddress } from "../../peer/address.ts";
import { compactPeerAt, encodeCompactPeers } from "../../peer/compact_peer.ts";
import { isIpv6 } from "../../peer/ip.ts";

/** Bits of an added peer's flags (BEP 11 "protocol extension"). */
export const PEX_FLAGS = {
  prefersEncryption: 0x01,
  uploadOnly: 0x02,
  utp: 0x04,
  holepunch: 0x08,
  reachable: 0x10,
} as const;

/** A peer that the sender is connected to. */
export interface PexPeer {
  /** Where it listens. */
  readonly address: PeerAddress;
  /** Bits of {@linkcode PEX_FLAGS}; unknown ones are kept. */
  readonly flags: number;
}

/** What changed since the last message. */
export interface PexMessage {
  /** Tells it from the other extension messages. */
  readonly type: "pex";
  /** Peers connected since. */
  readonly added: readonly PexPeer[];
  /** Peers no longer connected. */
  readonly dropped: readonly PeerAddress[];
}

/**
 * Entries taken of each list; the rest is not looked at. BEP 11 allows 50 in all, more in the first message: deployed
 * clients send up to 200 then.
 */
const MAX_ENTRIES = 200;

const NO_BYTES = new Uint8Array();

/** Six keys are known; some clients add a few. */
const LIMITS = { tolerant: true, allowTrailing: true, maxDepth: 4, maxTokens: 64 } as const;

/** Writes a peer exchange message. @throws {RangeError} If a host is no IP address. */
export function encodePex(message: PexMessage): Uint8Array<ArrayBuffer> {
  const { added, dropped } = message, addresses = added.map((peer) => peer.address);
  const flags = (v6: boolean) =>
    Uint8Array.from(added.filter(({ address }) => isIpv6(address.host) === v6), (peer) => peer.flags);
  return encode({
    added: encodeCompactPeers(addresses, 4),
    "added.f": flags(false),
    added6: encodeCompactPeers(addresses, 6),
    "added6.f": flags(true),
    dropped: encodeCompactPeers(dropped, 4),
    dropped6: encodeCompactPeers(dropped, 6),
  });
}

/**
 * Reads a peer exchange message. Whole entries are taken, missing flags are 0, port 0 is dropped; a list that is no
 * byte string counts as empty.
 *
 * @throws {DecodeError} If the bytes are no bencoded dictionary.
 */
export function decodePex(bytes: Uint8Array): PexMessage {
  const dictionary = decodeDictionary(bytes, LIMITS);
  return {
    type: "pex",
    added: [...readAdded(dictionary, "added", 4), ...readAdded(dictionary, "added6", 6)],
    dropped: [...readDropped(dictionary, "dropped", 4), ...readDropped(dictionary, "dropped6", 6)],
  };
}

function readAdded(dictionary: BencodeDictionary, key: string, family: 4 | 6): PexPeer[] {
  const flags = bytesOf(dictionary, `${key}.f`);
  return readEntries(dictionary, key, family).flatMap((address, i) =>
    address === undefined ? [] : [{ address, flags: flags[i] ?? 0 }]
  );
}

function readDropped(dictionary: BencodeDictionary, key: string, family: 4 | 6): PeerAddress[] {
  return readEntries(dictionary, key, family).filter((address) => address !== undefined);
}

/** One element per entry, so that flags find their peer; `undefined` where the port is 0. */
function readEntries(
  dictionary: BencodeDictionary,
  key: string,
  family: 4 | 6,
): (PeerAddress | undefined)[] {
  const bytes = bytesOf(dictionary, key), entry = family === 4 ? 6 : 18;
  const count = Math.min(MAX_ENTRIES, Math.floor(bytes.length / entry));
  return Array.from({ length: count }, (_, i) => compactPeerAt(bytes, i * entry, family));
}

function bytesOf(dictionary: BencodeDictionary, key: string): Uint8Array {
  const value = dictionary.get(key);
  return value instanceof Uint8Array ? value : NO_BYTES;
}
