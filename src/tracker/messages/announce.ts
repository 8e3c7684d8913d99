/** What a peer tells a tracker and hears back, whatever the transport (BEP 3 "trackers", 15, 21, 23, 24, 31). */

import type { PeerAddress } from "../../peer/address.ts";

/**
 * Why a peer announces; a regular announce has no event (BEP 3 "trackers"). A partial seed says `paused` in every
 * announce (BEP 21 "Tracker Announce").
 */
export type AnnounceEvent = "started" | "completed" | "stopped" | "paused";

/** An announce. Counts are bytes. */
export interface AnnounceRequest {
  /** 20 bytes: the v1 info hash, or the v2 info hash cut to 20. */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Where the peer listens, 1 to 65535. */
  readonly port: number;
  /** Bytes sent to peers since `started`. */
  readonly uploaded: number;
  /** Bytes received from peers since `started`. */
  readonly downloaded: number;
  /** Bytes still missing; absent when unknown, before the metadata has come. */
  readonly left?: number | undefined;
  /** Absent for a regular announce. */
  readonly event?: AnnounceEvent | undefined;
  /** 32 bits that stay the same per torrent and session, so that two addresses read as one peer (BEP 7 "Announcing"). */
  readonly key?: number | undefined;
  /** How many peers are wanted; absent for the tracker's choice. */
  readonly numWant?: number | undefined;
  /** What the tracker gave as `tracker id`. HTTP only. */
  readonly trackerId?: Uint8Array | undefined;
  /** The address the peer wants to be known by; trackers honour it seldom (BEP 3 "trackers", BEP 15 "Announce"). */
  readonly ip?: string | undefined;
  /** Whether the compact peer list is preferred; a client always says so (BEP 23). HTTP only. */
  readonly compact?: boolean | undefined;
  /** Whether peer ids may be left out of a peer list that is not compact. HTTP only. */
  readonly noPeerId?: boolean | undefined;
  /** The peer understands encrypted connections. HTTP only. */
  readonly supportCrypto?: boolean | undefined;
  /** The peer wants encrypted connections only. HTTP only. */
  readonly requireCrypto?: boolean | undefined;
  /** Bytes received that failed their hash. HTTP only. */
  readonly corrupt?: number | undefined;
  /** Bytes received twice. HTTP only. */
  readonly redundant?: number | undefined;
}

/** A peer as a tracker names it. */
export interface AnnouncedPeer extends PeerAddress {
  /** 20 bytes; only a peer list that is not compact has them. */
  readonly peerId?: Uint8Array;
}

/** Peers in compact form, one behind the other. */
export interface CompactPeers {
  /** 6 bytes each: address and port (BEP 23 "compact response"). */
  readonly ipv4: Uint8Array;
  /** 18 bytes each (BEP 7 "announce response"). */
  readonly ipv6: Uint8Array;
}

/** A tracker's answer to an announce that it took. */
export interface Announced {
  /** Tells it from a failure. */
  readonly type: "announced";
  /** When to announce again, in milliseconds. */
  readonly intervalMs: number;
  /** How soon the next announce may come at the earliest, in milliseconds. */
  readonly minIntervalMs?: number | undefined;
  /** Peers with IP addresses. */
  readonly peers: readonly AnnouncedPeer[];
  /** Peers whose `host` is a DNS name (BEP 3 "trackers"). Resolving them makes a tracker's word a DNS query. */
  readonly namedPeers?: readonly AnnouncedPeer[] | undefined;
  /** Seeds in the swarm. */
  readonly complete?: number | undefined;
  /** Others in the swarm. */
  readonly incomplete?: number | undefined;
  /** How often the torrent was downloaded. */
  readonly downloaded?: number | undefined;
  /** The tracker took the announce but has something to say. */
  readonly warning?: string | undefined;
  /** To be sent along with the next announce. */
  readonly trackerId?: Uint8Array | undefined;
  /** The address that the tracker saw the announce come from (BEP 24). */
  readonly externalIp?: string | undefined;
}

/** A tracker's refusal. */
export interface TrackerFailure {
  /** Tells it from a success. */
  readonly type: "failure";
  /** The tracker's words. */
  readonly reason: string;
  /** When to try again, in milliseconds, or `"never"` (BEP 31 "retry in"). */
  readonly retryInMs?: number | "never" | undefined;
}

/** What a tracker answers to an announce. */
export type AnnounceResponse = Announced | TrackerFailure;

/** What a tracker knows about a swarm (BEP 48 "Scrape Response"). */
export interface SwarmCounts {
  /** Seeds. */
  readonly complete: number;
  /** Others, partial seeds among them. */
  readonly incomplete: number;
  /** How often the torrent was downloaded. */
  readonly downloaded: number;
  /** Others without partial seeds (BEP 21 "Tracker Scrapes"). */
  readonly downloaders?: number | undefined;
}

/** The counts of one torrent. */
export interface ScrapedSwarm extends SwarmCounts {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
}

/** A tracker's answer to a scrape that it took. */
export interface Scraped {
  /** Tells it from a failure. */
  readonly type: "scraped";
  /** The torrents that the tracker knows; over UDP all that were asked for. */
  readonly swarms: readonly ScrapedSwarm[];
  /** How soon the next scrape may come at the earliest, in milliseconds. */
  readonly minIntervalMs?: number | undefined;
}

/** What a tracker answers to a scrape. */
export type ScrapeResponse = Scraped | TrackerFailure;

/**
 * What `left` says when it is unknown. Nought would count the peer as a seed, so it is one block, as libtorrent has it.
 */
export const UNKNOWN_LEFT = 16384;
