/** What became of pieces on disk: stored, corrupt, not written, lost, found. */

import { banHost, closePeer } from "./departures.ts";
import { refile } from "./filing.ts";
import { inquire } from "./inquest.ts";
import type { Peer } from "./peer.ts";
import { closePiece } from "./requests.ts";
import { send, type TorrentState } from "./state.ts";
import { hide, isShown, mayShowMore } from "./super_seed.ts";
import { dropRequests, onBlocksSent, onBlockUnreadable } from "./uploads.ts";
import type { TorrentInput } from "./vocabulary.ts";

type InputOf<T extends TorrentInput["type"]> = Extract<TorrentInput, { type: T }>;

/** The piece is verified and written. Who lied about it before is known now. */
export function onPieceStored(state: TorrentState, { piece }: InputOf<"pieceStored">): void {
  const open = state.downloads.get(piece);
  if (!open?.isStoring) return;
  const liars = state.blame.passed(open);
  const isNews = state.ledger.gain(piece); // a check may have found it while it was being stored
  closePiece(state, open);
  if (isNews) announcePiece(state, piece);
  for (const host of liars) banHost(state, host, "sent data that fails its hash");
}

/** The piece does not match its hash: it is wanted again, and its sender banned if there was only one. */
export function onPieceCorrupt(state: TorrentState, { piece, leaves }: InputOf<"pieceCorrupt">): void {
  const open = state.downloads.get(piece);
  if (!open?.isStoring) return;
  state.totals.corrupt += open.bytes.length;
  const liar = state.blame.failed(open, leaves);
  closePiece(state, open);
  state.mode.hungry = true;
  if (liar !== undefined) return banHost(state, liar, "sent data that fails its hash");
  inquire(state, piece);
}

/** The piece could not be written: it is missing still. Nothing is asked at once, since the next would fare no better. */
export function onStoreFailed(state: TorrentState, { piece }: InputOf<"storeFailed">): void {
  const open = state.downloads.get(piece);
  if (open?.isStoring) closePiece(state, open);
}

/** Pieces turn out to be missing. */
export function onPiecesLost(state: TorrentState, { pieces }: InputOf<"piecesLost">): void {
  for (const piece of pieces) losePiece(state, piece);
}

/** Pieces turn out to be there. What is under way of them is not needed. */
export function onPiecesFound(state: TorrentState, { pieces }: InputOf<"piecesFound">): void {
  for (const piece of pieces) {
    if (!isPiece(state, piece) || !state.ledger.gain(piece)) continue;
    const open = state.downloads.get(piece);
    if (open !== undefined && !open.isStoring) closePiece(state, open);
    refile(state, piece);
    announcePiece(state, piece);
  }
}

/** Blocks went out. */
export function onSent(state: TorrentState, { peer: key, ranges }: InputOf<"blocksSent">): void {
  for (const { length } of ranges) state.totals.up.add(length, state.now);
  const peer = state.peers.get(key);
  if (peer !== undefined) onBlocksSent(state, peer, ranges);
}

/** A block could not be read: its piece is not ours after all. */
export function onReadFailed(state: TorrentState, input: InputOf<"readFailed">): void {
  losePiece(state, input.piece);
  const peer = state.peers.get(input.peer);
  if (peer !== undefined) onBlockUnreadable(state, peer, input);
}

function losePiece(state: TorrentState, piece: number): void {
  if (!isPiece(state, piece) || !state.ledger.lose(piece)) return;
  state.effects.push({ type: "pieceLost", piece });
  for (const peer of state.peers.toArray()) takeBack(state, peer, piece);
  refile(state, piece);
  state.mode.hungry = true;
}

/**
 * BEP 54 "sender operation": who was told of the piece hears that it is gone; requests for it are dropped or rejected. Of those
 * that could not hear it, who lacks the piece would ask for it again and again: only a new connection tells them (BEP 54
 * "introduction").
 */
function takeBack(state: TorrentState, peer: Peer, piece: number): void {
  const isTold = isShown(peer, piece);
  if (isTold && !peer.hearsDontHave && !peer.content.have.has(piece)) {
    return closePeer(state, peer, "piece lost");
  }
  if (isTold && peer.hearsDontHave) state.effects.push({ type: "dontHave", peer: peer.key, piece });
  hide(peer, piece);
  mayShowMore(state, peer);
  dropRequests(state, peer, (other) => other === piece);
}

function announcePiece(state: TorrentState, piece: number): void {
  state.effects.push({ type: "pieceCompleted", piece });
  const have = { type: "have", piece } as const;
  for (const peer of state.peers.all()) {
    if (peer.disguise === undefined) send(state, peer, have);
    else mayShowMore(state, peer);
  }
}

function isPiece(state: TorrentState, piece: number): boolean {
  return Number.isInteger(piece) && piece >= 0 && piece < state.setup.geometry.pieceCount;
}
