/**
 * A tracker: a function from `Request` to `Response` that runs wherever those are known, and a store of swarms in
 * memory. Hand it to `Deno.serve`, or call it from a server of your own.
 *
 * BEP 3, BEP 7 (IPv6), BEP 21 (partial seeds), BEP 23 (compact peer lists), BEP 24 (external IP), BEP 48 (scrape).
 *
 * @example Announce two peers
 * ```ts
 * import { createHttpTracker } from "@network/bittorrent/server";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const tracker = createHttpTracker({ intervalMs: 15 * 60_000 });
 * // Deno.serve({ port: 6969 }, tracker);
 *
 * async function announce(hostname: string, peerId: string, left: number) {
 *   const query = `info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=${peerId}&port=6881&left=${left}&compact=0`;
 *   const request = new Request(`http://tracker.example/announce?${query}`);
 *   const response = await tracker(request, { remoteAddr: { hostname } });
 *   return await response.text();
 * }
 *
 * await announce("192.0.2.1", "-XX0001-seed--------", 0);
 * const answer = await announce("192.0.2.2", "-XX0001-leecher-----", 1000);
 *
 * assertStringIncludes(answer, "8:completei1e");
 * assertStringIncludes(answer, "8:intervali900e");
 * assertStringIncludes(answer, "2:ip9:192.0.2.1");
 * ```
 *
 * @module
 */

export {
  type ConnectionInfo,
  createHttpTracker,
  type HttpTracker,
  type HttpTrackerOptions,
} from "./http_tracker.ts";
export {
  type Eventually,
  MemorySwarmStore,
  type MemorySwarmStoreOptions,
  type SwarmAnnounce,
  type SwarmPeer,
  type SwarmReply,
  type SwarmStore,
} from "./swarm_store.ts";
export type { AnnounceEvent, CompactPeers, SwarmCounts } from "../tracker/messages/announce.ts";
export type { PeerAddress } from "../peer/address.ts";
export type { Random } from "../bytes/random.ts";
