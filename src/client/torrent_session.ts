/**
 * One torrent in a client, from `add` to `remove`, through both of its lives: as a magnet link that looks for its info
 * dictionary, and as content. Phases: metadata -> checking -> downloading <-> seeding, paused, failed -> closed.
 */

import type { Bitfield } from "../bytes/bitfield.ts";
import { encodeHex } from "../bytes/text.ts";
import { asError, StateError } from "../errors.ts";
import type { PieceStore } from "../io/storage.ts";
import type { MagnetLink } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { METADATA_BLOCK_LENGTH } from "../wire/messages/metadata.ts";
import { ContentSession } from "./content_session.ts";
import type { PeerStatus, TorrentStatus } from "./events.ts";
import type { FileStatus } from "./file_progress.ts";
import type { Hunt } from "./hunt.ts";
import { LayerHunt } from "./layer_hunt.ts";
import { missingLayers } from "./layer_keeper.ts";
import { Lifecycle } from "./lifecycle.ts";
import { magnetMetainfo, selectedFiles } from "./magnet_metainfo.ts";
import { MetadataHunt } from "./metadata_hunt.ts";
import { peerStatuses, statusOf } from "./status.ts";
import { TorrentNames } from "./torrent_names.ts";
import type { Origin, TorrentSessionOptions } from "./torrent_origin.ts";
import { TorrentSwarm } from "./torrent_swarm.ts";

/** A torrent and everything that works for it. */
export class TorrentSession {
  /** Its state, its events. */
  readonly life: Lifecycle;
  /** Its peers. */
  readonly swarm: TorrentSwarm;
  readonly #options: TorrentSessionOptions;
  #metainfo: Metainfo | undefined;
  #hunt: Hunt | undefined;
  #content: ContentSession | undefined;
  #cancelProgress: () => void = () => {};
  /** What `start` does; never rejects. */
  #starting: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #isPaused: boolean;

  /** Nothing happens before `start`. @throws {TypeError} If a link has no info hash. */
  constructor(options: TorrentSessionOptions) {
    const { context, origin, add } = options, isKnown = "metainfo" in origin;
    const names = new TorrentNames(isKnown ? origin.metainfo : origin.magnet);
    this.#options = options;
    this.#isPaused = add.paused ?? false;
    this.life = new Lifecycle(context, encodeHex(names.primary), isKnown ? "checking" : "metadata");
    this.swarm = new TorrentSwarm({
      context,
      life: this.life,
      names,
      add,
      live: () => this.#content?.live,
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
      metadata: this.#metainfo ? allBlocks(this.#metainfo) : this.#hunt?.progress ?? NO_BLOCKS,
      huntPeers: this.#hunt?.peers ?? 0,
    });
  }

  /** Every file but padding. */
  files(): readonly FileStatus[] {
    return this.#content?.progress?.files() ?? [];
  }

  /** Everybody who is connected. */
  peers(): readonly PeerStatus[] {
    return peerStatuses(this.swarm.desk.peers(), this.#content?.live?.peers() ?? []);
  }

  /** The verified pieces, as a copy; `undefined` before the first check is over. */
  pieces(): Bitfield | undefined {
    return this.#content?.live?.have();
  }

  /** Works until `close`. What goes wrong is a state and an event. */
  start(): void {
    this.#starting = this.#start();
  }

  /** Stops asking, serving and announcing until `resume`; a check, or the search for metadata, is finished first. */
  pause(): void {
    this.#isPaused = true;
    if (this.life.state !== "downloading" && this.life.state !== "seeding") return;
    this.#content?.pause();
    void this.swarm.stop();
  }

  /** Goes on after `pause` or a failure. */
  resume(): void {
    this.#isPaused = false;
    if (this.life.state !== "paused" && this.life.state !== "failed") return;
    this.swarm.announce();
    if (this.#content?.live !== undefined) return this.#content.resume();
    this.life.enter(this.#metainfo ? "checking" : "metadata");
    this.#cancelProgress();
    this.start();
  }

  /** Hashes everything on the disk; what is missing is downloaded again. */
  async recheck(): Promise<void> {
    await this.content.recheck();
    if (this.#isPaused) void this.swarm.stop();
    else if (!this.life.signal.aborted) this.swarm.announce();
  }

  /** Ends everything; with `forget`, resume data too. Safe to call twice. */
  close(options: { readonly forget: boolean }): Promise<void> {
    return this.#closing ??= this.#close(options);
  }

  async #start(): Promise<void> {
    if (this.#isPaused && this.#metainfo === undefined) return this.life.enter("paused");
    this.#cancelProgress = this.life.reportProgress(() => this.status());
    try {
      if (this.#metainfo === undefined) {
        const metainfo = await this.#findMetadata();
        this.#options.refuse(metainfo); // a hybrid may be here by its other name
        const isRenamed = this.swarm.learn(metainfo);
        if (this.#options.add.metadataOnly) return this.#rest(await this.#findLayers(metainfo, isRenamed));
        await this.#open(metainfo);
      } else if (this.#content === undefined) await this.#open(this.#metainfo);
      if (!this.life.signal.aborted) await this.#startContent();
    } catch (error) {
      if (!this.life.signal.aborted && this.life.fail(asError(error))) this.#halt("the torrent failed");
    }
  }

  async #close(options: { readonly forget: boolean }): Promise<void> {
    this.life.end();
    this.#cancelProgress();
    const stopped = this.swarm.stop();
    this.#content?.seal();
    this.swarm.desk.close("torrent closed");
    this.#hunt?.close();
    try {
      await this.#starting; // a store that is being opened is closed, too
      await this.#content?.close(options);
    } finally {
      await stopped;
      this.life.events.end();
    }
  }

  /** The first life: until the info dictionary is here. @throws Why the torrent was closed before. */
  async #findMetadata(): Promise<Metainfo> {
    const { context, origin, add } = this.#options, { life, swarm, swarm: { desk } } = this;
    const { magnet } = origin as Extract<Origin, { magnet: MagnetLink }>;
    const hunt = this.#hunt = new MetadataHunt({ context, life, desk, magnet });
    swarm.joinHunt(hunt, hunt);
    const tiers = magnet.trackers.map((url) => [url]);
    swarm.seek({ tiers, nodes: magnet.nodes, isComplete: false }, { isPaused: false });
    swarm.addPeers("user", add.peers ?? []);
    void swarm.addNamedPeers(magnet.peers);
    return await magnetMetainfo(await hunt.found, magnet);
  }

  /** What belongs into a torrent file besides the metadata; `isRenamed` if it has a name that the link did not know. */
  async #findLayers(metainfo: Metainfo, isRenamed: boolean): Promise<Metainfo> {
    if (missingLayers(metainfo).files.length === 0 || this.life.signal.aborted) return metainfo;
    const { context } = this.#options, { life, swarm, swarm: { desk } } = this;
    this.#endHunt();
    // Who was called by the v1 name has not heard that we speak v2.
    if (isRenamed) desk.drop("the torrent speaks v2");
    const hunt = this.#hunt = new LayerHunt({ context, life, desk, metainfo });
    swarm.joinHunt(hunt, hunt.live.host);
    await hunt.ended;
    return metainfo;
  }

  /** Between the lives: connections wait for the content to be looked at. */
  async #open(metainfo: Metainfo): Promise<void> {
    const store = await this.#options.openStore(metainfo), isNews = this.#metainfo === undefined;
    this.#endHunt();
    if (this.life.signal.aborted) return await store.close();
    this.#know(metainfo, store);
    this.life.enter("checking");
    if (isNews) this.life.emit({ type: "metadata", infoHash: this.life.infoHash, metainfo });
  }

  #endHunt(): void {
    this.swarm.desk.serve(undefined);
    this.#hunt?.close();
  }

  /** Nobody is asked, answered or told any more. */
  #halt(reason: string): void {
    this.#endHunt();
    this.swarm.desk.drop(reason);
    void this.swarm.stop();
  }

  /** The metadata was all that was wanted. */
  #rest(metainfo: Metainfo): void {
    if (this.life.signal.aborted) return;
    this.#metainfo = metainfo;
    this.#halt("the metadata is here");
    this.life.goals.reach("metadata");
    this.life.enter("paused");
    this.life.emit({ type: "metadata", infoHash: this.life.infoHash, metainfo });
  }

  #know(metainfo: Metainfo, store: PieceStore): void {
    const { context, origin, add } = this.#options, { life, swarm, swarm: { desk } } = this;
    const files = add.files ?? ("magnet" in origin ? selectedFiles(origin.magnet, metainfo) : undefined);
    this.#metainfo = metainfo;
    swarm.learn(metainfo);
    life.goals.reach("metadata");
    this.#content = new ContentSession({
      context,
      life,
      desk,
      metainfo,
      store,
      add: files ? { ...add, files } : add,
      isPaused: () => this.#isPaused,
      onCompleted: (isNews) => isNews && swarm.completed(),
      onFailed: () => void swarm.stop(),
    });
  }

  /** The second life. */
  async #startContent(): Promise<void> {
    const content = this.#content!, { add } = this.#options, former = await content.start(), { swarm } = this;
    if (this.life.signal.aborted) return;
    const live = content.live!, { announce: tiers, nodes } = this.#metainfo!;
    swarm.desk.serve(live.host);
    swarm.seek({ tiers, nodes, isComplete: live.stats().left === 0 }, { isPaused: this.#isPaused });
    swarm.addEarlyPeers(former);
    swarm.addPeers("user", add.peers ?? []);
    await content.announceState();
  }
}

const NO_BLOCKS = { received: 0, blockCount: 0 };

/** The progress of metadata that is here. */
function allBlocks({ rawInfo }: Metainfo): { readonly received: number; readonly blockCount: number } {
  const blockCount = Math.ceil(rawInfo.length / METADATA_BLOCK_LENGTH);
  return { received: blockCount, blockCount };
}
