/**
 * The torrent machine: every decision of one torrent whose info dictionary is known (BEP 3, 6, 21, 40, 47, 54).
 * Phases: running <-> paused.
 */

import type { Bitfield } from "../bytes/bitfield.ts";
import { closePeer } from "./departures.ts";
import { isPointless } from "./filing.ts";
import { onPause, onPrioritize, onResume, onSequential, onUrgent } from "./on_control.ts";
import { onMessage } from "./on_message.ts";
import { onPeerCapabilities, onPeerClosed, onPeerConnected, onPeerDontHave } from "./on_peer.ts";
import {
  onPieceCorrupt,
  onPiecesFound,
  onPiecesLost,
  onPieceStored,
  onReadFailed,
  onSent,
  onStoreFailed,
} from "./on_storage.ts";
import type { TorrentOptions } from "./options.ts";
import { refillAll } from "./requesting.ts";
import { fillSlots, runRound } from "./slots.ts";
import { type PeerSnapshot, snapshotOf, statsOf, type TorrentStats } from "./snapshot.ts";
import { createState, type TorrentState } from "./state.ts";
import { sweep } from "./sweep.ts";
import type { TorrentEffect, TorrentInput } from "./vocabulary.ts";

type Row<T extends TorrentInput["type"]> = (
  state: TorrentState,
  input: Extract<TorrentInput, { type: T }>,
) => void;

const ON_INPUT: { readonly [T in TorrentInput["type"]]: Row<T> } = {
  peerConnected: onPeerConnected,
  dialFailed: (state, { address }) => state.candidates.failed(address, state.now),
  peerMessage: (state, { peer: key, message }) => {
    const peer = state.peers.get(key);
    if (peer !== undefined) onMessage(state, peer, message);
  },
  peerClosed: onPeerClosed,
  peerCapabilities: onPeerCapabilities,
  peerDontHave: onPeerDontHave,
  blockSent: onSent,
  readFailed: onReadFailed,
  pieceStored: onPieceStored,
  pieceCorrupt: onPieceCorrupt,
  storeFailed: onStoreFailed,
  piecesLost: onPiecesLost,
  piecesFound: onPiecesFound,
  candidates: (state, { source, addresses }) => state.candidates.add(source, addresses, state.now),
  ourAddress: (state, { address }) => state.candidates.setOurs(address),
  prioritize: onPrioritize,
  sequential: onSequential,
  urgent: onUrgent,
  pause: onPause,
  resume: onResume,
  tick: onTick,
};

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
    const state = this.#state;
    state.now = now;
    dispatch(state, input);
    settle(state);
    const { effects } = state;
    if (effects.length > 0) state.effects = [];
    return effects;
  }

  /** When to call `handle({ type: "tick" }, now)` at the latest; `undefined` while nothing is due. */
  deadline(): number | undefined {
    const { mode, peers, choker, candidates } = this.#state;
    if (mode.paused) return undefined;
    const dialAt = mayDial(this.#state) ? candidates.dueAt : undefined;
    if (peers.size === 0) return dialAt;
    return Math.min(choker.nextRoundAt, mode.sweepAt, dialAt ?? Infinity);
  }

  /** How many `store` effects wait for their answer: above a bound of its own the session stops reading from peers. */
  get openStores(): number {
    return this.#state.downloads.storing;
  }

  /** Whether every wanted piece is ours. */
  get isComplete(): boolean {
    return this.#state.ledger.missing.isEmpty;
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

function dispatch<T extends TorrentInput["type"]>(
  state: TorrentState,
  input: Extract<TorrentInput, { type: T }> & { readonly type: T },
): void {
  const row: Row<T> = ON_INPUT[input.type];
  row(state, input);
}

function onTick(state: TorrentState): void {
  if (state.mode.paused || state.peers.size === 0) return;
  if (state.now >= state.mode.sweepAt) sweep(state);
  if (state.now >= state.choker.nextRoundAt) runRound(state);
}

/** What follows from any input: completion, free slots, work for idle peers, dials. */
function settle(state: TorrentState): void {
  const { mode, ledger } = state;
  if (mode.completed !== ledger.missing.isEmpty) settleCompletion(state);
  if (mode.paused) return;
  if (mode.slotFree) fillSlots(state);
  if (mode.hungry) {
    mode.hungry = false;
    refillAll(state);
  }
  if (mayDial(state)) dial(state);
}

function settleCompletion(state: TorrentState): void {
  state.mode.completed = state.ledger.missing.isEmpty;
  if (!state.mode.completed) return state.candidates.wake(state.now);
  state.effects.push({ type: "completed" });
  for (const peer of state.peers.toArray()) {
    if (isPointless(state, peer)) closePeer(state, peer, "both complete");
  }
}

function mayDial({ candidates, peers, setup: { limits } }: TorrentState): boolean {
  return candidates.dialling < limits.maxHalfOpen && candidates.dialling + peers.size < limits.maxPeers;
}

function dial(state: TorrentState): void {
  const { candidates, now } = state;
  const skipUploadOnly = state.ledger.missing.isEmpty;
  while (candidates.dueAt !== undefined && candidates.dueAt <= now && mayDial(state)) {
    const address = candidates.next({ now, skipUploadOnly });
    if (address === undefined) return;
    state.effects.push({ type: "dial", address });
  }
}
