/** Where the peers of one torrent come from, all sources together: trackers, and for a public torrent the DHT and the local network. */

import type { HostAndPort } from "../metainfo/host_and_port.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { CandidateSource } from "../torrent/vocabulary.ts";
import type { ClientContext } from "./client_context.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type AnnounceCounters, TrackerSource } from "./tracker_source.ts";

/** What the sources need of their torrent. */
export interface PeerSourcesOptions {
  readonly context: ClientContext;
  readonly life: Lifecycle;
  /** 20 bytes: what announces say. */
  readonly infoHash: Uint8Array;
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

/** Announces a torrent everywhere, and gathers peers from everywhere. */
export class PeerSources {
  readonly #options: PeerSourcesOptions;
  readonly #trackers: TrackerSource;
  #isPrivate: boolean;
  #leaveDht: (() => void) | undefined;
  #leaveLsd: (() => void) | undefined;

  /** Announces nothing before `start`. */
  constructor(options: PeerSourcesOptions) {
    this.#options = options;
    this.#isPrivate = options.isPrivate;
    this.#trackers = new TrackerSource({
      ...options,
      addPeers: (peers) => options.addPeers("tracker", peers),
    });
  }

  /** Begins to announce. */
  start(): void {
    const { context, infoHash, nodes } = this.#options;
    this.#trackers.start();
    if (this.#isPrivate) return;
    this.#leaveLsd ??= context.lsd?.join(infoHash, (address) => this.#options.addPeers("lsd", [address]));
    if (context.dht === undefined || this.#leaveDht) return;
    if (nodes.length > 0) void context.dht.addNodes(nodes);
    this.#leaveDht = context.dht.join({
      infoHash,
      isSeed: () => this.#options.counters().left === 0,
      isHungry: this.#options.isHungry,
      addPeers: (peers) => this.#options.addPeers("dht", peers),
    });
  }

  /** The last wanted piece has come. */
  completed(): void {
    this.#trackers.completed();
  }

  /** Announces now, as far as the trackers allow. */
  reannounce(): void {
    this.#trackers.reannounce();
  }

  /** The torrent turned out to be private: only its trackers may know of it (BEP 27). */
  becomePrivate(): void {
    this.#isPrivate = true;
    this.#leave();
  }

  /** Says goodbye; settles when every tracker heard it or had its time to. */
  async stop(): Promise<void> {
    this.#leave();
    await this.#trackers.stop();
  }

  /** Out of everything but the trackers. */
  #leave(): void {
    this.#leaveDht?.();
    this.#leaveLsd?.();
    this.#leaveDht = this.#leaveLsd = undefined;
  }
}
