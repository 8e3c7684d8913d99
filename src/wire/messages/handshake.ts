/** The first bytes of a connection: protocol name, reserved bits, info hash, peer id (BEP 3 "peer protocol", BEP 4). */

import { Cursor } from "../../bytes/cursor.ts";
import { encodeByteString, encodeUtf8 } from "../../bytes/text.ts";
import { Writer } from "../../bytes/writer.ts";
import { DecodeError } from "../../errors.ts";

/** Bytes of a whole handshake. */
export const HANDSHAKE_LENGTH = 68;

/** Bytes up to the info hash: enough to answer an incoming connection. Some never send the peer id before that. */
export const HANDSHAKE_PREFIX_LENGTH = 48;

/** Bytes of a peer id, the rest of a handshake. */
export const HANDSHAKE_PEER_ID_LENGTH = 20;

/** "BitTorrent protocol" with its length in front: how every handshake starts. */
export const PROTOCOL_NAME: Uint8Array = encodeUtf8("\x13BitTorrent protocol");

/** Allocated bits of the eight reserved bytes: byte, mask (BEP 4 "reserved bit allocations"). Other bits are legal. */
export const RESERVED_BITS = {
  /** Azureus messaging protocol. */
  azureusMessaging: [0, 0x80],
  /** Location-aware protocol. */
  locationAware: [2, 0x08],
  /** Extension protocol, LTEP (BEP 10). */
  extended: [5, 0x10],
  /** Two bits that choose between LTEP and Azureus messaging. */
  extensionNegotiation: [5, 0x03],
  /** The distributed hash table (BEP 5). */
  dht: [7, 0x01],
  /** XBT peer exchange. */
  xbtPeerExchange: [7, 0x02],
  /** The fast extension (BEP 6). */
  fast: [7, 0x04],
  /** NAT traversal. */
  natTraversal: [7, 0x08],
  /** A hybrid torrent can be upgraded to version 2 (BEP 52 "upgrade path"). */
  v2: [7, 0x10],
} as const;

/** Something that a reserved bit offers. */
export type Feature = keyof typeof RESERVED_BITS;

/** A handshake, or what it says up to the info hash. Bytes are views of what was decoded. */
export interface HandshakePrefix {
  /** The eight reserved bytes; see {@linkcode hasFeature}. */
  readonly reserved: Uint8Array;
  /** What both sides talk about, 20 bytes: SHA-1 of the info dictionary, or its SHA-256 cut (BEP 52). */
  readonly infoHash: Uint8Array;
}

/** A whole handshake. */
export interface Handshake extends HandshakePrefix {
  /** Who speaks, 20 bytes (BEP 20). */
  readonly peerId: Uint8Array;
}

/** Whether the reserved bytes of a handshake offer a feature. */
export function hasFeature(reserved: Uint8Array, feature: Feature): boolean {
  const [byte, mask] = RESERVED_BITS[feature];
  return (reserved[byte]! & mask) !== 0;
}

/** Makes the eight reserved bytes that offer these features. */
export function encodeReserved(features: readonly Feature[]): Uint8Array<ArrayBuffer> {
  const reserved = new Uint8Array(8);
  for (const feature of features) {
    const [byte, mask] = RESERVED_BITS[feature];
    reserved[byte]! |= mask;
  }
  return reserved;
}

/** Writes a handshake, 68 bytes. @throws {RangeError} If a part has not its length: 8, 20 and 20 bytes. */
export function encodeHandshake(handshake: Handshake): Uint8Array<ArrayBuffer> {
  const { reserved, infoHash, peerId } = handshake;
  if (reserved.length !== 8 || infoHash.length !== 20 || peerId.length !== HANDSHAKE_PEER_ID_LENGTH) {
    throw new RangeError(
      `Cannot encode handshake: expected parts of 8, 20 and 20 bytes, got ${reserved.length}, ${infoHash.length} and ${peerId.length}`,
    );
  }
  return new Writer(HANDSHAKE_LENGTH).bytes(PROTOCOL_NAME).bytes(reserved).bytes(infoHash).bytes(peerId)
    .done();
}

/** Reads the first 48 bytes of a handshake. @throws {DecodeError} If there are fewer or the protocol is another. */
export function decodeHandshakePrefix(bytes: Uint8Array): HandshakePrefix {
  return readPrefix(new Cursor(bytes, "handshake"));
}

/** Reads a whole handshake. @throws {DecodeError} If it has not 68 bytes or the protocol is another. */
export function decodeHandshake(bytes: Uint8Array): Handshake {
  const cursor = new Cursor(bytes, "handshake");
  const handshake = { ...readPrefix(cursor), peerId: cursor.bytes(HANDSHAKE_PEER_ID_LENGTH) };
  cursor.end();
  return handshake;
}

function readPrefix(cursor: Cursor): HandshakePrefix {
  const name = cursor.bytes(PROTOCOL_NAME.length);
  const wrong = name.findIndex((byte, i) => byte !== PROTOCOL_NAME[i]);
  if (wrong >= 0) {
    const got = JSON.stringify(encodeByteString(name));
    throw new DecodeError(`Cannot decode handshake: the protocol is ${got}`, { offset: wrong });
  }
  return { reserved: cursor.bytes(8), infoHash: cursor.bytes(20) };
}
