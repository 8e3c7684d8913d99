/** The hot path: a block comes, is copied into its piece once, and the pipeline is refilled in the same call. */

import type { PeerMessage } from "../wire/messages/message.ts";
import { closePeer } from "./departures.ts";
import type { OpenPiece } from "./open_piece.ts";
import { BLOCK_LENGTH } from "./options.ts";
import type { Peer } from "./peer.ts";
import { refill } from "./requesting.ts";
import { cancelBlock, settleRequest } from "./requests.ts";
import type { TorrentState } from "./state.ts";

/**
 * Blocks a connection may send unasked. Departs from BEP 6 "Modifications to Semantics of Existing Messages": the first
 * such block does not end the connection, because clients send blocks twice after quick cancels and chokes.
 */
const MAX_STRAYS = 16;

/** The peer sends a block. */
export function onPiece(
  state: TorrentState,
  peer: Peer,
  message: Extract<PeerMessage, { type: "piece" }>,
): void {
  const { piece, begin, block: bytes } = message;
  state.totals.down.add(bytes.length, state.now);
  if (!takeAnswer(state, peer, message)) return onStray(state, peer, bytes.length);
  peer.down.pipeline.received(bytes.length, state.now);
  peer.down.lastBlockAt = state.now;
  peer.down.snubbedAt = undefined;
  const open = state.downloads.get(piece);
  const block = begin / BLOCK_LENGTH;
  if (open === undefined || open.hasBlock(block) || !mayTake(peer, open)) state.totals.wasted += bytes.length;
  else store(state, peer, { open, block, bytes });
  refill(state, peer);
}

/** The peer refuses a request (BEP 6 "Reject Request"). */
export function onReject(
  state: TorrentState,
  peer: Peer,
  message: Extract<PeerMessage, { type: "reject" }>,
): void {
  if (!takeAnswer(state, peer, { ...message, block: { length: message.length } })) {
    return closePeer(state, peer, "invalid message");
  }
  // While choking, a reject ends the grant. Otherwise the peer lacks something now: ask others, and it again later.
  if (peer.flags.peerChoking) peer.down.allowedFast.delete(message.piece);
  else peer.down.refused.add(message.piece);
  state.mode.hungry = true;
}

/** Whether the answer belongs to a request, under way or taken back; the request is settled then. */
function takeAnswer(
  state: TorrentState,
  peer: Peer,
  answer: { readonly piece: number; readonly begin: number; readonly block: { readonly length: number } },
): boolean {
  const { downloads, setup: { geometry } } = state;
  const block = answer.begin / BLOCK_LENGTH;
  if (answer.piece >= geometry.pieceCount || !Number.isInteger(block)) return false;
  const contentSize = geometry.contentSize?.(answer.piece) || geometry.pieceSize(answer.piece);
  if (answer.block.length !== Math.min(BLOCK_LENGTH, contentSize - answer.begin)) return false;
  const key = downloads.keyOf(answer.piece, block);
  return settleRequest(state, peer, key) || peer.down.late.delete(key);
}

/** A late block of a piece that another peer must do alone is of no use. */
function mayTake(peer: Peer, open: OpenPiece): boolean {
  return open.exclusive === undefined || open.exclusive === peer.key;
}

function store(
  state: TorrentState,
  peer: Peer,
  came: { open: OpenPiece; block: number; bytes: Uint8Array },
): void {
  const { downloads } = state;
  const { open, block } = came;
  open.receive(block, came.bytes, peer.address.host);
  downloads.settle(open);
  const askedToo = open.requestsOf(block) > 0 ? cancelBlock(state, open, block) : [];
  if (open.isStoring) {
    downloads.storing++;
    state.effects.push({ type: "store", piece: open.piece, bytes: open.bytes });
  }
  for (const other of askedToo) refill(state, other);
}

function onStray(state: TorrentState, peer: Peer, length: number): void {
  state.totals.wasted += length;
  if (++peer.down.strays > MAX_STRAYS) closePeer(state, peer, "invalid message");
}
