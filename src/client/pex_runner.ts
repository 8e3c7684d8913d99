/** Peer exchange of one torrent at work: runs the machine, finds connections by their keys (BEP 11). */

import type { Clock } from "../io/transport.ts";
import type { PeerAddress } from "../peer/address.ts";
import { PexExchange, type PexInput } from "../torrent/pex_exchange.ts";
import type { PeerKey } from "../torrent/vocabulary.ts";
import type { PexMessage } from "../wire/messages/pex.ts";

/** What peer exchange needs of its torrent. */
export interface PexRunnerOptions {
  readonly clock: Clock;
  /** Sends a message to a peer. */
  readonly send: (peer: PeerKey, message: PexMessage) => void;
  /** Addresses that a peer told. */
  readonly addPeers: (addresses: readonly PeerAddress[]) => void;
  /** Ends a connection that talks too much. */
  readonly close: (peer: PeerKey, reason: string) => void;
}

/** Runs peer exchange until `close`. */
export class PexRunner {
  readonly #options: PexRunnerOptions;
  readonly #machine = new PexExchange();
  #isClosed = false;
  #cancelWake: () => void = () => {};

  /** Tells nobody before there are peers. */
  constructor(options: PexRunnerOptions) {
    this.#options = options;
  }

  /** Tells the machine. */
  tell(input: PexInput): void {
    const { clock, send, addPeers, close } = this.#options;
    if (this.#isClosed) return;
    for (const effect of this.#machine.handle(input, clock.now())) {
      if (effect.type === "send") send(effect.peer, effect.message);
      else if (effect.type === "candidates") addPeers(effect.addresses);
      else close(effect.peer, effect.reason);
    }
    this.#cancelWake();
    const deadline = this.#machine.deadline();
    if (deadline === undefined || this.#isClosed) return;
    this.#cancelWake = clock.schedule(deadline, () => this.tell({ type: "tick" }));
  }

  /** Stops. Safe to call twice. */
  close(): void {
    this.#isClosed = true;
    this.#cancelWake();
  }
}
