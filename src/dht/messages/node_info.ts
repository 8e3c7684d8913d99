/** Compact node info: a node id and where the node is, 26 bytes for IPv4 and 38 for IPv6 (BEP 5, 32). */

import { DecodeError } from "../../errors.ts";
import type { PeerAddress } from "../../peer/address.ts";
import { compactPeerAt, encodeCompactPeer } from "../../peer/compact_peer.ts";
import { type AddressFamily, isIpv6 } from "../../peer/ip.ts";

/** Bytes of a node id, an info hash and an item's target (BEP 5 "overview"). */
export const ID_LENGTH = 20;

/** A node of the DHT as others speak of it. */
export interface NodeContact {
  /** Its id, 20 bytes. */
  readonly id: Uint8Array;
  /** Where it answers, UDP. */
  readonly address: PeerAddress;
}

/** Bytes of one entry of `nodes` and of `nodes6` (BEP 5 "contact encoding", BEP 32 "nodes6"). */
export const COMPACT_NODE_LENGTH: { readonly [F in AddressFamily]: number } = { 4: 26, 6: 38 };

/** Writes one node in compact form: 26 bytes for IPv4, 38 for IPv6. @throws {RangeError} If the host is no IP address. */
export function encodeCompactNode(contact: NodeContact): Uint8Array<ArrayBuffer> {
  const place = encodeCompactPeer(contact.address), bytes = new Uint8Array(ID_LENGTH + place.length);
  bytes.set(contact.id);
  bytes.set(place, ID_LENGTH);
  return bytes;
}

/**
 * Reads nodes in compact form, one behind the other. Ids are copied; entries with port 0 are dropped, and IPv4 addresses
 * written as IPv6, which belong into the other DHT (BEP 32 "operation").
 *
 * @throws {DecodeError} If the length is no multiple of 26 (IPv4) or 38 (IPv6).
 */
export function decodeCompactNodes(bytes: Uint8Array, family: AddressFamily): NodeContact[] {
  const entry = COMPACT_NODE_LENGTH[family], contacts: NodeContact[] = [];
  if (bytes.length % entry !== 0) {
    throw new DecodeError(`Cannot decode compact nodes: ${bytes.length} bytes are no multiple of ${entry}`);
  }
  for (let at = 0; at < bytes.length; at += entry) {
    const address = compactPeerAt(bytes, at + ID_LENGTH, family);
    if (address !== undefined && isIpv6(address.host) === (family === 6)) {
      contacts.push({ id: bytes.slice(at, at + ID_LENGTH), address });
    }
  }
  return contacts;
}
