/** Keeps every peer's pipeline full: free blocks first, then, near the end, blocks that others are asked for too. */

import { isIdle, type OpenPiece } from "./open_piece.ts";
import type { Peer } from "./peer.ts";
import { canServe, pickPiece } from "./picker.ts";
import { closeUntouched, sendRequest, takeBack } from "./requests.ts";
import type { TorrentState } from "./state.ts";

/** Peers asked for the same block near the end: enough to pass by slow ones without asking the whole swarm. */
const MAX_REQUESTERS = 4;
/** Requests of a peer that is asked for what others were just asked for: one in its hands, one under way. */
const ENDGAME_DEPTH = 2;
/** Requests of a peer that is asked for what others have owed us for long: enough to pass by one that is stuck. */
const ENDGAME_DEPTH_LATE = 8;
/** What counts as long: more than the time that pipelines cover. */
export const LATE_MS = 5000;
/** A block that a reader waits for is asked of a second peer after this time: a player's patience. */
const URGENT_PATIENCE_MS = 2000;
/** While readers wait, pipelines cover one second instead of three. */
const READER_SHARE = 3;
/** Requests per peer that stay when a reader jumps: one is being sent, one was read ahead. */
const KEPT_AT_JUMP = 2;
/** Pieces of the readers' list that get second requests. */
const URGENT_HELPED = 2;
/**
 * A deep pipeline is filled up when a quarter of it is free: requests then leave in batches, and not in a write of their own
 * after every read. Of a 2 GiB download over loopback the writes took 13 % of the CPU, now 2 %.
 */
const DEEP = 64, BATCH_SHARE = 4;
/** A peer that has refused so many pieces is left alone until the next sweep: it would refuse all others as quickly. */
const MAX_REFUSED = 32;

/** Sends as many requests as the pipeline has room for. */
export function refill(state: TorrentState, peer: Peer): void {
  const { down } = peer;
  if (state.mode.held) return;
  if (!peer.flags.amInterested || down.refused.size >= MAX_REFUSED) return;
  if (peer.flags.peerChoking && down.allowedFast.size === 0) return;
  const depth = depthOf(state, peer);
  let room = depth - down.requests.size;
  if (depth >= DEEP && room < depth / BATCH_SHARE) return;
  if (room > 0 && state.ledger.urgent.size > 0) room -= helpReaders(state, peer, room);
  while (room > 0) {
    const open = pickPiece(state, peer);
    if (open === undefined) break;
    room -= askFree(state, peer, open, room);
  }
  if (down.requests.size < depthOf(state, peer)) askAgain(state, peer);
}

/** While readers wait the pipelines are short, so that a seek does not queue behind seconds of other blocks. */
function depthOf({ ledger }: TorrentState, { down: { pipeline } }: Peer): number {
  return ledger.urgent.size === 0
    ? pipeline.depth
    : Math.min(pipeline.depth, Math.ceil(pipeline.depth / READER_SHARE) + 1);
}

/** {@linkcode refill} for everybody: after work has come up that any peer may take. */
export function refillAll(state: TorrentState): void {
  state.downloads.starved = false;
  for (const peer of state.peers.all()) {
    if (isOutOfWork(state)) return;
    refill(state, peer);
  }
}

/**
 * Whether no peer could be given anything: nothing is free, nothing can be opened, nothing is to be asked for twice or to be
 * taken from a web seed.
 */
function isOutOfWork({ availability, downloads, ledger }: TorrentState): boolean {
  return downloads.starved && downloads.withFree.size === 0 && ledger.urgent.size === 0 &&
    !downloads.hasLate && downloads.webSeeds.areIdle && !availability.fresh.isEmpty;
}

/**
 * A reader has gone to another place: what it waits for first is not even asked for. The requests for other pieces are taken
 * back but for those that are answered just now, or the reader would wait for all of them. Answers whether it is so.
 */
export function makeWayForReaders(state: TorrentState): boolean {
  const { downloads, ledger } = state;
  const [first] = ledger.urgent;
  if (first === undefined || downloads.get(first) !== undefined) return false;
  for (const peer of state.peers.all()) {
    for (const key of [...peer.down.requests.keys()].slice(KEPT_AT_JUMP)) {
      if (!ledger.urgent.has(downloads.pieceOf(key))) takeBack(state, peer, { key, withCancel: true });
    }
  }
  closeUntouched(state);
  return true;
}

function askFree(state: TorrentState, peer: Peer, open: OpenPiece, room: number): number {
  let asked = 0;
  for (; asked < room && open.free > 0; asked++) sendRequest(state, peer, open, open.takeFree(state.now));
  state.downloads.settle(open);
  peer.down.current = open.piece;
  return asked;
}

/**
 * This peer could do more and nothing is free. Near the end, when every missing block is asked of somebody, it is asked too
 * (BEP 3 "peer protocol", endgame mode). Before that only for what others have owed us for long, if there is nothing to open.
 */
function askAgain(state: TorrentState, peer: Peer): void {
  const { downloads, availability, now } = state;
  if (downloads.outstanding === peer.down.requests.size) return;
  if (availability.fresh.isEmpty) askOthersBlocks(state, peer, { depth: ENDGAME_DEPTH, before: now });
  if (!downloads.hasLate) return;
  const isStarved = downloads.starved && peer.down.requests.size === 0;
  if (isStarved || availability.reachable === 0) {
    askOthersBlocks(state, peer, { depth: ENDGAME_DEPTH_LATE, before: now - LATE_MS });
  }
}

function askOthersBlocks(state: TorrentState, peer: Peer, bounds: { depth: number; before: number }): void {
  let room = Math.min(bounds.depth, peer.down.pipeline.depth) - peer.down.requests.size;
  for (const open of state.downloads.all()) {
    if (room <= 0) return;
    if (state.downloads.webSeeds.isComing(open, state.now)) continue;
    room -= askBlocksAgain(state, peer, { open, room, before: bounds.before });
  }
}

function helpReaders(state: TorrentState, peer: Peer, room: number): number {
  let asked = 0;
  let helped = 0;
  for (const piece of state.ledger.urgent) {
    if (helped++ === URGENT_HELPED) break;
    const open = state.downloads.get(piece);
    if (open === undefined) continue;
    const before = state.now - URGENT_PATIENCE_MS;
    asked += askBlocksAgain(state, peer, { open, room: room - asked, before });
  }
  return asked;
}

/** Asks for missing blocks of the piece that others were asked for up to `before`; answers for how many. */
function askBlocksAgain(
  state: TorrentState,
  peer: Peer,
  bounds: { open: OpenPiece; room: number; before: number },
): number {
  const { open } = bounds;
  if (open.isStoring || isIdle(open) || open.exclusive !== undefined || !canServe(peer, open)) return 0;
  let asked = 0;
  for (let block = 0; block < open.blockCount && asked < bounds.room; block++) {
    const requests = open.requestsOf(block);
    if (requests === 0 || requests >= MAX_REQUESTERS || open.askedAt(block) > bounds.before) continue;
    if (open.hasBlock(block)) continue; // of a web seed no single block is taken back
    if (peer.down.requests.has(state.downloads.keyOf(open.piece, block))) continue;
    open.request(block, state.now);
    sendRequest(state, peer, open, block);
    asked++;
  }
  return asked;
}
