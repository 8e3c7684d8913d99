/** Looks every few seconds for requests that nobody answers and connections that serve no purpose. */

import { closePeer } from "./departures.ts";
import type { Peer } from "./peer.ts";
import { LATE_MS } from "./requesting.ts";
import { closeExclusive, closePiece, takeAllBack, takeBack } from "./requests.ts";
import type { TorrentState } from "./state.ts";

/** Time between sweeps: how late a timeout may come. */
const SWEEP_MS = 5000;
/** The same while readers wait: a block of theirs that is late is asked of others. */
export const READER_SWEEP_MS = 1000;
/** A request that waits longer is asked of somebody else; a peer that sends nothing for so long snubs us (BEP 3 "choking"). */
const REQUEST_TIMEOUT_MS = 60_000;
/** A peer that goes on snubbing us for so long, and takes nothing from us, only holds a place. */
const SNUBBED_MS = 240_000;
/** A connection that neither side has a use for is closed after so long if others could use its place: libtorrent's 10 min. */
const IDLE_MS = 600_000;

/** Sweeps, and says when to do so again. */
export function sweep(state: TorrentState): void {
  state.mode.sweepAt = state.now + (state.ledger.urgent.size > 0 ? READER_SWEEP_MS : SWEEP_MS);
  state.downloads.hasLate = false;
  state.hashes.sweep(state.now);
  for (const peer of state.peers.toArray()) {
    peer.down.refused.clear();
    timeOut(state, peer);
    leaveToOthers(state, peer);
    const reason = reasonToLeave(state, peer);
    if (reason !== undefined) closePeer(state, peer, reason);
  }
  state.mode.hungry = true;
}

function timeOut(state: TorrentState, peer: Peer): void {
  const { down, flags } = peer;
  const [oldest] = down.requests.values();
  if (oldest === undefined) return;
  if (oldest <= state.now - LATE_MS) state.downloads.hasLate = true;
  const before = state.now - REQUEST_TIMEOUT_MS;
  const overdue = overdueKeys(down.requests, before);
  if (overdue.length === 0) return;
  giveUpExclusive(state, peer, overdue);
  if (flags.peerChoking || down.lastBlockAt > before) {
    for (const key of overdue) takeBack(state, peer, { key, withCancel: true });
    return;
  }
  takeAllBack(state, peer, { withCancel: true });
  closeExclusive(state, peer);
  down.snubbedAt ??= state.now;
  down.pipeline.stall(state.now);
}

/** What only this peer may do, and does not, is given up: it could be held up for ever. */
function giveUpExclusive(state: TorrentState, peer: Peer, overdue: readonly number[]): void {
  for (const key of overdue) {
    const open = state.downloads.get(state.downloads.pieceOf(key));
    if (open?.exclusive !== peer.key) continue;
    state.blame.heldUp(open.piece, peer.key);
    closePiece(state, open);
  }
}

/** The peer counts as refusing what it has held up, as long as others have it. */
function leaveToOthers({ availability, blame }: TorrentState, peer: Peer): void {
  for (const piece of blame.heldUpBy(peer.key)) {
    if (availability.of(piece) > 1) peer.down.refused.add(piece);
  }
}

/** Requests are in the order they were sent. */
function overdueKeys(requests: ReadonlyMap<number, number>, before: number): number[] {
  const overdue: number[] = [];
  for (const [key, sentAt] of requests) {
    if (sentAt > before) break;
    overdue.push(key);
  }
  return overdue;
}

function reasonToLeave(state: TorrentState, peer: Peer): "snubbed" | "idle" | undefined {
  const { flags, down } = peer;
  if (down.snubbedAt !== undefined && state.now - down.snubbedAt >= SNUBBED_MS && !flags.peerInterested) {
    return "snubbed";
  }
  const isIdle = !flags.amInterested && !flags.peerInterested && state.now - flags.idleSince >= IDLE_MS;
  return isIdle && state.peers.size >= state.setup.limits.maxPeers ? "idle" : undefined;
}
