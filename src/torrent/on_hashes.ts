/** Merkle hashes from peers: asking, believing what is proven, and opening pieces that can be verified now (BEP 52). */

import type { PeerMessage } from "../wire/messages/message.ts";
import { banHost, closePeer } from "./departures.ts";
import { isPointless, refile } from "./filing.ts";
import type { Peer } from "./peer.ts";
import { send, type TorrentState } from "./state.ts";
import type { TorrentInput } from "./vocabulary.ts";

/** Asks a peer for as many hashes as it may be asked for. */
export function askForHashes(state: TorrentState, peer: Peer): void {
  for (;;) {
    const range = state.hashes.next(peer.key, peer.content.have, state.now);
    if (range === undefined) return;
    send(state, peer, { type: "hashRequest", ...range });
  }
}

/** {@linkcode askForHashes} for everybody: after ranges were given up, or others matter more. */
export function askAllForHashes(state: TorrentState): void {
  if (state.hashes.missing === 0) return;
  for (const peer of state.peers.all()) askForHashes(state, peer);
}

/** The peer has one piece more. */
export function onHashesGained(state: TorrentState, peer: Peer, piece: number): void {
  if (state.hashes.gains(peer.key, piece)) askForHashes(state, peer);
}

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
