/** The state of an encrypted handshake, and what every step does with it: write, close, open. */

import type { Random } from "../bytes/random.ts";
import type { HeldBytes } from "./held_bytes.ts";
import type { StreamCiphers } from "./keys.ts";
import type { CryptoMethod } from "./methods.ts";
import type { MseCloseReason, MseEffect, MseLimits } from "./vocabulary.ts";

/** Where a handshake that we dialled waits for bytes: `STEPS` says what for. */
export type OutgoingPhase =
  | "awaitingProtocol"
  | "awaitingKey"
  | "awaitingMarker"
  | "awaitingChoice"
  | "awaitingPadding";

/** The same on the side that was dialled. */
export type IncomingPhase =
  | "awaitingProtocol"
  | "awaitingKey"
  | "awaitingMarker"
  | "awaitingSkey"
  | "awaitingOffer"
  | "awaitingPadding"
  | "awaitingPayload";

/**
 * Where a handshake stands. Outgoing: `awaitingProtocol -> awaitingKey -> awaitingMarker -> awaitingChoice ->
 * awaitingPadding -> open`. Incoming: `awaitingProtocol (-> plain) -> awaitingKey -> awaitingMarker -> awaitingSkey ->
 * awaitingAccept -> awaitingOffer -> awaitingPadding -> awaitingPayload -> open`. From each: `closed`.
 */
export type Phase = OutgoingPhase | IncomingPhase | "awaitingAccept" | "open" | "plain" | "closed";

/** What a handshake is told at its start. */
export interface MseSetup {
  readonly direction: "outgoing" | "incoming";
  readonly random: Random;
  readonly limits: MseLimits;
  /** What is offered and chosen from, the best first. */
  readonly methods: readonly CryptoMethod[];
  /** Which handshakes the policy has in this direction. */
  readonly accepts: { readonly plain: boolean; readonly mse: boolean };
}

/** Everything a handshake remembers. */
export interface MseState {
  readonly setup: MseSetup;
  readonly held: HeldBytes;
  phase: Phase;
  /** Ours; absent until our public key is written. */
  privateKey: Uint8Array | undefined;
  /** What both keys make; kept by who was dialled until the torrent is known as well. */
  secret: Uint8Array | undefined;
  /** What the other side says behind its padding, and how many bytes were passed over in search of it. */
  marker: { readonly bytes: Uint8Array; skipped: number } | undefined;
  /** Known from the start to who dialled. */
  infoHash: Uint8Array | undefined;
  /** The first bytes of our stream. */
  payload: Uint8Array;
  /** Absent until the secret and the torrent are known. */
  ciphers: StreamCiphers | undefined;
  /** What both sides agreed on. */
  method: CryptoMethod | undefined;
  /** Bytes of padding or initial payload that come next. */
  expected: number;
}

/** Ends the handshake in failure. */
export function close(state: MseState, effects: MseEffect[], reason: MseCloseReason): void {
  state.phase = "closed";
  effects.push({ type: "close", reason });
}

/** Ends the handshake in agreement; `payload` rode along, what is still held comes from the stream itself. */
export function open(state: MseState, payload: Uint8Array, effects: MseEffect[]): void {
  const { held, infoHash } = state, method = state.method!;
  const ciphers = method === "rc4" ? state.ciphers : undefined, rest = held.take(held.length)!;
  ciphers?.incoming.apply(rest);
  const initialPayload = new Uint8Array(payload.length + rest.length);
  initialPayload.set(payload);
  initialPayload.set(rest, payload.length);
  state.phase = "open";
  effects.push({ type: "open", method, infoHash: infoHash!, initialPayload, ciphers });
}
