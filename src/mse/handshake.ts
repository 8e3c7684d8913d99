/**
 * The encrypted handshake (MSE, "message stream encryption") of either side, without the socket.
 *
 * Phases, outgoing: `awaitingProtocol -> awaitingKey -> awaitingMarker -> awaitingChoice -> awaitingPadding -> open`;
 * incoming: `awaitingProtocol (-> plain) -> awaitingKey -> awaitingMarker -> awaitingSkey -> awaitingAccept ->
 * awaitingOffer -> awaitingPadding -> awaitingPayload -> open`; `closed` from each.
 */

import { HeldBytes } from "./held_bytes.ts";
import { greet } from "./initiator.ts";
import { INFO_HASH_LENGTH } from "./keys.ts";
import { ENCRYPTION_POLICIES } from "./methods.ts";
import { accept, refuse } from "./responder.ts";
import { close, type MseSetup, type MseState, type Phase } from "./state.ts";
import { advance } from "./steps.ts";
import { DEFAULT_MSE_LIMITS, type MseEffect, type MseInput, type MseOptions } from "./vocabulary.ts";

/** The length of the initial payload is told in 16 bits. */
const MAX_INITIAL_PAYLOAD = 0xffff;

/** Bytes that wait for `accept`: the longest offer with its initial payload, and as much again. */
const MAX_WAITING = 0x2_0000;

const NO_EFFECTS: readonly MseEffect[] = [];

/**
 * The machine of one handshake: tell it what happened, do what it answers, call it again at its deadline. It is done
 * when it says `open`, `plain` or `close`.
 */
export class MseHandshake {
  readonly #state: MseState;
  readonly #startedAt: number;

  /**
   * Starts at `now`, in milliseconds. An outgoing handshake says its first word with the first tick.
   *
   * @throws {TypeError} If there is nothing to offer: a `disabled` policy for an outgoing handshake, or no methods.
   * @throws {RangeError} If the info hash has not 20 bytes or the initial payload has more than 65,535.
   */
  constructor(options: MseOptions, now: number) {
    const isOutgoing = options.direction === "outgoing";
    if (isOutgoing) checkOutgoing(options);
    this.#startedAt = now;
    this.#state = {
      setup: setupOf(options),
      held: new HeldBytes(),
      phase: "awaitingProtocol",
      privateKey: undefined,
      secret: undefined,
      marker: undefined,
      infoHash: isOutgoing ? options.infoHash : undefined,
      payload: isOutgoing && options.initialPayload || new Uint8Array(),
      ciphers: undefined,
      method: undefined,
      expected: 0,
    };
  }

  /** Where the handshake stands. */
  get phase(): Phase {
    return this.#state.phase;
  }

  /** When to call `handle({ type: "tick" }, now)`, in milliseconds; `undefined` once it is done. */
  deadline(): number | undefined {
    const { phase, setup, privateKey } = this.#state;
    if (isDone(phase)) return undefined;
    const isSilent = setup.direction === "outgoing" && privateKey === undefined;
    return isSilent ? this.#startedAt : this.#startedAt + setup.limits.handshakeTimeoutMs;
  }

  /**
   * Takes what happened and answers what to do, in this order. Whatever the peer sends, it does not throw.
   *
   * @throws {StateError} If `accept` or `refuse` comes unasked.
   * @throws {RangeError} If the accepted info hash has not 20 bytes.
   */
  handle(input: MseInput, now: number): readonly MseEffect[] {
    if (isDone(this.#state.phase)) return NO_EFFECTS;
    const effects: MseEffect[] = [];
    this.#dispatch(input, now, effects);
    return effects;
  }

  #dispatch(input: MseInput, now: number, effects: MseEffect[]): void {
    const state = this.#state;
    switch (input.type) {
      case "bytes":
        greet(state, effects);
        state.held.add(input.bytes);
        return this.#advance(effects);
      case "accept":
        checkInfoHash(input.infoHash);
        accept(state, input.infoHash, input.initialPayload ?? new Uint8Array());
        return this.#advance(effects);
      case "refuse":
        return refuse(state, effects);
      case "tick":
        greet(state, effects);
        if (now < this.#startedAt + state.setup.limits.handshakeTimeoutMs) return;
        return close(state, effects, "encrypted handshake timed out");
      case "close":
        return close(state, effects, "closed by us");
    }
  }

  #advance(effects: MseEffect[]): void {
    const state = this.#state;
    advance(state, effects);
    if (state.phase === "awaitingAccept" && state.held.length > MAX_WAITING) {
      close(state, effects, "too many bytes before the torrent was accepted");
    }
  }
}

function isDone(phase: Phase): boolean {
  return phase === "open" || phase === "plain" || phase === "closed";
}

function setupOf(options: MseOptions): MseSetup {
  const { direction, random, policy = "preferred" } = options, rules = ENCRYPTION_POLICIES[policy];
  const ways = direction === "outgoing" ? rules.dials : rules.accepts;
  const accepts = { plain: ways.includes("plain"), mse: ways.includes("mse") };
  const methods = options.methods ?? rules.methods;
  if (direction === "outgoing" && !accepts.mse) {
    throw new TypeError(`Cannot dial with encryption: the policy is "${policy}"`);
  }
  if (accepts.mse && methods.length === 0) throw new TypeError("Cannot encrypt: no method is allowed");
  return { direction, random, limits: { ...DEFAULT_MSE_LIMITS, ...options.limits }, methods, accepts };
}

function checkOutgoing({ infoHash, initialPayload }: Extract<MseOptions, { direction: "outgoing" }>): void {
  checkInfoHash(infoHash);
  const length = initialPayload?.length ?? 0;
  if (length > MAX_INITIAL_PAYLOAD) {
    throw new RangeError(
      `Cannot send ${length} bytes of initial payload: the limit is ${MAX_INITIAL_PAYLOAD}`,
    );
  }
}

function checkInfoHash({ length }: Uint8Array): void {
  if (length !== INFO_HASH_LENGTH) {
    throw new RangeError(`Cannot use info hash: expected ${INFO_HASH_LENGTH} bytes, got ${length}`);
  }
}
