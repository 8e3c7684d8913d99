/** Who is in which swarm, as a tracker sees it: the interface, and a store in memory (BEP 3, 7, 21, 48). */

import { type Random, randomBelow } from "../bytes/random.ts";
import { encodeHex } from "../bytes/text.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import type { AnnounceEvent, SwarmCounts } from "../tracker/messages/announce.ts";

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
}

/** What an announce is answered with. */
export interface SwarmReply extends SwarmCounts {
  /** Others in the swarm, never the asker itself, at most as many as wanted. */
  readonly peers: readonly SwarmPeer[];
}

/** Keeps swarms: in memory, or in a database that several trackers share. */
export interface SwarmStore {
  /** Takes note of an announce and answers it; `undefined` if there is no room for another swarm. */
  announce(announce: SwarmAnnounce): Promise<SwarmReply | undefined>;
  /** Numbers of some swarms, in the order asked for; `undefined` for those that nobody announced. */
  scrape(infoHashes: readonly Uint8Array[]): Promise<readonly (SwarmCounts | undefined)[]>;
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
}

/** Bounds for memory: some 300 bytes a peer make 300 MB when a million peers fill it. */
const DEFAULTS = { maxSwarms: 100_000, maxPeersPerSwarm: 10_000 } as const;

type Role = "seed" | "partialSeed" | "downloader";

interface Entry {
  readonly key: string;
  readonly peer: SwarmPeer;
  readonly role: Role;
  readonly seenAt: number;
}

/** Peers stand in an array, so that some can be drawn at random; a map knows who stands where. */
interface Swarm {
  readonly entries: Entry[];
  readonly places: Map<string, number>;
  readonly roles: Record<Role, number>;
  downloaded: number;
}

/** Swarms in memory. A peer is known by its address: one client with an IPv4 and an IPv6 address is two (BEP 7). */
export class MemorySwarmStore implements SwarmStore {
  readonly #options: MemorySwarmStoreOptions;
  readonly #maxSwarms: number;
  readonly #maxPeers: number;
  readonly #swarms = new Map<string, Swarm>();
  #sweepAt: number;

  /** Makes an empty store. */
  constructor(options: MemorySwarmStoreOptions) {
    this.#options = options;
    this.#maxSwarms = options.maxSwarms ?? DEFAULTS.maxSwarms;
    this.#maxPeers = options.maxPeersPerSwarm ?? DEFAULTS.maxPeersPerSwarm;
    this.#sweepAt = options.now() + options.expiryMs / 2;
  }

  /** How many swarms have peers, those that will be forgotten with the next sweep included. */
  get swarmCount(): number {
    return this.#swarms.size;
  }

  /** Takes note of an announce and answers it; `undefined` if there is no room for another swarm. */
  announce(announce: SwarmAnnounce): Promise<SwarmReply | undefined> {
    const now = this.#options.now();
    if (now >= this.#sweepAt) this.#sweep(now);
    const key = encodeHex(announce.infoHash);
    const swarm = this.#swarms.get(key) ?? createSwarm();
    if (announce.event === "stopped") leave(swarm, formatPeerAddress(announce.peer));
    else if (!this.#swarms.has(key) && this.#swarms.size >= this.#maxSwarms) {
      return Promise.resolve(undefined);
    } else {
      this.#swarms.set(key, swarm);
      this.#enter(swarm, announce, now);
    }
    const peers = announce.event === "stopped" ? [] : this.#draw(swarm, announce, now);
    return Promise.resolve({ ...countsOf(swarm), peers });
  }

  /** Numbers of some swarms, in the order asked for; `undefined` for those that nobody announced. */
  scrape(infoHashes: readonly Uint8Array[]): Promise<readonly (SwarmCounts | undefined)[]> {
    const now = this.#options.now();
    if (now >= this.#sweepAt) this.#sweep(now);
    return Promise.resolve(infoHashes.map((infoHash) => {
      const swarm = this.#swarms.get(encodeHex(infoHash));
      return swarm && countsOf(swarm);
    }));
  }

  #enter(swarm: Swarm, { peer, event, left }: SwarmAnnounce, now: number): void {
    const key = formatPeerAddress(peer), old = swarm.entries[swarm.places.get(key) ?? -1];
    // A peer that says "completed" again was counted before.
    if (event === "completed" && old?.role !== "seed") swarm.downloaded++;
    if (old === undefined && swarm.entries.length >= this.#maxPeers) {
      leave(swarm, swarm.entries[randomBelow(this.#options.random, swarm.entries.length)]!.key);
    }
    put(swarm, {
      key,
      peer: { host: peer.host, port: peer.port, peerId: peer.peerId.slice() },
      role: left === 0 ? "seed" : event === "paused" ? "partialSeed" : "downloader",
      seenAt: now,
    });
  }

  /** Walks the ring of peers from a random place by a random step that meets each of them once. */
  #draw(swarm: Swarm, asker: SwarmAnnounce, now: number): SwarmPeer[] {
    const { entries } = swarm, count = entries.length, found: SwarmPeer[] = [];
    const own = swarm.places.get(formatPeerAddress(asker.peer));
    const step = coprimeStep(count, this.#options.random);
    let at = count === 0 ? 0 : randomBelow(this.#options.random, count);
    for (let seen = 0; seen < count && found.length < asker.numWant; seen++, at = (at + step) % count) {
      const entry = entries[at]!;
      if (now - entry.seenAt >= this.#options.expiryMs || at === own) continue;
      // Seeds have nothing to give each other.
      if (asker.left === 0 && entry.role === "seed") continue;
      found.push(entry.peer);
    }
    return found;
  }

  #sweep(now: number): void {
    this.#sweepAt = now + this.#options.expiryMs / 2;
    for (const [key, swarm] of this.#swarms) {
      for (let at = swarm.entries.length - 1; at >= 0; at--) {
        const { key: peer, seenAt } = swarm.entries[at]!;
        if (now - seenAt >= this.#options.expiryMs) leave(swarm, peer);
      }
      if (swarm.entries.length === 0) this.#swarms.delete(key);
    }
  }
}

function createSwarm(): Swarm {
  return { entries: [], places: new Map(), roles: { seed: 0, partialSeed: 0, downloader: 0 }, downloaded: 0 };
}

function countsOf({ roles, downloaded }: Swarm): SwarmCounts {
  return {
    complete: roles.seed,
    incomplete: roles.partialSeed + roles.downloader,
    downloaded,
    downloaders: roles.downloader,
  };
}

function put(swarm: Swarm, entry: Entry): void {
  const place = swarm.places.get(entry.key) ?? swarm.entries.length;
  const old = swarm.entries[place];
  if (old !== undefined) swarm.roles[old.role]--;
  swarm.roles[entry.role]++;
  swarm.entries[place] = entry;
  swarm.places.set(entry.key, place);
}

/** Takes a peer out; the last one takes its place. */
function leave(swarm: Swarm, key: string): void {
  const place = swarm.places.get(key);
  if (place === undefined) return;
  swarm.roles[swarm.entries[place]!.role]--;
  swarm.places.delete(key);
  const last = swarm.entries.pop()!;
  if (place === swarm.entries.length) return;
  swarm.entries[place] = last;
  swarm.places.set(last.key, place);
}

function coprimeStep(count: number, random: Random): number {
  if (count < 3) return 1;
  const step = 1 + randomBelow(random, count - 1);
  return greatestDivisor(step, count) === 1 ? step : 1;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
