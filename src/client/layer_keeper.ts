/**
 * The piece layers of a v2 or hybrid torrent that its file or link left out: learnt from peers, used at once where pieces are
 * verified, and kept for the next run (BEP 52 "piece layers").
 */

import { concat } from "@std/bytes/concat";
import { encodeHex } from "../bytes/text.ts";
import { StorageError } from "../errors.ts";
import type { StateStore } from "../io/state_store.ts";
import type { FileStamp, PieceStore } from "../io/storage.ts";
import { filePieces, pieceSize } from "../metainfo/geometry.ts";
import type { TorrentFile, TorrentInfo } from "../metainfo/info.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { NODE_LENGTH } from "../metainfo/node_hash.ts";
import { isPieceLayer } from "../metainfo/piece_layers.ts";
import { hashPiece } from "../metainfo/verify.ts";
import type { HashRequestsOptions } from "../torrent/missing_hashes.ts";

/** What a keeper needs. */
export interface LayerKeeperOptions {
  /** The torrent, with layers of its own; see {@linkcode withOwnLayers}. */
  readonly metainfo: Metainfo;
  /** The content: pieces of it may be here and could not be verified. */
  readonly store: PieceStore;
  /** Where notes go, if anywhere. */
  readonly state: StateStore | undefined;
  /** File name without ending: the info hash in hexadecimal. */
  readonly name: string;
}

/** The same torrent with a map of layers that nobody else has, since it grows. */
export function withOwnLayers(metainfo: Metainfo): Metainfo {
  return { ...metainfo, pieceLayers: new Map(metainfo.pieceLayers) };
}

/** Adds a layer to a torrent's own map: whoever verifies pieces by it finds it there. */
export function addLayer({ pieceLayers }: Metainfo, piecesRoot: Uint8Array, hashes: Uint8Array): void {
  (pieceLayers as Map<string, Uint8Array>).set(encodeHex(piecesRoot), hashes);
}

/** What peers are to be asked for. Pieces of a hybrid are verified by their SHA-1 meanwhile. */
export function missingLayers({ info, pieceLayers }: Metainfo): HashRequestsOptions {
  const files = layeredFiles(info).filter(({ piecesRoot }) => !pieceLayers.has(encodeHex(piecesRoot)));
  return {
    files: files.map(({ piecesRoot, length, offset }) => {
      return { piecesRoot, length, firstPiece: offset / info.pieceLength };
    }),
    areRequired: info.version === "2",
  };
}

/** Looks after the layers of one torrent. Nothing is kept of a torrent that came with all of them. */
export class LayerKeeper {
  readonly #options: LayerKeeperOptions;
  /** Files that need a layer, by its root. */
  readonly #files: ReadonlyMap<string, readonly LayeredFile[]>;
  #pending: Uint8Array[] = [];
  #noting: Promise<void> = Promise.resolve();
  /** Which files were there, at least in part, before anything was downloaded. */
  #present: readonly boolean[] = [];

  /** Nothing happens before `load`. */
  constructor(options: LayerKeeperOptions) {
    this.#options = options;
    this.#files = Map.groupBy(layeredFiles(options.metainfo.info), ({ piecesRoot }) => encodeHex(piecesRoot));
  }

  /** What peers are to be asked for. */
  get wanted(): HashRequestsOptions {
    return missingLayers(this.#options.metainfo);
  }

  /**
   * Takes up what an earlier run has learnt, and works out the rest from files that are here in full. To be called before the
   * content is checked.
   *
   * @throws The signal's reason.
   */
  async load(signal: AbortSignal): Promise<void> {
    const { state, store } = this.#options;
    if (this.wanted.files.length === 0) return;
    const notes = await state?.read(this.#fileName).catch(() => undefined); // peers will tell again
    if (notes) await this.#read(notes);
    if (!this.wanted.areRequired) return;
    const stamps = await store.stamps();
    for (const file of this.#lacking()) {
      if (isWhole(file, stamps[file.index])) await this.#workOut(file, signal);
    }
    this.#present = stamps.map((stamp) => stamp !== undefined && stamp.length > 0);
  }

  /** A layer was learnt. Answers the pieces that turn out to be here already. @throws What the store throws. */
  async found(piecesRoot: Uint8Array, hashes: Uint8Array): Promise<readonly number[]> {
    const { metainfo, store } = this.#options, pieces: number[] = [];
    addLayer(metainfo, piecesRoot, hashes);
    this.#note(piecesRoot, hashes);
    for (const file of this.#files.get(encodeHex(piecesRoot)) ?? []) {
      if (!this.#present[file.index]) continue;
      const { first, last } = filePieces(metainfo.info, file.index);
      for (let piece = first; piece <= last; piece++) if (await store.check(piece)) pieces.push(piece);
    }
    return pieces;
  }

  /** Settles once everything so far is noted. */
  noted(): Promise<void> {
    return this.#noting;
  }

  /** Forgets what was kept. */
  async remove(): Promise<void> {
    await this.#noting;
    await this.#options.state?.remove(this.#fileName).catch(() => {}); // it does no harm
  }

  /** One file of each layer that is missing. */
  *#lacking(): Generator<LayeredFile> {
    const { pieceLayers } = this.#options.metainfo;
    for (const [root, [file]] of this.#files) if (!pieceLayers.has(root)) yield file!;
  }

  /** Hashes a file. The root of its tree proves that the hashes are its layer, whoever put it there; if not, peers are asked. */
  async #workOut(file: LayeredFile, signal: AbortSignal): Promise<void> {
    const { metainfo, metainfo: { info }, store } = this.#options,
      { first, last } = filePieces(info, file.index);
    const hashes = new Uint8Array((last - first + 1) * NODE_LENGTH), bytes = new Uint8Array(info.pieceLength);
    for (let piece = first; piece <= last; piece++) {
      signal.throwIfAborted();
      const content = bytes.subarray(0, pieceSize(info, piece));
      try {
        await store.read(piece, 0, content);
      } catch (error) {
        if (error instanceof StorageError) return;
        throw error;
      }
      hashes.set((await hashPiece(info, piece, content)).merkle!, (piece - first) * NODE_LENGTH);
    }
    if (!isPieceLayer(hashes, file, info.pieceLength)) return;
    addLayer(metainfo, file.piecesRoot, hashes);
    this.#note(file.piecesRoot, hashes);
  }

  get #fileName(): string {
    return `${this.#options.name}.layers`;
  }

  /** What comes while a note is written is noted together. */
  #note(piecesRoot: Uint8Array, hashes: Uint8Array): void {
    const { state } = this.#options;
    if (state === undefined) return;
    this.#pending.push(piecesRoot, hashes);
    this.#noting = this.#noting.then(async () => {
      const notes = concat(this.#pending.splice(0));
      if (notes.length > 0) await state.append(this.#fileName, notes).catch(() => {}); // peers will tell again
    });
  }

  /** Takes up what can be used, and keeps no more than that: what is noted later must not stand behind something else. */
  async #read(notes: Uint8Array): Promise<void> {
    const length = this.#take(notes), rest = notes.slice(0, length);
    if (length < notes.length) await this.#options.state?.write(this.#fileName, rest).catch(() => {}); // the same
  }

  /** Notes are roots, each with its hashes behind it, proven again; what a crash cut, or nobody knows, ends them: there. */
  #take(notes: Uint8Array): number {
    const { metainfo } = this.#options, { pieceLength } = metainfo.info;
    let at = 0;
    while (at < notes.length) {
      const piecesRoot = notes.subarray(at, at + NODE_LENGTH),
        file = this.#files.get(encodeHex(piecesRoot))?.[0];
      if (file === undefined) break;
      const start = at + NODE_LENGTH, end = start + Math.ceil(file.length / pieceLength) * NODE_LENGTH;
      const hashes = notes.slice(start, end);
      if (!isPieceLayer(hashes, file, pieceLength)) break;
      addLayer(metainfo, piecesRoot, hashes);
      at = end;
    }
    return at;
  }
}

/** Whether a file has its final name and its length: one that we are downloading has not. */
function isWhole({ length }: TorrentFile, stamp: FileStamp | undefined): boolean {
  return stamp !== undefined && !stamp.partial && stamp.length === length;
}

type LayeredFile = TorrentFile & { readonly piecesRoot: Uint8Array };

/** Files longer than a piece: those of one piece are verified by their root. */
function layeredFiles({ files, pieceLength }: TorrentInfo): LayeredFile[] {
  return files.filter((file): file is LayeredFile => {
    return file.piecesRoot !== undefined && file.length > pieceLength;
  });
}
