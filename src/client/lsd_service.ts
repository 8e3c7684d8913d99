/** Local service discovery in a client: one runner for all public torrents, started with the first of them (BEP 14). */

import { asError } from "../errors.ts";
import type { Random } from "../bytes/random.ts";
import { LsdRunner } from "../io/lsd_runner.ts";
import type { Clock, Network } from "../io/transport.ts";
import type { PeerAddress } from "../peer/address.ts";

/** What the service needs of its client. */
export interface LsdServiceOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  /** The address we listen on, if it is one and not every. */
  readonly host: string | undefined;
  /** The TCP port where our peers listen. */
  readonly port: () => number | undefined;
  /** There is no multicast to be had: the client goes on without. Called once. */
  readonly onFailed: (error: Error) => void;
}

/** Announces torrents in the local network, and hears of others who do. */
export class LsdService {
  readonly #options: LsdServiceOptions;
  #runner: Promise<LsdRunner | undefined> | undefined;
  #isClosed = false;

  /** Joins no group yet. */
  constructor(options: LsdServiceOptions) {
    this.#options = options;
  }

  /** Announces a torrent from now on; the answer ends it. */
  join(infoHash: Uint8Array, onPeer: (address: PeerAddress) => void): () => void {
    let leave = () => {}, hasLeft = false;
    void this.#start().then((runner) => {
      if (runner !== undefined && !hasLeft && !this.#isClosed) leave = runner.join(infoHash, onPeer);
    });
    return () => {
      hasLeft = true;
      leave();
    };
  }

  /** Where our peers listen from now on; `undefined` if nowhere. */
  async listensOn(port: number | undefined): Promise<void> {
    (await this.#runner)?.listensOn(port);
  }

  /** Leaves the groups. Safe to call twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await (await this.#runner)?.close();
  }

  #start(): Promise<LsdRunner | undefined> {
    const { network, clock, random, host, port, onFailed } = this.#options, listenPort = port();
    return this.#runner ??= LsdRunner.start({
      network,
      clock,
      random,
      ...(host !== undefined && { host }),
      ...(listenPort !== undefined && { port: listenPort }),
    }).catch((error) => void onFailed(asError(error)));
  }
}
