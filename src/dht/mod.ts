/**
 * The distributed hash table: how peers find each other without a tracker (BEP 5), over IPv4 and IPv6 (BEP 32), with
 * scrapes (BEP 33), ids bound to addresses (BEP 42), read-only nodes (BEP 43), stored items (BEP 44), several addresses
 * (BEP 45), torrents that change (BEP 46) and samples of info hashes (BEP 51).
 *
 * {@linkcode DhtNode} is a node without sockets and clock. Put into it what happens (a datagram, a wish, the time) and
 * carry out what it answers: datagrams to send, signatures to check, things to tell the user. Every call answers with
 * all its effects; nothing is called back. After each call ask for its `deadline()` and put in a `tick` when it comes.
 *
 * An operation (`getPeers`, `announce`, `scrape`, `getItem`, `putItem`, `findNode`, `ping`, `sample`) has an id that you
 * choose. What it finds comes as effects with that id, as early as possible; the last one is `done` or `failed`.
 *
 * On top of a node, {@linkcode TorrentFeed} follows or publishes a torrent that changes, and {@linkcode SampleCrawler}
 * surveys the info hashes of the whole DHT politely. {@linkcode encodeKrpc} and {@linkcode decodeKrpc} are the packets.
 *
 * For a host with several addresses make one node for each (BEP 45) with ids far apart ({@linkcode spreadNodeId}); they
 * share nothing, and each sends from its own socket only.
 *
 * Two nodes, joined by a loop in place of the internet; the second announces a peer, the first finds it:
 *
 * ```ts
 * import { DhtNode, type DhtInput } from "@network/bittorrent/dht";
 * import { assertEquals } from "@std/assert";
 *
 * const random = () => crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32;
 * const places = [{ host: "10.0.0.1", port: 6881 }, { host: "10.0.0.2", port: 6881 }];
 * const nodes = [new DhtNode({ random }, 0), new DhtNode({ random, nodes: [places[0]!] }, 0)];
 * const found: string[] = [];
 *
 * function put(which: number, input: DhtInput): void {
 *   for (const effect of nodes[which]!.handle(input, 0)) {
 *     if (effect.type === "send") {
 *       const to = places.findIndex(({ host }) => host === effect.to.host);
 *       put(to, { type: "datagram", from: places[which]!, bytes: effect.bytes });
 *     } else if (effect.type === "peers") {
 *       found.push(...effect.peers.map(({ host, port }) => `${host}:${port}`));
 *     }
 *   }
 * }
 *
 * put(0, { type: "tick" });
 * put(1, { type: "tick" }); // asks the first node, and both know each other
 * const infoHash = new Uint8Array(20).fill(7);
 * put(1, { type: "announce", id: 1, infoHash, port: 51413 });
 * put(0, { type: "getPeers", id: 1, infoHash });
 * assertEquals(found, ["10.0.0.2:51413"]);
 * ```
 *
 * @module
 */

export type { BencodeDictionary, BencodeValue } from "../bencode/dictionary.ts";
export type { Bencodable } from "../bencode/encode.ts";
export { createSigner, type Ed25519Signer, verifyEd25519 } from "../bytes/ed25519.ts";
export { createExpandedSigner } from "../bytes/ed25519_expanded.ts";
export type { Random } from "../bytes/random.ts";
export type { PeerAddress } from "../peer/address.ts";
export type { AddressFamily } from "../peer/ip.ts";
export { BloomFilter } from "./bloom_filter.ts";
export {
  createImmutableItem,
  createMutableItem,
  type DhtItem,
  type ImmutableItem,
  type ItemName,
  itemTarget,
  type MutableItem,
  type MutableItemOptions,
  signedBytes,
  type Signer,
} from "./item.ts";
export {
  decodeKrpc,
  encodeKrpc,
  KRPC_ERRORS,
  type KrpcEnvelope,
  type KrpcError,
  type KrpcMessage,
  type KrpcQuery,
  type KrpcReply,
  type SendableKrpcMessage,
} from "./messages/krpc.ts";
export { decodeCompactNodes, encodeCompactNode, type NodeContact } from "./messages/node_info.ts";
export type {
  AnnouncePeerQuery,
  DhtQuery,
  FindNodeQuery,
  GetPeersQuery,
  GetQuery,
  InvalidQuery,
  PingQuery,
  PutQuery,
  SampleInfohashesQuery,
  SendableQuery,
  UnknownQuery,
} from "./messages/query.ts";
export type { DhtReply, SendableReply } from "./messages/reply.ts";
export { DhtNode, type DhtNodeOptions } from "./node.ts";
export { bindNodeId, compareDistance, createNodeId, isNodeIdOf, spreadNodeId } from "./node_id.ts";
export {
  SampleCrawler,
  type SampleCrawlerEffect,
  type SampleCrawlerInput,
  type SampleCrawlerOptions,
} from "./sample_crawler.ts";
export { decodeSnapshot, type DhtSnapshot, encodeSnapshot } from "./snapshot.ts";
export type { AnswerLimits } from "./source_limits.ts";
export { DHT_ENTRY_BYTES, DHT_LIMITS, type DhtStats } from "./stats.ts";
export {
  infoHashOf,
  TorrentFeed,
  type TorrentFeedEffect,
  type TorrentFeedInput,
  type TorrentFeedOptions,
  torrentValue,
} from "./torrent_feed.ts";
export type {
  DhtEffect,
  DhtInput,
  DhtNodeState,
  OperationFailure,
  OperationId,
  OperationReport,
} from "./vocabulary.ts";
