/** Keeps the resume data of one torrent up to date: a journal line per piece, a snapshot now and then. */

import { asError } from "../errors.ts";
import type { Bitfield } from "../bytes/bitfield.ts";
import type { StateStore } from "../io/state_store.ts";
import type { PieceStore } from "../io/storage.ts";
import type { Clock } from "../io/transport.ts";
import { type ResumeData, ResumeLog } from "./resume.ts";

/** A snapshot costs a flush of the disk; what a crash leaves to hash again is what came in this time. */
const SNAPSHOT_EVERY_MS = 30_000;

/** What a snapshot says besides what the store knows. */
export type ResumeFacts = Pick<ResumeData, "infoHash" | "pieces" | "downloaded" | "uploaded" | "peers">;

/** What a keeper needs. */
export interface ResumeKeeperOptions {
  /** Where notes go. */
  readonly state: StateStore;
  /** File name without ending: the info hash in hexadecimal. */
  readonly name: string;
  /** The content whose files the snapshot describes. */
  readonly store: PieceStore;
  /** Time. */
  readonly clock: Clock;
  /** What to write, as it is now. */
  readonly facts: () => ResumeFacts;
  /** Notes cannot be kept; the torrent goes on without. Called once. */
  readonly onFailed: (error: Error) => void;
}

/** Resume data that writes itself. */
export class ResumeKeeper {
  readonly #options: ResumeKeeperOptions;
  readonly #log: ResumeLog;
  #isDirty = false;
  #isStopped = false;
  #cancel: () => void = () => {};

  /** Writes nothing before `start`. */
  constructor(options: ResumeKeeperOptions) {
    this.#options = options;
    this.#log = new ResumeLog(options.state, options.name);
  }

  /** What was noted in an earlier run, if anything. */
  async load(
    pieces: Pick<Bitfield, "length">,
  ): Promise<{ data: ResumeData; journal: number[] } | undefined> {
    try {
      return await this.#log.load(pieces.length);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Writes a first snapshot and begins to keep the rest up to date. */
  async start(): Promise<void> {
    await this.#snapshot(false);
    if (!this.#isStopped) this.#schedule();
  }

  /** Notes that a piece is verified and written; settles when the note is made, or cannot be. */
  async record(piece: number): Promise<void> {
    if (this.#isStopped) return;
    this.#isDirty = true;
    await this.#log.record(piece).catch((error) => this.#failed(error));
  }

  /** What the last snapshot says is not so any more: there will be another, even if nothing is recorded. */
  touch(): void {
    this.#isDirty = true;
  }

  /** Writes the last snapshot of an orderly end. */
  async close(): Promise<void> {
    if (this.#isStopped) return;
    await this.#snapshot(true);
    this.#isStopped = true;
    this.#cancel();
  }

  /** Forgets the torrent. */
  async remove(): Promise<void> {
    this.#cancel();
    this.#isStopped = true;
    await this.#log.remove().catch(() => {}); // it would only be loaded if it were there
  }

  #schedule(): void {
    const { clock } = this.#options;
    this.#cancel = clock.schedule(clock.now() + SNAPSHOT_EVERY_MS, () => {
      void (this.#isDirty ? this.#snapshot(false) : Promise.resolve()).then(() => {
        if (!this.#isStopped) this.#schedule();
      });
    });
  }

  async #snapshot(clean: boolean): Promise<void> {
    if (this.#isStopped) return;
    const { facts, store } = this.#options;
    try {
      await this.#log.snapshot(async () => {
        this.#isDirty = false;
        const now = facts(); // before the flush: what is claimed must be on the disk
        await store.flush();
        return { ...now, clean, stamps: await store.stamps() };
      });
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#cancel();
    this.#options.onFailed(asError(error));
  }
}
