/**
 * One torrent in a client, from `add` to `remove`, through both of its lives: as a magnet link that looks for its info
 * dictionary, and as content. Phases: metadata -> checking -> downloading <-> seeding, paused, failed -> closed.
 */

import type { Bitfield } from "../bytes/bitfield.ts";
import { encodeHex } from "../bytes/text.ts";
import { asError, StateError } from "../errors.ts";
import type { PieceStore } from "../io/storage.ts";
import type { HostAndPort } from "../metainfo/host_and_port.ts";
import type { MagnetLink } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { CandidateSource } from "../torrent/vocabulary.ts";
import { METADATA_BLOCK_LENGTH } from "../wire/messages/metadata.ts";
import { ContentSession } from "./content_session.ts";
import { EarlyPeers } from "./early_peers.ts";
import type { TorrentStatus } from "./events.ts";
import type { FileStatus } from "./file_progress.ts";
import { LayerHunt } from "./layer_hunt.ts";
import { missingLayers } from "./layer_keeper.ts";
import { Lifecycle, type Milestone } from "./lifecycle.ts";
import { magnetMetainfo, selectedFiles } from "./magnet_metainfo.ts";
import { MetadataHunt } from "./metadata_hunt.ts";
import { isMetadataShared } from "./metadata_share.ts";
import { PeerSources } from "./peer_sources.ts";
import { PeerDesk, type TorrentFacts } from "./peer_desk.ts";
import { statusOf } from "./status.ts";
import { TorrentNames } from "./torrent_names.ts";
import type { Origin, TorrentSessionOptions } from "./torrent_origin.ts";

/** A torrent and everything that works for it. */
export class TorrentSession {
  /** What peers call it. */
  readonly names: TorrentNames;
  /** Its state, its events. */
  readonly life: Lifecycle;
  /** Its connections. */
  readonly desk: PeerDesk;
  readonly #options: TorrentSessionOptions;
  #metainfo: Metainfo | undefined;
  #hunt: MetadataHunt | LayerHunt | undefined;
  #content: ContentSession | undefined;
  #sources: PeerSources | undefined;
  #cancelProgress: () => void = () => {};
  #closing: Promise<void> | undefined;
  #isPaused: boolean;
  readonly #early = new EarlyPeers();

  /** Nothing happens before `start`. @throws {TypeError} If a link has no info hash. */
  constructor(options: TorrentSessionOptions) {
    const { context, origin } = options, isKnown = "metainfo" in origin;
    this.#options = options;
    this.#isPaused = options.add.paused ?? false;
    this.names = new TorrentNames(isKnown ? origin.metainfo : origin.magnet);
    this.life = new Lifecycle(context, encodeHex(this.names.primary), isKnown ? "checking" : "metadata");
    this.desk = new PeerDesk({
      context,
      life: this.life,
      names: this.names,
      facts: () => this.#facts(),
      isPrivate: () => this.#metainfo?.info.private ?? false,
      addPeers: (peers) => this.addPeers("pex", peers),
      readBlock: ({ piece, begin }, into) => this.content.readBlock(piece, begin, into),
    });
    if (isKnown) this.#know(origin.metainfo, origin.store);
  }

  /** What the torrent file says; `undefined` while a link has not found it. */
  get metainfo(): Metainfo | undefined {
    return this.#metainfo;
  }

  /** Its content. @throws {StateError} If it is a link whose metadata is not here yet. */
  get content(): ContentSession {
    if (this.#content) return this.#content;
    throw new StateError("Cannot do this now: the metadata of the magnet link is not here yet");
  }

  /** Its name, or what the link calls it, or its info hash. */
  get name(): string {
    const { origin } = this.#options, claimed = "magnet" in origin ? origin.magnet.name : undefined;
    return this.#metainfo?.info.name ?? claimed ?? this.life.infoHash;
  }

  /** The torrent in numbers. */
  status(): TorrentStatus {
    const content = this.#content;
    return statusOf({
      state: this.life.state,
      error: this.life.error,
      info: this.#metainfo?.info,
      live: content?.live,
      progress: content?.progress,
      checked: content?.checked ?? 0,
      metadata: this.#metadataProgress(),
      huntPeers: this.#hunt?.peers ?? 0,
    });
  }

  /** Every file but padding. */
  files(): readonly FileStatus[] {
    return this.#content?.progress?.files() ?? [];
  }

  /** The verified pieces, as a copy; `undefined` before the first check is over. */
  pieces(): Bitfield | undefined {
    return this.#content?.live?.have();
  }

  /** Works until `close`. Never rejects: what goes wrong is a state and an event. */
  async start(): Promise<void> {
    if (this.#isPaused && this.#metainfo === undefined) return this.life.enter("paused");
    this.#cancelProgress = this.life.reportProgress(() => this.status());
    try {
      if (this.#metainfo === undefined) {
        const metainfo = await this.#findMetadata();
        if (this.#options.add.metadataOnly) return this.#rest(await this.#findLayers(metainfo));
        await this.#open(metainfo);
      } else if (this.#content === undefined) await this.#open(this.#metainfo);
      if (!this.life.signal.aborted) await this.#startContent();
    } catch (error) {
      if (!this.life.signal.aborted && this.life.fail(asError(error))) this.#halt("the torrent failed");
    }
  }

  /** Waits for a milestone. @throws Why the torrent failed or closed, or the signal's reason. */
  reached(milestone: Milestone, signal?: AbortSignal): Promise<void> {
    return this.life.wait(milestone, signal);
  }

  /** Gives the torrent addresses of peers. */
  addPeers(source: CandidateSource, addresses: readonly PeerAddress[]): void {
    if (addresses.length === 0) return;
    const live = this.#content?.live;
    if (live) return live.dispatch({ type: "candidates", source, addresses });
    this.#early.add(source, addresses);
    this.#hunt?.addPeers(source, addresses);
  }

  /** An address under which peers see us: it orders dials, and nobody is told to dial it (BEP 11, 40). */
  setOurAddress(address: PeerAddress): void {
    this.desk.setOurAddress(address);
    this.#content?.live?.dispatch({ type: "ourAddress", address });
    this.#hunt?.setOurAddress(address);
  }

  /** Announces now, as far as the tracker's `min interval` allows. */
  announce(): void {
    this.#sources?.reannounce();
  }

  /** Stops asking, serving and announcing until `resume`; a check, or the search for metadata, is finished first. */
  pause(): void {
    this.#isPaused = true;
    if (this.life.state !== "downloading" && this.life.state !== "seeding") return;
    this.#content?.pause();
    void this.#sources?.stop();
  }

  /** Goes on after `pause` or a failure. */
  resume(): void {
    this.#isPaused = false;
    if (this.life.state !== "paused" && this.life.state !== "failed") return;
    if (this.#options.add.announce !== false) this.#sources?.start();
    if (this.#content?.live !== undefined) return this.#content.resume();
    this.life.enter(this.#metainfo ? "checking" : "metadata");
    this.#cancelProgress();
    void this.start();
  }

  /** Hashes everything on the disk; what is missing is downloaded again. */
  async recheck(): Promise<void> {
    await this.content.recheck();
    if (!this.#isPaused && this.#options.add.announce !== false) this.#sources?.start();
  }

  /** Ends everything; with `forget`, resume data too. Safe to call twice. */
  close(options: { readonly forget: boolean }): Promise<void> {
    return this.#closing ??= this.#close(options);
  }

  async #close(options: { readonly forget: boolean }): Promise<void> {
    this.life.end();
    this.#cancelProgress();
    const stopped = this.#sources?.stop();
    this.#content?.seal();
    this.desk.close("torrent closed");
    this.#hunt?.close();
    await this.#content?.close(options);
    await stopped;
    this.life.events.end();
  }

  /** The first life: until the info dictionary is here. @throws Why the torrent was closed before. */
  async #findMetadata(): Promise<Metainfo> {
    const { context, origin, add } = this.#options,
      { magnet } = origin as Extract<Origin, { magnet: MagnetLink }>;
    const hunt = this.#hunt = new MetadataHunt({ context, life: this.life, desk: this.desk, magnet });
    this.desk.serve(hunt);
    for (const { source, address } of this.#early.all()) hunt.addPeers(source, [address]);
    const tiers = [...magnet.trackers, ...add.trackers ?? []].map((url) => [url]);
    if (!this.#sources) this.#startSources(tiers, magnet.nodes, false);
    this.addPeers("user", add.peers ?? []);
    void this.#addNamedPeers(magnet.peers);
    return await magnetMetainfo(await hunt.found, magnet);
  }

  /** What belongs into a torrent file besides the metadata. */
  async #findLayers(metainfo: Metainfo): Promise<Metainfo> {
    if (missingLayers(metainfo).files.length === 0 || this.life.signal.aborted) return metainfo;
    const { context } = this.#options, { private: isPrivate } = metainfo.info, { desk, life } = this;
    desk.serve(undefined);
    this.#hunt?.close();
    if (isPrivate) this.#becomePrivate();
    // Who was called by the v1 name has not heard that we speak v2.
    if (this.#learnNames(metainfo)) desk.drop("the torrent speaks v2");
    const hunt = this.#hunt = new LayerHunt({ context, life, desk, metainfo });
    desk.serve(hunt.live);
    for (const { source, address } of this.#early.take({ isPrivate })) this.addPeers(source, [address]);
    await hunt.ended;
    return metainfo;
  }

  /** Between the lives: connections wait for the content to be looked at. */
  async #open(metainfo: Metainfo): Promise<void> {
    const store = await this.#options.openStore(metainfo), isNews = this.#metainfo === undefined;
    this.desk.serve(undefined);
    this.#hunt?.close();
    if (this.life.signal.aborted) return await store.close();
    this.#know(metainfo, store);
    this.life.enter("checking");
    if (isNews) this.life.emit({ type: "metadata", infoHash: this.life.infoHash, metainfo });
  }

  /** Nobody is asked, answered or told any more. */
  #halt(reason: string): void {
    this.desk.serve(undefined);
    this.desk.drop(reason);
    this.#hunt?.close();
    void this.#sources?.stop();
  }

  /** The metadata was all that was wanted. */
  #rest(metainfo: Metainfo): void {
    if (this.life.signal.aborted) return;
    this.#metainfo = metainfo;
    if (metainfo.info.private) this.#becomePrivate();
    this.#learnNames(metainfo);
    this.#halt("the metadata is here");
    this.life.reach("metadata");
    this.life.enter("paused");
    this.life.emit({ type: "metadata", infoHash: this.life.infoHash, metainfo });
  }

  #know(metainfo: Metainfo, store: PieceStore): void {
    const { context, origin, add } = this.#options;
    const files = add.files ?? ("magnet" in origin ? selectedFiles(origin.magnet, metainfo) : undefined);
    this.#metainfo = metainfo;
    this.#learnNames(metainfo);
    if (metainfo.info.private) this.#becomePrivate();
    this.life.reach("metadata");
    this.#content = new ContentSession({
      context,
      life: this.life,
      desk: this.desk,
      metainfo,
      store,
      add: files ? { ...add, files } : add,
      isPaused: () => this.#isPaused,
      onCompleted: (isNews) => isNews && this.#sources?.completed(),
      onFailed: () => void this.#sources?.stop(),
    });
  }

  /** Takes up the names that a link did not know; answers whether there are any. */
  #learnNames(metainfo: Metainfo): boolean {
    const news = this.names.learn(metainfo);
    for (const name of news) {
      this.#options.context.skeys.add(name);
      this.#sources?.join(name);
    }
    return news.length > 0;
  }

  /** Nobody but the trackers may know of it (BEP 27). */
  #becomePrivate(): void {
    this.#sources?.becomePrivate();
    this.desk.becomePrivate();
  }

  /** The second life. */
  async #startContent(): Promise<void> {
    const content = this.#content!, { add } = this.#options, peers = await content.start();
    if (this.life.signal.aborted) return;
    const live = content.live!;
    this.desk.serve(live);
    const { announce, nodes } = this.#metainfo!, extra = (add.trackers ?? []).map((url) => [url]);
    if (!this.#sources) this.#startSources([...announce, ...extra], nodes, live.stats().left === 0);
    else if (this.#isPaused) void this.#sources.stop();
    const { private: isPrivate } = this.#metainfo!.info;
    this.#early.add("resume", peers);
    for (const { source, address } of this.#early.take({ isPrivate })) this.addPeers(source, [address]);
    this.addPeers("user", add.peers ?? []);
    await content.announceState();
  }

  #startSources(
    tiers: readonly (readonly string[])[],
    nodes: readonly HostAndPort[],
    isComplete: boolean,
  ): void {
    const { context, add } = this.#options;
    this.#sources = new PeerSources({
      context,
      life: this.life,
      names: this.names,
      isPrivate: this.#metainfo?.info.private ?? false,
      tiers,
      nodes,
      counters: () => this.#content?.live?.stats() ?? { downloaded: 0, uploaded: 0, left: undefined },
      isComplete,
      isSatisfied: () => this.#content?.live?.isComplete ?? false,
      isHungry: () => this.life.state !== "seeding" && this.status().peers === 0,
      addPeers: (source, peers) => this.addPeers(source, peers),
      dropPeers: () => {
        this.desk.shun("the private torrent changed its tracker");
        this.#content?.live?.dispatch({ type: "forgetCandidates" });
      },
    });
    if (!this.#isPaused && !this.life.error && add.announce !== false) this.#sources.start();
  }

  async #addNamedPeers(peers: readonly HostAndPort[]): Promise<void> {
    for (const { host, port } of peers) {
      const hosts = await this.#options.context.network.resolve(host, { signal: this.life.signal }).catch(
        () => [],
      );
      this.addPeers("user", hosts.map((host) => ({ host, port })));
    }
  }

  #facts(): TorrentFacts {
    const metainfo = this.#metainfo, live = this.#content?.live;
    if (metainfo === undefined || live === undefined) return this.#hunt?.facts ?? {};
    return {
      pieceCount: metainfo.info.pieceCount,
      ...(isMetadataShared(metainfo) && { metadataSize: metainfo.rawInfo.length }),
      ...(live.isComplete && !live.isSuperSeeding && { uploadOnly: true }),
    };
  }

  #metadataProgress(): { readonly received: number; readonly blockCount: number } {
    if (this.#metainfo === undefined) return this.#hunt?.progress ?? { received: 0, blockCount: 0 };
    const blockCount = Math.ceil(this.#metainfo.rawInfo.length / METADATA_BLOCK_LENGTH);
    return { received: blockCount, blockCount };
  }
}
