/** Messages from the peer: the rules of the phase, then the ranges that need the piece count, then out as effects. */

import { DecodeError } from "../errors.ts";
import type { ExtensionMessage } from "./extensions.ts";
import { decodeMessageAt } from "./messages/decode_message.ts";
import type { NumberedMessage, PeerMessage } from "./messages/message.ts";
import { BEFORE_METADATA, verdictsOf } from "./rules.ts";
import { close, type ConnectionState, type Delivery } from "./state.ts";
import type { CloseReason, ConnectionEffect } from "./vocabulary.ts";

/** Takes the message that lies from `start` (its id) to `end`. @throws {DecodeError} If its length does not fit its id. */
export function onMessage(
  state: ConnectionState,
  bytes: Uint8Array,
  start: number,
  end: number,
  effects: ConnectionEffect[],
): void {
  const verdicts = verdictsOf(state.phase as "opening" | "open", state.negotiated.fast);
  const verdict = verdicts[bytes[start]!];
  if (verdict === undefined) return; // nobody knows this id: skipped (BEP 10 names no other way to grow)
  if (verdict === "opens") state.phase = "open";
  else if (verdict !== "stays") return close(state, effects, verdict);
  const message = decodeMessageAt(bytes, start, end)!;
  if (message.type === "extended") onExtended(state, message.id, message.payload, effects);
  else if (state.pieceCount === undefined) onEarlyMessage(state, message, effects);
  else deliver(state, { type: "message", message }, state.pieceCount, effects);
}

/** The info dictionary is known: checks and gives out what waited for it, in the order of arrival. */
export function onPieceCount(state: ConnectionState, pieceCount: number, effects: ConnectionEffect[]): void {
  if (!Number.isInteger(pieceCount) || pieceCount < 1) {
    throw new RangeError(`Cannot use piece count ${pieceCount}: not a positive integer`);
  }
  const { waiting } = state;
  state.pieceCount = pieceCount;
  state.waiting = [];
  for (const effect of waiting) {
    if (state.phase !== "closed") deliver(state, effect, pieceCount, effects);
  }
}

/** Gives a message out, unless it speaks of pieces that do not exist. */
function deliver(
  state: ConnectionState,
  effect: Delivery,
  pieceCount: number,
  effects: ConnectionEffect[],
): void {
  const fault = faultOf(effect.message, pieceCount, state.limits.maxBlockLength);
  if (fault === undefined) effects.push(effect);
  else close(state, effects, fault);
}

/** What can be wrong with a message whose bytes are right. Offsets inside pieces are for the torrent to check. */
function faultOf(
  message: PeerMessage | ExtensionMessage,
  pieceCount: number,
  maxBlockLength: number,
): CloseReason | undefined {
  switch (message.type) {
    case "request":
      if (message.length === 0 || message.length > maxBlockLength) return "request of a length out of range";
      return message.piece < pieceCount ? undefined : "piece index out of range";
    case "piece":
    case "have":
    case "cancel":
    case "suggest":
    case "reject":
    case "allowedFast":
    case "dontHave":
      return message.piece < pieceCount ? undefined : "piece index out of range";
    case "bitfield":
      return isBitfield(message.bits, pieceCount) ? undefined : "bitfield of another length";
  }
}

/** Whether the bytes are just enough and the spare bits at the end are zero (BEP 3 "bitfield"). */
function isBitfield(bits: Uint8Array, pieceCount: number): boolean {
  const spare = bits.length * 8 - pieceCount;
  return spare >= 0 && spare < 8 && (bits[bits.length - 1]! & (1 << spare) - 1) === 0;
}

/** Before the metadata is known there is nothing to check against. */
function onEarlyMessage(
  state: ConnectionState,
  message: NumberedMessage,
  effects: ConnectionEffect[],
): void {
  const rule = BEFORE_METADATA[message.type];
  if (rule === "passes") effects.push({ type: "message", message });
  else if (rule === "waits") wait(state, { type: "message", message: owned(message) }, effects);
  else close(state, effects, rule);
}

function wait(state: ConnectionState, effect: Delivery, effects: ConnectionEffect[]): void {
  if (state.waiting.length < state.limits.maxWaiting) state.waiting.push(effect);
  else close(state, effects, "too many messages before the metadata");
}

/** A message that waits outlives the bytes it came in. */
function owned(message: NumberedMessage): NumberedMessage {
  if (message.type === "bitfield") return { ...message, bits: message.bits.slice() };
  return "piecesRoot" in message ? { ...message, piecesRoot: message.piecesRoot.slice() } : message;
}

/** BEP 10; who never offered it is not understood, like any unknown message. */
function onExtended(
  state: ConnectionState,
  id: number,
  payload: Uint8Array,
  effects: ConnectionEffect[],
): void {
  if (!state.negotiated.extended) return;
  try {
    const message = state.extensions.decode(id, payload);
    if (message === undefined) return;
    const effect = { type: "extension", message } as const;
    if (state.pieceCount !== undefined) deliver(state, effect, state.pieceCount, effects);
    else if (message.type === "dontHave") wait(state, effect, effects);
    else effects.push(effect);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    close(state, effects, "malformed extension message", error);
  }
}
