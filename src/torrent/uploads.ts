/** Serving: the queue of a peer's requests, and as many reads under way as fill its connection (BEP 3, 6). */

import type { BlockRange } from "../wire/messages/message.ts";
import { closePeer } from "./departures.ts";
import { BLOCK_LENGTH } from "./options.ts";
import type { Peer } from "./peer.ts";
import { send, type TorrentState } from "./state.ts";
import { isShown } from "./super_seed.ts";

/** Requests that one peer may have waiting. webtorrent and transmission queue more than 8,192, so twice that. */
const MAX_QUEUE = 16384;
/** Bytes read ahead for a peer of which nothing is known: what a disk delivers at once. */
const MIN_READ_BYTES = 128 * 1024;
/** Reads cover this time at the peer's rate. What is being read cannot be cancelled, so little is better. */
const READ_AHEAD_SECONDS = 0.5;
/**
 * Longest block that is served to a connection whose `maxBlockLength` lets it be asked for: by default that is 16 KiB, what
 * everybody asks for (BEP 3 "peer messages", request). Very old clients ask for up to 128 KiB, which costs no more than
 * answering eight requests.
 */
const MAX_SERVED_LENGTH = 128 * 1024;

/**
 * How often the blocks of an allowed-fast piece are given to a choked peer: once, and once more for what it took back or lost.
 * Without end it would be an upload to whoever keeps silent about what it has; BEP 6 "Allowed Fast" lets a request be
 * rejected "if the requested piece has already been sent". libtorrent gives three rounds and closes.
 */
const ALLOWED_FAST_ROUNDS = 2;

/** The peer asks for a block. */
export function onRequest(state: TorrentState, peer: Peer, range: BlockRange): void {
  if (!isInContent(state, range)) return closePeer(state, peer, "invalid message");
  const isOurs = state.ledger.have.has(range.piece) && isShown(peer, range.piece);
  if (!isOurs || !grant(peer, range.piece, range.length)) return refuse(state, peer, range);
  if (peer.up.queue.size + peer.up.reading >= MAX_QUEUE) return closePeer(state, peer, "request flood");
  peer.up.queue.push(range);
  serve(state, peer);
}

/**
 * The peer takes a request back. Under the fast extension it gets its one answer all the same: a reject or, if the request is
 * being answered or stands in the middle of a long queue, the block (BEP 6 "Modifications to Semantics of Existing Messages").
 */
export function onCancel(state: TorrentState, peer: Peer, range: BlockRange): void {
  if (peer.up.queue.remove(range)) reject(state, peer, range);
}

/** Blocks have left for the socket. */
export function onBlocksSent(state: TorrentState, peer: Peer, ranges: readonly BlockRange[]): void {
  for (const range of ranges) {
    readEnded(peer, range);
    peer.up.rate.add(range.length, state.now);
  }
  serve(state, peer);
}

/** A block could not be read: the peer gets its answer, and the next one its turn. */
export function onBlockUnreadable(state: TorrentState, peer: Peer, range: BlockRange): void {
  readEnded(peer, range);
  reject(state, peer, range);
  serve(state, peer);
}

/** Stops choking the peer. */
export function unchoke(state: TorrentState, peer: Peer): void {
  peer.flags.amChoking = false;
  peer.up.refused = 0;
  send(state, peer, { type: "unchoke" });
}

/** Chokes the peer: first the choke, then what it will not get any more (BEP 6 "Reject Request"). */
export function choke(state: TorrentState, peer: Peer): void {
  peer.flags.amChoking = true;
  send(state, peer, { type: "choke" });
  dropRequests(state, peer, (piece, length) => !grant(peer, piece, length));
}

/** Drops the requests for pieces that are not served any more, with a reject each under the fast extension. */
export function dropRequests(
  state: TorrentState,
  peer: Peer,
  isLeaving: (piece: number, length: number) => boolean,
): void {
  if (peer.up.queue.size === 0) return;
  for (const range of peer.up.queue.takeAll(isLeaving)) reject(state, peer, range);
}

/** Tells a starting peer what it may ask for while choked: of its set, the pieces we have (BEP 6 "Allowed Fast"). */
export function offerAllowedFast(state: TorrentState, peer: Peer): void {
  if (!isStarting(peer) || peer.disguise !== undefined) return;
  const { ledger, setup: { geometry }, starters } = state;
  const offer = peer.up.allowedFastOffer.filter((piece) =>
    ledger.have.has(piece) && !peer.content.have.has(piece)
  );
  if (offer.length === 0 || !starters.add(peer.address.host)) return;
  for (const piece of offer) {
    peer.up.allowedFast.set(piece, ALLOWED_FAST_ROUNDS * Math.ceil(geometry.pieceSize(piece) / BLOCK_LENGTH));
    send(state, peer, { type: "allowedFast", piece });
  }
}

function isInContent(state: TorrentState, { piece, begin, length }: BlockRange): boolean {
  const { geometry } = state.setup;
  if (piece >= geometry.pieceCount || length === 0 || length > MAX_SERVED_LENGTH) return false;
  const size = geometry.pieceSize(piece);
  if (!geometry.hasWholeBlocks) return begin + length <= size;
  return begin < size && begin + length <= Math.ceil(size / BLOCK_LENGTH) * BLOCK_LENGTH;
}

/** Whether the peer may have a block now, which is put to its account if we choke it (BEP 6 "Allowed Fast"). */
function grant(peer: Peer, piece: number, length: number): boolean {
  if (!peer.flags.amChoking) return true;
  const { allowedFast } = peer.up, left = (allowedFast.get(piece) ?? 0) - Math.ceil(length / BLOCK_LENGTH);
  if (left < 0 || !isStarting(peer)) return false;
  allowedFast.set(piece, left);
  return true;
}

/** Whether the peer has few pieces: no more than its set (BEP 6 "Allowed Fast"). */
function isStarting({ content, up }: Peer): boolean {
  return content.have.count <= up.allowedFastOffer.length;
}

function refuse(state: TorrentState, peer: Peer, range: BlockRange): void {
  if (++peer.up.refused > MAX_QUEUE) return closePeer(state, peer, "request flood");
  reject(state, peer, range);
}

function reject(state: TorrentState, peer: Peer, { piece, begin, length }: BlockRange): void {
  if (peer.fast) send(state, peer, { type: "reject", piece, begin, length });
}

function serve(state: TorrentState, peer: Peer): void {
  const { up } = peer;
  if (up.queue.size === 0) return;
  const ahead = Math.max(MIN_READ_BYTES, up.rate.perSecond(state.now) * READ_AHEAD_SECONDS);
  while (up.readingBytes < Math.min(ahead, state.setup.limits.maxReadBytes)) {
    const range = up.queue.shift();
    if (range === undefined) return;
    up.readingBytes += range.length;
    up.reading++;
    const { piece, begin, length } = range;
    state.effects.push({ type: "read", peer: peer.key, piece, begin, length });
  }
}

function readEnded(peer: Peer, { length }: BlockRange): void {
  peer.up.readingBytes = Math.max(0, peer.up.readingBytes - length);
  peer.up.reading = Math.max(0, peer.up.reading - 1);
}
