/** Single requests: asking for a block, taking a request back, closing a piece; the counts stay in step. */

import { refile } from "./filing.ts";
import { isUntouched, type OpenPiece } from "./open_piece.ts";
import { BLOCK_LENGTH } from "./options.ts";
import type { Peer } from "./peer.ts";
import { send, type TorrentState } from "./state.ts";

/** Requests taken back whose answer may still come: twice the longest pipeline; the oldest are forgotten. */
const MAX_LATE = 4000;

/** Asks the peer for a block that already counts as requested once more. */
export function sendRequest(state: TorrentState, peer: Peer, open: OpenPiece, block: number): void {
  peer.down.requests.set(state.downloads.keyOf(open.piece, block), state.now);
  state.downloads.outstanding++;
  const { piece } = open;
  send(state, peer, { type: "request", piece, begin: block * BLOCK_LENGTH, length: open.blockLength(block) });
}

/** The peer owes us this block no more. Answers whether it did; the caller releases the block then. */
export function forgetRequest(state: TorrentState, peer: Peer, key: number): boolean {
  if (!peer.down.requests.delete(key)) return false;
  state.downloads.outstanding--;
  return true;
}

/** A request for the block has ended without the block: it may be free now. */
export function releaseBlock(state: TorrentState, open: OpenPiece, block: number): void {
  open.release(block);
  state.downloads.settle(open);
}

/** Takes one request back, with a `cancel` if the peer still works on it. The block may come nevertheless. */
export function takeBack(
  state: TorrentState,
  peer: Peer,
  request: { key: number; withCancel: boolean },
): void {
  const { downloads } = state;
  const { key, withCancel } = request;
  const open = downloads.get(downloads.pieceOf(key));
  const block = downloads.blockOf(key);
  if (!forgetRequest(state, peer, key) || open === undefined) return;
  releaseBlock(state, open, block);
  rememberLate(peer, key);
  if (!withCancel) return;
  const { piece } = open;
  send(state, peer, { type: "cancel", piece, begin: block * BLOCK_LENGTH, length: open.blockLength(block) });
}

/** Takes all of a peer's requests back, or those of one piece; others may be asked. */
export function takeAllBack(
  state: TorrentState,
  peer: Peer,
  options: { withCancel: boolean; piece?: number },
): void {
  const keys = [...peer.down.requests.keys()]
    .filter((key) => options.piece === undefined || state.downloads.pieceOf(key) === options.piece);
  if (keys.length === 0) return;
  for (const key of keys) takeBack(state, peer, { key, withCancel: options.withCancel });
  closeUntouched(state);
  state.mode.hungry = true;
}

/** Cancels the requests for one block (BEP 3 "peer protocol", endgame mode) and answers who was asked. */
export function cancelBlock(state: TorrentState, open: OpenPiece, block: number): Peer[] {
  const key = state.downloads.keyOf(open.piece, block);
  const asked: Peer[] = [];
  for (const peer of state.peers.all()) {
    if (open.requestsOf(block) === 0) break;
    if (!peer.down.requests.has(key)) continue;
    takeBack(state, peer, { key, withCancel: true });
    asked.push(peer);
  }
  return asked;
}

/** Closes a piece, whatever of it is here or under way; who was asked for it gets other work. */
export function closePiece(state: TorrentState, open: OpenPiece): void {
  for (let block = 0; block < open.blockCount; block++) {
    if (open.requestsOf(block) > 0 && cancelBlock(state, open, block).length > 0) state.mode.hungry = true;
  }
  if (open.isStoring) state.downloads.storing--;
  state.downloads.close(open);
  refile(state, open.piece);
  if (state.downloads.starved) state.mode.hungry = true;
}

/** Closes the pieces that only this peer may be asked for, since it does not go on with them. */
export function closeExclusive(state: TorrentState, peer: Peer): void {
  if (!state.blame.hasParole) return;
  for (const open of [...state.downloads.all()]) {
    if (open.exclusive !== peer.key || open.isStoring) continue;
    closePiece(state, open);
    state.mode.hungry = true;
  }
}

/** Closes the pieces of which nothing is here or under way any more: they compete by their rarity again. */
export function closeUntouched(state: TorrentState): void {
  for (const open of [...state.downloads.withFree]) if (isUntouched(open)) closePiece(state, open);
}

function rememberLate(peer: Peer, key: number): void {
  peer.down.late.add(key);
  for (const oldest of peer.down.late) {
    if (peer.down.late.size <= MAX_LATE) return;
    peer.down.late.delete(oldest);
  }
}
