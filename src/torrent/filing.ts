/** Keeps the books in step when a piece changes its state: wanted, open, ours; counts per peer; interest. */

import { isUploadOnly, type Peer } from "./peer.ts";
import { send, type TorrentState } from "./state.ts";

/** Says `interested` or `notInterested` if that has changed (BEP 3 "peer protocol": interest is kept up to date). */
export function updateInterest(state: TorrentState, peer: Peer): void {
  const isInterested = peer.content.wanted > 0;
  if (isInterested === peer.flags.amInterested) return;
  peer.flags.amInterested = isInterested;
  peer.flags.idleSince = state.now;
  send(state, peer, { type: isInterested ? "interested" : "notInterested" });
}

/** Files one piece anew after its level, its possession or its being open has changed. */
export function refile(state: TorrentState, piece: number): void {
  const { ledger, availability, peers } = state;
  const wasFresh = availability.fresh.has(piece);
  const wantedBy = ledger.settle(piece) ? (ledger.missing.has(piece) ? 1 : -1) : 0;
  const isFresh = mayOpen(state, piece);
  if (isFresh) availability.insert(piece, ledger.level(piece));
  else if (wasFresh) availability.remove(piece);
  const freshBy = Number(isFresh) - Number(wasFresh);
  if (wantedBy === 0 && freshBy === 0) return;
  for (const peer of peers.all()) {
    if (!peer.content.have.has(piece)) continue;
    peer.content.fresh += freshBy;
    peer.content.wanted += wantedBy;
    if (wantedBy !== 0) updateInterest(state, peer);
  }
}

/** Files every piece anew, and counts every peer's: after new priorities. */
export function refileAll(state: TorrentState): void {
  const { ledger, availability } = state;
  for (let piece = 0; piece < ledger.have.length; piece++) {
    ledger.settle(piece);
    if (mayOpen(state, piece)) availability.insert(piece, ledger.level(piece));
    else availability.remove(piece);
  }
  for (const peer of state.peers.all()) {
    recount(state, peer);
    updateInterest(state, peer);
  }
}

/** Counts what a peer has for us from its whole bitfield. */
export function recount(state: TorrentState, peer: Peer): void {
  peer.content.wanted = peer.content.have.countShared(state.ledger.missing);
  peer.content.fresh = peer.content.have.countShared(state.availability.fresh);
}

/** The peer has one piece more. Answers whether it had it not. */
export function peerGains(state: TorrentState, peer: Peer, piece: number): boolean {
  if (!peer.content.have.set(piece)) return false;
  state.availability.change(piece, 1);
  countPiece(state, peer, piece, 1);
  return true;
}

/** The peer has one piece less. Answers whether it had it. */
export function peerLoses(state: TorrentState, peer: Peer, piece: number): boolean {
  if (!peer.content.have.clear(piece)) return false;
  state.availability.change(piece, -1);
  countPiece(state, peer, piece, -1);
  return true;
}

/** Whether neither side will ever ask the other for anything, as things are (BEP 21). */
export function isPointless(state: TorrentState, peer: Peer): boolean {
  return state.ledger.missing.isEmpty && isUploadOnly(peer) && !state.hashes.mayGive(peer.key);
}

/** Whether a piece is wanted, not begun, and can be verified once it is here. */
function mayOpen({ ledger, downloads, hashes }: TorrentState, piece: number): boolean {
  return ledger.missing.has(piece) && downloads.get(piece) === undefined && !hashes.gated.has(piece);
}

function countPiece(state: TorrentState, peer: Peer, piece: number, by: 1 | -1): void {
  if (state.ledger.missing.has(piece)) peer.content.wanted += by;
  if (state.availability.fresh.has(piece)) peer.content.fresh += by;
  updateInterest(state, peer);
}
