/** Puts the choker's decisions into effect: rounds, and free slots between rounds. */

import type { InterestedPeer } from "./choking.ts";
import type { Peer } from "./peer.ts";
import type { TorrentState } from "./state.ts";
import { choke, unchoke } from "./uploads.ts";

/** A round of the choker (BEP 3 "choking"). */
export function runRound(state: TorrentState): void {
  const chosen = state.choker.decide(interested(state, () => true), state.now);
  for (const peer of state.peers.all()) {
    if (!peer.flags.amChoking && !chosen.has(peer.key)) choke(state, peer);
  }
  for (const peer of state.peers.all()) {
    if (peer.flags.amChoking && chosen.has(peer.key)) unchoke(state, peer);
  }
}

/** Unchokes peers that wait while slots are free: a lone peer need not wait for the round. */
export function fillSlots(state: TorrentState): void {
  state.mode.slotFree = false;
  let free = state.setup.limits.uploadSlots;
  for (const { flags } of state.peers.all()) if (flags.peerInterested && !flags.amChoking) free--;
  if (free <= 0) return;
  const waiting = interested(state, (peer) => peer.flags.amChoking);
  for (const key of state.choker.fill(waiting, free, state.now)) {
    unchoke(state, state.peers.get(key)!);
  }
}

/** Once nothing is wanted, who takes the most spreads it best (BEP 3 "choking"). */
function interested(state: TorrentState, filter: (peer: Peer) => boolean): InterestedPeer[] {
  const isSeeding = state.ledger.missing.isEmpty;
  const peers: InterestedPeer[] = [];
  for (const peer of state.peers.all()) {
    if (!peer.flags.peerInterested || !filter(peer)) continue;
    const rate = (isSeeding ? peer.up.rate : peer.down.pipeline.rate).perSecond(state.now);
    const snubbed = !isSeeding && peer.down.snubbedAt !== undefined;
    peers.push({ key: peer.key, rate, snubbed, connectedAt: peer.connectedAt });
  }
  return peers;
}
