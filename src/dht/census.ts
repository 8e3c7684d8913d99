/** How many nodes of the table lie in which network, so that nobody fills it from one corner (BEP 42 "rationale"). */

import { isLocalHost, networkOf, sourceOf } from "./network.ts";

/** Nodes of one /24 or /64 in the whole table; in one bucket there may be one. */
const MAX_PER_NETWORK = 3;

/** Counts hosts by network. Hosts of local networks do not count and are never too many. */
export class Census {
  readonly #networks = new Map<string, number>();
  readonly #sources = new Set<string>();

  /** A node at `host` came in. */
  add(host: string): void {
    if (isLocalHost(host)) return;
    const network = networkOf(host);
    this.#networks.set(network, (this.#networks.get(network) ?? 0) + 1);
    this.#sources.add(sourceOf(host));
  }

  /** A node at `host` left. */
  remove(host: string): void {
    if (isLocalHost(host)) return;
    const network = networkOf(host), left = (this.#networks.get(network) ?? 0) - 1;
    if (left > 0) this.#networks.set(network, left);
    else this.#networks.delete(network);
    this.#sources.delete(sourceOf(host));
  }

  /** Whether `host` may come into the table and into a bucket that holds nodes at `neighbours`. */
  admits(host: string, neighbours: readonly { readonly address: { readonly host: string } }[]): boolean {
    if (isLocalHost(host)) return true;
    if (this.#sources.has(sourceOf(host))) return false;
    const network = networkOf(host);
    return (this.#networks.get(network) ?? 0) < MAX_PER_NETWORK &&
      !neighbours.some(({ address }) => networkOf(address.host) === network);
  }
}
