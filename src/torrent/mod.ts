/**
 * The decisions of one torrent, without sockets, disks, clock or chance: whom to ask for what, whom to serve, whom to dial,
 * whom to ban.
 *
 * Two machines share the work. {@linkcode MetadataFetch} lives while a magnet link's info dictionary is unknown;
 * {@linkcode Torrent} takes over when it is known. Both are fed inputs with the time of day they happen at, and answer with
 * the effects that are to be carried out, in order: messages to send, blocks to read, pieces to verify and write,
 * addresses to dial. Nothing else goes in or out, so the same inputs always give the same effects.
 * Web servers that have the content (BEP 17, 19) are told as `webSeed`; the machine asks them for runs of pieces with `webFetch`.
 *
 * Beside them stand two smaller ones, for both lives of a torrent: {@linkcode PexExchange} tells peers about peers (BEP 11),
 * and {@linkcode HolepunchRelay} brings peers behind NATs together (BEP 55).
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Torrent, uniformGeometry } from "@network/bittorrent/torrent";
 *
 * const torrent = new Torrent({
 *   geometry: uniformGeometry(40_000, 32_768), // two pieces, the second one shorter
 *   peerId: new TextEncoder().encode("-NB0100-abcdefghijkl"),
 *   random: () => 0,
 *   buffers: { take: (length) => new Uint8Array(length), give: () => {} },
 * }, 0);
 *
 * // A seed connects, says what it has, and lets us ask.
 * const peer = 1;
 * const hello = torrent.handle({
 *   type: "peerConnected",
 *   peer,
 *   address: { host: "192.0.2.7", port: 6881 },
 *   direction: "outgoing",
 *   peerId: new Uint8Array(20),
 *   fast: true,
 *   extended: true,
 *   allowedFast: [],
 * }, 0);
 * assertEquals(hello, [{ type: "send", peer, message: { type: "haveNone" } }]);
 *
 * const interest = torrent.handle({ type: "peerMessage", peer, message: { type: "haveAll" } }, 10);
 * assertEquals(interest, [{ type: "send", peer, message: { type: "interested" } }]);
 *
 * const requests = torrent.handle({ type: "peerMessage", peer, message: { type: "unchoke" } }, 20);
 * assertEquals(requests, [
 *   { type: "send", peer, message: { type: "request", piece: 0, begin: 0, length: 16384 } },
 *   { type: "send", peer, message: { type: "request", piece: 0, begin: 16384, length: 16384 } },
 *   { type: "send", peer, message: { type: "request", piece: 1, begin: 0, length: 7232 } },
 * ]);
 *
 * // The last block of a piece asks for the piece to be verified and written.
 * const block = new Uint8Array(7232);
 * const [store] = torrent.handle({ type: "peerMessage", peer, message: { type: "piece", piece: 1, begin: 0, block } }, 30);
 * assertEquals(store, { type: "store", piece: 1, bytes: new Uint8Array(7232) });
 *
 * const stored = torrent.handle({ type: "pieceStored", piece: 1 }, 40);
 * assertEquals(stored, [
 *   { type: "pieceCompleted", piece: 1 },
 *   { type: "send", peer, message: { type: "have", piece: 1 } },
 * ]);
 * ```
 *
 * @module
 */

export { StateError } from "../errors.ts";
export { Bitfield } from "../bytes/bitfield.ts";
export type { Random } from "../bytes/random.ts";
export type { PeerAddress } from "../peer/address.ts";
export type { ExtensionHandshake, ExtensionHandshakeFields } from "../wire/messages/extension.ts";
export type { HolepunchMessage } from "../wire/messages/holepunch.ts";
export type { MetadataMessage } from "../wire/messages/metadata.ts";
export type { BlockRange, HashRange, KeepAliveMessage, PeerMessage } from "../wire/messages/message.ts";
export type { PexMessage, PexPeer } from "../wire/messages/pex.ts";
export { HolepunchRelay, type RelayEffect, type RelayPeer, type Rendezvous } from "./holepunch_relay.ts";
export { MetadataFetch, type MetadataFetchOptions } from "./metadata_fetch.ts";
export type { MetadataCloseReason, MetadataFetchEffect, MetadataFetchInput } from "./metadata_vocabulary.ts";
export type { HashRequestsOptions, TreeFile } from "./missing_hashes.ts";
export {
  BLOCK_LENGTH,
  DEFAULT_LIMITS,
  type PieceBuffers,
  type PieceGeometry,
  type TorrentLimits,
  type TorrentOptions,
  uniformGeometry,
} from "./options.ts";
export { type PexEffect, PexExchange, type PexInput } from "./pex_exchange.ts";
export type { PeerSnapshot, TorrentStats } from "./snapshot.ts";
export { Torrent } from "./torrent.ts";
export type {
  CandidateSource,
  Direction,
  PeerKey,
  TorrentCloseReason,
  TorrentEffect,
  TorrentInput,
  WebFetchKey,
  WebSeedKey,
} from "./vocabulary.ts";
