/** The peers that others have announced to us (BEP 5 "get_peers", "announce_peer"), counted as BEP 33 wants it. */

import { type Random, randomBelow } from "../bytes/random.ts";
import { encodeHex } from "../bytes/text.ts";
import { encodeCompactPeer, type PeerAddress } from "../peer/address.ts";
import { bloomBits, BloomFilter } from "./bloom_filter.ts";
import { evictFarthest } from "./eviction.ts";
import { hostKey } from "./network.ts";

/** Torrents remembered; beyond, those farthest from our id go first. */
export const MAX_INFO_HASHES = 4096;

/** Peers of one torrent. BEP 33 "changed announce accounting" allows up to 6000; replies show a few dozen. */
export const MAX_PEERS_PER_INFO_HASH = 2000;

/** Peers in all, about 15 MiB. */
export const MAX_PEERS = 50_000;

/** Clients announce every 15 to 30 minutes; one lost announce is forgiven. */
const LIFETIME_MS = 45 * 60_000;

/** A precomputed sample stays the same for so long (BEP 51 "sampling RPC"). */
const SAMPLE_INTERVAL_MS = 5 * 60_000;

/** As many as libtorrent gives: with eight nodes in each family the reply stays below 1024 bytes. */
const SAMPLE_SIZE = 20;

/** A peer that announces itself. */
export interface Announcement {
  /** Where it listens. */
  readonly address: PeerAddress;
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

interface StoredPeer {
  readonly key: string;
  port: number;
  compact: Uint8Array;
  seed: boolean;
  expiresAt: number;
  /** Two bits of a Bloom filter, hashed when first needed. */
  bits: number | undefined;
}

/** The peers of one torrent. */
export interface Swarm {
  /** Its info hash. */
  readonly target: Uint8Array;
  /** By host: one address counts once, whatever its port (BEP 33 "changed announce accounting"). */
  readonly byHost: Map<string, StoredPeer>;
  /** The same peers, to draw from. */
  list: StoredPeer[];
}

/** Peers of one family of addresses, by info hash. */
export class PeerStore {
  readonly #random: Random;
  readonly #swarms = new Map<string, Swarm>();
  #peers = 0;
  #sample: InfoHashSample | undefined;

  /** Makes an empty store. */
  constructor(random: Random) {
    this.#random = random;
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

  /** Whether a torrent takes no more peers: then nobody gets a token for it (BEP 33 "changed announce accounting"). */
  isFull(swarm: Swarm | undefined): boolean {
    return this.#peers >= MAX_PEERS || (swarm?.list.length ?? 0) >= MAX_PEERS_PER_INFO_HASH;
  }

  /** Stores or renews a peer. If there are too many info hashes, those far from `near`, our own id, are forgotten. */
  announce(infoHash: Uint8Array, { address, seed }: Announcement, near: Uint8Array, now: number): void {
    const key = hostKey(address), { port } = address, expiresAt = now + LIFETIME_MS;
    const swarm = this.find(infoHash), known = swarm?.byHost.get(key);
    if (known !== undefined) {
      if (known.port !== port) known.compact = encodeCompactPeer(address);
      known.port = port;
      known.seed = seed;
      known.expiresAt = expiresAt;
    } else if (!this.isFull(swarm)) {
      const compact = encodeCompactPeer(address);
      this.#add(swarm ?? this.#found(infoHash, near), {
        key,
        port,
        compact,
        seed,
        expiresAt,
        bits: undefined,
      });
    }
  }

  /** Draws up to `count` peers in compact form; with `noSeed` seeds only if there is nobody else (BEP 33). */
  draw({ list }: Swarm, count: number, noSeed: boolean): Uint8Array[] {
    const drawn: Uint8Array[] = [], start = randomBelow(this.#random, list.length);
    const take = (wanted: (peer: StoredPeer) => boolean) => {
      for (let i = 0; i < list.length && drawn.length < count; i++) {
        const peer = list[(start + i) % list.length]!;
        if (wanted(peer)) drawn.push(peer.compact);
      }
    };
    take(({ seed }) => !noSeed || !seed);
    if (noSeed) take(({ seed }) => seed);
    return drawn;
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
    for (const [key, swarm] of this.#swarms) {
      const left = swarm.list.filter((peer) => peer.expiresAt > now);
      if (left.length === swarm.list.length) continue;
      for (const peer of swarm.list) if (peer.expiresAt <= now) swarm.byHost.delete(peer.key);
      this.#peers -= swarm.list.length - left.length;
      swarm.list = left;
      if (left.length === 0) this.#swarms.delete(key);
    }
  }

  #add(swarm: Swarm, peer: StoredPeer): void {
    swarm.byHost.set(peer.key, peer);
    swarm.list.push(peer);
    this.#peers++;
  }

  #found(infoHash: Uint8Array, near: Uint8Array): Swarm {
    if (this.#swarms.size >= MAX_INFO_HASHES) {
      for (const { list } of evictFarthest(this.#swarms, near)) this.#peers -= list.length;
    }
    const swarm: Swarm = { target: infoHash.slice(), byHost: new Map(), list: [] };
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

/** The two filters of a torrent (BEP 33 "new get_peers semantics"). */
export function filtersOf({ list }: Swarm): SwarmFilters {
  const seeds = new BloomFilter(), downloaders = new BloomFilter();
  for (const peer of list) {
    peer.bits ??= bloomBits(peer.compact.subarray(0, -2));
    (peer.seed ? seeds : downloaders).addBits(peer.bits);
  }
  return { seeds: seeds.toBytes(), downloaders: downloaders.toBytes() };
}
