/**
 * The content of one torrent: checks what is there, lets the machine download and serve, finishes files, keeps resume
 * data. Phases (of the torrent's lifecycle): checking -> downloading <-> seeding, paused, failed.
 */

import type { Bitfield } from "../bytes/bitfield.ts";
import { StateError } from "../errors.ts";
import type { PieceStore } from "../io/storage.ts";
import { pieceSize } from "../metainfo/geometry.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { CandidateSource } from "../torrent/vocabulary.ts";
import type { ClientContext } from "./client_context.ts";
import { checkContent } from "./content_check.ts";
import type { TorrentState } from "./events.ts";
import { FileFinisher } from "./file_finisher.ts";
import { FileProgress, type FileStatus, selection } from "./file_progress.ts";
import type { StreamSource } from "./file_stream.ts";
import { LayerKeeper } from "./layer_keeper.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type ContentNews, LiveTorrent } from "./live_torrent.ts";
import type { AddOptions } from "./options.ts";
import type { PeerDesk } from "./peer_desk.ts";
import type { ResumeData } from "./resume.ts";
import { ResumeKeeper } from "./resume_keeper.ts";
import { WebSeedRunner } from "./web_seed_runner.ts";

/** What the content of a torrent is made from. */
export interface ContentSessionOptions {
  readonly context: ClientContext;
  readonly life: Lifecycle;
  readonly desk: PeerDesk;
  readonly metainfo: Metainfo;
  readonly store: PieceStore;
  readonly add: AddOptions;
  /** Whether the user wants it to rest; a check goes on all the same. */
  readonly isPaused: () => boolean;
  /** Every wanted file is complete and has its name; `isNews` unless it was so from the start. */
  readonly onCompleted: (isNews: boolean) => void;
  /** The content failed: nothing more is asked, served or announced. */
  readonly onFailed: () => void;
}

/** What exists only once the content was checked. */
interface Work {
  readonly live: LiveTorrent;
  readonly progress: FileProgress;
  readonly finisher: FileFinisher;
  readonly webSeeds: WebSeedRunner;
}

/** Looks after the content of a torrent. */
export class ContentSession {
  readonly #options: ContentSessionOptions;
  readonly #resume: ResumeKeeper | undefined;
  readonly #layers: LayerKeeper;
  #work: Work | undefined;
  #checked = 0;
  /** Settles when every piece so far has been told. */
  #told: Promise<void> = Promise.resolve();
  #recheck: Promise<void> | undefined;
  #wasCompleteAtFirst = false;
  /** Who was connected at the end. */
  #lastPeers: readonly PeerAddress[] | undefined;
  /** What earlier runs have moved. */
  #before: Pick<ResumeData, "downloaded" | "uploaded"> = { downloaded: 0, uploaded: 0 };

  /** Nothing happens before `start`. */
  constructor(options: ContentSessionOptions) {
    const { context, life, metainfo, store } = options;
    this.#options = options;
    this.#layers = new LayerKeeper({ metainfo, store, state: context.resume, name: life.infoHash });
    this.#resume = context.resume && new ResumeKeeper({
      state: context.resume,
      name: life.infoHash,
      store,
      clock: context.clock,
      facts: () => this.#resumeFacts(),
      onFailed: ({ message }) => life.warn(`no resume data is kept: ${message}`),
    });
  }

  /** The machine at work, once the content was checked. */
  get live(): LiveTorrent | undefined {
    return this.#work?.live;
  }

  /** Progress in files, once the content was checked. */
  get progress(): FileProgress | undefined {
    return this.#work?.progress;
  }

  /** How far the check has come, 0 to 1. */
  get checked(): number {
    return this.#checked;
  }

  /** Every file but padding. */
  files(): readonly FileStatus[] {
    return this.#work?.progress.files() ?? [];
  }

  /** Checks the content and puts the machine to work; answers peers of an earlier run. @throws What the store throws. */
  async start(): Promise<readonly PeerAddress[]> {
    const { add, life, metainfo: { info }, store } = this.#options;
    await this.#layers.load();
    const known = await this.#resume?.load({ length: info.pieceCount });
    const have = await checkContent({
      store,
      info,
      resume: add.recheck ? undefined : known,
      signal: life.signal,
      onProgress: (done) => this.#checked = done,
    });
    life.signal.throwIfAborted();
    if (known) this.#before = known.data;
    await this.#begin(have, known?.data);
    return known?.data.peers ?? [];
  }

  /** Fills `into` with verified content; what a peer may ask for beyond the end of a piece is zeros. */
  readBlock(piece: number, begin: number, into: Uint8Array): Promise<void> {
    const { store, metainfo: { info } } = this.#options, end = pieceSize(info, piece) - begin;
    into.fill(0, end);
    return store.read(piece, begin, into.subarray(0, end));
  }

  /** Gives the machine addresses of peers. */
  addPeers(source: CandidateSource, addresses: readonly PeerAddress[]): void {
    this.#work?.live.dispatch({ type: "candidates", source, addresses });
  }

  /** Stops asking and serving until `resume`. */
  pause(): void {
    this.#options.life.enter("paused");
    this.#work?.live.dispatch({ type: "pause" });
  }

  /** Goes on after `pause` or a failure. */
  resume(): void {
    const { life } = this.#options;
    if (life.error) this.#finishFiles(); // those that could not get their names, perhaps
    life.enter(this.#workingState());
    this.#work?.live.dispatch({ type: "resume" });
    if (this.#work?.live.isComplete) void this.#completed();
  }

  /** Hashes everything on the disk; what is missing is wanted again. Whoever asks meanwhile waits for the same check. */
  recheck(): Promise<void> {
    return this.#recheck ??= this.#checkAgain().finally(() => this.#recheck = undefined);
  }

  /** Sets priorities of files: 0 not wanted, 1 to 7 rising. @throws {RangeError} If there is no such file or priority. */
  prioritize(priorities: ReadonlyMap<number, number>): void {
    const { progress, live } = this.#workOrThrow();
    progress.prioritize(priorities);
    live.dispatch({ type: "prioritize", priorities: progress.piecePriorities() });
    this.#noteIncomplete();
  }

  /** Downloads in order (true) or rarest first. */
  setSequential(sequential: boolean): void {
    this.#workOrThrow().live.dispatch({ type: "sequential", sequential });
  }

  /** What a stream of `reader` reads from. */
  streamSource(reader: number): StreamSource {
    const { live, progress } = this.#workOrThrow(), { life, metainfo, store } = this.#options;
    return {
      info: metainfo.info,
      read: (piece, begin, into) => store.read(piece, begin, into),
      want: (pieces) => live.dispatch({ type: "urgent", reader, pieces }),
      whenPiece: async (piece, signal) => {
        if (!progress.has(piece)) await life.wait(piece, signal);
      },
    };
  }

  /** The connections are about to end: whom to dial in the next run. */
  seal(): void {
    this.#lastPeers = this.#peers();
  }

  /** Ends the work: files are finished, resume data is written (or forgotten), the store is closed. */
  async close({ forget }: { readonly forget: boolean }): Promise<void> {
    const work = this.#work;
    work?.live.dispatch({ type: "pause" });
    await work?.webSeeds.ended();
    await work?.live.written(); // what is on the disk must be known to the next run
    work?.live.close();
    await work?.finisher.idle;
    await this.#layers.noted();
    if (forget) await Promise.all([this.#resume?.remove(), this.#layers.remove()]);
    else if (work) await this.#resume?.close();
    await this.#options.store.close();
  }

  async #begin(have: Bitfield, resume: ResumeData | undefined): Promise<void> {
    const { add, context, life, metainfo, store } = this.#options, { info } = metainfo;
    const progress = new FileProgress(info, have);
    if (add.files) progress.prioritize(selection(info, add.files));
    const live = this.#makeLive(have, progress);
    const finisher = new FileFinisher({
      info,
      store,
      progress,
      life,
      lose: (pieces) => this.#lose(pieces),
      failed: (error) => this.#fail(error),
    });
    const webSeeds = new WebSeedRunner({ context, life, metainfo, torrent: live });
    this.#work = { live, progress, finisher, webSeeds };
    life.emit({ type: "checked", infoHash: life.infoHash, completedPieces: have.count });
    this.#finishFiles();
    await finisher.idle;
    if (resume || !live.isComplete) await this.#resume?.start();
    this.#wasCompleteAtFirst = live.isComplete;
    life.reach("checked");
  }

  /** Says what the torrent is doing now, and whether everything is there already; if it failed that is what it does. */
  async announceState(): Promise<void> {
    const { add, life, isPaused } = this.#options;
    if (add.webSeeds !== false) this.#work?.webSeeds.start();
    if (life.error) return;
    if (!isPaused()) return this.resume();
    this.pause();
    if (this.#work?.live.isComplete) await this.#completed();
  }

  async #checkAgain(): Promise<void> {
    const { isPaused, life, metainfo, store } = this.#options, work = this.#workOrThrow();
    life.enter("checking");
    work.live.dispatch({ type: "pause" });
    try {
      await work.live.written(); // or it would seem to be missing
      let checked = 0;
      const onProgress = () => this.#checked = ++checked / metainfo.info.pieceCount;
      const found = await store.checkAll({ signal: life.signal, onProgress });
      this.#adjust(work, found);
      life.emit({ type: "checked", infoHash: life.infoHash, completedPieces: found.count });
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
    if (isPaused()) life.enter("paused");
    else this.resume();
  }

  /** Gives every complete file its name that has not got it yet. */
  #finishFiles(): void {
    const { progress, finisher } = this.#work!;
    for (const { file, isComplete } of progress.files()) {
      if (isComplete && !file.symlink && file.length > 0) finisher.finish(file.index, false);
    }
  }

  #makeLive(have: Bitfield, progress: FileProgress): LiveTorrent {
    const { add, isPaused } = this.#options;
    return new LiveTorrent({
      ...this.#options,
      torrent: {
        have,
        layers: this.#layers.wanted,
        priorities: progress.piecePriorities(),
        sequential: add.sequential ?? false,
        paused: isPaused(),
        superSeed: add.superSeed ?? false,
      },
      onNews: (news) => this.#hear(news),
    });
  }

  #hear(news: ContentNews): void {
    switch (news.type) {
      case "pieceCompleted":
        return this.#pieceCompleted(news.piece);
      case "pieceLost":
        return this.#pieceLost(news.piece);
      case "layerFound":
        return void this.#layerFound(news.piecesRoot, news.hashes);
      case "completed":
        return void this.#completed();
      case "storeFailed":
        return this.#fail(news.error);
      default:
        return this.#work?.webSeeds.perform(news);
    }
  }

  /** Pieces of its files can be verified now: those that are here already first. */
  async #layerFound(piecesRoot: Uint8Array, hashes: Uint8Array): Promise<void> {
    try {
      this.#gain(await this.#layers.found(piecesRoot, hashes));
      this.#work?.live.dispatch({ type: "layerReady", piecesRoot });
    } catch (error) {
      if (!this.#options.life.signal.aborted) {
        this.#fail(error instanceof Error ? error : new Error(String(error)));
      }
    }
  }

  #pieceCompleted(piece: number): void {
    const { life } = this.#options, { progress, finisher } = this.#work!;
    // Who hears of a piece may rely on it: it is noted before, so that not even `kill -9` makes it come twice.
    const noted = this.#resume?.record(piece) ?? Promise.resolve();
    this.#told = noted.then(() => life.emit({ type: "piece", infoHash: life.infoHash, piece }));
    for (const file of progress.gained(piece)) finisher.finish(file, true);
    life.gained(piece);
  }

  #pieceLost(piece: number): void {
    this.#work?.progress.lost(piece);
    this.#noteIncomplete();
  }

  async #completed(): Promise<void> {
    const { life, onCompleted } = this.#options;
    await this.#work?.finisher.idle;
    await this.#told; // notes are made in order: the last piece is told last, and before the end
    if (life.signal.aborted || life.error || !this.#work?.live.isComplete) return;
    if (life.hasReached("completed")) return;
    if (life.state === "downloading") life.enter("seeding");
    // BEP 21 "extension header": whoever is connected hears that we want nothing any more; a super-seed hides it.
    if (!this.#work.live.isSuperSeeding) this.#options.desk.tellUploadOnly(true);
    onCompleted(!this.#wasCompleteAtFirst);
    this.#wasCompleteAtFirst = false;
    life.emit({ type: "completed", infoHash: life.infoHash });
    life.reach("completed");
  }

  #lose(pieces: readonly number[]): void {
    if (pieces.length > 0) this.#work?.live.dispatch({ type: "piecesLost", pieces });
  }

  /** Makes the machine believe what a check has found. */
  #adjust({ live }: Work, found: Bitfield): void {
    const before = live.have();
    this.#lose([...before.indexes()].filter((piece) => !found.has(piece)));
    this.#gain([...found.indexes()].filter((piece) => !before.has(piece)));
  }

  /** Pieces turned out to be there. */
  #gain(pieces: readonly number[]): void {
    if (pieces.length === 0 || this.#work === undefined) return;
    const { live, progress, finisher } = this.#work;
    for (const piece of pieces) for (const file of progress.gained(piece)) finisher.finish(file, true);
    live.dispatch({ type: "piecesFound", pieces });
  }

  /** What was complete is not any more. */
  #noteIncomplete(): void {
    const { desk, life } = this.#options;
    if (this.#work?.live.isComplete) return;
    if (life.hasReached("completed")) desk.tellUploadOnly(false);
    life.unreach("completed");
    if (life.state === "seeding") life.enter("downloading");
  }

  #fail(error: Error): void {
    if (!this.#options.life.fail(error)) return;
    this.#work?.live.dispatch({ type: "pause" });
    this.#options.onFailed();
  }

  #workingState(): TorrentState {
    return this.#work?.live.isComplete ? "seeding" : "downloading";
  }

  #workOrThrow(): Work {
    if (this.#work && !this.#options.life.signal.aborted) return this.#work;
    throw new StateError("Cannot do this now: the content is not checked yet, or the torrent is closed");
  }

  #peers(): readonly PeerAddress[] {
    return this.#work?.live.peers().flatMap(({ listenAddress }) => listenAddress ? [listenAddress] : []) ??
      [];
  }

  #resumeFacts() {
    const live = this.#work!.live, stats = live.stats();
    const downloaded = this.#before.downloaded + stats.downloaded;
    const uploaded = this.#before.uploaded + stats.uploaded;
    const peers = this.#lastPeers ?? this.#peers();
    return { infoHash: this.#options.metainfo.infoHash, pieces: live.have(), downloaded, uploaded, peers };
  }
}
