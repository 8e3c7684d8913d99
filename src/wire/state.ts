/** The state of a peer connection, and what every topic does with it: write and close. */

import type { DecodeError } from "../errors.ts";
import type { ExtensionTable } from "./extensions.ts";
import type { Intake } from "./intake.ts";
import type { HandshakePrefix } from "./messages/handshake.ts";
import type { TalkPhase } from "./rules.ts";
import type { CloseReason, ConnectionEffect, ConnectionLimits, TorrentOffer } from "./vocabulary.ts";

/**
 * Where a connection stands: `awaitingHandshake -> awaitingAccept (incoming) -> awaitingPeerId -> opening -> open ->
 * closed`. One that was accepted from ourselves is `facingItself` until the other side has seen that too.
 */
export type Phase =
  | "awaitingHandshake"
  | "awaitingAccept"
  | "awaitingPeerId"
  | "facingItself"
  | TalkPhase
  | "closed";

/** Everything a connection remembers. */
export interface ConnectionState {
  readonly limits: ConnectionLimits;
  /** Our handshake; `acceptable` are the info hashes that an outgoing connection takes for an answer. */
  readonly ours: {
    readonly peerId: Uint8Array;
    readonly reserved: Uint8Array;
    readonly acceptable: readonly Uint8Array[];
  };
  /** What the torrent contributes; absent for an incoming connection until it is accepted. */
  torrent: TorrentOffer | undefined;
  /** Absent until the info dictionary is known. */
  pieceCount: number | undefined;
  phase: Phase;
  /** How far our own side is; `nothing` until our handshake is written. */
  sending: "nothing" | TalkPhase;
  /** The peer's handshake so far. */
  peer: HandshakePrefix | undefined;
  /** What both sides speak. */
  negotiated: { readonly fast: boolean; readonly extended: boolean; readonly dht: boolean };
  extensions: ExtensionTable;
  /** Messages, each with its length prefix, that wait for the metadata. */
  readonly waiting: Intake;
  readonly intake: Intake;
  /** In milliseconds: this call, the first call, the last write, the last bytes. */
  readonly times: { now: number; readonly startedAt: number; sentAt: number; receivedAt: number };
}

/** The effect that gives bytes to the world, which ends our silence. */
export function writing(state: ConnectionState, bytes: Uint8Array): ConnectionEffect {
  state.times.sentAt = state.times.now;
  return { type: "write", bytes };
}

/** Gives bytes to the world after what else is to be done. */
export function write(state: ConnectionState, bytes: Uint8Array, effects: ConnectionEffect[]): void {
  effects.push(writing(state, bytes));
}

/** Ends the connection; nothing that came after counts. */
export function close(
  state: ConnectionState,
  effects: ConnectionEffect[],
  reason: CloseReason,
  error?: DecodeError,
): void {
  state.phase = "closed";
  state.waiting.forget();
  state.intake.forget();
  effects.push(error === undefined ? { type: "close", reason } : { type: "close", reason, error });
}
