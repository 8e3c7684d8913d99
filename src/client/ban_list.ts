/** Hosts that no torrent of a client talks to any more. */

import { hostKey } from "./host_tally.ts";

/** Bans in force; the oldest ends first. */
const MOST_BANNED = 4096;

/** Bans whoever stands behind an address: on the internet an IPv6 host has as many as it likes. */
export class BanList {
  readonly #keys = new Set<string>();

  /** Whether a host is banned. */
  has(host: string): boolean {
    return this.#keys.has(hostKey(host));
  }

  /** Bans a host. */
  add(host: string): void {
    this.#keys.add(hostKey(host));
    const [oldest] = this.#keys;
    if (this.#keys.size > MOST_BANNED) this.#keys.delete(oldest!);
  }
}
