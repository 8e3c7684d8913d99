/** How much of a store each network has filled: one attacker has many addresses, but seldom many networks. */

import { compactNearness } from "./network.ts";

/** Counts what was stored, by the network that it came from; of local networks nothing counts. */
export class NetworkShares {
  readonly #most: number;
  readonly #counts = new Map<number, number>();

  /** No network may have more than `most`. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether the network of a compact address has all that it may have. */
  isSpent(compact: Uint8Array): boolean {
    return (this.#counts.get(siteOf(compact)) ?? 0) >= this.#most;
  }

  /** Counts one more thing, and answers what `giveBack` needs when it is forgotten. */
  take(compact: Uint8Array): number | undefined {
    if (compactNearness(compact) !== 0) return undefined;
    const site = siteOf(compact);
    this.#counts.set(site, (this.#counts.get(site) ?? 0) + 1);
    return site;
  }

  /** Something was forgotten. */
  giveBack(site: number | undefined): void {
    if (site === undefined) return;
    const left = (this.#counts.get(site) ?? 0) - 1;
    if (left > 0) this.#counts.set(site, left);
    else this.#counts.delete(site);
  }
}

/** The /24 of an IPv4 address, or the /48 of IPv6: some subscribers command as much, with 65,536 networks of /64. */
function siteOf(compact: Uint8Array): number {
  let site = 0;
  for (let i = 0; i < (compact.length === 6 ? 3 : 6); i++) site = site * 256 + compact[i]!;
  return site;
}
