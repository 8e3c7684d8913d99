/** Our own messages: they obey the rules of the phase too, and leave as `write` effects. */

import { takeFromSlab } from "../bytes/slab.ts";
import { StateError } from "../errors.ts";
import type { ExtensionCodec, ExtensionMessage } from "./extensions.ts";
import {
  encodeMessageInto,
  encodeMessages,
  encodePieceHeader,
  messageLength,
} from "./messages/encode_message.ts";
import {
  messageIdOf,
  type PeerMessage,
  type PeerMessageType,
  PIECE_HEADER_LENGTH,
} from "./messages/message.ts";
import { type TalkPhase, verdictsOf } from "./rules.ts";
import { type ConnectionState, write, writing } from "./state.ts";
import type { ConnectionEffect } from "./vocabulary.ts";

/** Writes a message; the block of a `piece` is handed on without a copy, in a write of its own. */
export function send(state: ConnectionState, message: PeerMessage): readonly ConnectionEffect[] {
  state.sending = phaseAfter(state, requireOpen(state), message.type);
  if (message.type !== "piece") return [writing(state, encodeToSlab(message))];
  const { piece, begin, block } = message;
  const header = takeFromSlab(PIECE_HEADER_LENGTH);
  encodePieceHeader({ piece, begin, length: block.length }, header, 0);
  return [writing(state, header), writing(state, block)];
}

/** Writes messages in one allocation and one write. */
export function sendAll(
  state: ConnectionState,
  messages: readonly PeerMessage[],
  effects: ConnectionEffect[],
): void {
  let phase = requireOpen(state);
  for (const message of messages) phase = phaseAfter(state, phase, message.type);
  state.sending = phase;
  if (messages.length > 0) write(state, encodeMessages(messages), effects);
}

/** Writes an extension message, if the peer understands it. */
export function sendExtension(
  state: ConnectionState,
  message: ExtensionMessage,
  effects: ConnectionEffect[],
): void {
  requireOpen(state);
  const extended = state.negotiated.extended ? state.extensions.encode(message) : undefined;
  if (extended !== undefined) writeMessage(state, { type: "extended", ...extended }, effects);
}

/** Offers one more extension, and says so in a later handshake: `m` is additive (BEP 10 "handshake message"). */
export function extend(state: ConnectionState, extension: ExtensionCodec, effects: ConnectionEffect[]): void {
  requireOpen(state);
  const id = state.extensions.add(extension);
  if (id === undefined) return;
  sendExtension(state, { type: "extensionHandshake", ids: new Map([[extension.name, id]]) }, effects);
}

/** Writes a message as it is: who calls has seen to the rules. */
export function writeMessage(
  state: ConnectionState,
  message: PeerMessage,
  effects: ConnectionEffect[],
): void {
  write(state, encodeToSlab(message), effects);
}

/** Encodes a message into memory that it shares with others: a buffer of its own takes ten times as long. */
function encodeToSlab(message: PeerMessage): Uint8Array {
  const bytes = takeFromSlab(messageLength(message));
  encodeMessageInto(message, bytes, 0);
  return bytes;
}

/** How far our side is, once the handshake is over. */
function requireOpen(state: ConnectionState): TalkPhase {
  if ((state.phase !== "opening" && state.phase !== "open") || state.sending === "nothing") {
    throw new StateError(`Cannot send message: the connection is in phase "${state.phase}"`);
  }
  return state.sending;
}

/** Where a message of ours moves our side, or throws before anything has changed. */
function phaseAfter(state: ConnectionState, phase: TalkPhase, type: PeerMessageType): TalkPhase {
  if (type === "keepAlive") return phase;
  if (type === "extended" && !state.negotiated.extended) {
    throw new StateError("Cannot send message: extended without the extension protocol");
  }
  const verdict = verdictsOf(phase, state.negotiated.fast)[messageIdOf(type)]!;
  if (verdict === "opens") return "open";
  if (verdict !== "stays") throw new StateError(`Cannot send message: ${verdict}`);
  if (phase === "open" && (type === "bitfield" || type === "haveAll")) {
    throw new StateError(`Cannot send message: ${type} too late`); // only aria2 does so, see rules.ts
  }
  return phase;
}
