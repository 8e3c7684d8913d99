/** The side that is dialled: learns which torrent it is about, chooses a method. */

import { equals } from "@std/bytes/equals";
import { concat } from "@std/bytes/concat";
import { Cursor } from "../bytes/cursor.ts";
import { StateError } from "../errors.ts";
import { drawPrivateKey, sharedSecretOf } from "./key_exchange.ts";
import { markerOf, maskSkeyHash, streamCiphersOf } from "./keys.ts";
import { chooseMethod, encodeMethods } from "./methods.ts";
import { encodeKeyPart, encodeMethodsPart, MAX_PADDING, VERIFICATION } from "./parts.ts";
import { close, type MseState, open } from "./state.ts";
import type { MseEffect } from "./vocabulary.ts";

/** Bytes of the length of the initial payload. */
const PAYLOAD_FIELD_LENGTH = 2;

/** The peer speaks bare BitTorrent. */
export function onPlain(state: MseState, effects: MseEffect[]): void {
  if (!state.setup.accepts.plain) {
    return close(state, effects, "the peer's handshake is plain where encryption is required");
  }
  state.phase = "plain";
  effects.push({ type: "plain", bytes: state.held.bytes.slice() });
}

/** The peer's public key came: ours goes back. */
export function onKey(state: MseState, bytes: Uint8Array, effects: MseEffect[]): void {
  const { random } = state.setup, privateKey = drawPrivateKey(random);
  const secret = sharedSecretOf(privateKey, bytes);
  if (secret === undefined) return close(state, effects, "the peer's public key is out of range");
  effects.push({ type: "write", bytes: encodeKeyPart(privateKey, random) });
  state.secret = secret;
  state.marker = { bytes: markerOf(secret), skipped: 0 };
  state.phase = "awaitingMarker";
}

/** The peer names its torrent. */
export function onSkey(state: MseState, bytes: Uint8Array, effects: MseEffect[]): void {
  state.phase = "awaitingAccept";
  effects.push({ type: "skey", hash: maskSkeyHash(bytes, state.secret!) });
}

/** We have the torrent. */
export function accept(state: MseState, infoHash: Uint8Array, payload: Uint8Array): void {
  requireAwaitingAccept(state, "accept");
  state.infoHash = infoHash;
  state.payload = payload;
  state.ciphers = streamCiphersOf("incoming", state.secret!, infoHash);
  state.phase = "awaitingOffer";
}

/** We do not have it. */
export function refuse(state: MseState, effects: MseEffect[]): void {
  requireAwaitingAccept(state, "refuse");
  close(state, effects, "no such torrent");
}

function requireAwaitingAccept({ phase }: MseState, what: string): void {
  if (phase !== "awaitingAccept") {
    throw new StateError(`Cannot ${what} handshake: it is in phase "${phase}"`);
  }
}

/** The peer offers methods, having proved that it knows the torrent. */
export function onOffer(state: MseState, bytes: Uint8Array, effects: MseEffect[]): void {
  state.ciphers!.incoming.apply(bytes);
  const cursor = new Cursor(bytes, "offered methods"), verification = cursor.bytes(VERIFICATION.length);
  const provided = cursor.uint32(), padding = cursor.uint16();
  if (!equals(verification, VERIFICATION)) return close(state, effects, "the peer knows another secret");
  state.method = chooseMethod(state.setup.methods, provided);
  if (state.method === undefined) return close(state, effects, "no method in common");
  if (padding > MAX_PADDING) return close(state, effects, "padding too long");
  state.expected = padding + PAYLOAD_FIELD_LENGTH;
  state.phase = "awaitingPadding";
}

/** The offer is complete: our choice goes back, with what our stream begins with. */
export function onOfferPadding(state: MseState, bytes: Uint8Array, effects: MseEffect[]): void {
  state.ciphers!.incoming.apply(bytes);
  const cursor = new Cursor(bytes.subarray(-PAYLOAD_FIELD_LENGTH), "length of initial payload");
  state.expected = cursor.uint16();
  if (state.expected > state.setup.limits.maxInitialPayload) {
    return close(state, effects, "initial payload too long");
  }
  effects.push({ type: "write", bytes: encodeChoice(state) });
  state.phase = "awaitingPayload";
}

function encodeChoice({ setup: { random }, ciphers, method, payload }: MseState): Uint8Array {
  const selected = encodeMethods([method!]), isEncrypted = method === "rc4";
  const choice = encodeMethodsPart(selected, isEncrypted ? payload : new Uint8Array(), random);
  ciphers!.outgoing.apply(choice);
  return isEncrypted ? choice : concat([choice, payload]);
}

/** The initial payload came, encrypted whichever method was chosen. */
export function onPayload(state: MseState, bytes: Uint8Array, effects: MseEffect[]): void {
  state.ciphers!.incoming.apply(bytes);
  open(state, bytes, effects);
}
