/**
 * The handshake, ours and the peer's (BEP 3 "peer protocol", BEP 10 "handshake message").
 *
 * An incoming connection is answered after 48 bytes: the peer id is not waited for, because checks of reachability
 * never send it.
 */

import { concat } from "@std/bytes/concat";
import { equals } from "@std/bytes/equals";
import { StateError } from "../errors.ts";
import { ExtensionTable } from "./extensions.ts";
import { encodeMessage } from "./messages/encode_message.ts";
import { decodeHandshakePrefix, encodeHandshake, hasFeature } from "./messages/handshake.ts";
import { close, type ConnectionState, write } from "./state.ts";
import type { ConnectionEffect, TorrentOffer } from "./vocabulary.ts";

/** Writes the handshake of an outgoing connection, once. */
export function greet(state: ConnectionState, effects: ConnectionEffect[]): void {
  if (state.torrent === undefined || state.sending !== "nothing") return;
  state.sending = "opening";
  write(state, encodeHandshake({ ...state.ours, infoHash: state.torrent.infoHash }), effects);
}

/** Answers an incoming connection: handshake and extension handshake in one write. */
export function accept(state: ConnectionState, torrent: TorrentOffer, effects: ConnectionEffect[]): void {
  if (state.phase !== "awaitingAccept") {
    throw new StateError(`Cannot accept connection: it is in phase "${state.phase}"`);
  }
  const handshake = encodeHandshake({ ...state.ours, infoHash: torrent.infoHash });
  join(state, torrent);
  negotiate(state);
  state.phase = "awaitingPeerId";
  state.sending = "opening";
  write(state, state.negotiated.extended ? concat([handshake, introduction(state)]) : handshake, effects);
}

/** Takes up what the torrent contributes. */
export function join(state: ConnectionState, torrent: TorrentOffer): void {
  state.torrent = torrent;
  state.pieceCount = torrent.pieceCount;
  state.extensions = new ExtensionTable(torrent.extensions);
}

/** The first 48 bytes came. */
export function onHandshakePrefix(
  state: ConnectionState,
  bytes: Uint8Array,
  effects: ConnectionEffect[],
): void {
  const peer = decodeHandshakePrefix(bytes.slice()); // kept, so of its own
  state.peer = peer;
  if (state.torrent === undefined) {
    state.phase = "awaitingAccept";
    effects.push({ type: "infoHash", infoHash: peer.infoHash, reserved: peer.reserved });
  } else if (state.ours.acceptable.some((infoHash) => equals(infoHash, peer.infoHash))) {
    negotiate(state);
    state.phase = "awaitingPeerId";
  } else {
    close(state, effects, "another torrent than asked for");
  }
}

/** The last 20 bytes came: both sides know each other. */
export function onPeerId(state: ConnectionState, bytes: Uint8Array, effects: ConnectionEffect[]): void {
  const { ours, negotiated, torrent, peer } = state;
  const isAccepted = ours.acceptable.length === 0;
  if (equals(bytes, ours.peerId)) return meetOurselves(state, isAccepted, effects);
  state.phase = "opening";
  if (negotiated.extended && !isAccepted) write(state, introduction(state), effects);
  effects.push({
    type: "open",
    peerId: bytes.slice(),
    infoHash: isAccepted ? torrent!.infoHash : peer!.infoHash,
    ...negotiated,
    reserved: peer!.reserved,
  });
}

/** What both handshakes offer. */
function negotiate(state: ConnectionState): void {
  const both = (feature: "fast" | "extended" | "dht") =>
    hasFeature(state.ours.reserved, feature) && hasFeature(state.peer!.reserved, feature);
  state.negotiated = { fast: both("fast"), extended: both("extended"), dht: both("dht") };
}

/** Whoever dialled ends it, and learns why from our answer: a close now could overtake that. */
function meetOurselves(state: ConnectionState, isAccepted: boolean, effects: ConnectionEffect[]): void {
  if (isAccepted) state.phase = "facingItself";
  else close(state, effects, "connected to itself");
}

/** Our extension handshake, to be sent right behind the handshake. */
function introduction(state: ConnectionState): Uint8Array {
  const { extensions, torrent } = state;
  const { id, payload } = extensions.encode({
    ...torrent!.extensionHandshake,
    type: "extensionHandshake",
    ids: extensions.ids,
  })!;
  return encodeMessage({ type: "extended", id, payload });
}
