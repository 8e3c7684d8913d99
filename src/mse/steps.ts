/** What is waited for in which phase, and who takes it: a table for either side. */

import { equals } from "@std/bytes/equals";
import { PROTOCOL_NAME } from "../wire/messages/handshake.ts";
import { onAnsweredKey, onChoice, onChoicePadding } from "./initiator.ts";
import { KEY_LENGTH } from "./key_exchange.ts";
import { MAX_PADDING, METHODS_LENGTH, VERIFICATION } from "./parts.ts";
import { onKey, onOffer, onOfferPadding, onPayload, onPlain, onSkey } from "./responder.ts";
import { INFO_HASH_LENGTH } from "./keys.ts";
import { close, type IncomingPhase, type MseState, type OutgoingPhase, type Phase } from "./state.ts";
import type { MseEffect } from "./vocabulary.ts";

/** Takes what is held a step further; `false` if that needs more bytes. */
type Step = (state: MseState, effects: MseEffect[]) => boolean;

/** The step of every phase that waits for bytes. */
export const STEPS: {
  readonly outgoing: Readonly<Record<OutgoingPhase, Step>>;
  readonly incoming: Readonly<Record<IncomingPhase, Step>>;
} = {
  outgoing: {
    awaitingProtocol: tellPlain((state, effects) =>
      close(state, effects, "the peer answered with a plain handshake")
    ),
    awaitingKey: unit(KEY_LENGTH, onAnsweredKey),
    awaitingMarker: search("awaitingChoice"),
    awaitingChoice: unit(METHODS_LENGTH, onChoice),
    awaitingPadding: unit("expected", onChoicePadding),
  },
  incoming: {
    awaitingProtocol: tellPlain(onPlain),
    awaitingKey: unit(KEY_LENGTH, onKey),
    awaitingMarker: search("awaitingSkey"),
    awaitingSkey: unit(INFO_HASH_LENGTH, onSkey),
    awaitingOffer: unit(VERIFICATION.length + METHODS_LENGTH, onOffer),
    awaitingPadding: unit("expected", onOfferPadding),
    awaitingPayload: unit("expected", onPayload),
  },
};

/** Goes through the phases as far as the bytes reach. */
export function advance(state: MseState, effects: MseEffect[]): void {
  const steps: Partial<Record<Phase, Step>> = STEPS[state.setup.direction];
  while (steps[state.phase]?.(state, effects));
}

/**
 * A public key is told from a plain handshake by the first byte that differs. A key that begins with the protocol's name
 * comes once in 2^160 connections.
 */
function tellPlain(onName: (state: MseState, effects: MseEffect[]) => void): Step {
  return (state, effects) => {
    const start = state.held.bytes.subarray(0, PROTOCOL_NAME.length);
    if (start.length === 0) return false;
    if (!state.setup.accepts.mse) onName(state, effects); // whatever it is, nobody here can tell
    else if (start.some((byte, i) => byte !== PROTOCOL_NAME[i])) state.phase = "awaitingKey";
    else if (start.length === PROTOCOL_NAME.length) onName(state, effects);
    else return false;
    return true;
  };
}

/** Waits for so many bytes. */
function unit(
  length: number | "expected",
  on: (state: MseState, bytes: Uint8Array, effects: MseEffect[]) => void,
): Step {
  return (state, effects) => {
    const bytes = state.held.take(length === "expected" ? state.expected : length);
    if (bytes === undefined) return false;
    on(state, bytes, effects);
    return true;
  };
}

/** Looks for the end of the other side's padding, no further than padding may go. */
function search(next: "awaitingChoice" | "awaitingSkey"): Step {
  return (state, effects) => {
    const marker = state.marker!, { length } = marker.bytes;
    if (state.held.length < length) return false;
    if (equals(state.held.bytes.subarray(0, length), marker.bytes)) {
      state.held.take(length);
      state.phase = next;
    } else if (marker.skipped++ === MAX_PADDING) {
      close(state, effects, "the peer does not speak MSE");
    } else {
      state.held.take(1);
    }
    return true;
  };
}
