/**
 * A peer connection from handshake to close, without the socket (BEP 3, 6, 10).
 *
 * Phases: `awaitingHandshake -> awaitingAccept (incoming) -> awaitingPeerId -> opening -> open -> closed`; one that was
 * accepted from ourselves is `facingItself` until the side that dialled closes it.
 */

import { DecodeError } from "../errors.ts";
import { ExtensionTable } from "./extensions.ts";
import { onBytes } from "./framing.ts";
import { accept, greet, join } from "./handshaking.ts";
import { Intake } from "./intake.ts";
import { nextDeadline, onTick } from "./keep_alive.ts";
import { encodeReserved, type Feature } from "./messages/handshake.ts";
import { onPieceCount } from "./receiving.ts";
import { extend, send, sendAll, sendExtension } from "./sending.ts";
import { close, type ConnectionState, type Phase } from "./state.ts";
import {
  type ConnectionEffect,
  type ConnectionInput,
  type ConnectionOptions,
  DEFAULT_CONNECTION_LIMITS,
  type OfferedFeatures,
} from "./vocabulary.ts";

export type { ConnectionEffect, ConnectionInput, ConnectionOptions };

/** Both are almost everywhere, and this library speaks them. */
const DEFAULT_FEATURES: OfferedFeatures = { fast: true, extended: true };

const NO_EFFECTS: readonly ConnectionEffect[] = [];

/**
 * The machine of one connection: tell it what happened, do what it answers, call it again at its deadline. Before the
 * metadata is known (no piece count) messages about pieces, interest and choking are held back; they come out of the
 * `pieceCount` input.
 */
export class Connection {
  readonly #state: ConnectionState;

  /** Starts at `now`, in milliseconds. The handshake of an outgoing connection leaves with the first tick. */
  constructor(options: ConnectionOptions, now: number) {
    const features = { ...DEFAULT_FEATURES, ...options.features };
    const offered = (Object.keys(features) as (keyof OfferedFeatures)[]).filter((name) => features[name]);
    this.#state = {
      limits: { ...DEFAULT_CONNECTION_LIMITS, ...options.limits },
      ours: {
        peerId: options.peerId,
        reserved: encodeReserved(offered satisfies Feature[]),
        acceptable: acceptableHashes(options),
      },
      torrent: undefined,
      pieceCount: undefined,
      phase: "awaitingHandshake",
      sending: "nothing",
      peer: undefined,
      negotiated: { fast: false, extended: false, dht: false },
      extensions: new ExtensionTable(),
      waiting: new Intake(),
      intake: new Intake(),
      times: { now, startedAt: now, sentAt: now, receivedAt: now },
    };
    if (options.direction === "outgoing") join(this.#state, options);
  }

  /** Where the connection stands. */
  get phase(): Phase {
    return this.#state.phase;
  }

  /** Whether the peer understands an extension now, by its name in `m` (BEP 10). */
  understands(extension: string): boolean {
    return this.#state.extensions.isUnderstood(extension);
  }

  /** When to call `handle({ type: "tick" }, now)`, in milliseconds; `undefined` once closed. */
  deadline(): number | undefined {
    return nextDeadline(this.#state);
  }

  /**
   * Takes what happened and answers what to do, in this order. Whatever the peer sends, it does not throw.
   *
   * @throws {StateError} If a message is sent out of turn, or `accept` comes unasked.
   * @throws {RangeError} If something cannot be encoded.
   */
  handle(input: ConnectionInput, now: number): readonly ConnectionEffect[] {
    const state = this.#state;
    if (state.phase === "closed") return NO_EFFECTS;
    state.times.now = now;
    // Its effects are counted: a list that grows from nothing takes a quarter of the time of a message.
    if (input.type === "send") return send(state, input.message);
    const effects: ConnectionEffect[] = [];
    this.#dispatch(input, effects);
    return effects;
  }

  #dispatch(input: Exclude<ConnectionInput, { type: "send" }>, effects: ConnectionEffect[]): void {
    const state = this.#state;
    switch (input.type) {
      case "bytes":
        greet(state, effects);
        state.times.receivedAt = state.times.now;
        return receive(state, input.bytes, effects);
      case "accept":
        accept(state, input, effects);
        return receive(state, state.intake.release(), effects);
      case "sendAll":
        return sendAll(state, input.messages, effects);
      case "sendExtension":
        return sendExtension(state, input.message, effects);
      case "extend":
        return extend(state, input.extension, effects);
      case "written":
        state.times.sentAt = state.times.now;
        return;
      case "pieceCount":
        return onPieceCount(state, input.pieceCount, effects);
      case "tick":
        greet(state, effects);
        return onTick(state, effects);
      case "close":
        return close(state, effects, "closed by us");
    }
  }
}

/** The one place where a peer's broken bytes turn into a close. */
function receive(state: ConnectionState, bytes: Uint8Array, effects: ConnectionEffect[]): void {
  try {
    onBytes(state, bytes, effects);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    close(state, effects, "malformed message", error);
  }
}

function acceptableHashes(options: ConnectionOptions): Uint8Array[] {
  if (options.direction === "incoming") return [];
  const { infoHash, upgradedInfoHash, features } = options;
  return upgradedInfoHash !== undefined && features?.v2 ? [infoHash, upgradedInfoHash] : [infoHash];
}
