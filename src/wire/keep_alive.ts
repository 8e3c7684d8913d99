/** Time on a connection: the handshake must end, silence must be broken, and a silent peer is given up (BEP 3 "peer messages"). */

import { writeMessage } from "./sending.ts";
import { close, type ConnectionState } from "./state.ts";
import type { ConnectionEffect } from "./vocabulary.ts";

/** When something is due. */
export function nextDeadline(state: ConnectionState): number | undefined {
  const { limits, times } = state;
  if (state.phase === "closed") return undefined;
  if (state.sending === "nothing" && state.torrent !== undefined) return times.startedAt;
  if (!isTalking(state)) return times.startedAt + limits.handshakeTimeoutMs;
  return Math.min(times.sentAt + limits.keepAliveMs, times.receivedAt + limits.silenceMs);
}

/** Does what is due. */
export function onTick(state: ConnectionState, effects: ConnectionEffect[]): void {
  const { limits, times } = state;
  if (!isTalking(state)) {
    if (times.now >= times.startedAt + limits.handshakeTimeoutMs) {
      close(state, effects, "handshake timed out");
    }
  } else if (times.now >= times.receivedAt + limits.silenceMs) {
    close(state, effects, "silent for too long");
  } else if (times.now >= times.sentAt + limits.keepAliveMs) {
    writeMessage(state, { type: "keepAlive" }, effects);
  }
}

function isTalking(state: ConnectionState): boolean {
  return state.phase === "opening" || state.phase === "open";
}
