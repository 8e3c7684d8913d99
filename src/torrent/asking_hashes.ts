/** Asks peers for Merkle hashes that are missing (BEP 52 "hash request"). */

import { refile } from "./filing.ts";
import type { Peer } from "./peer.ts";
import { send, type TorrentState } from "./state.ts";

/** Asks a peer for as many hashes as it may be asked for. */
export function askForHashes(state: TorrentState, peer: Peer): void {
  for (;;) {
    const range = state.hashes.next(peer.key, peer.content.have, state.now);
    if (range === undefined) return;
    send(state, peer, { type: "hashRequest", ...range });
  }
}

/**
 * {@linkcode askForHashes} for everybody: after ranges were given up, or others matter more. Leaves that nobody can be asked for,
 * or was for too long, are given up: their pieces wait no longer.
 */
export function askAllForHashes(state: TorrentState): void {
  if (state.hashes.missing === 0) return;
  for (const peer of state.peers.all()) askForHashes(state, peer);
  for (const piece of state.hashes.giveLeavesUp(state.now)) {
    refile(state, piece);
    state.mode.hungry = true;
  }
}

/** The peer has one piece more. */
export function onHashesGained(state: TorrentState, peer: Peer, piece: number): void {
  if (state.hashes.gains(peer.key, piece)) askForHashes(state, peer);
}
