/** What the world says our address is: believed when nodes of several networks agree (BEP 42 "bootstrapping"). */

import { isLocalHost, networkOf } from "./network.ts";

/** Networks whose word counts; the oldest is forgotten first. */
const MAX_VOTERS = 32;

/** So many networks must agree, and be more than half of those that have spoken. */
const QUORUM = 4;

/** What an address is settled by; and another one after it, lest a host with two of them change its id all the time. */
const MAJORITY = 1 / 2, OVERTURN = 3 / 4;

/** Counts one vote per network. */
export class AddressVotes {
  readonly #votes = new Map<string, string>();

  /** The node at `voter` says that we are `host`. Answers with our address if that is settled now, as it may have been before. */
  vote(voter: string, host: string, settled?: string): string | undefined {
    // Nodes of our own network see us from inside.
    if (isLocalHost(voter) || isLocalHost(host)) return undefined;
    const network = networkOf(voter);
    this.#votes.delete(network);
    this.#votes.set(network, host);
    for (const oldest of this.#votes.keys()) {
      if (this.#votes.size <= MAX_VOTERS) break;
      this.#votes.delete(oldest);
    }
    let agreeing = 0;
    for (const vote of this.#votes.values()) if (vote === host) agreeing++;
    const share = settled === undefined || settled === host ? MAJORITY : OVERTURN;
    return agreeing >= QUORUM && agreeing > this.#votes.size * share ? host : undefined;
  }
}
