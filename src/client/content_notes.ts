/**
 * What the content of one torrent leaves to its next run: pieces, counters, peers. Who hears of a piece may rely on it, so it is told
 * only once it is noted.
 */

import { equals } from "@std/bytes/equals";
import type { PieceStore } from "../io/storage.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { ClientContext } from "./client_context.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { LiveTorrent } from "./live_torrent.ts";
import type { ResumeData } from "./resume.ts";
import { type ResumeFacts, ResumeKeeper } from "./resume_keeper.ts";

/** What the notes are about. */
export interface ContentNotesOptions {
  readonly context: ClientContext;
  readonly life: Lifecycle;
  readonly metainfo: Metainfo;
  readonly store: PieceStore;
}

/** What an earlier run has left. */
export interface FormerRun {
  readonly data: ResumeData;
  /** Pieces that came after the data was written. */
  readonly journal: readonly number[];
}

/** Keeps notes of one torrent; none if the client keeps none, and pieces are told all the same. */
export class ContentNotes {
  readonly #options: ContentNotesOptions;
  readonly #keeper: ResumeKeeper | undefined;
  #former: FormerRun | undefined;
  #live: LiveTorrent | undefined;
  /** Settles when every piece so far has been told. */
  #told: Promise<void> = Promise.resolve();
  /** Who was connected at the end. */
  #lastPeers: readonly PeerAddress[] | undefined;

  /** Nothing happens before `load`. */
  constructor(options: ContentNotesOptions) {
    const { context, life, store } = options;
    this.#options = options;
    this.#keeper = context.resume && new ResumeKeeper({
      state: context.resume,
      name: life.infoHash,
      store,
      clock: context.clock,
      facts: () => this.#facts(this.#live!),
      onFailed: ({ message }) => life.warn(`no resume data is kept: ${message}`),
    });
  }

  /** What an earlier run has left, if anything. */
  async load(): Promise<FormerRun | undefined> {
    const { metainfo: { info, infoHash } } = this.#options;
    const former = await this.#keeper?.load({ length: info.pieceCount });
    // Notes of another torrent, by whatever way they came by its name, say nothing of this one.
    return this.#former = former && equals(former.data.infoHash, infoHash) ? former : undefined;
  }

  /** Keeps notes of this torrent from now on; of one that was complete when it was found, only at its end. */
  async start(live: LiveTorrent): Promise<void> {
    this.#live = live;
    if (this.#former || !live.isComplete) await this.#keeper?.start();
  }

  /** Notes a piece, so that not even `kill -9` makes it come twice, and tells of it then. */
  record(piece: number): void {
    const { life } = this.#options, noted = this.#keeper?.record(piece) ?? Promise.resolve();
    this.#told = noted.then(() => life.emit({ type: "piece", infoHash: life.infoHash, piece }));
  }

  /** A piece is ours no longer: the next snapshot says so. */
  lost(): void {
    this.#keeper?.touch();
  }

  /** Settles when every piece so far has been told: notes are made in order. */
  get told(): Promise<void> {
    return this.#told;
  }

  /** The connections are about to end: whom to dial in the next run. */
  seal(): void {
    this.#lastPeers = this.#live && peersOf(this.#live);
  }

  /** Writes the last notes of an orderly end. */
  async close(): Promise<void> {
    if (this.#live) await this.#keeper?.close();
  }

  /** Forgets everything. */
  async remove(): Promise<void> {
    await this.#keeper?.remove();
  }

  #facts(live: LiveTorrent): ResumeFacts {
    const { metainfo: { infoHash } } = this.#options, before = this.#former?.data, stats = live.stats();
    return {
      infoHash,
      pieces: live.have(),
      downloaded: (before?.downloaded ?? 0) + stats.downloaded,
      uploaded: (before?.uploaded ?? 0) + stats.uploaded,
      peers: this.#lastPeers ?? peersOf(live),
    };
  }
}

/** Where the connected peers can be dialled, as far as they have said. */
function peersOf(live: LiveTorrent): readonly PeerAddress[] {
  return live.peers().flatMap(({ listenAddress }) => listenAddress ? [listenAddress] : []);
}
