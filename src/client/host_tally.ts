/** How much each host has of something that there is little of, so that nobody takes it all. */

import { encodeHex } from "../bytes/text.ts";
import { addressScope, isIpv6, parseIp } from "../peer/ip.ts";

/** Who stands behind an address: on the internet an IPv6 host has as many as it likes, so its network counts. */
export function hostKey(host: string): string {
  const bytes = isIpv6(host) && addressScope(host) === "global" ? parseIp(host) : undefined;
  return bytes === undefined ? host : encodeHex(bytes.subarray(0, 8));
}

/** So much for each key, and no more. */
export class Tally {
  readonly #most: number;
  readonly #taken = new Map<string, number>();

  /** Gives each key up to `most`. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Takes one, if there is one left. */
  take(key: string): boolean {
    const taken = this.#taken.get(key) ?? 0;
    if (taken >= this.#most) return false;
    this.#taken.set(key, taken + 1);
    return true;
  }

  /** Gives one back that was taken. */
  give(key: string): void {
    const taken = this.#taken.get(key) ?? 0;
    if (taken <= 1) this.#taken.delete(key);
    else this.#taken.set(key, taken - 1);
  }
}
