/** What each message of a peer means: one row per message (BEP 3 "peer messages", BEP 6, 52). */

import { Bitfield } from "../bytes/bitfield.ts";
import { DecodeError } from "../errors.ts";
import type { PeerMessage } from "../wire/messages/message.ts";
import { askForHashes, onHashesGained } from "./asking_hashes.ts";
import { closePeer } from "./departures.ts";
import { isPointless, peerGains, recount, updateInterest } from "./filing.ts";
import { onPiece, onReject } from "./on_block.ts";
import { onHashes, onHashReject } from "./on_hashes.ts";
import type { Peer } from "./peer.ts";
import { refill } from "./requesting.ts";
import { closeExclusive, takeAllBack } from "./requests.ts";
import type { TorrentState } from "./state.ts";
import { forgetOffersOf } from "./super_seed.ts";
import { offerAllowedFast, onCancel, onRequest } from "./uploads.ts";

/** Pieces of an allowed-fast set that are remembered; the canonical set has 10 (BEP 6). */
const MAX_ALLOWED_FAST = 64;
/** A peer that unchokes us sooner after it choked us is asked with the next sweep: else it could have us ask without end. */
const FLAP_MS = 100;
/** Suggestions that are remembered, the latest: advice ages quickly. */
const MAX_SUGGESTED = 8;

type MessageOf<T extends PeerMessage["type"]> = Extract<PeerMessage, { type: T }>;
type Row<T extends PeerMessage["type"]> = (state: TorrentState, peer: Peer, message: MessageOf<T>) => void;

/** Nothing for this machine: the session or another machine of it answers. */
const ELSEWHERE = () => {};

const ON_MESSAGE: { readonly [T in PeerMessage["type"]]: Row<T> } = {
  keepAlive: ELSEWHERE,
  choke: onChoke,
  unchoke: onUnchoke,
  interested: onInterest(true),
  notInterested: onInterest(false),
  have: onHave,
  bitfield: onBitfield,
  request: onRequest,
  piece: onPiece,
  cancel: onCancel,
  port: ELSEWHERE,
  suggest: fastOnly(onSuggest),
  haveAll: fastOnly(onHaveAll),
  haveNone: fastOnly(onHaveNone),
  reject: fastOnly(onReject),
  allowedFast: fastOnly(onAllowedFast),
  extended: ELSEWHERE,
  hashRequest: ELSEWHERE,
  hashes: onHashes,
  hashReject: onHashReject,
};

/** Looks the message up and does what it says. */
export function onMessage<T extends PeerMessage["type"]>(
  state: TorrentState,
  peer: Peer,
  message: MessageOf<T> & { readonly type: T },
): void {
  const row: Row<T> = ON_MESSAGE[message.type];
  row(state, peer, message);
}

/** Without the fast extension these messages end the connection (BEP 6). */
function fastOnly<T extends PeerMessage["type"]>(row: Row<T>): Row<T> {
  return (state, peer, message) => {
    if (peer.fast) row(state, peer, message);
    else closePeer(state, peer, "invalid message");
  };
}

/** Without the fast extension a choke discards what we asked for; with it, each request is answered still (BEP 6). */
function onChoke(state: TorrentState, peer: Peer): void {
  if (peer.flags.peerChoking) return;
  peer.flags.peerChoking = true;
  peer.down.chokedAt = state.now;
  peer.down.refused.clear();
  if (!peer.fast) takeAllBack(state, peer, { withCancel: false });
  closeExclusive(state, peer);
}

function onUnchoke(state: TorrentState, peer: Peer): void {
  if (!peer.flags.peerChoking) return; // said again, it is no sign of life
  peer.flags.peerChoking = false;
  peer.down.pipeline.restart(state.now);
  peer.down.refused.clear();
  peer.down.lastBlockAt = state.now;
  if (state.now - peer.down.chokedAt >= FLAP_MS) refill(state, peer);
}

function onInterest(isInterested: boolean): (state: TorrentState, peer: Peer) => void {
  return ({ mode, now }, { flags }) => {
    if (flags.peerInterested === isInterested) return;
    flags.peerInterested = isInterested;
    flags.idleSince = now;
    mode.slotFree = true;
  };
}

function onHave(state: TorrentState, peer: Peer, { piece }: MessageOf<"have">): void {
  if (piece >= state.setup.geometry.pieceCount) return closePeer(state, peer, "invalid message");
  peer.content.announced = true;
  if (!peerGains(state, peer, piece)) return;
  onHashesGained(state, peer, piece);
  if (state.offering?.isOffered(piece)) state.mode.offersDue = true;
  if (isPointless(state, peer)) return closePeer(state, peer, "both complete");
  if (!peer.flags.peerChoking && state.ledger.missing.has(piece)) refill(state, peer);
}

function onBitfield(state: TorrentState, peer: Peer, { bits }: MessageOf<"bitfield">): void {
  try {
    hasNow(state, peer, Bitfield.from(bits, state.setup.geometry.pieceCount));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    closePeer(state, peer, "invalid message");
  }
}

/** Looks at every piece for five bytes, so it counts once: who takes pieces back (BEP 54) has a `have` for what returns. */
function onHaveAll(state: TorrentState, peer: Peer): void {
  if (peer.content.have.isFull) return;
  if (peer.content.saidAll) return closePeer(state, peer, "invalid message");
  peer.content.saidAll = true;
  hasNow(state, peer, Bitfield.full(state.setup.geometry.pieceCount));
}

function onHaveNone(state: TorrentState, peer: Peer): void {
  announce(state, peer, new Bitfield(state.setup.geometry.pieceCount));
}

/** The first time a peer says what it has; later on the same stands for several haves: aria2 sends it in their place. */
function hasNow(state: TorrentState, peer: Peer, have: Bitfield): void {
  if (peer.content.announced) learn(state, peer, have);
  else announce(state, peer, have);
}

function learn(state: TorrentState, peer: Peer, have: Bitfield): void {
  if (!have.hasBeyond(peer.content.have)) return;
  for (const piece of have.without(peer.content.have).indexes()) {
    peerGains(state, peer, piece);
    onHashesGained(state, peer, piece);
  }
  state.mode.offersDue = true;
  if (isPointless(state, peer)) return closePeer(state, peer, "both complete");
  if (!peer.flags.peerChoking) refill(state, peer);
}

/** The peer says what it has, haveNone before any `have` (BEP 3 "peer messages", BEP 6 "Have All/Have None"). */
function announce(state: TorrentState, peer: Peer, have: Bitfield): void {
  if (peer.content.announced) return closePeer(state, peer, "invalid message");
  peer.content.announced = true;
  peer.content.inverse = state.availability.addPeer(have);
  peer.content.have = have;
  forgetOffersOf(peer);
  state.mode.offersDue = true;
  recount(state, peer);
  if (isPointless(state, peer)) return closePeer(state, peer, "both complete");
  updateInterest(state, peer);
  offerAllowedFast(state, peer);
  askForHashes(state, peer);
}

/** Advice on what to take among equals (BEP 6 "Suggest Piece"). */
function onSuggest(state: TorrentState, peer: Peer, { piece }: MessageOf<"suggest">): void {
  if (piece >= state.setup.geometry.pieceCount) return closePeer(state, peer, "invalid message");
  const { suggested } = peer.down;
  if (suggested.includes(piece)) return;
  if (suggested.push(piece) > MAX_SUGGESTED) suggested.shift();
}

/** The piece may be asked for while choked; it says nothing about having it (BEP 6 "Allowed Fast"). */
function onAllowedFast(state: TorrentState, peer: Peer, { piece }: MessageOf<"allowedFast">): void {
  if (piece >= state.setup.geometry.pieceCount) return closePeer(state, peer, "invalid message");
  const { allowedFast } = peer.down;
  if (allowedFast.has(piece) || allowedFast.size >= MAX_ALLOWED_FAST) return;
  allowedFast.add(piece);
  refill(state, peer);
}
