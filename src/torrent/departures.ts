/** How a connection ends: books closed, memory freed, the address kept for later or its host banned. */

import { isPointless } from "./filing.ts";
import { isUploadOnly, type Peer } from "./peer.ts";
import { closeExclusive, takeAllBack } from "./requests.ts";
import type { TorrentState } from "./state.ts";
import type { TorrentCloseReason } from "./vocabulary.ts";
import { discardWebSeed } from "./web_fetches.ts";

/** What the reason says about the peer: `rules` broken, its own `choice` of silence, or `ours`, no fault of its. */
const FAULT: { readonly [R in TorrentCloseReason]: "rules" | "choice" | "ours" } = {
  "invalid message": "rules",
  "request flood": "rules",
  "banned": "rules",
  "snubbed": "choice",
  "idle": "choice",
  "both complete": "choice",
  "duplicate connection": "choice",
  "connected to itself": "choice",
  "too many peers": "choice",
  "paused": "ours",
  "piece lost": "ours",
  "super-seeding is over": "ours",
};

/** Ends a connection, because of what the peer did or for reasons of ours. */
export function closePeer(state: TorrentState, peer: Peer, reason: TorrentCloseReason): void {
  if (state.peers.get(peer.key) !== peer) return;
  state.effects.push({ type: "close", peer: peer.key, reason });
  removePeer(state, peer, FAULT[reason] === "ours");
  if (FAULT[reason] === "rules" && reason !== "banned" && state.candidates.strike(peer.address.host)) {
    banHost(state, peer.address.host, "broke the rules too often");
  }
}

/**
 * Closes the books of a connection that is gone; `isOurs` if it is for reasons of ours. Who was of no use because both are
 * complete is not to blame either: as long as it is so nobody dials it, and once something is lost it is needed at once. During
 * a check nobody is dialled again at once: for each bad piece that it finds the same peers would come and go.
 */
export function removePeer(state: TorrentState, peer: Peer, isOurs = false): void {
  const blameless = isOurs || isPointless(state, peer);
  state.peers.remove(peer);
  if (state.hashes.forget(peer.key)) state.mode.hungry = true;
  takeAllBack(state, peer, { withCancel: false });
  closeExclusive(state, peer);
  state.availability.removePeer(peer.content.have, peer.content.inverse);
  state.mode.slotFree = true;
  state.mode.offersDue = true;
  if (peer.listenAddress === undefined) return;
  state.candidates.disconnected(peer.listenAddress, {
    now: state.now,
    useful: blameless || peer.down.pipeline.rate.total + peer.up.rate.total > 0,
    uploadOnly: isUploadOnly(peer),
    blameless: blameless && !state.mode.held,
  });
}

/** Bans a host, or the web seed of that URL: its connections are closed, and the blocks it sent are asked for again. */
export function banHost(state: TorrentState, host: string, reason: string): void {
  if (!discardWebSeed(state, host, reason)) banPeers(state, host, reason);
  for (const open of state.downloads.all()) {
    if (open.isStoring) continue;
    open.forget(host);
    state.downloads.settle(open);
  }
  state.mode.hungry = true;
}

function banPeers(state: TorrentState, host: string, reason: string): void {
  if (state.candidates.isBanned(host)) return;
  state.candidates.ban(host);
  state.effects.push({ type: "ban", host, reason });
  for (const peer of state.peers.withHost(host)) closePeer(state, peer, "banned");
}
