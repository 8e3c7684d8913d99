/** Content that was checked, at work: what becomes of pieces, told in files; files get their names, streams their bytes. */

import type { Bitfield } from "../bytes/bitfield.ts";
import type { PieceStore } from "../io/storage.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { HashRequestsOptions } from "../torrent/missing_hashes.ts";
import type { ClientContext } from "./client_context.ts";
import { FileFinisher } from "./file_finisher.ts";
import { FileProgress, selection } from "./file_progress.ts";
import type { StreamSource } from "./file_stream.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type ContentNews, LiveTorrent } from "./live_torrent.ts";
import type { AddOptions } from "./options.ts";
import type { PeerDesk } from "./peer_desk.ts";
import { WebSeedRunner } from "./web_seed_runner.ts";

/** What becomes of the content as a whole. */
export type WorkNews =
  /** A piece is verified and written; what is made of it in files comes after. */
  | Extract<ContentNews, { type: "pieceCompleted" }>
  /** A piece is ours no longer. */
  | Extract<ContentNews, { type: "pieceLost" }>
  /** To be answered by the input `layerReady` (BEP 52). */
  | Extract<ContentNews, { type: "layerFound" }>
  /** Every wanted piece is there. */
  | Extract<ContentNews, { type: "completed" }>
  /** Something is wanted that is not there. */
  | { readonly type: "incomplete" }
  /** Content cannot be read, written or renamed. */
  | { readonly type: "failed"; readonly error: Error };

/** Whose content it is, and where. */
export interface ContentParts {
  readonly context: ClientContext;
  readonly life: Lifecycle;
  readonly desk: PeerDesk;
  readonly metainfo: Metainfo;
  readonly store: PieceStore;
  readonly add: AddOptions;
}

/** What works with what. */
export interface ContentWorkOptions extends ContentParts {
  /** Nothing is asked or served at first. */
  readonly paused: boolean;
  /** What the check has found. */
  readonly have: Bitfield;
  /** Piece layers that are to be asked of peers. */
  readonly layers: HashRequestsOptions;
  readonly onNews: (news: WorkNews) => void;
}

/** The parts that exist only once the content was checked, and what passes between them. */
export class ContentWork {
  /** The machine at work. */
  readonly live: LiveTorrent;
  /** Progress in files. */
  readonly progress: FileProgress;
  readonly #options: ContentWorkOptions;
  readonly #finisher: FileFinisher;
  readonly #webSeeds: WebSeedRunner;

  /** Nothing moves before there are peers or web seeds. */
  constructor(options: ContentWorkOptions) {
    const { add, context, have, layers, life, metainfo, metainfo: { info }, onNews, paused, store } = options;
    this.#options = options;
    const progress = this.progress = new FileProgress(info, have);
    if (add.files) progress.prioritize(selection(info, add.files));
    const live = this.live = new LiveTorrent({
      ...options,
      torrent: {
        have,
        layers,
        paused,
        priorities: progress.piecePriorities(),
        sequential: add.sequential ?? false,
        superSeed: add.superSeed ?? false,
      },
      onNews: (news) => this.#hear(news),
    });
    const lose = (pieces: readonly number[]) => this.#lose(pieces);
    const failed = (error: Error) => onNews({ type: "failed", error });
    this.#finisher = new FileFinisher({ info, store, progress, life, lose, failed });
    this.#webSeeds = new WebSeedRunner({ context, life, metainfo, torrent: live });
  }

  /** Begins to read from web seeds (BEP 17, 19). */
  startWebSeeds(): void {
    this.#webSeeds.start();
  }

  /** Gives every complete file its name that has not got it yet. */
  finishFiles(): void {
    for (const { index, pad, symlink, length } of this.#options.metainfo.info.files) {
      if (length > 0 && !pad && !symlink && this.progress.isComplete(index)) {
        this.#finisher.finish(index, false);
      }
    }
  }

  /** Settles when every complete file so far has its name. Never rejects. */
  get named(): Promise<void> {
    return this.#finisher.idle;
  }

  /** Sets priorities of files: 0 not wanted, 1 to 7 rising. @throws {RangeError} If there is no such file or priority. */
  prioritize(priorities: ReadonlyMap<number, number>): void {
    this.progress.prioritize(priorities);
    this.live.dispatch({ type: "prioritize", priorities: this.progress.piecePriorities() });
    this.#noteIncomplete();
  }

  /** Wants these files and no others. @throws {RangeError} If there is no such file. */
  select(files: readonly number[]): void {
    this.prioritize(selection(this.#options.metainfo.info, files));
  }

  /** Downloads in order (true) or rarest first. */
  setSequential(sequential: boolean): void {
    this.live.dispatch({ type: "sequential", sequential });
  }

  /** What a stream of `reader` reads from. */
  streamSource(reader: number): StreamSource {
    const { life, metainfo: { info }, store } = this.#options;
    return {
      info,
      read: (piece, begin, into) => store.read(piece, begin, into),
      want: (pieces) => this.live.dispatch({ type: "urgent", reader, pieces }),
      whenPiece: async (piece, signal) => {
        if (!this.progress.has(piece)) await life.goals.wait(piece, signal);
      },
    };
  }

  /** Pieces turned out to be there. */
  gain(pieces: readonly number[]): void {
    if (pieces.length === 0) return;
    for (const piece of pieces) this.#finishFilesOf(piece);
    this.live.dispatch({ type: "piecesFound", pieces });
  }

  /**
   * Hashes everything on the disk, and makes the machine believe it. Until it is told to resume it asks nobody for content, or
   * files would be written to and renamed meanwhile; it serves what it has. @throws What the store throws.
   */
  async checkAgain(onProgress: () => void): Promise<Bitfield> {
    const { life: { signal }, store } = this.#options;
    this.live.dispatch({ type: "hold" });
    await this.live.written(); // or it would seem to be missing
    await this.named;
    const found = await store.checkAll({
      signal,
      onProgress: (piece, isValid) => {
        onProgress();
        if (!isValid && this.live.hasPiece(piece)) this.#lose([piece]); // nobody shall get it from us any more
      },
    });
    const before = this.live.have();
    this.gain([...found.indexes()].filter((piece) => !before.has(piece)));
    return found;
  }

  /** Ends; settles when nothing is read, written or renamed any more. */
  async close(): Promise<void> {
    this.live.dispatch({ type: "pause" });
    await this.#webSeeds.ended();
    await this.live.written(); // what is on the disk must be known to the next run
    this.live.close();
    await this.#finisher.idle;
  }

  #hear(news: ContentNews): void {
    const { onNews } = this.#options;
    switch (news.type) {
      case "pieceCompleted":
        return this.#pieceCompleted(news);
      case "pieceLost":
        this.progress.lost(news.piece);
        onNews(news);
        return this.#noteIncomplete();
      case "storeFailed":
        return onNews({ type: "failed", error: news.error });
      case "webFetch":
      case "webAbort":
      case "webSeedDiscarded":
        return this.#webSeeds.perform(news);
      default:
        return onNews(news);
    }
  }

  #pieceCompleted(news: Extract<ContentNews, { type: "pieceCompleted" }>): void {
    const { life, onNews } = this.#options;
    onNews(news);
    this.#finishFilesOf(news.piece);
    life.goals.gained(news.piece);
  }

  #finishFilesOf(piece: number): void {
    for (const file of this.progress.gained(piece)) this.#finisher.finish(file, true);
  }

  #lose(pieces: readonly number[]): void {
    if (pieces.length > 0) this.live.dispatch({ type: "piecesLost", pieces });
  }

  #noteIncomplete(): void {
    if (!this.live.isComplete) this.#options.onNews({ type: "incomplete" });
  }
}
