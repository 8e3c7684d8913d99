/** Merkle hashes from peers: believing what is proven, and opening pieces that can be verified now (BEP 52). */

import type { PeerMessage } from "../wire/messages/message.ts";
import { askAllForHashes, askForHashes } from "./asking_hashes.ts";
import { banHost, closePeer } from "./departures.ts";
import { isPointless, refile } from "./filing.ts";
import { conclude } from "./inquest.ts";
import type { Peer } from "./peer.ts";
import type { TorrentState } from "./state.ts";
import type { TorrentInput } from "./vocabulary.ts";

/** The peer answers. */
export function onHashes(
  state: TorrentState,
  peer: Peer,
  message: Extract<PeerMessage, { type: "hashes" }>,
): void {
  const verdict = state.hashes.take(peer.key, message);
  switch (verdict.type) {
    case "late":
      return;
    case "invalid":
      return closePeer(state, peer, "invalid message");
    case "wrong":
      return banHost(state, peer.address.host, "sent hashes that are not the file's");
    case "right":
      if (verdict.layer) state.effects.push({ type: "layerFound", ...verdict.layer });
      if (verdict.leaves) conclude(state, verdict.leaves);
      if (state.hashes.missing === 0) return closePointless(state);
      return askForHashes(state, peer);
  }
}

/** The peer refuses (BEP 52 "peer messages", hash reject). */
export function onHashReject(
  state: TorrentState,
  peer: Peer,
  message: Extract<PeerMessage, { type: "hashReject" }>,
): void {
  if (!state.hashes.refuse(peer.key, message, state.now)) return closePeer(state, peer, "invalid message");
  if (isPointless(state, peer)) closePeer(state, peer, "both complete");
  askAllForHashes(state);
}

/** A layer is where pieces are verified by it: they may be downloaded. */
export function onLayerReady(
  state: TorrentState,
  { piecesRoot }: Extract<TorrentInput, { type: "layerReady" }>,
): void {
  for (const piece of state.hashes.open(piecesRoot)) refile(state, piece);
  state.mode.hungry = true;
}

/** Peers that were kept for their hashes alone. */
function closePointless(state: TorrentState): void {
  for (const peer of state.peers.toArray()) {
    if (isPointless(state, peer)) closePeer(state, peer, "both complete");
  }
}
