/**
 * Which piece a peer works on next. In this order: what readers wait for; the piece it is at; pieces that are open
 * already; then new ones, the first few at random, later the rarest (BEP 3 "peer protocol", "download pieces in random order").
 */

import { leastFilled } from "./downloads.ts";
import { refile } from "./filing.ts";
import { isIdle, isUntouched, lastAskedAt, type OpenPiece } from "./open_piece.ts";
import type { Peer } from "./peer.ts";
import { closePiece } from "./requests.ts";
import type { TorrentState } from "./state.ts";
import type { PeerKey } from "./vocabulary.ts";
import { takeLast } from "./web_fetches.ts";

/** Pieces opened at random before rarity counts: a newcomer needs whole pieces to trade, and rare ones come slowly. */
const RANDOM_FIRST = 4;
/** An open piece that nobody has worked on for so long may be given up for one that somebody can work on. */
const STUCK_MS = 30_000;

/** A piece that is to be gone on with. */
interface Wish {
  readonly piece: number;
  /** A reader waits for it. */
  readonly urgent: boolean;
}

/** The open piece with a free block that this peer is to be asked for next; opens one if need be. */
export function pickPiece(state: TorrentState, peer: Peer): OpenPiece | undefined {
  if (peer.flags.peerChoking) return pickAllowed(state, peer);
  return pickUrgent(state, peer) ?? pickCurrent(state, peer) ?? pickPartial(state, peer) ??
    pickNew(state, peer) ?? pickFromWebSeeds(state, peer);
}

/** Whether the peer can be asked for blocks of an open piece. */
export function canServe(peer: Peer, open: OpenPiece): boolean {
  if (!peer.content.have.has(open.piece) || peer.down.refused.has(open.piece)) return false;
  if (open.exclusive !== undefined && open.exclusive !== peer.key) return false;
  return !peer.flags.peerChoking || peer.down.allowedFast.has(open.piece);
}

function pickUrgent(state: TorrentState, peer: Peer): OpenPiece | undefined {
  for (const piece of state.ledger.urgent) {
    const open = pickThis(state, peer, { piece, urgent: true });
    if (open !== undefined) return open;
  }
  return undefined;
}

/** Pieces that may be asked for while the peer chokes us (BEP 6 "Allowed Fast"). */
function pickAllowed(state: TorrentState, peer: Peer): OpenPiece | undefined {
  for (const piece of peer.down.allowedFast) {
    const open = pickThis(state, peer, { piece, urgent: false });
    if (open !== undefined) return open;
  }
  return undefined;
}

/** One piece, open or not, if it can be gone on with. */
function pickThis(state: TorrentState, peer: Peer, wish: Wish): OpenPiece | undefined {
  const { piece } = wish;
  const open = state.downloads.get(piece);
  if (open !== undefined) return open.free > 0 && canServe(peer, open) ? open : undefined;
  if (!state.availability.fresh.has(piece) || !peer.content.have.has(piece)) return undefined;
  if (!wish.urgent && state.downloads.starved) return undefined;
  return openPiece(state, peer, wish);
}

function pickCurrent(state: TorrentState, peer: Peer): OpenPiece | undefined {
  if (peer.down.current === undefined) return undefined;
  const open = state.downloads.get(peer.down.current);
  return open !== undefined && open.free > 0 && canServe(peer, open) ? open : undefined;
}

function pickPartial(state: TorrentState, peer: Peer): OpenPiece | undefined {
  for (const open of state.downloads.withFree) if (canServe(peer, open)) return open;
  return undefined;
}

function pickNew(state: TorrentState, peer: Peer): OpenPiece | undefined {
  // Starved: there is no memory for another piece, whoever asks. `refillAll` asks anew when that may have changed.
  if (peer.content.fresh === 0 || state.downloads.starved) return undefined;
  const piece = chooseNew(state, peer);
  return piece === undefined ? undefined : openPiece(state, peer, { piece, urgent: false });
}

/** There is nothing else left, but a web seed is asked for more than it can send soon. */
function pickFromWebSeeds(state: TorrentState, peer: Peer): OpenPiece | undefined {
  return takeLast(state, ({ open }) => canServe(peer, open))?.open;
}

function chooseNew(state: TorrentState, peer: Peer): number | undefined {
  const { availability, ledger, setup } = state;
  const { refused, suggested } = peer.down;
  const chooser = { has: peer.content.have, refused, suggested, random: setup.random };
  if (state.mode.sequential) return availability.pickFirst(chooser);
  return ledger.have.count < RANDOM_FIRST
    ? availability.pickRandom(chooser)
    : availability.pickRarest(chooser);
}

function openPiece(state: TorrentState, peer: Peer, wish: Wish): OpenPiece | undefined {
  return peer.down.refused.has(wish.piece) ? undefined : openFor(state, peer.key, wish);
}

/** Opens a fresh piece that `key`, a peer or a web seed, is to be asked for; `undefined` while there is no memory. */
export function openFor(state: TorrentState, key: PeerKey, { piece, urgent }: Wish): OpenPiece | undefined {
  const open = openInRoom(state, key, piece);
  if (open !== undefined) return open;
  const givenUp = urgent ? leastUrgent(state) : mostStuck(state);
  if (givenUp === undefined) return undefined;
  closePiece(state, givenUp);
  return openInRoom(state, key, piece);
}

/** {@linkcode openFor} without giving up another piece: one that was opened just now, of which nothing is asked yet, looks stuck. */
export function openInRoom(state: TorrentState, key: PeerKey, piece: number): OpenPiece | undefined {
  const open = state.downloads.open(piece, state.blame.isOnParole(piece) ? key : undefined);
  if (open !== undefined) refile(state, piece);
  return open;
}

/** All memory is taken: which piece that nobody can go on with may be given up. */
function mostStuck(state: TorrentState): OpenPiece | undefined {
  return leastFilled(state.downloads.withFree, (open) => {
    if (!isIdle(open)) return false;
    const isLost = state.availability.of(open.piece) === 0;
    return isUntouched(open) || isLost || state.now - lastAskedAt(open) >= STUCK_MS;
  });
}

/** All memory is taken and a reader waits: which piece makes way, unless one is about to be stored and does so anyway. */
function leastUrgent(state: TorrentState): OpenPiece | undefined {
  if (state.downloads.storing > 0) return undefined;
  return leastFilled(state.downloads.all(), (open) => !state.ledger.urgent.has(open.piece));
}
