/** Gives files their final names once every piece of them is verified, and looks twice where somebody else wrote. */

import { asError, StorageError } from "../errors.ts";
import type { PieceStore } from "../io/storage.ts";
import { filePieces } from "../metainfo/geometry.ts";
import type { TorrentInfo } from "../metainfo/info.ts";
import type { FileProgress } from "./file_progress.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** What a finisher needs of its torrent. */
export interface FileFinisherOptions {
  readonly info: TorrentInfo;
  readonly store: PieceStore;
  readonly progress: FileProgress;
  readonly life: Lifecycle;
  /** Pieces that turned out to be missing after all. */
  readonly lose: (pieces: readonly number[]) => void;
  /** Content cannot be renamed or read. */
  readonly failed: (error: Error) => void;
}

/** Finishes files one after another. */
export class FileFinisher {
  readonly #options: FileFinisherOptions;
  #waiting: { readonly file: number; readonly isNews: boolean }[] = [];
  #isAtWork = false;
  #idle: Promise<void> = Promise.resolve();

  /** Does nothing by itself. */
  constructor(options: FileFinisherOptions) {
    this.#options = options;
  }

  /** Settles when every file that was handed in is dealt with. Never rejects. */
  get idle(): Promise<void> {
    return this.#idle;
  }

  /** Finishes a file whose pieces are all there; `isNews` tells the user. */
  finish(file: number, isNews: boolean): void {
    this.#waiting.push({ file, isNews });
    if (!this.#isAtWork) this.#idle = this.#work();
  }

  async #work(): Promise<void> {
    this.#isAtWork = true;
    await undefined; // whoever hands in a file goes on first
    while (this.#waiting.length > 0) {
      const files = this.#waiting;
      this.#waiting = [];
      for (const { file, isNews } of files) {
        try {
          await this.#finish(file, isNews);
        } catch (error) {
          this.#options.failed(asError(error));
        }
      }
    }
    this.#isAtWork = false;
  }

  async #finish(file: number, isNews: boolean): Promise<void> {
    const { store, progress, life } = this.#options;
    if (!progress.isComplete(file)) return; // lost again in the meantime
    if (await store.finish(file) === "changed" && !await this.#isStillWhole(file)) return;
    if (isNews) life.emit({ type: "fileCompleted", infoHash: life.infoHash, file });
  }

  /** Somebody else wrote to the file: only its hashes tell what is left of it. */
  async #isStillWhole(file: number): Promise<boolean> {
    const { info, store, life, lose } = this.#options, { first, last } = filePieces(info, file);
    const name = info.files[file]!.path.join("/");
    life.warn(`"${name}" was changed by somebody else: checking it again`);
    const lost: number[] = [];
    for (let piece = first; piece <= last; piece++) if (!await store.check(piece)) lost.push(piece);
    if (lost.length > 0) lose(lost);
    else if (await store.finish(file) === "changed") {
      throw new StorageError(`Cannot finish "${name}": somebody else keeps writing to it`);
    }
    return lost.length === 0;
  }
}
