/** What each input means, one row per input, and what follows from any of them before the call returns. */

import { askAllForHashes } from "./asking_hashes.ts";
import { closePeer } from "./departures.ts";
import { isPointless } from "./filing.ts";
import {
  onHold,
  onPause,
  onPrioritize,
  onResume,
  onSequential,
  onSuperSeed,
  onUrgent,
} from "./on_control.ts";
import { onLayerReady } from "./on_hashes.ts";
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
import { giveWork, onWebBlock, onWebEnded, onWebLacks, onWebSeed, webSeedsDueAt } from "./on_web_seed.ts";
import { refillAll } from "./requesting.ts";
import { fillSlots, runRound } from "./slots.ts";
import type { TorrentState } from "./state.ts";
import { onCached } from "./suggesting.ts";
import { offerPieces, replaceOffers } from "./super_seed.ts";
import { sweep } from "./sweep.ts";
import type { TorrentEffect, TorrentInput } from "./vocabulary.ts";
import { abortUseless } from "./web_fetches.ts";

type Row<T extends TorrentInput["type"]> = (
  state: TorrentState,
  input: Extract<TorrentInput, { type: T }>,
) => void;

const ON_INPUT: { readonly [T in TorrentInput["type"]]: Row<T> } = {
  peerConnected: onPeerConnected,
  dialFailed: ({ candidates, now }, { address, isOurselves }) =>
    isOurselves ? candidates.isOurselves(address) : candidates.failed(address, now),
  peerMessage: (state, { peer: key, message }) => {
    const peer = state.peers.get(key);
    if (peer !== undefined) onMessage(state, peer, message);
  },
  peerMessages: (state, { peer: key, messages }) => {
    for (const message of messages) {
      const peer = state.peers.get(key);
      if (peer === undefined) return; // one of them was its end
      onMessage(state, peer, message);
    }
  },
  peerClosed: onPeerClosed,
  peerCapabilities: onPeerCapabilities,
  peerDontHave: onPeerDontHave,
  blocksSent: onSent,
  readFailed: onReadFailed,
  cached: onCached,
  layerReady: onLayerReady,
  pieceStored: onPieceStored,
  pieceCorrupt: onPieceCorrupt,
  storeFailed: onStoreFailed,
  piecesLost: onPiecesLost,
  piecesFound: onPiecesFound,
  candidates: (state, { source, addresses }) => state.candidates.add(source, addresses, state.now),
  forgetCandidates: (state) => state.candidates.forget(),
  ourAddress: (state, { address }) => state.candidates.setOurs(address),
  prioritize: onPrioritize,
  sequential: onSequential,
  superSeed: onSuperSeed,
  urgent: onUrgent,
  webSeed: onWebSeed,
  webBlock: onWebBlock,
  webEnded: onWebEnded,
  webLacks: onWebLacks,
  pause: onPause,
  hold: onHold,
  resume: onResume,
  tick: onTick,
};

/** One place in so many is left to peers that dial us, else a swarm of full peers would let nobody in (BEP 40 "overview"). */
const PLACES_PER_RESERVED = 5;
/** The answer of most calls. */
const NOTHING: readonly TorrentEffect[] = Object.freeze([]);

/** Takes one input and answers with the effects of it and of all that follows from it. */
export function handleInput(state: TorrentState, input: TorrentInput, now: number): readonly TorrentEffect[] {
  state.now = now;
  dispatch(state, input);
  settle(state);
  if (state.effects.length === 0) return NOTHING;
  const { effects } = state;
  state.effects = [];
  return effects;
}

/** When the next tick is due; `undefined` while nothing is. */
export function nextDeadline(state: TorrentState): number | undefined {
  if (state.mode.paused) return undefined;
  const dialAt = mayDial(state) ? state.candidates.dueAt : undefined, webSeedsAt = webSeedsDueAt(state);
  if (state.peers.size === 0) {
    return dialAt === undefined ? webSeedsAt : Math.min(dialAt, webSeedsAt ?? dialAt);
  }
  return Math.min(state.choker.nextRoundAt, state.mode.sweepAt, dialAt ?? Infinity, webSeedsAt ?? Infinity);
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
  if (state.now < state.choker.nextRoundAt) return;
  runRound(state);
  if (state.mode.superSeed) replaceOffers(state);
}

/** What follows from any input: completion, free slots, work for idle peers, dials. */
function settle(state: TorrentState): void {
  const { mode, ledger } = state;
  if (mode.completed !== ledger.missing.isEmpty) settleCompletion(state);
  abortUseless(state);
  if (mode.paused) return;
  if (mode.slotFree) fillSlots(state);
  if (mode.superSeed && mode.offersDue) offerPieces(state);
  const isNews = mode.hungry;
  if (isNews) askAllForHashes(state);
  mode.hungry = false;
  if (isNews) refillAll(state);
  giveWork(state, isNews);
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
  const places = limits.maxPeers - Math.floor(limits.maxPeers / PLACES_PER_RESERVED);
  return candidates.dialling < limits.maxHalfOpen && candidates.dialling + peers.size < places;
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
