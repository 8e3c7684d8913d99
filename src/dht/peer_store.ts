/** The peers that others have announced to us (BEP 5 "get_peers", "announce_peer"), counted as BEP 33 wants it. */

import { type Random, randomBelow } from "../bytes/random.ts";
import { encodeHex } from "../bytes/text.ts";
import type { AddressFamily } from "../peer/ip.ts";
import { BloomFilter } from "./bloom_filter.ts";
import { evictFarthest } from "./eviction.ts";
import { compactNearness, hostPart, networkPart } from "./network.ts";
import { NetworkShares } from "./network_shares.ts";
import { PackedPeers } from "./packed_peers.ts";

/** Torrents remembered; beyond, those farthest from our id go first. */
export const MAX_INFO_HASHES = 4096;

/** Peers of one torrent. BEP 33 "changed announce accounting" allows up to 6000; replies show a few dozen. */
export const MAX_PEERS_PER_INFO_HASH = 2000;

/**
 * Torrents of which the first peer was of one /24 or /48. A node is asked to remember torrents near its id: even of a
 * network with 100,000 torrents that is one or none, unless the DHT is a small one.
 */
export const MAX_INFO_HASHES_PER_NETWORK: number = MAX_INFO_HASHES / 16;

/** Peers of one torrent in one /24 or /64: one subscriber commands a whole /64. */
export const MAX_PEERS_PER_NETWORK = 8;

/** Peers in all, about 2 MiB of IPv4 or 3 MiB of IPv6 in a thousand torrents; beyond, torrents far from our id go first. */
export const MAX_PEERS = 50_000;

/** Clients announce every 15 to 30 minutes; one lost announce is forgiven. */
const LIFETIME_MS = 45 * 60_000;

/** A precomputed sample stays the same for so long (BEP 51 "sampling RPC"). */
const SAMPLE_INTERVAL_MS = 5 * 60_000;

/** As many as libtorrent gives: with eight nodes in each family the reply stays below 1024 bytes. */
const SAMPLE_SIZE = 20;

/** A peer that announces itself. */
export interface Announcement {
  /** Where it listens, in compact form. */
  readonly compact: Uint8Array;
  /** It has everything (BEP 33 "new announce_peer semantics"). */
  readonly seed: boolean;
}

/** The two filters of one torrent. */
export interface SwarmFilters {
  /** Everybody who said that they have everything. */
  readonly seeds: Uint8Array;
  /** Everybody else. */
  readonly downloaders: Uint8Array;
}

/** Some of the info hashes that there are peers for. */
export interface InfoHashSample {
  /** 20 bytes each, one behind the other. */
  readonly bytes: Uint8Array;
  /** When others will be drawn. */
  readonly until: number;
}

/** The peers of one torrent. */
export interface Swarm {
  /** Its info hash. */
  readonly target: Uint8Array;
  /** One for each host, whatever its port (BEP 33 "changed announce accounting"). */
  readonly peers: PackedPeers;
  /** How near the nearest of them are, as `nearnessOf` says: whoever is farther away is not told of those. */
  nearness: number;
  /** Whose share of the torrents it counts in; see {@linkcode NetworkShares}. */
  readonly founder: number | undefined;
}

/** Peers of one family of addresses, by info hash. */
export class PeerStore {
  readonly #random: Random;
  readonly #family: AddressFamily;
  readonly #swarms = new Map<string, Swarm>();
  readonly #shares = new NetworkShares(MAX_INFO_HASHES_PER_NETWORK);
  #peers = 0;
  #sample: InfoHashSample | undefined;

  /** Makes an empty store. */
  constructor(random: Random, family: AddressFamily) {
    this.#random = random;
    this.#family = family;
  }

  /** How many info hashes there are peers for. */
  get infoHashCount(): number {
    return this.#swarms.size;
  }

  /** How many peers there are, at most {@linkcode MAX_PEERS}. */
  get peerCount(): number {
    return this.#peers;
  }

  /** The peers of a torrent, if there are any. */
  find(infoHash: Uint8Array): Swarm | undefined {
    return this.#swarms.get(encodeHex(infoHash));
  }

  /**
   * Whether a torrent takes no more peers, or is one too many of the network that this peer is of: then nobody gets a
   * token for it (BEP 33 "changed announce accounting").
   */
  isFull(swarm: Swarm | undefined, compact: Uint8Array): boolean {
    return swarm === undefined ? this.#shares.isSpent(compact) : swarm.peers.size >= MAX_PEERS_PER_INFO_HASH;
  }

  /**
   * Stores or renews a peer, if there is room for it. If there are too many info hashes or peers, the info hashes far from
   * `near`, our own id, are forgotten.
   */
  announce(infoHash: Uint8Array, { compact, seed }: Announcement, near: Uint8Array, now: number): void {
    const swarm = this.find(infoHash), row = swarm?.peers.find(hostPart(compact)) ?? -1;
    const marks = { seed, expiresAt: now + LIFETIME_MS };
    if (row >= 0) return swarm!.peers.renew(row, compact, marks);
    if (this.isFull(swarm, compact) || isCrowded(swarm, compact)) return;
    if (this.#peers >= MAX_PEERS || swarm === undefined && this.#swarms.size >= MAX_INFO_HASHES) {
      this.#makeRoom(near);
    }
    const joined = this.find(infoHash) ?? this.#found(infoHash, compact);
    joined.peers.add(compact, marks);
    joined.nearness = Math.max(joined.nearness, compactNearness(compact));
    this.#peers++;
  }

  /**
   * Draws up to `count` peers, as the bencoded list that `values` is; with `noSeed` seeds only if there is nobody else
   * (BEP 33 "new get_peers semantics").
   */
  draw({ peers }: Swarm, count: number, noSeed: boolean): Uint8Array {
    return peers.list(randomBelow(this.#random, peers.size), count, noSeed);
  }

  /** Some of the info hashes; the same ones for five minutes (BEP 51 "sampling RPC"). */
  sample(now: number): InfoHashSample {
    if (this.#sample === undefined || now >= this.#sample.until) {
      this.#sample = { bytes: this.#drawInfoHashes(), until: now + SAMPLE_INTERVAL_MS };
    }
    return this.#sample;
  }

  /** Forgets peers that have not announced themselves for 45 minutes. */
  expire(now: number): void {
    for (const [key, { peers, founder }] of this.#swarms) {
      this.#peers -= peers.expire(now);
      if (peers.size > 0) continue;
      this.#swarms.delete(key);
      this.#shares.giveBack(founder);
    }
  }

  #makeRoom(near: Uint8Array): void {
    for (const { peers, founder } of evictFarthest(this.#swarms, near)) {
      this.#peers -= peers.size;
      this.#shares.giveBack(founder);
    }
  }

  #found(infoHash: Uint8Array, founder: Uint8Array): Swarm {
    const swarm: Swarm = {
      target: infoHash.slice(),
      peers: new PackedPeers(this.#family),
      nearness: 0,
      founder: this.#shares.take(founder),
    };
    this.#swarms.set(encodeHex(infoHash), swarm);
    return swarm;
  }

  /** Reservoir sampling: every info hash has the same chance. */
  #drawInfoHashes(): Uint8Array {
    const drawn: Uint8Array[] = [];
    let seen = 0;
    for (const { target } of this.#swarms.values()) {
      const at = seen < SAMPLE_SIZE ? seen : randomBelow(this.#random, seen + 1);
      if (at < SAMPLE_SIZE) drawn[at] = target;
      seen++;
    }
    const bytes = new Uint8Array(drawn.length * 20);
    drawn.forEach((target, i) => bytes.set(target, i * 20));
    return bytes;
  }
}

/** Whether a newcomer's network has its share of a torrent; of local networks there may be any number. */
function isCrowded(swarm: Swarm | undefined, compact: Uint8Array): boolean {
  return swarm !== undefined && swarm.peers.has(MAX_PEERS_PER_NETWORK, networkPart(compact)) &&
    compactNearness(compact) === 0;
}

/** The two filters of a torrent (BEP 33 "new get_peers semantics"). */
export function filtersOf({ peers }: Swarm): SwarmFilters {
  const seeds = new BloomFilter(), downloaders = new BloomFilter();
  for (let row = 0; row < peers.size; row++) {
    const { seed, bits } = peers.bloom(row);
    (seed ? seeds : downloaders).addBits(bits);
  }
  return { seeds: seeds.toBytes(), downloaders: downloaders.toBytes() };
}
