/** The side that dials: names the torrent, offers methods, hears which one is chosen. */

import { concat } from "@std/bytes/concat";
import { Cursor } from "../bytes/cursor.ts";
import { Writer } from "../bytes/writer.ts";
import { drawPrivateKey, sharedSecretOf } from "./key_exchange.ts";
import { markerOf, maskSkeyHash, skeyHash, streamCiphersOf } from "./keys.ts";
import { encodeMethods, selectedMethod } from "./methods.ts";
import { encodeKeyPart, encodeMethodsPart, MAX_PADDING, VERIFICATION } from "./parts.ts";
import { close, type MseState, open } from "./state.ts";
import type { MseEffect } from "./vocabulary.ts";

/** Writes our public key, once. */
export function greet(state: MseState, effects: MseEffect[]): void {
  const { setup: { direction, random }, privateKey } = state;
  if (direction !== "outgoing" || privateKey !== undefined) return;
  state.privateKey = drawPrivateKey(random);
  effects.push({ type: "write", bytes: encodeKeyPart(state.privateKey, random) });
}

/** The peer answered with a public key: everything that we have to say goes out at once. */
export function onAnsweredKey(state: MseState, bytes: Uint8Array, effects: MseEffect[]): void {
  const { setup: { methods, random }, payload } = state, infoHash = state.infoHash!;
  const secret = sharedSecretOf(state.privateKey!, bytes);
  if (secret === undefined) return close(state, effects, "the peer's public key is out of range");
  const ciphers = streamCiphersOf("outgoing", secret, infoHash);
  const rest = new Writer(2 + payload.length).uint16(payload.length).bytes(payload).done();
  const offer = encodeMethodsPart(encodeMethods(methods), rest, random);
  ciphers.outgoing.apply(offer);
  const torrent = maskSkeyHash(skeyHash(infoHash), secret);
  effects.push({ type: "write", bytes: concat([markerOf(secret), torrent, offer]) });
  // The peer's padding ends where its verification constant appears; encrypting our own tells what to look for.
  const marker = VERIFICATION.slice();
  ciphers.incoming.apply(marker);
  state.ciphers = ciphers;
  state.marker = { bytes: marker, skipped: 0 };
  state.phase = "awaitingMarker";
}

/** The peer chose a method. */
export function onChoice(state: MseState, bytes: Uint8Array, effects: MseEffect[]): void {
  state.ciphers!.incoming.apply(bytes);
  const cursor = new Cursor(bytes, "chosen method"), selected = cursor.uint32(), padding = cursor.uint16();
  state.method = selectedMethod(state.setup.methods, selected);
  if (state.method === undefined) {
    return close(state, effects, "the peer chose a method that was not offered");
  }
  if (padding > MAX_PADDING) return close(state, effects, "padding too long");
  state.expected = padding;
  state.phase = "awaitingPadding";
}

/** The stream begins. */
export function onChoicePadding(state: MseState, bytes: Uint8Array, effects: MseEffect[]): void {
  state.ciphers!.incoming.apply(bytes);
  open(state, new Uint8Array(), effects);
}
