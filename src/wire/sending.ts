/** Our own messages: they obey the rules of the phase too, and leave as `write` effects. */

import { StateError } from "../errors.ts";
import type { ExtensionMessage } from "./extensions.ts";
import { encodeMessage, encodeMessages, encodePieceHeader } from "./messages/encode_message.ts";
import { MESSAGE_IDS, type PeerMessage, PIECE_HEADER_LENGTH } from "./messages/message.ts";
import { type TalkPhase, verdictsOf } from "./rules.ts";
import { type ConnectionState, write } from "./state.ts";
import type { ConnectionEffect } from "./vocabulary.ts";

/** Writes a message; the block of a `piece` is handed on without a copy, in a write of its own. */
export function send(state: ConnectionState, message: PeerMessage, effects: ConnectionEffect[]): void {
  obey(state, [message]);
  if (message.type !== "piece") return write(state, encodeMessage(message), effects);
  const { piece, begin, block } = message, header = new Uint8Array(PIECE_HEADER_LENGTH);
  encodePieceHeader({ piece, begin, length: block.length }, header, 0);
  write(state, header, effects);
  write(state, block, effects);
}

/** Writes messages in one allocation and one write. */
export function sendAll(
  state: ConnectionState,
  messages: readonly PeerMessage[],
  effects: ConnectionEffect[],
): void {
  obey(state, messages);
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
  if (extended !== undefined) write(state, encodeMessage({ type: "extended", ...extended }), effects);
}

/** Moves our side on, or throws before anything has changed. */
function obey(state: ConnectionState, messages: readonly PeerMessage[]): void {
  requireOpen(state);
  let phase = state.sending as TalkPhase;
  for (const message of messages) {
    if (message.type === "keepAlive") continue;
    const verdict = verdictsOf(phase, state.negotiated.fast)[MESSAGE_IDS[message.type]]!;
    if (verdict === "opens") phase = "open";
    else if (verdict !== "stays") throw new StateError(`Cannot send message: ${verdict}`);
    if (message.type === "extended" && !state.negotiated.extended) {
      throw new StateError("Cannot send message: extended without the extension protocol");
    }
  }
  state.sending = phase;
}

function requireOpen(state: ConnectionState): void {
  if (state.phase !== "opening" && state.phase !== "open") {
    throw new StateError(`Cannot send message: the connection is in phase "${state.phase}"`);
  }
}
