/**
 * Peers before any conversation: their ids, addresses and canonical priority.
 *
 * An address is an IP address as text and a port. Text is read strictly and written in one spelling, so formatted
 * addresses can be compared and used as keys. The compact forms are those of trackers, peer exchange and the DHT.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeCompactPeers, formatPeerAddress, identifyClient } from "@network/bittorrent/peer";
 *
 * const compact = new Uint8Array([192, 0, 2, 7, 0x1a, 0xe1, 198, 51, 100, 9, 0x1a, 0xe2]);
 * const peers = decodeCompactPeers(compact, 4);
 * assertEquals(peers.map(formatPeerAddress), ["192.0.2.7:6881", "198.51.100.9:6882"]);
 *
 * const peerId = new TextEncoder().encode("-TR4060-0123456789ab");
 * assertEquals(identifyClient(peerId), { name: "Transmission", version: "4.0.6" });
 * ```
 *
 * @module
 */

export { DecodeError, type DecodeErrorOptions } from "../errors.ts";
export type { Random } from "../bytes/random.ts";
export { formatPeerAddress, parsePeerAddress, type PeerAddress } from "./address.ts";
export {
  decodeCompactPeer,
  decodeCompactPeers,
  encodeCompactPeer,
  encodeCompactPeers,
} from "./compact_peer.ts";
export { type AddressFamily, addressScope, canonicalHost, formatIp, isIpv6, parseIp } from "./ip.ts";
export type { AddressScope } from "./scope.ts";
export { type ClientName, createPeerId, identifyClient, PEER_ID_LENGTH } from "./peer_id.ts";
export { peerPriority } from "./priority.ts";
