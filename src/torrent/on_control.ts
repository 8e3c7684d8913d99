/** What the user and the readers want: which pieces, in which order, and whether at all. */

import { closePeer } from "./departures.ts";
import { refile, refileAll } from "./filing.ts";
import type { OpenPiece } from "./open_piece.ts";
import { makeWayForReaders } from "./requesting.ts";
import { closePiece } from "./requests.ts";
import type { TorrentState } from "./state.ts";
import { setSuperSeed } from "./super_seed.ts";
import { READER_SWEEP_MS } from "./sweep.ts";
import type { TorrentInput } from "./vocabulary.ts";
import { abortForReaders } from "./web_fetches.ts";

type InputOf<T extends TorrentInput["type"]> = Extract<TorrentInput, { type: T }>;

/** New priorities. Pieces on their way that are wanted no longer are given up. */
export function onPrioritize(state: TorrentState, input: InputOf<"prioritize">): void {
  state.ledger.setPriorities(input.priorities);
  refileAll(state);
  state.hashes.order(state.ledger.urgent, state.ledger.missing);
  closeUnwanted(state);
  state.mode.hungry = true;
}

/** Another order. It counts for pieces that are opened from now on. */
export function onSequential(state: TorrentState, input: InputOf<"sequential">): void {
  state.mode.sequential = input.sequential;
}

/** Another way to seed (BEP 16). */
export function onSuperSeed(state: TorrentState, input: InputOf<"superSeed">): void {
  setSuperSeed(state, input.superSeed);
}

/** A reader waits for other pieces. Its pieces are wanted even if the user did not want them. */
export function onUrgent(state: TorrentState, input: InputOf<"urgent">): void {
  for (const piece of state.ledger.setUrgent(input.reader, input.pieces)) refile(state, piece);
  const { hashes, ledger } = state;
  if (hashes.areWaiting(ledger.urgent)) hashes.order(ledger.urgent, ledger.missing);
  closeUnwanted(state);
  if (makeWayForReaders(state)) abortForReaders(state);
  state.mode.sweepAt = Math.min(state.mode.sweepAt, state.now + READER_SWEEP_MS);
  state.mode.hungry = true;
}

/**
 * Stops everything. Blocks of pieces that are not whole are given up with the memory they hold, because nobody knows
 * whether `resume` ever comes.
 */
export function onPause(state: TorrentState): void {
  if (state.mode.paused) return;
  state.mode.paused = true;
  for (const peer of state.peers.toArray()) closePeer(state, peer, "paused");
  closeWhere(state, () => true);
}

/** Asks nobody any more. Blocks of pieces that are not whole are given up, as by a pause. */
export function onHold(state: TorrentState): void {
  state.mode.held = true;
  closeWhere(state, () => true);
}

/** Goes on: dials are made at once. */
export function onResume(state: TorrentState): void {
  state.mode.paused = state.mode.held = false;
  state.mode.hungry = true;
  state.candidates.wake(state.now);
}

function closeUnwanted(state: TorrentState): void {
  closeWhere(state, (open) => !state.ledger.missing.has(open.piece));
}

function closeWhere(state: TorrentState, isLeaving: (open: OpenPiece) => boolean): void {
  for (const open of [...state.downloads.all()]) {
    if (!open.isStoring && isLeaving(open)) closePiece(state, open);
  }
}
