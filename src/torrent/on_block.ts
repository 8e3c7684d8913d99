/** The hot path: a block comes, is copied into its piece once, and the pipeline is refilled in the same call. */

import type { PeerMessage } from "../wire/messages/message.ts";
import { closePeer } from "./departures.ts";
import type { OpenPiece } from "./open_piece.ts";
import { BLOCK_LENGTH } from "./options.ts";
import type { Peer } from "./peer.ts";
import { type PipelineShare, shareOut } from "./pipeline.ts";
import { refill } from "./requesting.ts";
import { cancelBlock, forgetRequest, releaseBlock } from "./requests.ts";
import type { TorrentState } from "./state.ts";

/**
 * Blocks a connection may send unasked. Departs from BEP 6 "Modifications to Semantics of Existing Messages": the first
 * such block does not end the connection, because clients send blocks twice after quick cancels and chokes.
 */
const MAX_STRAYS = 16;
/** How long the shares of the memory hold: as long as the depth of a pipeline. */
const SHARE_MS = 500;

/** How a block or a reject relates to what was asked. */
interface Answer {
  /** The piece, if it is still open. */
  readonly open: OpenPiece | undefined;
  /** Index of the block in the piece. */
  readonly block: number;
  /** The request was under way; else it had been taken back. */
  readonly isAwaited: boolean;
}

/** The peer sends a block. */
export function onPiece(
  state: TorrentState,
  peer: Peer,
  message: Extract<PeerMessage, { type: "piece" }>,
): void {
  const { block: bytes } = message;
  state.totals.down.add(bytes.length, state.now);
  const answer = takeAnswer(state, peer, message, bytes.length);
  if (answer === undefined) return onStray(state, peer, bytes.length);
  peer.down.pipeline.received(bytes.length, state.now, currentShare(state));
  peer.down.lastBlockAt = state.now;
  peer.down.snubbedAt = undefined;
  const { open, block } = answer;
  if (open === undefined || open.hasBlock(block) || !mayTake(peer, open)) {
    state.totals.wasted += bytes.length;
    release(state, answer);
  } else {
    // The block is taken before its request is released, so that it never counts as free.
    open.receive(block, bytes, peer.address.host);
    if (answer.isAwaited) open.release(block);
    blockReceived(state, open, block);
  }
  refill(state, peer);
}

/** The peer refuses a request (BEP 6 "Reject Request"). */
export function onReject(
  state: TorrentState,
  peer: Peer,
  message: Extract<PeerMessage, { type: "reject" }>,
): void {
  const answer = takeAnswer(state, peer, message, message.length);
  if (answer === undefined) return closePeer(state, peer, "invalid message");
  if (!answer.isAwaited) return; // it answers our own cancel (BEP 6 "Reject Request") and says nothing about the piece
  release(state, answer);
  // While choking, a reject ends the grant. Otherwise the peer lacks something now: ask others, and it again later.
  if (peer.flags.peerChoking) peer.down.allowedFast.delete(message.piece);
  else peer.down.refused.add(message.piece);
  state.mode.hungry = true;
}

/** The request that is answered, which the peer owes us no more; `undefined` if there was none. */
function takeAnswer(
  state: TorrentState,
  peer: Peer,
  { piece, begin }: { readonly piece: number; readonly begin: number },
  length: number,
): Answer | undefined {
  const { downloads, setup: { geometry } } = state;
  const block = begin / BLOCK_LENGTH;
  if (piece >= geometry.pieceCount || !Number.isInteger(block)) return undefined;
  const contentSize = geometry.contentSize?.(piece) || geometry.pieceSize(piece);
  if (begin >= contentSize || length !== Math.min(BLOCK_LENGTH, contentSize - begin)) return undefined;
  const key = downloads.keyOf(piece, block);
  const isAwaited = forgetRequest(state, peer, key);
  if (!isAwaited && !peer.down.late.delete(key)) return undefined;
  return { open: downloads.get(piece), block, isAwaited };
}

function release(state: TorrentState, { open, block, isAwaited }: Answer): void {
  if (open !== undefined && isAwaited) releaseBlock(state, open, block);
}

/** A late block of a piece that another peer must do alone is of no use. */
function mayTake(peer: Peer, open: OpenPiece): boolean {
  return open.exclusive === undefined || open.exclusive === peer.key;
}

/** What follows from a block that was taken: who else is asked for it is not any more, and a whole piece is stored. */
export function blockReceived(state: TorrentState, open: OpenPiece, block: number): void {
  state.downloads.settle(open);
  const askedToo = open.requestsOf(block) > 0 ? cancelBlock(state, open, block) : [];
  if (open.isStoring) {
    state.downloads.storing++;
    state.effects.push({ type: "store", piece: open.piece, bytes: open.bytes });
  }
  for (const other of askedToo) refill(state, other);
}

/** What each pipeline may take of the memory, looked at a few times a second. */
function currentShare({ downloads, peers, totals, now }: TorrentState): PipelineShare {
  if (now < downloads.share.until) return downloads.share;
  let asked = 0;
  for (const { flags } of peers.all()) if (flags.amInterested && !flags.peerChoking) asked++;
  const memory = { blocks: downloads.blockCapacity, peers: asked, rate: totals.down.perSecond(now) };
  downloads.share = { ...shareOut(memory), until: now + SHARE_MS };
  return downloads.share;
}

function onStray(state: TorrentState, peer: Peer, length: number): void {
  state.totals.wasted += length;
  if (++peer.down.strays > MAX_STRAYS) closePeer(state, peer, "invalid message");
}
