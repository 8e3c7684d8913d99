/** Peers of one torrent that learn of each other: runs peer exchange (BEP 11), and the relay that knows by it who is here (BEP 55). */

import type { Clock } from "../io/transport.ts";
import { WakeTimer } from "../io/wake_timer.ts";
import type { PeerAddress } from "../peer/address.ts";
import { PexExchange, type PexInput } from "../torrent/pex_exchange.ts";
import type { PeerKey } from "../torrent/vocabulary.ts";
import type { HolepunchMessage } from "../wire/messages/holepunch.ts";
import type { PexMessage } from "../wire/messages/pex.ts";
import { RelayRunner } from "./relay_runner.ts";

/** What peer exchange needs of its torrent. */
export interface PexRunnerOptions {
  readonly clock: Clock;
  /** Sends a message to a peer. */
  readonly send: (peer: PeerKey, message: PexMessage | HolepunchMessage) => void;
  /** Addresses that a peer told. */
  readonly addPeers: (addresses: readonly PeerAddress[]) => void;
  /** Ends a connection that talks too much. */
  readonly close: (peer: PeerKey, reason: string) => void;
}

/** Runs peer exchange until `close`. */
export class PexRunner {
  readonly #options: PexRunnerOptions;
  readonly #machine = new PexExchange();
  readonly #relay: RelayRunner;
  readonly #timer: WakeTimer;
  #isClosed = false;

  /** Tells nobody before there are peers. */
  constructor(options: PexRunnerOptions) {
    this.#options = options;
    this.#timer = new WakeTimer({
      clock: options.clock,
      machine: this.#machine,
      onDue: () => this.tell({ type: "tick" }),
    });
    this.#relay = new RelayRunner({ ...options, peers: () => this.#machine.peers() });
  }

  /** Tells the machine. */
  tell(input: PexInput): void {
    const { clock, send, addPeers, close } = this.#options;
    if (this.#isClosed) return;
    if (input.type === "ourAddress") this.#relay.setOurAddress(input.address);
    if (input.type === "peerClosed") this.#relay.closed(input.peer);
    for (const effect of this.#machine.handle(input, clock.now())) {
      if (effect.type === "send") send(effect.peer, effect.message);
      else if (effect.type === "candidates") addPeers(effect.addresses);
      else close(effect.peer, effect.reason);
    }
    this.#timer.update();
  }

  /** A hole punching message came. */
  introduce(peer: PeerKey, message: HolepunchMessage): void {
    if (!this.#isClosed) this.#relay.heard(peer, message);
  }

  /** Stops. Safe to call twice. */
  close(): void {
    this.#isClosed = true;
    this.#timer.close();
  }
}
