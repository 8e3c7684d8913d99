/** Messages from the peer: the rules of the phase, then the ranges that need the piece count, then out as effects. */

import { DecodeError } from "../errors.ts";
import type { ExtensionMessage } from "./extensions.ts";
import { decodeMessageAt } from "./messages/decode_message.ts";
import { MESSAGE_IDS, messageTypeOf, PREFIX_LENGTH } from "./messages/message.ts";
import { readUint32, writeUint32 } from "./messages/uint32.ts";
import { BEFORE_METADATA, type VerdictsById } from "./rules.ts";
import { close, type ConnectionState } from "./state.ts";
import type { CloseReason, ConnectionEffect } from "./vocabulary.ts";

const IDS = MESSAGE_IDS; // a name of this module's own: see decode_message.ts

/** 1 for the ids of messages that begin with a piece index. */
const NAMES_PIECE = new Uint8Array(256);
for (const type of ["have", "request", "piece", "cancel", "suggest", "reject", "allowedFast"] as const) {
  NAMES_PIECE[IDS[type]] = 1;
}

/** Takes the message that lies from `start` (its id) to `end`. @throws {DecodeError} If its length does not fit its id. */
export function onMessage(
  state: ConnectionState,
  verdicts: VerdictsById,
  bytes: Uint8Array,
  start: number,
  end: number,
  effects: ConnectionEffect[],
): void {
  const verdict = verdicts[bytes[start]!];
  if (verdict === undefined) return; // an id that nobody knows is skipped: it may be a newer BEP's
  if (verdict === "opens") state.phase = "open";
  else if (verdict !== "stays") return close(state, effects, verdict);
  if (state.pieceCount === undefined) onEarlyMessage(state, bytes, start, end, effects);
  else deliver(state, bytes, start, end, effects);
}

/** The info dictionary is known: checks and gives out what waited for it, in the order of arrival. */
export function onPieceCount(state: ConnectionState, pieceCount: number, effects: ConnectionEffect[]): void {
  if (!Number.isInteger(pieceCount) || pieceCount < 1) {
    throw new RangeError(`Cannot use piece count ${pieceCount}: not a positive integer`);
  }
  state.pieceCount = pieceCount;
  const waiting = state.waiting.release();
  for (let at = 0; at < waiting.length && state.phase !== "closed";) {
    const start = at + PREFIX_LENGTH, end = start + readUint32(waiting, at);
    deliver(state, waiting, start, end, effects);
    at = end;
  }
  state.waiting.forget();
}

/** Gives a message out, unless it speaks of pieces that do not exist. */
function deliver(
  state: ConnectionState,
  bytes: Uint8Array,
  start: number,
  end: number,
  effects: ConnectionEffect[],
): void {
  // What kind of message it is, is asked of its id: the objects are of too many shapes to be looked into cheaply.
  if (bytes[start] === IDS.extended) return onExtended(state, bytes, start, end, effects);
  const message = decodeMessageAt(bytes, start, end)!;
  const fault = state.pieceCount === undefined
    ? undefined
    : faultAt(state, bytes, start, end, state.pieceCount);
  if (fault === undefined) effects.push({ type: "message", message });
  else close(state, effects, fault);
}

/** What can be wrong with a message whose length is right. Offsets inside pieces are for the torrent to check. */
function faultAt(
  state: ConnectionState,
  bytes: Uint8Array,
  start: number,
  end: number,
  pieceCount: number,
): CloseReason | undefined {
  const id = bytes[start]!;
  if (id === IDS.request) {
    const length = readUint32(bytes, start + 9);
    if (length === 0 || length > state.limits.maxBlockLength) return "request of a length out of range";
  }
  if (NAMES_PIECE[id] === 1) return faultOfPiece(readUint32(bytes, start + 1), pieceCount);
  if (id === IDS.bitfield && !isBitfield(bytes.subarray(start + 1, end), pieceCount)) {
    return "bitfield of another length";
  }
}

function faultOfPiece(piece: number, pieceCount: number): CloseReason | undefined {
  return piece < pieceCount ? undefined : "piece index out of range";
}

/** Whether the bytes are just enough and the spare bits at the end are zero (BEP 3 "bitfield"). */
function isBitfield(bits: Uint8Array, pieceCount: number): boolean {
  const spare = bits.length * 8 - pieceCount;
  return spare >= 0 && spare < 8 && (bits[bits.length - 1]! & (1 << spare) - 1) === 0;
}

/** Before the metadata is known there is nothing to check against but the form. */
function onEarlyMessage(
  state: ConnectionState,
  bytes: Uint8Array,
  start: number,
  end: number,
  effects: ConnectionEffect[],
): void {
  const rule = BEFORE_METADATA[messageTypeOf(bytes[start]!)!];
  if (rule === "passes") return deliver(state, bytes, start, end, effects);
  if (rule !== "waits") return close(state, effects, rule);
  decodeMessageAt(bytes, start, end);
  wait(state, bytes, start, end, effects);
}

/** Keeps a message, with a length prefix, to be read again when the metadata is known. */
function wait(
  state: ConnectionState,
  bytes: Uint8Array,
  start: number,
  end: number,
  effects: ConnectionEffect[],
): void {
  const { waiting, limits } = state, prefix = new Uint8Array(PREFIX_LENGTH);
  if (waiting.held + PREFIX_LENGTH + end - start > limits.maxWaitingLength) {
    return close(state, effects, "too many messages before the metadata");
  }
  writeUint32(prefix, 0, end - start);
  waiting.hold(prefix, 0, PREFIX_LENGTH);
  waiting.hold(bytes, start, end);
}

/** BEP 10; who never offered it is not understood, like any unknown message. */
function onExtended(
  state: ConnectionState,
  bytes: Uint8Array,
  start: number,
  end: number,
  effects: ConnectionEffect[],
): void {
  if (!state.negotiated.extended) return;
  const message = readExtension(state, bytes, start, end, effects);
  if (message === undefined) return;
  if (message.type === "dontHave") {
    // It takes a `have` back, so it must not overtake it.
    if (state.pieceCount === undefined) return wait(state, bytes, start, end, effects);
    const fault = faultOfPiece(message.piece, state.pieceCount);
    if (fault !== undefined) return close(state, effects, fault);
  }
  effects.push({ type: "extension", message });
}

function readExtension(
  state: ConnectionState,
  bytes: Uint8Array,
  start: number,
  end: number,
  effects: ConnectionEffect[],
): ExtensionMessage | undefined {
  const id = start + 1, payload = id + 1;
  if (payload > end) throw new DecodeError("Cannot decode extended: expected an id");
  try {
    return state.extensions.decode(bytes[id]!, bytes.subarray(payload, end));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    close(state, effects, "malformed extension message", error);
  }
}
