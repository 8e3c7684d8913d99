/**
 * The piece layers of a magnet link whose metadata is all that is wanted: a torrent at work that wants no piece, until they are here
 * (BEP 52: a torrent file without its "piece layers" is not valid).
 */

import { encodeHex } from "../bytes/text.ts";
import { Bitfield } from "../bytes/bitfield.ts";
import { openMemoryStore } from "../io/memory_storage.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { HashRequestsOptions } from "../torrent/missing_hashes.ts";
import type { CandidateSource } from "../torrent/vocabulary.ts";
import { METADATA_BLOCK_LENGTH } from "../wire/messages/metadata.ts";
import type { ClientContext } from "./client_context.ts";
import type { TorrentFacts } from "./handshake_offer.ts";
import type { Hunt } from "./hunt.ts";
import { addLayer, missingLayers } from "./layer_keeper.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { LiveTorrent } from "./live_torrent.ts";
import type { PeerDesk } from "./peer_desk.ts";

/** How long peers are asked for the layers of a hybrid: those of its v1 swarm have none, and it is of use without. */
const HYBRID_PATIENCE_MS = 60_000;

/** What a hunt needs. */
export interface LayerHuntOptions {
  readonly context: ClientContext;
  readonly life: Lifecycle;
  readonly desk: PeerDesk;
  /** The torrent, with layers of its own, which grow. */
  readonly metainfo: Metainfo;
}

/** Fetches piece layers and nothing else. */
export class LayerHunt implements Hunt {
  /** The host of the connections meanwhile. */
  readonly live: LiveTorrent;
  readonly #options: LayerHuntOptions;
  /** Roots of the files whose layers are not here. */
  readonly #missing: Set<string>;
  readonly #ended = Promise.withResolvers<void>();
  readonly #cancel: () => void;

  /** Asks nobody before the desk serves it. */
  constructor(options: LayerHuntOptions) {
    const { context, life, metainfo } = options, { clock } = context;
    this.#options = options;
    const layers = missingLayers(metainfo);
    this.#missing = new Set(layers.files.map(({ piecesRoot }) => encodeHex(piecesRoot)));
    this.live = this.#makeLive(layers);
    life.signal.addEventListener("abort", () => this.#ended.resolve(), { once: true });
    this.#cancel = metainfo.info.version === "2"
      ? () => {}
      : clock.schedule(clock.now() + HYBRID_PATIENCE_MS, () => this.#giveUp());
  }

  /** What handshakes say meanwhile: messages about pieces need not wait. */
  get facts(): TorrentFacts {
    return { pieceCount: this.#options.metainfo.info.pieceCount };
  }

  /** The metadata is here. */
  get progress(): { readonly received: number; readonly blockCount: number } {
    const blockCount = Math.ceil(this.#options.metainfo.rawInfo.length / METADATA_BLOCK_LENGTH);
    return { received: blockCount, blockCount };
  }

  /** How many peers are connected. */
  get peers(): number {
    return this.live.peers().length;
  }

  /** An address under which peers see us: it orders the dials (BEP 40). */
  setOurAddress(address: PeerAddress): void {
    this.live.dispatch({ type: "ourAddress", address });
  }

  /** Settles when there is nothing more to be had; never rejects. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Gives the machine addresses of peers. */
  addPeers(source: CandidateSource, addresses: readonly PeerAddress[]): void {
    this.live.dispatch({ type: "candidates", source, addresses });
  }

  /** Stops; connections are the desk's matter. */
  close(): void {
    this.#cancel();
    this.live.close();
    this.#ended.resolve();
  }

  #giveUp(): void {
    this.#options.life.warn("no peer gave the piece layers; the torrent is that of the v1 swarm");
    this.#ended.resolve();
  }

  #found(piecesRoot: Uint8Array, hashes: Uint8Array): void {
    const { metainfo } = this.#options;
    addLayer(metainfo, piecesRoot, hashes);
    this.#missing.delete(encodeHex(piecesRoot));
    if (this.#missing.size === 0) this.#ended.resolve();
  }

  #makeLive(layers: HashRequestsOptions): LiveTorrent {
    const { metainfo } = this.#options, { pieceCount } = metainfo.info;
    return new LiveTorrent({
      ...this.#options,
      store: openMemoryStore(metainfo),
      torrent: { have: new Bitfield(pieceCount), layers, priorities: new Uint8Array(pieceCount) },
      onNews: (news) => news.type === "layerFound" && this.#found(news.piecesRoot, news.hashes),
    });
  }
}
