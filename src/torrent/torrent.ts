/**
 * The torrent machine: every decision of one torrent whose info dictionary is known (BEP 3, 6, 16, 21, 40, 47, 52, 54).
 * Phases: running <-> paused.
 */

import type { Bitfield } from "../bytes/bitfield.ts";
import { handleInput, nextDeadline } from "./on_input.ts";
import type { TorrentOptions } from "./options.ts";
import { type PeerSnapshot, snapshotOf, statsOf, type TorrentStats } from "./snapshot.ts";
import { createState, type TorrentState } from "./state.ts";
import { isDisguised } from "./super_seed.ts";
import type { TorrentEffect, TorrentInput } from "./vocabulary.ts";

/** One torrent: what happened goes in, what must be done comes out. See the vocabulary for both. */
export class Torrent {
  readonly #state: TorrentState;

  /**
   * Makes the machine at the time `now` (milliseconds of any monotonic clock).
   *
   * @throws {RangeError} If `have` or `priorities` are for another number of pieces.
   */
  constructor(options: TorrentOptions, now: number) {
    this.#state = createState(options, now);
  }

  /**
   * Takes one input and answers with what must be done now, in order. Never throws on what peers send.
   *
   * @throws {StateError} If a new connection has the key of another.
   * @throws {RangeError} If there is not one priority per piece.
   */
  handle(input: TorrentInput, now: number): readonly TorrentEffect[] {
    return handleInput(this.#state, input, now);
  }

  /** When to call `handle({ type: "tick" }, now)` at the latest; `undefined` while nothing is due. */
  deadline(): number | undefined {
    return nextDeadline(this.#state);
  }

  /** How many `store` effects wait for their answer: above a bound of its own the session stops reading from peers. */
  get openStores(): number {
    return this.#state.downloads.storing;
  }

  /** Whether every wanted piece is ours. */
  get isComplete(): boolean {
    return this.#state.ledger.missing.isEmpty;
  }

  /** Whether it looks empty to new peers while it has everything (BEP 16): the session must not say `upload_only` then. */
  get isSuperSeeding(): boolean {
    return isDisguised(this.#state);
  }

  /** Whether it is paused. */
  get isPaused(): boolean {
    return this.#state.mode.paused;
  }

  /** Whether the piece is ours: verified and written. */
  hasPiece(piece: number): boolean {
    return this.#state.ledger.have.has(piece);
  }

  /** The pieces that are ours, as a copy: for resume data. */
  have(): Bitfield {
    return this.#state.ledger.have.clone();
  }

  /** How many connected peers have the piece. */
  availabilityOf(piece: number): number {
    return this.#state.availability.of(piece);
  }

  /** Counters and rates of the whole torrent. */
  stats(now: number): TorrentStats {
    return statsOf(this.#state, now);
  }

  /** Every connection as it is now: for display and for PEX. */
  peers(now: number): PeerSnapshot[] {
    return this.#state.peers.toArray().map((peer) => snapshotOf(peer, now));
  }
}
