/**
 * Cuts the incoming stream into its units: the two parts of the handshake, then messages with a length prefix (BEP 3
 * "peer protocol"). Units are read where they lie; only one that straddles two reads is copied.
 */

import { onHandshakePrefix, onPeerId } from "./handshaking.ts";
import { HANDSHAKE_PEER_ID_LENGTH, HANDSHAKE_PREFIX_LENGTH, PROTOCOL_NAME } from "./messages/handshake.ts";
import { MESSAGE_IDS, MESSAGE_LENGTHS, PREFIX_LENGTH } from "./messages/message.ts";
import { readUint32 } from "./messages/uint32.ts";
import { onMessage } from "./receiving.ts";
import { type TalkPhase, verdictsOf } from "./rules.ts";
import { close, type ConnectionState, type Phase } from "./state.ts";
import type { ConnectionEffect } from "./vocabulary.ts";

const IDS = MESSAGE_IDS, LENGTHS = MESSAGE_LENGTHS; // names of this module's own: see decode_message.ts

/** Takes the bytes of one read. @throws {DecodeError} If they break the form of a message. */
export function onBytes(state: ConnectionState, bytes: Uint8Array, effects: ConnectionEffect[]): void {
  let at = 0;
  if (state.phase !== "awaitingAccept") {
    if (state.intake.held > 0) at = completeHeld(state, bytes, effects);
    at = cutInPlace(state, bytes, at, effects);
  }
  if (at < bytes.length && state.phase !== "closed") keep(state, bytes, at, effects);
}

/** Adds to the held start of a unit until it is whole; answers how many bytes that took. */
function completeHeld(state: ConnectionState, bytes: Uint8Array, effects: ConnectionEffect[]): number {
  const { intake } = state;
  let at = 0;
  while (intake.held < intake.expected) {
    if (at === bytes.length) return at;
    const end = Math.min(bytes.length, at + intake.expected - intake.held);
    intake.hold(bytes, at, end);
    at = end;
    if (intake.held < intake.expected) continue;
    intake.expected = unitLength(state, intake.bytes, 0, intake.held, effects); // its head may tell more now
    if (state.phase === "closed") return at;
  }
  const unit = intake.release();
  onUnit(state, unit, 0, unit.length, effects);
  return at;
}

/** Deals with the whole units from `start` on; answers where the first that is not whole begins. */
function cutInPlace(
  state: ConnectionState,
  bytes: Uint8Array,
  start: number,
  effects: ConnectionEffect[],
): number {
  let at = start;
  while (at < bytes.length && state.phase !== "closed" && state.phase !== "awaitingAccept") {
    const end = isTalking(state.phase)
      ? cutMessages(state, bytes, at, effects)
      : cutHandshake(state, bytes, at, effects);
    if (end === at) break;
    at = end;
  }
  return at;
}

function cutHandshake(
  state: ConnectionState,
  bytes: Uint8Array,
  at: number,
  effects: ConnectionEffect[],
): number {
  const length = unitLength(state, bytes, at, bytes.length - at, effects);
  if (length > bytes.length - at) {
    state.intake.expected = length;
    return at;
  }
  onUnit(state, bytes, at, at + length, effects);
  return at + length;
}

/**
 * Cuts messages until one is not whole or changes the phase. The phase is asked for once a message, and its rules once a
 * run: asked for wherever they count, they cost as much as reading the message.
 */
function cutMessages(
  state: ConnectionState,
  bytes: Uint8Array,
  start: number,
  effects: ConnectionEffect[],
): number {
  const phase = state.phase as TalkPhase, verdicts = verdictsOf(phase, state.negotiated.fast);
  let at = start;
  while (at < bytes.length && state.phase === phase) {
    const length = messageUnitLength(state, bytes, at, bytes.length - at, effects);
    if (length > bytes.length - at) {
      state.intake.expected = length;
      break;
    }
    // Nothing behind the prefix is a keep-alive.
    if (length > PREFIX_LENGTH) onMessage(state, verdicts, bytes, at + PREFIX_LENGTH, at + length, effects);
    at += length;
  }
  return at;
}

function keep(state: ConnectionState, bytes: Uint8Array, at: number, effects: ConnectionEffect[]): void {
  const { intake, limits } = state;
  if (state.phase === "awaitingAccept" && intake.held + bytes.length - at > limits.maxMessageLength) {
    return close(state, effects, "too many bytes before the handshake was answered");
  }
  intake.hold(bytes, at, bytes.length);
}

/**
 * The length of the unit at `at`, as far as `available` bytes of it tell. One that may not come closes the connection
 * before it is waited for; then the answer is `Infinity`.
 */
function unitLength(
  state: ConnectionState,
  bytes: Uint8Array,
  at: number,
  available: number,
  effects: ConnectionEffect[],
): number {
  if (state.phase === "awaitingPeerId") return HANDSHAKE_PEER_ID_LENGTH;
  if (state.phase === "awaitingHandshake") return handshakeLength(state, bytes, at, available, effects);
  if (state.phase === "facingItself") {
    close(state, effects, "connected to itself"); // we would have said nothing more
    return Infinity;
  }
  return messageUnitLength(state, bytes, at, available, effects);
}

function messageUnitLength(
  state: ConnectionState,
  bytes: Uint8Array,
  at: number,
  available: number,
  effects: ConnectionEffect[],
): number {
  if (available < PREFIX_LENGTH) return PREFIX_LENGTH;
  const length = readUint32(bytes, at), { maxMessageLength, maxBlockLength } = state.limits;
  if (length > maxMessageLength) {
    close(state, effects, "message too long");
    return Infinity;
  }
  if (length > 0 && available === PREFIX_LENGTH) return PREFIX_LENGTH + 1;
  if (length > LENGTHS.piece + maxBlockLength && bytes[at + PREFIX_LENGTH] === IDS.piece) {
    close(state, effects, "block too long");
    return Infinity;
  }
  return PREFIX_LENGTH + length;
}

/** Another protocol is known by its first wrong byte, so the name is taken byte by byte. */
function handshakeLength(
  state: ConnectionState,
  bytes: Uint8Array,
  at: number,
  available: number,
  effects: ConnectionEffect[],
): number {
  for (let i = 0; i < Math.min(available, PROTOCOL_NAME.length); i++) {
    if (bytes[at + i] === PROTOCOL_NAME[i]) continue;
    close(state, effects, "not a BitTorrent handshake");
    return Infinity;
  }
  return available < PROTOCOL_NAME.length ? available + 1 : HANDSHAKE_PREFIX_LENGTH;
}

function onUnit(
  state: ConnectionState,
  bytes: Uint8Array,
  start: number,
  end: number,
  effects: ConnectionEffect[],
): void {
  switch (state.phase) {
    case "awaitingHandshake":
      return onHandshakePrefix(state, bytes.subarray(start, end), effects);
    case "awaitingPeerId":
      return onPeerId(state, bytes.subarray(start, end), effects);
    default:
      cutMessages(state, bytes.subarray(start, end), 0, effects);
  }
}

function isTalking(phase: Phase): phase is TalkPhase {
  return phase === "open" || phase === "opening";
}
