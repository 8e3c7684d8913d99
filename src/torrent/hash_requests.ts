/**
 * Which Merkle hashes are asked of whom until the piece layer of every file is here (BEP 52 "hash request"). Every range is asked
 * for with its proof up to the root of the file, so a wrong answer convicts its sender at once.
 */

import { equals } from "@std/bytes/equals";
import { Bitfield } from "../bytes/bitfield.ts";
import { encodeHex } from "../bytes/text.ts";
import { type HashQuery, proveHashes } from "../metainfo/hash_tree.ts";
import { pieceLayer, treeHeight } from "../metainfo/merkle.ts";
import { NODE_LENGTH } from "../metainfo/node_hash.ts";
import type { HashRange } from "../wire/messages/message.ts";
import type { PeerKey } from "./vocabulary.ts";

/** Hashes of one request (BEP 52 "peer messages": "SHOULD NOT be greater than 512"). */
const MAX_RANGE = 512;
/** Requests outstanding at one peer: a quarter of a MiB of hashes, and many small files in one round trip. */
const PIPELINE = 16;
/** Without an answer for so long, the range is asked of somebody else. */
const REQUEST_TIMEOUT_MS = 20_000;
/** After so long, somebody else who has nothing to do is asked as well. */
const LATE_MS = 5000;
/** How long a peer is left alone that refuses again and again: libtorrent's minute. For silence it doubles each time. */
const BACK_OFF_MS = 60_000;
/** Doublings that count: one hour. */
const MAX_DOUBLINGS = 6;
/** Refusals in a row that are put down to the ranges and not to the peer. */
const MAX_REFUSALS = 4;

/** A file whose piece layer is not known: longer than a piece, and with pieces of its own. */
export interface UnhashedFile {
  /** Root of its Merkle tree, 32 bytes. */
  readonly piecesRoot: Uint8Array;
  /** Bytes. */
  readonly length: number;
  /** Its first piece. */
  readonly firstPiece: number;
}

/** What is to be asked for. */
export interface HashRequestsOptions {
  /** The files, in the order of their pieces; equal ones may be there twice. */
  readonly files: readonly UnhashedFile[];
  /** Whether pieces cannot be verified without their layer, so that they must not be downloaded before (v2-only torrents). */
  readonly areRequired: boolean;
}

/** A layer that is being put together. */
interface Layer {
  readonly piecesRoot: Uint8Array;
  readonly fileLength: number;
  readonly firstPiece: number;
  readonly ranges: Range[];
  hashes: Uint8Array | undefined;
  /** Ranges that are not here. */
  missing: number;
}

/** A run of hashes of a layer that is asked for at a time. */
interface Range {
  readonly layer: Layer;
  readonly query: HashQuery;
  isHere: boolean;
  /** How many peers owe us an answer, and when the last of them was asked. */
  askers: number;
  askedAt: number;
  /** Where it stands in the order. */
  at: number;
}

/** What was said to one peer. */
interface Talk {
  readonly asked: Map<string, { readonly range: Range; readonly sentAt: number }>;
  readonly refused: Set<Range>;
  /** Refusals since the last answer. */
  refusals: number;
  /** How often it was silent since the last answer. */
  silences: number;
  /** Requests given up whose answer may still come. */
  late: number;
  /** Where in the order to go on: what stands before is not to be had from this peer. */
  from: number;
  /** Not asked before this time. */
  askAt: number;
  /** Not asked again for what it refused before this time. */
  retryAt: number;
}

/** What an answer comes to. */
export type HashVerdict =
  /** It fits; `layer` if it was the last of its layer. */
  | {
    readonly type: "right";
    readonly layer?: { readonly piecesRoot: Uint8Array; readonly hashes: Uint8Array };
  }
  /** It belongs to a request that was given up. */
  | { readonly type: "late" }
  /** Nobody asked, or the number of hashes is not what was asked for. */
  | { readonly type: "invalid" }
  /** It does not hash into the root: a lie. */
  | { readonly type: "wrong" };

const NONE: HashRequestsOptions = { files: [], areRequired: false };

/** The account of hashes that are missing, and of who was asked for them. */
export class HashRequests {
  /** Pieces that cannot be verified yet. */
  readonly gated: Bitfield;
  readonly #files: readonly UnhashedFile[];
  readonly #pieceLength: number;
  /** All files with a root. */
  readonly #alike = new Map<string, UnhashedFile[]>();
  readonly #layers = new Map<string, Layer>();
  readonly #talks = new Map<PeerKey, Talk>();
  /** Ranges that somebody owes us. */
  readonly #owed = new Set<Range>();
  #order: Range[] = [];

  /** Asks nobody by itself. */
  constructor(
    geometry: { readonly pieceCount: number; readonly pieceLength: number },
    { files, areRequired }: HashRequestsOptions = NONE,
  ) {
    this.gated = new Bitfield(geometry.pieceCount);
    this.#files = files;
    this.#pieceLength = geometry.pieceLength;
    for (const file of files) {
      const key = encodeHex(file.piecesRoot), alike = this.#alike.get(key);
      if (alike) alike.push(file);
      else {
        this.#alike.set(key, [file]);
        this.#layers.set(key, this.#layerOf(file));
      }
      if (areRequired) { for (const piece of this.#piecesOf(file)) this.gated.set(piece); }
    }
    this.#order = [...this.#layers.values()].flatMap(({ ranges }) => ranges);
    this.#order.forEach((range, at) => range.at = at);
  }

  /** How many layers are not here. */
  get missing(): number {
    return this.#layers.size;
  }

  /** A peer that speaks v2: on other connections these messages are out of place. */
  add(peer: PeerKey, now: number): void {
    this.#talks.set(peer, {
      asked: new Map(),
      refused: new Set(),
      refusals: 0,
      silences: 0,
      late: 0,
      from: 0,
      askAt: now,
      retryAt: now,
    });
  }

  /** A peer is gone: others may be asked. */
  forget(peer: PeerKey): void {
    const talk = this.#talks.get(peer);
    if (talk === undefined) return;
    this.#talks.delete(peer);
    this.#giveUp(talk);
  }

  /** Whether a peer may still have something to say. */
  mayGive(peer: PeerKey): boolean {
    const talk = this.#talks.get(peer);
    return this.missing > 0 && talk !== undefined && talk.refused.size === 0;
  }

  /** What to ask a peer for next, of what it must have: hashes over pieces of its own (BEP 52 "peer messages"). */
  next(peer: PeerKey, have: Bitfield, now: number): HashRange | undefined {
    const talk = this.#talks.get(peer);
    if (talk === undefined || this.missing === 0 || now < talk.askAt || talk.asked.size >= PIPELINE) return;
    for (; talk.from < this.#order.length; talk.from++) {
      const range = this.#order[talk.from]!;
      if (isFree(range) && !talk.refused.has(range) && this.#touches(range, have)) {
        return this.#ask(talk, range, now);
      }
    }
    if (talk.asked.size > 0) return undefined;
    const late = this.#owed.values().find((range) =>
      now - range.askedAt >= LATE_MS && !talk.refused.has(range) && this.#touches(range, have)
    );
    return late && this.#ask(talk, late, now);
  }

  /** The peer has one piece more, so it can give hashes of it. Answers whether it is to be asked for them. */
  gains(peer: PeerKey, piece: number): boolean {
    const talk = this.#talks.get(peer), range = talk && this.#rangeOf(piece);
    if (range === undefined || !isFree(range)) return false;
    talk!.refused.delete(range);
    talk!.from = Math.min(talk!.from, range.at);
    return true;
  }

  /** A peer answers. */
  take(peer: PeerKey, answer: HashRange & { readonly hashes: Uint8Array }): HashVerdict {
    const talk = this.#talks.get(peer), range = talk && this.#answered(talk, answer);
    if (range === undefined) return { type: talk && talk.late-- > 0 ? "late" : "invalid" };
    this.#release(range);
    if (range.isHere) return { type: "late" };
    const { layer, query } = range, proven = proveHashes(query, layer.fileLength, answer.hashes);
    const isRoot = proven?.ancestor.layer === treeHeight(layer.fileLength) &&
      equals(proven.ancestor.hash, layer.piecesRoot);
    if (proven === undefined || !isRoot) return { type: proven ? "wrong" : "invalid" };
    talk!.refusals = talk!.silences = 0;
    range.isHere = true;
    layer.hashes ??= new Uint8Array(this.#widthOf(layer) * NODE_LENGTH);
    layer.hashes.set(proven.hashes, query.index * NODE_LENGTH);
    if (--layer.missing > 0) return { type: "right" };
    this.#layers.delete(encodeHex(layer.piecesRoot));
    return { type: "right", layer: { piecesRoot: layer.piecesRoot, hashes: layer.hashes } };
  }

  /** A peer refuses. Answers whether it was asked. */
  refuse(peer: PeerKey, answer: HashRange, now: number): boolean {
    const talk = this.#talks.get(peer), range = talk && this.#answered(talk, answer);
    if (range === undefined) return talk !== undefined && talk.late-- > 0;
    talk!.refused.add(range);
    this.#release(range);
    talk!.retryAt = now + BACK_OFF_MS;
    if (++talk!.refusals >= MAX_REFUSALS) talk!.askAt = now + BACK_OFF_MS;
    return true;
  }

  /** Gives up requests that nobody answers, and lets peers have another try that refused. */
  sweep(now: number): void {
    if (this.missing === 0) return;
    for (const talk of this.#talks.values()) {
      const isSilent = talk.asked.values().some(({ sentAt }) => now - sentAt >= REQUEST_TIMEOUT_MS);
      if (isSilent) {
        this.#giveUp(talk);
        talk.askAt = now + BACK_OFF_MS * 2 ** Math.min(talk.silences++, MAX_DOUBLINGS);
      } else if (talk.refused.size > 0 && now >= talk.retryAt) {
        talk.refusals = 0;
        talk.refused.clear();
        talk.from = 0;
      }
    }
  }

  /** Whether some of these pieces wait for hashes that nobody is asked for. */
  areWaiting(pieces: Iterable<number>): boolean {
    for (const piece of pieces) {
      const range = this.#rangeOf(piece);
      if (range && isFree(range)) return true;
    }
    return false;
  }

  /** Asks first for what readers wait for, then for what is wanted, then for the rest: the layers of a torrent belong together. */
  order(urgent: ReadonlySet<number>, wanted: Bitfield): void {
    if (this.missing === 0) return;
    const first = new Set([...urgent].map((piece) => this.#rangeOf(piece)));
    const rank = (range: Range) => first.has(range) ? 0 : this.#touches(range, wanted) ? 1 : 2;
    const ranked = this.#order.filter(({ isHere }) => !isHere).map((range) => ({
      range,
      rank: rank(range),
    }));
    this.#order = ranked.sort((a, b) => a.rank - b.rank).map(({ range }) => range);
    this.#order.forEach((range, at) => range.at = at);
    for (const talk of this.#talks.values()) talk.from = 0;
  }

  /** The layer of a root can be used. Answers the pieces that can be verified now. */
  open(piecesRoot: Uint8Array): number[] {
    const alike = this.#alike.get(encodeHex(piecesRoot)) ?? [];
    // Files with one root are equal; one of another length is a lie of the torrent's author, and never comes.
    const files = alike.filter(({ length }) => length === alike[0]!.length);
    return files.flatMap((file) => this.#piecesOf(file)).filter((piece) => this.gated.clear(piece));
  }

  #layerOf({ piecesRoot, length, firstPiece }: UnhashedFile): Layer {
    const base = pieceLayer(this.#pieceLength), layers = treeHeight(length) - base;
    const size = Math.min(MAX_RANGE, 2 ** layers), ranges: Range[] = [];
    const layer: Layer = {
      piecesRoot,
      fileLength: length,
      firstPiece,
      ranges,
      hashes: undefined,
      missing: 0,
    };
    for (let index = 0; index < this.#widthOf(layer); index += size) {
      const query = { baseLayer: base, index, length: size, proofLayers: layers - 1 };
      ranges.push({ layer, query, isHere: false, askers: 0, askedAt: 0, at: 0 });
    }
    layer.missing = ranges.length;
    return layer;
  }

  #widthOf({ fileLength }: Layer): number {
    return Math.ceil(fileLength / this.#pieceLength);
  }

  #piecesOf({ firstPiece, length }: UnhashedFile): number[] {
    return Array.from({ length: Math.ceil(length / this.#pieceLength) }, (_, i) => firstPiece + i);
  }

  /** Whether some pieces lie under the range. */
  #touches({ layer, query: { index, length } }: Range, pieces: Bitfield): boolean {
    const { firstPiece } = layer, next = pieces.nextSet(firstPiece + index);
    return next >= 0 && next < firstPiece + Math.min(index + length, this.#widthOf(layer));
  }

  /** The range over a piece, if its layer is not here. */
  #rangeOf(piece: number): Range | undefined {
    if (this.missing === 0) return undefined;
    let low = 0, high = this.#files.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#files[middle]!.firstPiece <= piece) low = middle + 1;
      else high = middle;
    }
    const file = this.#files[low - 1], layer = file && this.#layers.get(encodeHex(file.piecesRoot));
    return layer?.ranges[Math.floor((piece - file!.firstPiece) / MAX_RANGE)];
  }

  /** The range that is answered, which the peer owes us no more. */
  #answered(talk: Talk, answer: HashRange): Range | undefined {
    const key = keyOf(answer), range = talk.asked.get(key)?.range;
    talk.asked.delete(key);
    return range;
  }

  #giveUp(talk: Talk): void {
    talk.late += talk.asked.size;
    for (const { range } of talk.asked.values()) this.#release(range);
    talk.asked.clear();
  }

  #ask(talk: Talk, range: Range, now: number): HashRange {
    const request = { piecesRoot: range.layer.piecesRoot, ...range.query };
    talk.asked.set(keyOf(request), { range, sentAt: now });
    range.askers++;
    range.askedAt = now;
    this.#owed.add(range);
    return request;
  }

  /** One peer owes us the range no more. */
  #release(range: Range): void {
    if (--range.askers > 0) return;
    this.#owed.delete(range);
    for (const talk of this.#talks.values()) talk.from = Math.min(talk.from, range.at);
  }
}

function isFree({ isHere, askers }: Range): boolean {
  return !isHere && askers === 0;
}

/** An answer must repeat its request to the letter. */
function keyOf({ piecesRoot, baseLayer, index, length, proofLayers }: HashRange): string {
  return `${encodeHex(piecesRoot)} ${baseLayer} ${index} ${length} ${proofLayers}`;
}
