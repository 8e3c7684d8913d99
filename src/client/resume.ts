/**
 * What a client remembers of a torrent between two runs: a snapshot, bencoded and written atomically, and a journal of
 * the pieces verified since. After a crash the snapshot's pieces are trusted and the journal's are hashed again.
 */

import { decodeDictionary } from "../bencode/decode.ts";
import type { BencodeDictionary, BencodeValue } from "../bencode/dictionary.ts";
import { encode } from "../bencode/encode.ts";
import { Bitfield } from "../bytes/bitfield.ts";
import { DecodeError } from "../errors.ts";
import type { StateStore } from "../io/state_store.ts";
import type { FileStamp } from "../io/storage.ts";
import { decodeCompactPeers, encodeCompactPeers } from "../peer/compact_peer.ts";
import { isIpv6 } from "../peer/ip.ts";
import type { PeerAddress } from "../peer/address.ts";

const FORMAT = "network-bittorrent resume";

/** The version written. A reader refuses any other: hashing everything again is always right. */
const VERSION = 1;

/** A snapshot of one torrent. */
export interface ResumeData {
  /** The 20-byte info hash the snapshot belongs to. */
  readonly infoHash: Uint8Array;
  /** Pieces verified and flushed to disk. */
  readonly pieces: Bitfield;
  /** The files as they were then, by index in `info.files`. */
  readonly stamps: readonly (FileStamp | undefined)[];
  /** Written by an orderly close: nothing was written to the content afterwards. */
  readonly clean: boolean;
  /** Payload bytes from peers over all runs. */
  readonly downloaded: number;
  /** Payload bytes to peers over all runs. */
  readonly uploaded: number;
  /** Peers that were connected: the first to dial next time. */
  readonly peers: readonly PeerAddress[];
}

/** Encodes a snapshot. */
export function encodeResume(data: ResumeData): Uint8Array {
  return encode({
    format: FORMAT,
    version: VERSION,
    "info hash": data.infoHash,
    "piece count": data.pieces.length,
    pieces: data.pieces.toBytes(),
    files: data.stamps.map((stamp) =>
      stamp === undefined ? [] : [stamp.length, Math.round(stamp.modifiedMs * 1000), stamp.partial ? 1 : 0]
    ),
    clean: data.clean ? 1 : 0,
    downloaded: data.downloaded,
    uploaded: data.uploaded,
    peers: encodeCompactPeers(data.peers.filter(({ host }) => !isIpv6(host)), 4),
    peers6: encodeCompactPeers(data.peers.filter(({ host }) => isIpv6(host)), 6),
  });
}

/**
 * Decodes a snapshot.
 *
 * @throws {DecodeError} If it is no resume data of this version, or of a torrent with another piece count.
 */
export function decodeResume(bytes: Uint8Array, pieceCount: number): ResumeData {
  const data = decodeDictionary(bytes);
  if (data.text("format") !== FORMAT || data.integer("version") !== VERSION) {
    throw new DecodeError("Cannot decode resume data: unknown format or version");
  }
  if (required(data.integer("piece count"), "piece count") !== pieceCount) {
    throw new DecodeError("Cannot decode resume data: it belongs to a torrent with another piece count");
  }
  return {
    infoHash: required(data.bytes("info hash"), "info hash"),
    pieces: Bitfield.from(required(data.bytes("pieces"), "pieces"), pieceCount),
    stamps: required(data.list("files"), "files").map(decodeStamp),
    clean: data.integer("clean") === 1,
    downloaded: data.integer("downloaded") ?? 0,
    uploaded: data.integer("uploaded") ?? 0,
    peers: decodePeers(data),
  };
}

function decodePeers(data: BencodeDictionary): PeerAddress[] {
  return [
    ...decodeCompactPeers(data.bytes("peers") ?? new Uint8Array(), 4),
    ...decodeCompactPeers(data.bytes("peers6") ?? new Uint8Array(), 6),
  ];
}

function decodeStamp(value: BencodeValue): FileStamp | undefined {
  if (!Array.isArray(value)) throw new DecodeError("Cannot decode resume data: a file is no list");
  if (value.length === 0) return undefined;
  const [length, modified, partial] = value;
  if (typeof length !== "number" || typeof modified !== "number") {
    throw new DecodeError("Cannot decode resume data: a file lacks its length or time");
  }
  return { length, modifiedMs: modified / 1000, partial: partial === 1 };
}

function required<T>(value: T | undefined, key: string): T {
  if (value === undefined) throw new DecodeError(`Cannot decode resume data: "${key}" is missing`);
  return value;
}

/** What {@linkcode planCheck} decides. */
export interface CheckPlan {
  /** Pieces to take for granted. */
  readonly trusted: Bitfield;
  /** Pieces to hash before they count. */
  readonly doubtful: readonly number[];
}

/** Where a piece lies: the indexes of the files it touches. */
export type FilesOfPiece = (piece: number) => readonly number[];

/**
 * Decides what resume data still proves. A file that stands as the snapshot saw it vouches for its pieces. One that
 * pieces of the journal were written to may be newer, but not shorter. Any other file was touched by somebody else:
 * its pieces are hashed again. One that got its final name since may hold all of them: somebody may have put it there.
 * Journal pieces are always hashed: they may not have reached the disk.
 */
export function planCheck(
  data: ResumeData,
  journal: readonly number[],
  stamps: readonly (FileStamp | undefined)[],
  filesOf: FilesOfPiece,
): CheckPlan {
  const written = new Set(data.clean ? [] : journal.flatMap((piece) => [...filesOf(piece)]));
  const holds = stamps.map((now, file) => isCredible(data.stamps[file], now, written.has(file)));
  const trusted = new Bitfield(data.pieces.length), doubtful = new Set(journal);
  const foreign = new Set([...stamps.keys()].filter((file) => isForeign(data.stamps[file], stamps[file])));
  for (let piece = 0; foreign.size > 0 && piece < data.pieces.length; piece++) {
    if (filesOf(piece).some((file) => foreign.has(file))) doubtful.add(piece);
  }
  for (const piece of data.pieces.indexes()) {
    if (filesOf(piece).every((file) => holds[file])) trusted.set(piece);
    else doubtful.add(piece);
  }
  return { trusted, doubtful: [...doubtful].filter((piece) => !trusted.has(piece)).sort((a, b) => a - b) };
}

/** Whether a file has its final name, and did not get it from us as far as the snapshot knows. */
function isForeign(then: FileStamp | undefined, now: FileStamp | undefined): boolean {
  return now?.partial === false && then?.partial !== false;
}

function isCredible(then: FileStamp | undefined, now: FileStamp | undefined, wasWritten: boolean): boolean {
  if (now === undefined) return then === undefined;
  if (then === undefined) return wasWritten;
  if (wasWritten) return now.length >= then.length && now.modifiedMs >= then.modifiedMs - 1;
  // Times survive the round trip through microseconds to a millisecond at worst.
  return now.length === then.length && Math.abs(now.modifiedMs - then.modifiedMs) < 1;
}

/** The snapshot and the journal of one torrent in a {@linkcode StateStore}. Writes go one after another. */
export class ResumeLog {
  readonly #store: StateStore;
  readonly #name: string;
  #pending: number[] = [];
  #tail: Promise<void> = Promise.resolve();

  /** Uses the files `<name>.resume` and `<name>.journal`. */
  constructor(store: StateStore, name: string) {
    this.#store = store;
    this.#name = name;
  }

  /** The snapshot and the journal, or `undefined` if there is none that can be used. */
  async load(pieceCount: number): Promise<{ data: ResumeData; journal: number[] } | undefined> {
    const bytes = await this.#store.read(`${this.#name}.resume`);
    if (bytes === undefined) return undefined;
    try {
      const data = decodeResume(bytes, pieceCount);
      return { data, journal: decodeJournal(await this.#store.read(`${this.#name}.journal`), pieceCount) };
    } catch (error) {
      if (error instanceof DecodeError) return undefined;
      throw error;
    }
  }

  /** Notes a verified and written piece; settles when the note is on its way to disk with all before it. */
  record(piece: number): Promise<void> {
    this.#pending.push(piece);
    return this.#queue(async () => {
      const pieces = this.#pending.splice(0);
      if (pieces.length > 0) await this.#store.append(`${this.#name}.journal`, encodeJournal(pieces));
    });
  }

  /** Replaces the snapshot by what `take` answers at the time of writing and empties the journal. */
  snapshot(take: () => Promise<ResumeData>): Promise<void> {
    return this.#queue(async () => {
      this.#pending = []; // what was noted before is part of what `take` sees
      await this.#store.write(`${this.#name}.resume`, encodeResume(await take()));
      await this.#store.remove(`${this.#name}.journal`);
    });
  }

  /** Forgets the torrent. */
  remove(): Promise<void> {
    return this.#queue(async () => {
      await this.#store.remove(`${this.#name}.resume`);
      await this.#store.remove(`${this.#name}.journal`);
    });
  }

  #queue(work: () => Promise<void>): Promise<void> {
    const done = this.#tail.then(work);
    this.#tail = done.catch(() => {});
    return done;
  }
}

function encodeJournal(pieces: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(pieces.length * 4), view = new DataView(bytes.buffer);
  pieces.forEach((piece, i) => view.setUint32(i * 4, piece));
  return bytes;
}

/** A last entry that a crash cut is dropped, as is one that is no piece. */
function decodeJournal(bytes: Uint8Array | undefined, pieceCount: number): number[] {
  if (bytes === undefined) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), pieces = new Set<number>();
  for (let offset = 0; offset + 4 <= bytes.length; offset += 4) {
    const piece = view.getUint32(offset);
    if (piece < pieceCount) pieces.add(piece);
  }
  return [...pieces];
}
