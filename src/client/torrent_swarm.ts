/**
 * The swarm of one torrent, through both of its lives: by which names peers know it, where they come from, who is connected, and
 * what handshakes tell them.
 */

import type { HostAndPort } from "../metainfo/host_and_port.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { CandidateSource } from "../torrent/vocabulary.ts";
import type { BlockRange } from "../wire/messages/message.ts";
import type { ClientContext } from "./client_context.ts";
import { EarlyPeers } from "./early_peers.ts";
import type { TorrentFacts } from "./handshake_offer.ts";
import type { Hunt } from "./hunt.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { LiveTorrent } from "./live_torrent.ts";
import { isMetadataShared } from "./metadata_share.ts";
import type { AddOptions } from "./options.ts";
import { PeerDesk } from "./peer_desk.ts";
import type { PeerHost } from "./peer_host.ts";
import { PeerSources, type PeerSourcesOptions } from "./peer_sources.ts";
import type { TorrentNames } from "./torrent_names.ts";

/** What a swarm needs of its torrent. */
export interface TorrentSwarmOptions {
  readonly context: ClientContext;
  readonly life: Lifecycle;
  readonly names: TorrentNames;
  readonly add: AddOptions;
  /** The machine at work, once the content was checked. */
  readonly live: () => LiveTorrent | undefined;
  /** Fills `into` with a block of verified content. */
  readonly readBlock: (range: BlockRange, into: Uint8Array) => Promise<void>;
}

/** Where a torrent file or a link says that peers are found, and how much is here. */
export type Whereabouts = Pick<PeerSourcesOptions, "tiers" | "nodes" | "isComplete">;

/** The peers of a torrent, whoever it is that talks to them at the moment. */
export class TorrentSwarm {
  /** What peers call the torrent. */
  readonly names: TorrentNames;
  /** The connections. */
  readonly desk: PeerDesk;
  readonly #options: TorrentSwarmOptions;
  readonly #early = new EarlyPeers();
  #metainfo: Metainfo | undefined;
  #hunt: Hunt | undefined;
  #sources: PeerSources | undefined;

  /** Looks for nobody before `seek`. */
  constructor(options: TorrentSwarmOptions) {
    const { context, life, names, readBlock } = options;
    this.#options = options;
    this.names = names;
    this.desk = new PeerDesk({
      context,
      life,
      names,
      facts: () => this.#facts(),
      isPrivate: () => this.#isPrivate,
      addPeers: (peers) => this.addPeers("pex", peers),
      readBlock,
    });
  }

  /** Whether the torrent has learnt all that its info dictionary says, all of its names too. */
  get isKnown(): boolean {
    return this.#metainfo !== undefined;
  }

  /** The torrent is known: it may be private, or have another name as well. Answers whether there are new names. */
  learn(metainfo: Metainfo): boolean {
    this.#metainfo = metainfo;
    if (this.#isPrivate) { // first of all: nobody but the trackers may know of it (BEP 27)
      this.#sources?.becomePrivate();
      this.desk.talk.becomePrivate();
    }
    const news = this.names.learn(metainfo);
    for (const name of news) {
      this.#options.context.skeys.add(name);
      this.#sources?.join(name);
    }
    return news.length > 0;
  }

  /** A hunt has the connections from now on, and hears of peers, also of all so far. */
  joinHunt(hunt: Hunt, host: PeerHost): void {
    this.#hunt = hunt;
    this.desk.serve(host);
    this.addEarlyPeers();
  }

  /**
   * Whoever is at work now hears of all peers so far, as far as the torrent may use them, and of those of an earlier run. A hunt
   * is not the last who wants them.
   */
  addEarlyPeers(former: readonly PeerAddress[] = []): void {
    this.#early.add("resume", former);
    const early = this.#early.take({ isPrivate: this.#isPrivate });
    for (const { source, address } of early) this.addPeers(source, [address]);
  }

  /** Gives the torrent addresses of peers. */
  addPeers(source: CandidateSource, addresses: readonly PeerAddress[]): void {
    if (addresses.length === 0) return;
    const live = this.#options.live();
    if (live) return live.dispatch({ type: "candidates", source, addresses });
    this.#early.add(source, addresses);
    this.#hunt?.addPeers(source, addresses);
  }

  /** Gives the torrent peers that a link names (BEP 9 "magnet URI format"). */
  async addNamedPeers(peers: readonly HostAndPort[]): Promise<void> {
    const { context: { network }, life: { signal } } = this.#options;
    for (const { host, port } of peers) {
      const hosts = await network.resolve(host, { signal }).catch(() => []);
      this.addPeers("user", hosts.map((host) => ({ host, port })));
    }
  }

  /** An address under which peers see us: it orders dials, and nobody is told to dial it (BEP 11, 40). */
  setOurAddress(address: PeerAddress): void {
    this.desk.talk.setOurAddress(address);
    this.#options.live()?.dispatch({ type: "ourAddress", address });
    this.#hunt?.setOurAddress(address);
  }

  /** Looks for peers there from now on, and where the user says; one that rests has all that ready. */
  seek(where: Whereabouts, { isPaused }: { readonly isPaused: boolean }): void {
    if (this.#sources !== undefined) return isPaused ? void this.#sources.stop() : undefined;
    const { context, life, add, live } = this.#options;
    this.#sources = new PeerSources({
      context,
      life,
      names: this.names,
      isPrivate: this.#isPrivate,
      ...where,
      tiers: [...where.tiers, ...(add.trackers ?? []).map((url) => [url])],
      counters: () => live()?.stats() ?? { downloaded: 0, uploaded: 0, left: undefined },
      isSatisfied: () => live()?.isComplete ?? false,
      isHungry: () => life.state !== "seeding" && this.#peerCount === 0,
      addPeers: (source, peers) => this.addPeers(source, peers),
      dropPeers: () => {
        this.desk.shun("the private torrent changed its tracker");
        live()?.dispatch({ type: "forgetCandidates" });
      },
    });
    if (!isPaused && !life.error) this.announce();
  }

  /** Announces the torrent, if the user wants that. */
  announce(): void {
    if (this.#options.add.announce !== false) this.#sources?.start();
  }

  /** Announces once more, as far as the tracker's `min interval` allows. */
  reannounce(): void {
    this.#sources?.reannounce();
  }

  /** The last wanted piece has come. */
  completed(): void {
    this.#sources?.completed();
  }

  /** Says goodbye to trackers, DHT and local network; settles when they heard it or had their time to. */
  async stop(): Promise<void> {
    await this.#sources?.stop();
  }

  get #isPrivate(): boolean {
    return this.#metainfo?.info.private ?? false;
  }

  get #peerCount(): number {
    return this.#options.live()?.peers().length ?? this.#hunt?.peers ?? 0;
  }

  #facts(): TorrentFacts {
    const metainfo = this.#metainfo, live = this.#options.live();
    if (metainfo === undefined || live === undefined) return this.#hunt?.facts ?? {};
    return {
      pieceCount: metainfo.info.pieceCount,
      ...(isMetadataShared(metainfo) && { metadataSize: metainfo.rawInfo.length }),
      ...(live.isComplete && !live.isSuperSeeding && { uploadOnly: true }),
    };
  }
}
