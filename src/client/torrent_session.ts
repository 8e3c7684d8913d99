/**
 * One torrent in a client, from `add` to `remove`: checks the content, lets the torrent work, finishes files, keeps
 * resume data, announces. Phases: checking -> downloading <-> seeding, paused, failed -> closed.
 */

import type { Bitfield } from "../bytes/bitfield.ts";
import { encodeHex } from "../bytes/text.ts";
import { StateError } from "../errors.ts";
import type { PieceStore } from "../io/storage.ts";
import { filePieces } from "../metainfo/geometry.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { CandidateSource } from "../torrent/vocabulary.ts";
import type { ClientContext } from "./client_context.ts";
import { checkContent } from "./content_check.ts";
import { EventStream } from "./event_stream.ts";
import type { TorrentEvent, TorrentState, TorrentStatus } from "./events.ts";
import { FileProgress, type FileStatus, NORMAL_PRIORITY } from "./file_progress.ts";
import type { StreamSource } from "./file_stream.ts";
import type { AddOptions } from "./options.ts";
import { PeerDesk } from "./peer_desk.ts";
import type { ResumeData } from "./resume.ts";
import { ResumeKeeper } from "./resume_keeper.ts";
import { type Milestone, statusOf } from "./status.ts";
import { Waiters } from "./waiters.ts";
import { goToWork, type Work } from "./work.ts";

/** Progress events: often enough for a smooth display, too rare to cost anything. */
const PROGRESS_EVERY_MS = 250;

/** What a session is made from. */
export interface TorrentSessionOptions {
  /** What all torrents share. */
  readonly context: ClientContext;
  /** The torrent. */
  readonly metainfo: Metainfo;
  /** Its content. */
  readonly store: PieceStore;
  /** What the user said. */
  readonly add: AddOptions;
}

/** A torrent and everything that works for it. */
export class TorrentSession {
  /** Info hash in hexadecimal: 40 digits. */
  readonly infoHash: string;
  /** Everything that happens to this torrent. */
  readonly events: EventStream<TorrentEvent> = new EventStream();
  /** Its connections. */
  readonly desk: PeerDesk;
  readonly #options: TorrentSessionOptions;
  readonly #resume: ResumeKeeper | undefined;
  readonly #waiters = new Waiters<Milestone | number>();
  readonly #abort = new AbortController();
  /** What exists once the content was checked. */
  #work: Work | undefined;
  #phase: { state: TorrentState; checked: number; error: Error | undefined };
  #finishing: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  /** Nothing happens before `start`. */
  constructor(options: TorrentSessionOptions) {
    const { context, metainfo, store } = options;
    this.#options = options;
    this.#phase = { state: "checking", checked: 0, error: undefined };
    this.infoHash = encodeHex(metainfo.infoHash);
    this.desk = new PeerDesk({
      context,
      metainfo,
      live: () => this.#work?.live,
      readBlock: ({ piece, begin }, into) => store.read(piece, begin, into),
      readFailed: ({ piece }) => this.#suspect(piece),
      emit: (event) => this.#emit(event),
    });
    this.#resume = context.resume && new ResumeKeeper({
      state: context.resume,
      name: this.infoHash,
      store,
      clock: context.clock,
      facts: () => this.#resumeFacts(),
      onFailed: ({ message }) => this.#warn(`no resume data is kept: ${message}`),
    });
  }

  /** The torrent. */
  get metainfo(): Metainfo {
    return this.#options.metainfo;
  }

  /** The torrent in numbers. */
  status(): TorrentStatus {
    const { live, progress } = this.#work ?? {};
    return statusOf({ info: this.metainfo.info, ...this.#phase, live, progress });
  }

  /** Every file but padding. */
  files(): readonly FileStatus[] {
    return this.#work?.progress.files() ?? [];
  }

  /** The verified pieces, as a copy; `undefined` before the first check is over. */
  pieces(): Bitfield | undefined {
    return this.#work?.live.have();
  }

  /** Checks the content and then works until `close`. */
  async start(): Promise<void> {
    const { add, metainfo, store } = this.#options, { signal } = this.#abort;
    try {
      const known = await this.#resume?.load({ length: metainfo.info.pieceCount });
      const onProgress = (done: number) => this.#phase.checked = done;
      const cancelProgress = this.#reportProgress();
      const resume = add.recheck ? undefined : known;
      const have = await checkContent({ store, info: metainfo.info, resume, signal, onProgress })
        .finally(cancelProgress);
      signal.throwIfAborted();
      await this.#begin(have, known?.data);
    } catch (error) {
      if (!signal.aborted) this.#fail(asError(error));
    }
  }

  /** Waits for a milestone. @throws Why the torrent failed or closed, or the signal's reason. */
  async reached(milestone: Milestone, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#phase.error) throw this.#phase.error;
    if (this.#closing) throw new StateError("Cannot wait for a torrent: it is closed");
    const isChecked = this.#work !== undefined;
    if (milestone === "checked" ? isChecked : this.#phase.state === "seeding") return;
    await this.#waiters.wait(milestone, signal);
  }

  /** Gives the machine addresses of peers. */
  addPeers(source: CandidateSource, addresses: readonly PeerAddress[]): void {
    if (addresses.length > 0) this.#work?.live.dispatch({ type: "candidates", source, addresses });
  }

  /** Announces now, as far as the tracker's `min interval` allows. */
  announce(): void {
    this.#work?.discovery.reannounce();
  }

  /** Stops asking, serving and announcing until `resume`. */
  pause(): void {
    if (this.#phase.state !== "downloading" && this.#phase.state !== "seeding") return;
    this.#setState("paused");
    this.#work?.live.dispatch({ type: "pause" });
    void this.#work?.discovery.stop();
  }

  /** Goes on after `pause` or a failure. */
  resume(): void {
    if (this.#phase.state !== "paused" && this.#phase.state !== "failed") return;
    this.#phase.error = undefined;
    if (this.#work === undefined) {
      this.#setState("checking");
      return void this.start();
    }
    this.#setState(this.#workingState());
    this.#work.live.dispatch({ type: "resume" });
    this.#work.discovery.start();
  }

  /** Hashes everything on the disk; what is missing is downloaded again. */
  async recheck(): Promise<void> {
    const work = this.#work, before = this.#phase.state;
    if (work === undefined || this.#closing) {
      throw new StateError("Cannot recheck: the torrent is not at work");
    }
    this.#setState("checking");
    work.live.dispatch({ type: "pause" });
    const have = work.live.have(), { pieceCount } = this.metainfo.info;
    let checked = 0;
    const found = await this.#options.store.checkAll({
      signal: this.#abort.signal,
      onProgress: () => this.#phase.checked = ++checked / pieceCount,
    });
    this.#adjust(work, have, found);
    this.#emit({ type: "checked", infoHash: this.infoHash, completedPieces: found.count });
    if (before === "paused") return this.#setState("paused");
    this.#setState(this.#workingState());
    work.live.dispatch({ type: "resume" });
  }

  /** Sets priorities of files: 0 not wanted, 1 to 7 rising. @throws {RangeError} If there is no such file or priority. */
  prioritize(priorities: ReadonlyMap<number, number>): void {
    const work = this.#workOrThrow();
    work.progress.prioritize(priorities);
    work.live.dispatch({ type: "prioritize", priorities: work.progress.piecePriorities() });
    if (this.#phase.state === "downloading" || this.#phase.state === "seeding") {
      this.#setState(this.#workingState());
    }
  }

  /** Wants these files and no others. */
  select(files: readonly number[]): void {
    this.prioritize(selection(this.metainfo, files));
  }

  /** Downloads in order (true) or rarest first. */
  setSequential(sequential: boolean): void {
    this.#workOrThrow().live.dispatch({ type: "sequential", sequential });
  }

  /** What a stream of `reader` reads from. */
  streamSource(reader: number): StreamSource {
    const work = this.#workOrThrow();
    return {
      info: this.metainfo.info,
      read: (piece, begin, into) => this.#options.store.read(piece, begin, into),
      want: (pieces) => work.live.dispatch({ type: "urgent", reader, pieces }),
      whenPiece: async (piece, signal) => {
        if (this.#phase.error) throw this.#phase.error;
        if (this.#closing) throw new StateError("Cannot stream: the torrent is closed");
        if (!work.progress.has(piece)) await this.#waiters.wait(piece, signal);
      },
    };
  }

  /** Ends everything; with `forget`, resume data too. Safe to call twice. */
  close(options: { readonly forget: boolean }): Promise<void> {
    return this.#closing ??= this.#close(options);
  }

  async #close({ forget }: { readonly forget: boolean }): Promise<void> {
    const { store } = this.#options, work = this.#work;
    const reason = new StateError("The torrent is closed");
    this.#abort.abort(reason);
    this.#waiters.rejectAll(reason);
    this.#setState("closed");
    work?.cancelProgress();
    this.desk.close();
    const stopped = work?.discovery.stop();
    work?.live.close("torrent closed");
    await this.#finishing;
    if (forget) await this.#resume?.remove();
    else if (work) await this.#resume?.close();
    await store.close();
    await stopped;
    this.events.end();
  }

  async #begin(have: Bitfield, resume: ResumeData | undefined): Promise<void> {
    const { context, metainfo, store, add } = this.#options;
    const progress = new FileProgress(metainfo.info, have);
    if (add.files) progress.prioritize(selection(metainfo, add.files));
    this.#work = goToWork({
      context,
      metainfo,
      store,
      add,
      have,
      progress,
      desk: this.desk,
      emit: (event) => this.#emit(event),
      addPeers: (source, peers) => this.addPeers(source, peers),
      pieceCompleted: (piece) => this.#pieceCompleted(piece),
      completed: () => void this.#completed(),
      storeFailed: (error) => this.#fail(error),
      cancelProgress: this.#reportProgress(),
    });
    this.#emit({ type: "checked", infoHash: this.infoHash, completedPieces: have.count });
    for (const { file, isComplete } of progress.files()) {
      if (isComplete && !file.symlink && file.length > 0) this.#finishFile(file.index, false);
    }
    await this.#finishing;
    await this.#resume?.start();
    this.#waiters.settle("checked");
    if (this.#closing) return;
    if (add.paused) return this.#setState("paused");
    this.#setState(this.#workingState());
    this.#work.discovery.start();
    this.addPeers("user", add.peers ?? []);
    this.addPeers("resume", resume?.peers ?? []);
    if (this.#work.live.isComplete) await this.#completed();
  }

  #pieceCompleted(piece: number): void {
    this.#resume?.record(piece);
    this.#emit({ type: "piece", infoHash: this.infoHash, piece });
    for (const file of this.#work?.progress.gained(piece) ?? []) this.#finishFile(file, true);
    this.#waiters.settle(piece);
  }

  /** Gives a file its final name; files are finished one after another. */
  #finishFile(file: number, isNews: boolean): void {
    this.#finishing = this.#finishing.then(async () => {
      if (!this.#work?.progress.isComplete(file)) return;
      if (await this.#options.store.finish(file) === "changed") return await this.#recheckFile(file);
      if (isNews) this.#emit({ type: "fileCompleted", infoHash: this.infoHash, file });
    }).catch((error) => this.#fail(asError(error)));
  }

  /** Somebody else wrote to a file: only its hashes tell what is left of it. */
  async #recheckFile(file: number): Promise<void> {
    const { first, last } = filePieces(this.metainfo.info, file), lost: number[] = [];
    this.#warn(
      `"${this.metainfo.info.files[file]!.path.join("/")}" was changed by somebody else: checking it again`,
    );
    for (let piece = first; piece <= last; piece++) {
      if (!await this.#options.store.check(piece)) lost.push(piece);
    }
    if (lost.length > 0) return this.#lose(lost);
    await this.#options.store.finish(file);
    this.#emit({ type: "fileCompleted", infoHash: this.infoHash, file });
  }

  async #completed(): Promise<void> {
    await this.#finishing;
    if (this.#closing || this.#phase.error || !this.#work?.live.isComplete) return;
    this.#setState("seeding");
    this.#work.discovery.completed();
    this.#emit({ type: "completed", infoHash: this.infoHash });
    this.#waiters.settle("completed");
  }

  /** A piece that we promised cannot be read: the machine has given it up, the counts follow. */
  #suspect(piece: number): void {
    this.#warn(`piece ${piece} cannot be read any more: it is missing again`);
    this.#work?.progress.lost(piece);
    if (this.#phase.state === "seeding") this.#setState(this.#workingState());
  }

  #lose(pieces: readonly number[]): void {
    for (const piece of pieces) this.#work?.progress.lost(piece);
    this.#work?.live.dispatch({ type: "piecesLost", pieces });
    if (this.#phase.state === "seeding") this.#setState(this.#workingState());
  }

  #adjust(work: Work, before: Bitfield, found: Bitfield): void {
    const lost = [...before.indexes()].filter((piece) => !found.has(piece));
    const gained = [...found.indexes()].filter((piece) => !before.has(piece));
    this.#lose(lost);
    for (const piece of gained) for (const file of work.progress.gained(piece)) this.#finishFile(file, true);
    work.live.dispatch({ type: "piecesFound", pieces: gained });
  }

  #fail(error: Error): void {
    if (this.#closing || this.#phase.error) return;
    this.#phase.error = error;
    this.#setState("failed");
    this.#emit({ type: "error", infoHash: this.infoHash, error });
    this.#work?.live.dispatch({ type: "pause" });
    void this.#work?.discovery.stop();
    this.#waiters.rejectAll(error);
  }

  #workingState(): TorrentState {
    return this.#work?.live.isComplete ? "seeding" : "downloading";
  }

  #workOrThrow(): Work {
    if (this.#work && !this.#closing) return this.#work;
    throw new StateError("Cannot do this yet: wait for the torrent to be checked, and before it is closed");
  }

  #resumeFacts() {
    const live = this.#work!.live, { downloaded, uploaded } = live.stats();
    const peers = live.peers().flatMap(({ listenAddress }) => listenAddress ? [listenAddress] : []);
    return { infoHash: this.metainfo.infoHash, pieces: live.have(), downloaded, uploaded, peers };
  }

  /** Reports progress at a steady pace while somebody listens; the answer ends it. */
  #reportProgress(): () => void {
    const { clock } = this.#options.context;
    let cancel = () => {};
    const again = () => {
      cancel = clock.schedule(clock.now() + PROGRESS_EVERY_MS, () => {
        if (this.events.isRead || this.#options.context.events.isRead) {
          this.#emit({ type: "progress", infoHash: this.infoHash, status: this.status() });
        }
        again();
      });
    };
    again();
    return () => cancel();
  }

  #setState(state: TorrentState): void {
    if (this.#phase.state === state) return;
    this.#phase.state = state;
    this.#emit({ type: "state", infoHash: this.infoHash, state });
  }

  #warn(message: string): void {
    this.#emit({ type: "warning", infoHash: this.infoHash, message });
  }

  #emit(event: TorrentEvent): void {
    this.events.push(event);
    this.#options.context.events.push(event);
  }
}

function selection({ info }: Metainfo, files: readonly number[]): ReadonlyMap<number, number> {
  const wanted = new Set(files);
  for (const file of wanted) {
    if (info.files[file] === undefined) {
      throw new RangeError(`Cannot select file ${file}: there is no such file`);
    }
  }
  return new Map(info.files.map(({ index }) => [index, wanted.has(index) ? NORMAL_PRIORITY : 0]));
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
