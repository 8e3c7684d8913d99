/** Connections come and go: who may stay, what is said first, and what the session learns about a peer later. */

import { equals } from "@std/bytes/equals";
import { compareBytes } from "../bytes/compare.ts";
import { StateError } from "../errors.ts";
import { formatPeerAddress } from "../peer/address.ts";
import type { PeerMessage } from "../wire/messages/message.ts";
import { closePeer, removePeer } from "./departures.ts";
import { isPointless, peerLoses } from "./filing.ts";
import { createPeer, type Peer } from "./peer.ts";
import { closePiece, takeAllBack } from "./requests.ts";
import { send, type TorrentState } from "./state.ts";
import { isDisguised, mayShowMore } from "./super_seed.ts";
import type { TorrentCloseReason, TorrentInput } from "./vocabulary.ts";

/** BitComet drops connections whose queue grows beyond this, whatever it says. */
const BITCOMET = { prefix: [0x2d, 0x42, 0x43], queue: 50 } as const;

type InputOf<T extends TorrentInput["type"]> = Extract<TorrentInput, { type: T }>;

/** A connection stands. @throws {StateError} If its key is in use. */
export function onPeerConnected(state: TorrentState, input: InputOf<"peerConnected">): void {
  if (state.peers.get(input.peer) !== undefined) {
    throw new StateError(`Cannot add peer ${input.peer}: there is a connection with this key`);
  }
  const reason = reasonToRefuse(state, input);
  // After a double has left, whose address it may be.
  if (input.direction === "outgoing") state.candidates.connected(input.address, state.now);
  if (reason === undefined) return welcome(state, input);
  state.effects.push({ type: "close", peer: input.peer, reason });
  if (input.direction === "outgoing") refuseCandidate(state, input, reason);
}

/** The connection is gone. */
export function onPeerClosed(state: TorrentState, input: InputOf<"peerClosed">): void {
  const peer = state.peers.get(input.peer);
  if (peer !== undefined) removePeer(state, peer);
}

/** The peer's extension handshake, or a later change of it (BEP 10 "handshake message", BEP 21). */
export function onPeerCapabilities(state: TorrentState, input: InputOf<"peerCapabilities">): void {
  const peer = state.peers.get(input.peer);
  if (peer === undefined) return;
  if (input.requestQueue !== undefined && !isBitComet(peer)) peer.down.pipeline.limit = input.requestQueue;
  peer.hearsDontHave = input.dontHave ?? peer.hearsDontHave;
  if (input.listenPort !== undefined) learnListenPort(state, peer, input.listenPort);
  if (input.uploadOnly === undefined) return;
  peer.content.uploadOnly = input.uploadOnly;
  if (isPointless(state, peer)) closePeer(state, peer, "both complete");
}

/** The peer has lost a piece (BEP 54 "receiver operation"): without the fast extension the requests for it are void. */
export function onPeerDontHave(state: TorrentState, input: InputOf<"peerDontHave">): void {
  const peer = state.peers.get(input.peer);
  if (peer === undefined) return;
  if (input.piece >= state.setup.geometry.pieceCount) return closePeer(state, peer, "invalid message");
  if (!peerLoses(state, peer, input.piece)) return;
  mayShowMore(state, peer);
  if (!peer.fast) takeAllBack(state, peer, { withCancel: false, piece: input.piece });
  const open = state.downloads.get(input.piece);
  if (open?.exclusive !== peer.key || open.isStoring) return;
  closePiece(state, open);
  state.mode.hungry = true;
}

/** Why the connection may not stay. Another one may be closed in its favour. */
function reasonToRefuse(
  state: TorrentState,
  input: InputOf<"peerConnected">,
): TorrentCloseReason | undefined {
  if (state.mode.paused) return "paused";
  if (state.candidates.isBanned(input.address.host)) return "banned";
  if (equals(input.peerId, state.setup.peerId)) return "connected to itself";
  const double = state.peers.withPeerId(input.peerId);
  if (double !== undefined) return resolveDouble(state, input, double);
  return state.peers.size < state.setup.limits.maxPeers || replaceLowest(state, input)
    ? undefined
    : "too many peers";
}

/** Of two connections between the same peers, the one stays that the peer with the greater id opened; else the older. */
function resolveDouble(
  state: TorrentState,
  input: InputOf<"peerConnected">,
  double: Peer,
): TorrentCloseReason | undefined {
  const ours = compareBytes(state.setup.peerId, input.peerId) > 0 ? "outgoing" : "incoming";
  if (double.direction !== input.direction && input.direction === ours) {
    closePeer(state, double, "duplicate connection");
    return undefined;
  }
  if (input.direction === "outgoing") double.listenAddress ??= input.address;
  return "duplicate connection";
}

/**
 * All places are taken: the connection of lowest priority leaves if it does nothing and the new one ranks higher, so that
 * early comers do not keep everybody else out (BEP 40 "overview").
 */
function replaceLowest(state: TorrentState, input: InputOf<"peerConnected">): boolean {
  const { candidates } = state;
  const priority = candidates.priorityOf(input.address);
  const priorityOf = (peer: Peer) => candidates.priorityOf(peer.listenAddress ?? peer.address);
  if (priority === undefined) return false;
  const quiet = state.peers.toArray().filter((peer) => peer.down.requests.size === 0 && peer.flags.amChoking);
  const [lowest] = quiet.map((peer) => ({ peer, priority: priorityOf(peer) ?? Infinity }))
    .sort((a, b) => a.priority - b.priority);
  if (lowest === undefined || lowest.priority >= priority) return false;
  closePeer(state, lowest.peer, "too many peers");
  return true;
}

function refuseCandidate(
  state: TorrentState,
  input: InputOf<"peerConnected">,
  reason: TorrentCloseReason,
): void {
  const { candidates, peers, now } = state;
  if (reason === "connected to itself") return candidates.isOurselves(input.address);
  // The older connection took the address over: it is connected.
  const listenAddress = peers.withPeerId(input.peerId)?.listenAddress;
  if (listenAddress && formatPeerAddress(listenAddress) === formatPeerAddress(input.address)) return;
  const blameless = reason === "paused";
  candidates.disconnected(input.address, { now, useful: false, uploadOnly: false, blameless });
}

function welcome(state: TorrentState, input: InputOf<"peerConnected">): void {
  const { geometry, limits } = state.setup;
  const peer = createPeer(input, {
    pieceCount: geometry.pieceCount,
    limits,
    now: state.now,
    isDisguised: isDisguised(state),
  });
  if (isBitComet(peer)) peer.down.pipeline.limit = BITCOMET.queue;
  state.peers.add(peer);
  if (input.v2) state.hashes.add(peer.key, state.now);
  send(state, peer, firstMessage(state, peer));
  state.mode.offersDue = true;
}

/**
 * What we have, in the shortest form (BEP 3 "peer messages", BEP 6). Who has nothing may skip the bitfield, but rTorrent
 * tells a peer nothing, no `have` either, until that has said something behind its handshakes.
 */
function firstMessage(state: TorrentState, peer: Peer): PeerMessage {
  const { have } = state.ledger;
  if (have.isEmpty || peer.disguise !== undefined) return { type: peer.fast ? "haveNone" : "keepAlive" };
  return have.isFull && peer.fast ? { type: "haveAll" } : { type: "bitfield", bits: have.toBytes() };
}

function isBitComet(peer: Peer): boolean {
  return BITCOMET.prefix.every((byte, i) => peer.peerId[i] === byte);
}

/** An incoming peer says where it listens: it is not to be dialled as well, and may be dialled later. */
function learnListenPort(state: TorrentState, peer: Peer, port: number): void {
  if (peer.listenAddress !== undefined || port <= 0 || port > 0xffff) return;
  peer.listenAddress = { host: peer.address.host, port };
  state.candidates.connected(peer.listenAddress, state.now);
}
