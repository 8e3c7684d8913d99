/**
 * The content of one torrent: checks what is there, lets the machine download and serve, finishes files, keeps resume
 * data. Phases (of the torrent's lifecycle): checking -> downloading <-> seeding, paused, failed.
 */

import type { Bitfield } from "../bytes/bitfield.ts";
import { asError, StateError } from "../errors.ts";
import { pieceSize } from "../metainfo/geometry.ts";
import type { PeerAddress } from "../peer/address.ts";
import { checkContent } from "./content_check.ts";
import { ContentNotes } from "./content_notes.ts";
import { type ContentParts, ContentWork, type WorkNews } from "./content_work.ts";
import type { FileProgress } from "./file_progress.ts";
import { LayerKeeper } from "./layer_keeper.ts";
import type { LiveTorrent } from "./live_torrent.ts";

/** What the content of a torrent is made from. */
export interface ContentSessionOptions extends ContentParts {
  /** Whether the user wants it to rest; a check goes on all the same. */
  readonly isPaused: () => boolean;
  /** Every wanted file is complete and has its name; `isNews` unless it was so from the start. */
  readonly onCompleted: (isNews: boolean) => void;
  /** The content failed: nothing more is asked, served or announced. */
  readonly onFailed: () => void;
}

/** Looks after the content of a torrent. */
export class ContentSession {
  readonly #options: ContentSessionOptions;
  readonly #notes: ContentNotes;
  readonly #layers: LayerKeeper;
  #work: ContentWork | undefined;
  #checked = 0;
  #recheck: Promise<void> | undefined;
  /** Settles when every piece layer so far is put to use. Never rejects. */
  #learning: Promise<unknown> = Promise.resolve();
  #wasCompleteAtFirst = false;

  /** Nothing happens before `start`. */
  constructor(options: ContentSessionOptions) {
    const { context, life, metainfo, store } = options;
    this.#options = options;
    this.#layers = new LayerKeeper({ metainfo, store, state: context.resume, name: life.infoHash });
    this.#notes = new ContentNotes(options);
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

  /** What the user steers. @throws {StateError} If the content is not checked yet, or the torrent is closed. */
  get work(): ContentWork {
    if (this.#work && !this.#options.life.signal.aborted) return this.#work;
    throw new StateError("Cannot do this now: the content is not checked yet, or the torrent is closed");
  }

  /** Checks the content and puts the machine to work; answers peers of an earlier run. @throws What the store throws. */
  async start(): Promise<readonly PeerAddress[]> {
    const { add, life, metainfo: { info }, store } = this.#options;
    await this.#layers.load(life.signal);
    const former = await this.#notes.load();
    const have = await checkContent({
      store,
      info,
      resume: add.recheck ? undefined : former,
      signal: life.signal,
      onProgress: (done) => this.#checked = done,
    });
    life.signal.throwIfAborted();
    await this.#begin(have);
    return former?.data.peers ?? [];
  }

  /** Says what the torrent is doing now, and whether everything is there already; if it failed that is what it does. */
  async announceState(): Promise<void> {
    const { add, life, isPaused } = this.#options;
    if (add.webSeeds !== false) this.#work?.startWebSeeds();
    if (life.error) return;
    if (!isPaused()) return this.resume();
    this.pause();
    if (this.live?.isComplete) await this.#completed();
  }

  /** Fills `into` with verified content; what a peer may ask for beyond the end of a piece is zeros. */
  readBlock(piece: number, begin: number, into: Uint8Array): Promise<void> {
    const { store, metainfo: { info } } = this.#options, end = pieceSize(info, piece) - begin;
    if (into.length <= end) return store.read(piece, begin, into);
    into.fill(0, end);
    return store.read(piece, begin, into.subarray(0, end));
  }

  /** Stops asking and serving until `resume`. */
  pause(): void {
    this.#options.life.enter("paused");
    this.live?.dispatch({ type: "pause" });
  }

  /** Goes on after `pause` or a failure. */
  resume(): void {
    const { life } = this.#options;
    if (life.error) this.#work?.finishFiles(); // those that could not get their names, perhaps
    life.enter(this.live?.isComplete ? "seeding" : "downloading");
    this.live?.dispatch({ type: "resume" });
    if (this.live?.isComplete) void this.#completed();
  }

  /** Hashes everything on the disk; what is missing is wanted again. Whoever asks meanwhile waits for the same check. */
  recheck(): Promise<void> {
    return this.#recheck ??= this.#checkAgain().finally(() => this.#recheck = undefined);
  }

  /** The connections are about to end: whom to dial in the next run. */
  seal(): void {
    this.#notes.seal();
  }

  /** Ends the work: files are finished, resume data is written (or forgotten), the store is closed. */
  async close({ forget }: { readonly forget: boolean }): Promise<void> {
    await this.#work?.close();
    await this.#recheck?.catch(() => {}); // told to whoever asked for it
    await this.#learning;
    await this.#layers.noted();
    if (forget) await Promise.all([this.#notes.remove(), this.#layers.remove()]);
    else await this.#notes.close();
    await this.#options.store.close();
  }

  async #begin(have: Bitfield): Promise<void> {
    const { isPaused, life } = this.#options;
    const work = this.#work = new ContentWork({
      ...this.#options,
      have,
      layers: this.#layers.wanted,
      paused: isPaused(),
      onNews: (news) => this.#hear(news),
    });
    life.emit({ type: "checked", infoHash: life.infoHash, completedPieces: have.count });
    work.finishFiles();
    await work.named;
    await this.#notes.start(work.live);
    this.#wasCompleteAtFirst = work.live.isComplete;
    life.goals.reach("checked");
  }

  async #checkAgain(): Promise<void> {
    const { isPaused, life, metainfo: { info } } = this.#options, { work } = this;
    let checked = 0;
    life.enter("checking");
    try {
      await this.#learning;
      const found = await work.checkAgain(() => this.#checked = ++checked / info.pieceCount);
      life.emit({ type: "checked", infoHash: life.infoHash, completedPieces: found.count });
    } catch (error) {
      this.#fail(asError(error));
      throw error;
    }
    if (isPaused()) this.pause();
    else this.resume();
  }

  #hear(news: WorkNews): void {
    switch (news.type) {
      case "pieceCompleted":
        return this.#notes.record(news.piece);
      case "pieceLost":
        return this.#notes.lost();
      case "layerFound":
        return void (this.#learning = Promise.all([this.#learning, this.#layerFound(news)]));
      case "completed":
        return void this.#completed();
      case "incomplete":
        return this.#incomplete();
      case "failed":
        return this.#fail(news.error);
    }
  }

  /** Pieces of its files can be verified now: those that are here already first. */
  async #layerFound({ piecesRoot, hashes }: Extract<WorkNews, { type: "layerFound" }>): Promise<void> {
    try {
      await this.#recheck?.catch(() => {}); // no file may get its name while it is read
      this.#work?.gain(await this.#layers.found(piecesRoot, hashes));
      this.live?.dispatch({ type: "layerReady", piecesRoot });
    } catch (error) {
      if (!this.#options.life.signal.aborted) this.#fail(asError(error));
    }
  }

  async #completed(): Promise<void> {
    const { desk, life, onCompleted } = this.#options;
    await this.#work?.named;
    await this.#notes.told; // the last piece is told before the end
    if (life.signal.aborted || life.error || !this.live?.isComplete) return;
    if (life.goals.hasReached("completed")) return;
    if (life.state === "downloading") life.enter("seeding");
    // BEP 21 "extension header": whoever is connected hears that we want nothing any more; a super-seed hides it.
    if (!this.live.isSuperSeeding) desk.tellUploadOnly(true);
    onCompleted(!this.#wasCompleteAtFirst);
    this.#wasCompleteAtFirst = false;
    life.emit({ type: "completed", infoHash: life.infoHash });
    life.goals.reach("completed");
  }

  /** What was complete is not any more. */
  #incomplete(): void {
    const { desk, life } = this.#options;
    if (life.goals.hasReached("completed")) desk.tellUploadOnly(false);
    life.goals.unreach("completed");
    if (life.state === "seeding") life.enter("downloading");
  }

  #fail(error: Error): void {
    if (!this.#options.life.fail(error)) return;
    this.live?.dispatch({ type: "pause" });
    this.#options.onFailed();
  }
}
