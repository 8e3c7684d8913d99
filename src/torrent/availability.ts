/**
 * How many peers have each piece, and the pieces that may be opened, filed in buckets by priority and rarity.
 * A `have` moves one piece between two buckets; a bitfield moves at most half the pieces.
 */

import { Bitfield } from "../bytes/bitfield.ts";
import { type Random, randomBelow } from "../bytes/random.ts";

/** Priorities run from 0, which is never filed here, to 7. */
const LEVELS = 8;
/** Pieces looked at from the rarest up before the search turns to the peer's own pieces. */
const SCAN_BUDGET = 512;
/** How many of the peer's own pieces that search compares. */
const SWEEP_SAMPLE = 32;

/** Whose pieces are chosen from. */
export interface Chooser {
  /** The pieces it has. */
  readonly has: Bitfield;
  /** Pieces it is not to be asked for. */
  readonly refused: ReadonlySet<number>;
  /** Pieces it would like to send, taken among equals (BEP 6 "Suggest Piece"). */
  readonly suggested: readonly number[];
  /** Where chance comes from. */
  readonly random: Random;
}

/** Counts, buckets and choices. Invariant: a piece is in exactly one bucket if it is fresh, else in none. */
export class Availability {
  /** Pieces that may be opened: wanted, not ours, not open. */
  readonly fresh: Bitfield;
  /** Per piece: how many peers have it, less {@linkcode Availability.#offset}. */
  readonly #counts: Int16Array;
  readonly #levels: Uint8Array;
  readonly #places: Uint32Array;
  /** By level, then by count; most counts of a large swarm have no piece, so those that have are marked per level. */
  readonly #buckets: (number[] | undefined)[];
  readonly #occupied: readonly Bitfield[];
  readonly #sizes = new Uint32Array(LEVELS);
  /** Counts are filed from 0 to `#width`: they go from `-maxPeers` to `maxPeers`. */
  readonly #maxPeers: number;
  readonly #width: number;
  /** Peers that are counted by what they lack: every piece counts them, and what they lack is taken off. */
  #offset = 0;
  /** Counts with us. */
  #mirror: Availability | undefined;
  #sweepFrom = 0;
  #firstFresh = 0;

  /** Starts without peers and with no fresh piece. More peers than `maxPeers` must never be added. */
  constructor(pieceCount: number, maxPeers: number) {
    this.fresh = new Bitfield(pieceCount);
    this.#counts = new Int16Array(pieceCount);
    this.#levels = new Uint8Array(pieceCount);
    this.#places = new Uint32Array(pieceCount);
    this.#maxPeers = maxPeers;
    this.#width = 2 * maxPeers + 1;
    this.#buckets = new Array(LEVELS * this.#width).fill(undefined);
    this.#occupied = Array.from({ length: LEVELS }, () => new Bitfield(this.#width));
  }

  /** How many peers have the piece. */
  of(piece: number): number {
    return this.#offset + this.#counts[piece]!;
  }

  /** How many fresh pieces at least one peer has. */
  get reachable(): number {
    let unreachable = 0;
    for (let level = 1; level < LEVELS; level++) {
      unreachable += this.#bucket(level, -this.#offset)?.length ?? 0;
    }
    return this.fresh.count - unreachable;
  }

  /** Counts a peer's pieces; the answer says how it was counted and goes back into {@linkcode Availability.removePeer}. */
  addPeer(have: Bitfield): boolean {
    const inverse = have.count * 2 > have.length;
    this.#mirror?.addPeer(have);
    this.#count(have, inverse, 1);
    return inverse;
  }

  /** Takes back what `addPeer` and later {@linkcode Availability.change} calls counted. */
  removePeer(have: Bitfield, inverse: boolean): void {
    this.#mirror?.removePeer(have, inverse);
    this.#count(have, inverse, -1);
  }

  /**
   * Another one with the same counts, kept in step from now on (and in place of a former one), in which other pieces can be
   * filed. We ourselves have every piece there.
   */
  mirror(): Availability {
    const mirror = this.#mirror = new Availability(this.fresh.length, this.#maxPeers);
    mirror.#counts.set(this.#counts);
    mirror.#offset = this.#offset + 1;
    return mirror;
  }

  /** Lets the mirror go. */
  unmirror(): void {
    this.#mirror = undefined;
  }

  /** One more peer (1) or one less (-1) has the piece. */
  change(piece: number, by: 1 | -1): void {
    this.#change(piece, by);
    this.#mirror?.change(piece, by);
  }

  #change(piece: number, by: 1 | -1): void {
    if (!this.fresh.has(piece)) {
      this.#counts[piece]! += by;
      return;
    }
    this.#unfile(piece);
    this.#counts[piece]! += by;
    this.#file(piece);
  }

  /** Makes a piece fresh, or moves it to another priority. */
  insert(piece: number, level: number): void {
    if (!this.fresh.set(piece)) this.#unfile(piece);
    this.#levels[piece] = level;
    this.#file(piece);
    if (piece < this.#firstFresh) this.#firstFresh = piece;
  }

  /** The piece is fresh no longer. */
  remove(piece: number): void {
    if (this.fresh.clear(piece)) this.#unfile(piece);
  }

  /**
   * The rarest of the highest priority among the fresh pieces of the chooser; a random one among equals, or a suggested
   * one. `undefined` if there is none.
   */
  pickRarest(chooser: Chooser): number | undefined {
    let budget = SCAN_BUDGET;
    const reachableFrom = this.#maxPeers + 1 - this.#offset;
    for (let level = LEVELS - 1; level > 0; level--) {
      const occupied = this.#occupied[level]!;
      for (let at = occupied.nextSet(reachableFrom); at >= 0; at = occupied.nextSet(at + 1)) {
        const bucket = this.#buckets[level * this.#width + at]!;
        const start = randomBelow(chooser.random, bucket.length);
        for (let i = 0; i < bucket.length; i++) {
          const piece = bucket[start + i < bucket.length ? start + i : start + i - bucket.length]!;
          if (mayHave(chooser, piece)) return this.#preferred(chooser, piece);
          if (--budget === 0) return this.#sweep(chooser);
        }
      }
    }
    return undefined;
  }

  /** A suggested or random one of the fresh pieces of the chooser, if it has the highest priority of all; else the rarest. */
  pickRandom(chooser: Chooser): number | undefined {
    const { has, random, suggested } = chooser;
    const top = this.#sizes.findLastIndex((size) => size > 0);
    const isTop = (piece: number) => this.#levels[piece] === top && mayHave(chooser, piece);
    const advised = suggested.find((piece) => this.fresh.has(piece) && isTop(piece));
    if (advised !== undefined) return advised;
    const found = this.fresh.nextShared(has, randomBelow(random, has.length));
    const piece = found >= 0 ? found : this.fresh.nextShared(has, 0);
    if (piece < 0) return undefined;
    return isTop(piece) ? piece : this.pickRarest(chooser);
  }

  /** The lowest of the fresh pieces of the chooser, whatever its priority. */
  pickFirst(chooser: Chooser): number | undefined {
    const first = this.fresh.nextSet(this.#firstFresh);
    if (first < 0) return undefined;
    this.#firstFresh = first;
    let piece = this.fresh.nextShared(chooser.has, first);
    while (chooser.refused.has(piece)) piece = this.fresh.nextShared(chooser.has, piece + 1);
    return piece < 0 ? undefined : piece;
  }

  /**
   * For a peer whose pieces are far from the rarest: compares a few of its own, from where the last such search ended,
   * so that no piece of work costs more than one pass over the bits.
   */
  #sweep(chooser: Chooser): number | undefined {
    const start = this.#sweepFrom;
    let best: number | undefined, hasTurned = false;
    for (let step = 0; step < SWEEP_SAMPLE; step++) {
      let piece = this.fresh.nextShared(chooser.has, this.#sweepFrom);
      if (piece < 0 && !hasTurned) {
        hasTurned = true;
        piece = this.fresh.nextShared(chooser.has, 0);
      }
      if (piece < 0 || (hasTurned && piece >= start)) break;
      this.#sweepFrom = piece + 1;
      if (!mayHave(chooser, piece)) continue;
      if (best === undefined || this.#isBetter(piece, best)) best = piece;
    }
    return best;
  }

  #isBetter(piece: number, than: number): boolean {
    const levels = this.#levels[piece]! - this.#levels[than]!;
    return levels > 0 || (levels === 0 && this.#counts[piece]! < this.#counts[than]!);
  }

  #preferred(chooser: Chooser, piece: number): number {
    if (chooser.suggested.length === 0) return piece;
    const isEqual = (other: number) =>
      this.fresh.has(other) && mayHave(chooser, other) && this.#levels[other] === this.#levels[piece] &&
      this.#counts[other] === this.#counts[piece];
    return chooser.suggested.find(isEqual) ?? piece;
  }

  #count(have: Bitfield, inverse: boolean, by: 1 | -1): void {
    if (!inverse) {
      for (let piece = have.nextSet(0); piece >= 0; piece = have.nextSet(piece + 1)) this.#change(piece, by);
      return;
    }
    const back = by === 1 ? -1 : 1;
    for (let piece = have.nextClear(0); piece >= 0; piece = have.nextClear(piece + 1)) {
      this.#change(piece, back);
    }
    this.#offset += by;
  }

  #bucket(level: number, count: number): number[] | undefined {
    return this.#buckets[level * this.#width + this.#maxPeers + count];
  }

  #file(piece: number): void {
    const level = this.#levels[piece]!, at = this.#maxPeers + this.#counts[piece]!;
    const bucket = this.#buckets[level * this.#width + at] ??= [];
    this.#places[piece] = bucket.length;
    if (bucket.push(piece) === 1) this.#occupied[level]!.set(at);
    this.#sizes[level]!++;
  }

  #unfile(piece: number): void {
    const level = this.#levels[piece]!, at = this.#maxPeers + this.#counts[piece]!;
    const bucket = this.#buckets[level * this.#width + at]!;
    if (bucket.length === 1) this.#occupied[level]!.clear(at);
    const last = bucket.pop()!;
    if (last !== piece) {
      bucket[this.#places[piece]!] = last;
      this.#places[last] = this.#places[piece]!;
    }
    this.#sizes[level]!--;
  }
}

function mayHave({ has, refused }: Chooser, piece: number): boolean {
  return has.has(piece) && !refused.has(piece);
}
