/**
 * Trackers: the messages of HTTP and UDP trackers in both directions, and two machines for clients.
 *
 * {@linkcode Announcer} decides when a torrent announces to which of its trackers; {@linkcode UdpExchange} carries
 * requests over one UDP socket. Neither knows a clock, a socket or a byte count: what happened goes in, what to do
 * comes out, and the caller performs it. A tracker built on the same messages reads queries and datagrams with
 * {@linkcode decodeAnnounceQuery} and {@linkcode decodeUdpRequest}.
 *
 * ```ts
 * import { announceUrl, Announcer, decodeAnnounceResponse } from "@network/bittorrent/tracker";
 * import { assertEquals } from "@std/assert";
 *
 * const tracker = "http://tracker.example.org/announce";
 * const announcer = new Announcer({ tiers: [[tracker]], random: () => 0 });
 * const [effect] = announcer.handle({ type: "start" }, 0);
 * if (effect?.type !== "announce") throw new Error("nothing to announce");
 *
 * const infoHash = new Uint8Array(20), peerId = new Uint8Array(20);
 * const { event, numWant } = effect;
 * const url = announceUrl(tracker, { infoHash, peerId, port: 6881, uploaded: 0, downloaded: 0, event, numWant });
 * assertEquals(new URL(url).searchParams.get("event"), "started");
 *
 * // The caller fetches the URL; this is what came back.
 * const body = new TextEncoder().encode("d8:intervali1800e5:peers6:\x7f\x00\x00\x01\x1a\x70e");
 * const response = decodeAnnounceResponse(body);
 * assertEquals(announcer.handle({ type: "reply", tracker, response }, 200), [
 *   { type: "peers", tracker, peers: [{ host: "127.0.0.1", port: 6768 }], namedPeers: [] },
 * ]);
 * assertEquals(announcer.deadline(), 200 + 1800 * 1000);
 * ```
 *
 * @module
 */

export type { Random } from "../bytes/random.ts";
export { DecodeError, type DecodeErrorOptions, StateError } from "../errors.ts";
export type { PeerAddress } from "../peer/address.ts";
export type { AddressFamily } from "../peer/ip.ts";
export { Announcer } from "./announcer.ts";
export type {
  AnnouncerEffect,
  AnnouncerInput,
  AnnouncerOptions,
  AnnounceStrategy,
  TrackerStatus,
} from "./announcer_vocabulary.ts";
export {
  type Announced,
  type AnnouncedPeer,
  type AnnounceEvent,
  type AnnounceRequest,
  type AnnounceResponse,
  type CompactPeers,
  type Scraped,
  type ScrapedSwarm,
  type ScrapeResponse,
  type SwarmCounts,
  type TrackerFailure,
  UNKNOWN_LEFT,
} from "./messages/announce.ts";
export {
  type AnnounceAnswer,
  type AnnounceResponseOptions,
  announceUrl,
  decodeAnnounceQuery,
  decodeAnnounceResponse,
  encodeAnnounceQuery,
  encodeAnnounceResponse,
} from "./messages/http.ts";
export {
  decodeScrapeQuery,
  decodeScrapeResponse,
  encodeScrapeQuery,
  encodeScrapeResponse,
  scrapeRequestUrl,
  scrapeUrl,
} from "./messages/scrape.ts";
export { parseTrackerUrl, type TrackerProtocol, type TrackerUrl } from "./messages/tracker_url.ts";
export {
  decodeUdpRequest,
  decodeUdpResponse,
  encodeUdpRequest,
  encodeUdpResponse,
  type UdpTrackerRequest,
  type UdpTrackerResponse,
} from "./messages/udp.ts";
export {
  UdpExchange,
  type UdpExchangeEffect,
  type UdpExchangeInput,
  type UdpExchangeOptions,
  type UdpExchangeRequest,
} from "./udp_exchange.ts";
