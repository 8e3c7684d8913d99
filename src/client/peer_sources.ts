/** Where the peers of one torrent come from, all sources together: trackers, and for a public torrent the DHT and the local network. */

import type { HostAndPort } from "../metainfo/host_and_port.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { CandidateSource } from "../torrent/vocabulary.ts";
import type { ClientContext } from "./client_context.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { TorrentNames } from "./torrent_names.ts";
import { type AnnounceCounters, TrackerSource } from "./tracker_source.ts";

/** What the sources need of their torrent. */
export interface PeerSourcesOptions {
  readonly context: ClientContext;
  readonly life: Lifecycle;
  /** What announces say: a hybrid torrent is announced under both of its names (BEP 52 "upgrade path"). */
  readonly names: TorrentNames;
  /** Trackers only, one at a time, whose peers are dropped when it changes (BEP 27). */
  readonly isPrivate: boolean;
  /** Announce URLs, best tier first. */
  readonly tiers: readonly (readonly string[])[];
  /** DHT nodes that the torrent or the link names. */
  readonly nodes: readonly HostAndPort[];
  /** The counters that go into an announce; `left` is unknown before the metadata is here. */
  readonly counters: () => AnnounceCounters;
  /** Whether the torrent began complete: then `completed` is never said. */
  readonly isComplete: boolean;
  /** Whether every wanted piece is here (BEP 21). */
  readonly isSatisfied: () => boolean;
  /** Whether it wants peers and has none. */
  readonly isHungry: () => boolean;
  readonly addPeers: (source: CandidateSource, peers: readonly PeerAddress[]) => void;
  /** A private torrent changed its tracker: end all connections. */
  readonly dropPeers: () => void;
}

/** The peers that know the torrent by one of its names. */
interface Swarm {
  readonly infoHash: Uint8Array;
  readonly trackers: TrackerSource;
  /** Out of the DHT and the local network, if it is in. */
  leaveDht: (() => void) | undefined;
  leaveLsd: (() => void) | undefined;
}

/** Announces a torrent everywhere, and gathers peers from everywhere. */
export class PeerSources {
  readonly #options: PeerSourcesOptions;
  readonly #swarms: Swarm[];
  #isPrivate: boolean;
  #isStarted = false;

  /** Announces nothing before `start`. */
  constructor(options: PeerSourcesOptions) {
    this.#options = options;
    this.#isPrivate = options.isPrivate;
    this.#swarms = options.names.all().map((infoHash) => this.#swarm(infoHash));
  }

  /** Begins to announce. */
  start(): void {
    this.#isStarted = true;
    const { context, nodes } = this.#options;
    if (context.dht && nodes.length > 0 && !this.#isPrivate) void context.dht.addNodes(nodes);
    for (const swarm of this.#swarms) this.#enter(swarm);
  }

  /** The torrent turned out to have another name as well. */
  join(infoHash: Uint8Array): void {
    const swarm = this.#swarm(infoHash);
    this.#swarms.push(swarm);
    if (this.#isStarted) this.#enter(swarm);
  }

  /** The last wanted piece has come. */
  completed(): void {
    for (const { trackers } of this.#swarms) trackers.completed();
  }

  /** Announces now, as far as the trackers allow. */
  reannounce(): void {
    for (const { trackers } of this.#swarms) trackers.reannounce();
  }

  /** The torrent turned out to be private: only its trackers may know of it (BEP 27). */
  becomePrivate(): void {
    this.#isPrivate = true;
    this.#leave();
    for (const { trackers } of this.#swarms) trackers.becomePrivate();
  }

  /** Says goodbye; settles when every tracker heard it or had its time to. */
  async stop(): Promise<void> {
    this.#isStarted = false;
    this.#leave();
    await Promise.all(this.#swarms.map(({ trackers }) => trackers.stop()));
  }

  #swarm(infoHash: Uint8Array): Swarm {
    const trackers = new TrackerSource({
      ...this.#options,
      isPrivate: this.#isPrivate,
      infoHash,
      addPeers: (peers) => this.#found(infoHash, "tracker", peers),
    });
    return { infoHash, trackers, leaveDht: undefined, leaveLsd: undefined };
  }

  #enter(swarm: Swarm): void {
    const { context, counters, isHungry } = this.#options, { infoHash } = swarm;
    swarm.trackers.start();
    if (this.#isPrivate) return;
    swarm.leaveLsd ??= context.lsd?.join(infoHash, (address) => this.#found(infoHash, "lsd", [address]));
    swarm.leaveDht ??= context.dht?.join({
      infoHash,
      isSeed: () => counters().left === 0,
      isHungry,
      onUnreachable: () => this.#warnOfDht(swarm),
      addPeers: (peers) => this.#found(infoHash, "dht", peers),
    });
  }

  #found(infoHash: Uint8Array, source: CandidateSource, peers: readonly PeerAddress[]): void {
    this.#options.names.heard(infoHash, peers);
    this.#options.addPeers(source, peers);
  }

  /** Whoever has peers need not care; one name of the torrent speaks for both. */
  #warnOfDht(swarm: Swarm): void {
    const { isHungry, life } = this.#options;
    if (isHungry() && swarm === this.#swarms[0]) {
      life.warn("Cannot reach the DHT: no node answers; it is tried again");
    }
  }

  /** Out of everything but the trackers. */
  #leave(): void {
    for (const swarm of this.#swarms) {
      swarm.leaveDht?.();
      swarm.leaveLsd?.();
      swarm.leaveDht = swarm.leaveLsd = undefined;
    }
  }
}
