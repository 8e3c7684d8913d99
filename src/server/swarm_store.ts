/** Who is in which swarm, as a tracker sees it: the interface, and a store in memory (BEP 3, 7, 21, 48). */

import { type Random, randomUint32 } from "../bytes/random.ts";
import { encodeHex } from "../bytes/text.ts";
import type { PeerAddress } from "../peer/address.ts";
import { writeMappedPeer } from "../peer/compact_peer.ts";
import type { AnnounceEvent, CompactPeers, SwarmCounts } from "../tracker/messages/announce.ts";
import { Slabs } from "./slabs.ts";
import { Swarm } from "./swarm.ts";

/** A peer that announced itself. */
export interface SwarmPeer extends PeerAddress {
  /** What it calls itself, 20 bytes. */
  readonly peerId: Uint8Array;
}

/** One announce, reduced to what a swarm needs to know. */
export interface SwarmAnnounce {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Who announces, and where it accepts connections. */
  readonly peer: SwarmPeer;
  /** `"stopped"` takes the peer out, `"completed"` counts a download, `"paused"` marks a partial seed (BEP 21). */
  readonly event?: AnnounceEvent | undefined;
  /** Bytes it still lacks; 0 makes it a seed. */
  readonly left: number;
  /** How many others it wants to hear of. */
  readonly numWant: number;
  /** Their ids are not asked for, so that they may be told in compact form. */
  readonly compact?: boolean;
}

/** What an announce is answered with. */
export interface SwarmReply extends SwarmCounts {
  /**
   * Others in the swarm, never the asker itself, at most as many as wanted. A store that has them in compact form at hand
   * gives them so to an announce that is `compact`.
   */
  readonly peers: readonly SwarmPeer[] | CompactPeers;
}

/** What a store has at hand, or must wait for. */
export type Eventually<T> = T | Promise<T>;

/** Keeps swarms: in memory, or in a database that several trackers share. */
export interface SwarmStore {
  /** Takes note of an announce and answers it; `undefined` if there is no room for another swarm. */
  announce(announce: SwarmAnnounce): Eventually<SwarmReply | undefined>;
  /** Numbers of some swarms, in the order asked for; `undefined` for those that nobody announced. */
  scrape(infoHashes: readonly Uint8Array[]): Eventually<readonly (SwarmCounts | undefined)[]>;
}

/** What a {@linkcode MemorySwarmStore} is made of. */
export interface MemorySwarmStoreOptions {
  /** Time in milliseconds that never goes backwards. */
  readonly now: () => number;
  /** Chance, for which peers are told. */
  readonly random: Random;
  /** Milliseconds after which a silent peer is forgotten. */
  readonly expiryMs: number;
  /** Most swarms; a new one beyond that is refused. */
  readonly maxSwarms?: number;
  /** Most peers of one swarm; a new one beyond that takes the place of another. */
  readonly maxPeersPerSwarm?: number;
  /** Most peers in all; a new one beyond that takes the place of another of its swarm, and founds none. */
  readonly maxPeers?: number;
}

/** Bounds for memory: a full store takes 70 MB, a hundred thousand swarms of one peer each 25 MB. */
const DEFAULTS = { maxSwarms: 100_000, maxPeersPerSwarm: 10_000, maxPeers: 1_000_000 } as const;

const SECOND_MS = 1000;

/** What is told of a torrent that nobody announced. */
const NOBODY: SwarmCounts = { complete: 0, incomplete: 0, downloaded: 0, downloaders: 0 };

/** The address of the peer that announces at present. */
const ADDRESS = new Uint8Array(18);

/**
 * Swarms in memory, some 70 bytes a peer. A peer is known by its address: one client with an IPv4 and an IPv6 address is
 * two (BEP 7).
 */
export class MemorySwarmStore implements SwarmStore {
  readonly #options: Required<MemorySwarmStoreOptions>;
  readonly #swarms = new Map<string, Swarm>();
  readonly #slabs = new Slabs();
  readonly #startedAt: number;
  #peerCount = 0;
  #sweepAt: number;

  /** Makes an empty store. */
  constructor(options: MemorySwarmStoreOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#startedAt = options.now();
    this.#sweepAt = options.expiryMs / 2;
  }

  /** How many swarms are known, those included whose peers will be forgotten with the next sweep. */
  get swarmCount(): number {
    return this.#swarms.size;
  }

  /** How many peers are known, those included that will be forgotten with the next sweep. */
  get peerCount(): number {
    return this.#peerCount;
  }

  /**
   * Takes note of an announce and answers it; `undefined` if there is no room for another swarm.
   *
   * @throws {RangeError} If the host of the peer is no IP address.
   */
  announce(announce: SwarmAnnounce): SwarmReply | undefined {
    const now = this.#tick(), key = encodeHex(announce.infoHash), swarm = this.#swarms.get(key);
    if (announce.event === "stopped") return this.#leave(swarm, announce.peer);
    const entered = swarm ?? this.#found(key);
    return entered && this.#enter(entered, announce, now);
  }

  /** Numbers of some swarms, in the order asked for; `undefined` for those that nobody announced. */
  scrape(infoHashes: readonly Uint8Array[]): readonly (SwarmCounts | undefined)[] {
    this.#tick();
    return infoHashes.map((infoHash) => this.#swarms.get(encodeHex(infoHash))?.counts);
  }

  #found(key: string): Swarm | undefined {
    const { maxSwarms, maxPeers, random } = this.#options;
    if (this.#swarms.size >= maxSwarms || this.#peerCount >= maxPeers) return undefined;
    const swarm = new Swarm(this.#slabs, randomUint32(random));
    this.#swarms.set(key, swarm);
    return swarm;
  }

  #leave(swarm: Swarm | undefined, peer: PeerAddress): SwarmReply {
    writeMappedPeer(peer, ADDRESS);
    const row = swarm?.find(ADDRESS) ?? -1;
    if (row >= 0) {
      swarm!.remove(row);
      this.#peerCount--;
    }
    return { ...swarm?.counts ?? NOBODY, peers: [] };
  }

  #enter(swarm: Swarm, announce: SwarmAnnounce, now: number): SwarmReply | undefined {
    const { peer, event, left, numWant, compact } = announce;
    const family = writeMappedPeer(peer, ADDRESS), former = swarm.find(ADDRESS);
    if (former < 0 && !this.#makeRoom(swarm)) return undefined;
    const role = left === 0 ? "seed" : event === "paused" ? "partialSeed" : "downloader";
    // A seed that says "completed" again was counted before; who is none would be counted each time.
    const wasSeed = former >= 0 && swarm.isSeed(former);
    if (event === "completed" && role === "seed" && !wasSeed) swarm.downloaded++;
    const seenAt = Math.floor(now / SECOND_MS);
    const row = swarm.put(ADDRESS, { peerId: peer.peerId, family, role, seenAt });
    if (former < 0) this.#peerCount++;
    const { random, expiryMs } = this.#options;
    const rows = swarm.draw(row, numWant, firstSecond(now, expiryMs), random);
    const { complete, incomplete, downloaded, downloaders } = swarm.counts;
    return {
      complete,
      incomplete,
      downloaded,
      downloaders,
      peers: compact ? swarm.compact(rows) : swarm.list(rows),
    };
  }

  /** Whether a new peer may come into a swarm, perhaps in the place of another. */
  #makeRoom(swarm: Swarm): boolean {
    const { maxPeersPerSwarm, maxPeers, random } = this.#options;
    if (swarm.size < maxPeersPerSwarm && this.#peerCount < maxPeers) return true;
    if (swarm.size === 0) return false;
    swarm.removeAny(random);
    this.#peerCount--;
    return true;
  }

  /** The time since the store was made, in milliseconds. Now and then silent peers are forgotten. */
  #tick(): number {
    const now = this.#options.now() - this.#startedAt, { expiryMs } = this.#options;
    if (now < this.#sweepAt) return now;
    this.#sweepAt = now + expiryMs / 2;
    this.#peerCount = 0;
    for (const [key, swarm] of this.#swarms) {
      swarm.expire(firstSecond(now, expiryMs));
      this.#peerCount += swarm.size;
      if (swarm.size > 0) continue;
      swarm.release();
      this.#swarms.delete(key);
    }
    return now;
  }
}

/** The first second in which a peer that is not forgotten yet can have announced itself. */
function firstSecond(now: number, expiryMs: number): number {
  return Math.max(0, Math.floor((now - expiryMs) / SECOND_MS) + 1);
}
