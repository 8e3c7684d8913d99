/** Which files are wanted and how much of each is there: pieces as the machine counts them, told in files. */

import type { Bitfield } from "../bytes/bitfield.ts";
import { filePieces, pieceFiles, pieceSize } from "../metainfo/geometry.ts";
import type { TorrentFile, TorrentInfo } from "../metainfo/info.ts";

/** The priority of a file that nobody spoke of: the middle of 1 to 7. */
export const NORMAL_PRIORITY = 4;

/** A file in numbers. Lengths in bytes. */
export interface FileStatus {
  /** The file. */
  readonly file: TorrentFile;
  /** 0 not wanted, 1 to 7 rising. */
  readonly priority: number;
  /** Whether every byte of it is verified. */
  readonly isComplete: boolean;
}

/** Counts per file, kept up to date piece by piece; the cost of a piece does not grow with the torrent. */
export class FileProgress {
  readonly #info: TorrentInfo;
  /** Pieces of each file that are not ours. */
  readonly #missing: Uint32Array<ArrayBuffer>;
  readonly #priorities: Uint8Array<ArrayBuffer>;
  #have: Bitfield;
  #wantedLength = 0;
  #completedLength = 0;

  /** Starts with the pieces in `have` and with every file wanted. */
  constructor(info: TorrentInfo, have: Bitfield) {
    this.#info = info;
    this.#have = have.clone();
    this.#missing = new Uint32Array(info.files.length);
    this.#priorities = Uint8Array.from(info.files, (file) => file.pad ? 0 : NORMAL_PRIORITY);
    for (const file of info.files) this.#missing[file.index] = this.#missingOf(file);
    this.#recount();
  }

  /** Bytes of wanted files. */
  get wantedLength(): number {
    return this.#wantedLength;
  }

  /** Bytes of wanted files that are verified. */
  get completedLength(): number {
    return this.#completedLength;
  }

  /** Every file but padding. */
  files(): FileStatus[] {
    return this.#info.files.filter((file) => !file.pad).map((file) => ({
      file,
      priority: this.#priorities[file.index]!,
      isComplete: this.#missing[file.index] === 0,
    }));
  }

  /** Whether a piece is ours. */
  has(piece: number): boolean {
    return this.#have.has(piece);
  }

  /** Whether every byte of a file is verified. */
  isComplete(file: number): boolean {
    return this.#missing[file] === 0;
  }

  /**
   * Sets the priority of files, 0 not wanted, 1 to 7 rising.
   *
   * @throws {RangeError} If there is no such file or priority.
   */
  prioritize(priorities: ReadonlyMap<number, number>): void {
    for (const [index, priority] of priorities) {
      const file = this.#info.files[index];
      if (file === undefined) throw new RangeError(`Cannot prioritize file ${index}: there is no such file`);
      if (!Number.isInteger(priority) || priority < 0 || priority > 7) {
        throw new RangeError(`Cannot prioritize file ${index}: ${priority} is not 0 to 7`);
      }
      if (!file.pad) this.#priorities[index] = priority;
    }
    this.#recount();
  }

  /** The priority of every piece: the highest of the files it touches. */
  piecePriorities(): Uint8Array {
    const pieces = new Uint8Array(this.#info.pieceCount);
    for (const { index } of this.#info.files) {
      const priority = this.#priorities[index]!, { first, last } = filePieces(this.#info, index);
      for (let piece = first; piece <= last; piece++) {
        if (pieces[piece]! < priority) pieces[piece] = priority;
      }
    }
    return pieces;
  }

  /** Notes that a piece is ours now; answers the files that it completed. */
  gained(piece: number): number[] {
    if (!this.#have.set(piece)) return [];
    const completed: number[] = [];
    for (const { file, length } of pieceFiles(this.#info, piece)) {
      if (this.#priorities[file.index]! > 0) this.#completedLength += length;
      if (--this.#missing[file.index]! === 0 && !file.pad) completed.push(file.index);
    }
    return completed;
  }

  /** Notes that a piece is ours no longer. */
  lost(piece: number): void {
    if (!this.#have.clear(piece)) return;
    for (const { file, length } of pieceFiles(this.#info, piece)) {
      if (this.#priorities[file.index]! > 0) this.#completedLength -= length;
      this.#missing[file.index]!++;
    }
  }

  #missingOf(file: TorrentFile): number {
    const { first, last } = filePieces(this.#info, file.index);
    let missing = 0;
    for (let piece = first; piece <= last; piece++) if (!this.#have.has(piece)) missing++;
    return missing;
  }

  #recount(): void {
    this.#wantedLength = this.#completedLength = 0;
    for (const { index, length } of this.#info.files) {
      if (this.#priorities[index]! > 0) this.#wantedLength += length;
    }
    for (const piece of this.#have.indexes()) this.#completedLength += this.#wantedBytesOf(piece);
  }

  #wantedBytesOf(piece: number): number {
    let bytes = 0;
    for (const { file, length } of pieceFiles(this.#info, piece)) {
      if (this.#priorities[file.index]! > 0) bytes += length;
    }
    return bytes;
  }
}

/** The pieces that hold nothing but padding: nobody stores or requests them (BEP 47 "padding files"). */
export function paddingPieces(info: TorrentInfo): number[] {
  if (!info.files.some((file) => file.pad)) return [];
  const pieces: number[] = [];
  for (const pad of info.files) {
    if (!pad.pad) continue;
    const { first, last } = filePieces(info, pad.index);
    for (let piece = first; piece <= last; piece++) {
      if (pieces.at(-1) !== piece && pieceFiles(info, piece).every(({ file }) => file.pad)) {
        pieces.push(piece);
      }
    }
  }
  return pieces;
}

/** How many bytes from the front of a piece are content; the rest, if any, is padding (BEP 47 "padding files"). */
export function contentSize(info: TorrentInfo, piece: number): number {
  let end = pieceSize(info, piece);
  for (const { file, pieceOffset } of pieceFiles(info, piece).reverse()) {
    if (!file.pad) break;
    end = pieceOffset;
  }
  return end;
}

/** Priorities that want these files and no others. @throws {RangeError} If there is no such file. */
export function selection(info: TorrentInfo, files: readonly number[]): ReadonlyMap<number, number> {
  const wanted = new Set(files);
  for (const file of wanted) {
    if (info.files[file] === undefined) {
      throw new RangeError(`Cannot select file ${file}: there is no such file`);
    }
  }
  return new Map(info.files.map(({ index }) => [index, wanted.has(index) ? NORMAL_PRIORITY : 0]));
}
