/** How many nodes of the table lie in which network, so that nobody fills it from one corner (BEP 42 "rationale"). */

import type { PeerAddress } from "../peer/address.ts";
import { isLocalHost, networkOf, sourceOf } from "./network.ts";

/** Nodes of one /24 or /64 in the whole table; in one bucket there may be one. */
const MAX_PER_NETWORK = 3;

/** Counts hosts by network. Hosts of local networks do not count and are never too many. */
export class Census {
  readonly #networks = new Map<string, number>();
  readonly #sources = new Set<string>();

  /** A node at this address came in. */
  add(address: PeerAddress): void {
    if (isLocalHost(address.host)) return;
    const network = networkOf(address.host);
    this.#networks.set(network, (this.#networks.get(network) ?? 0) + 1);
    this.#sources.add(sourceOf(address));
  }

  /** A node at this address left. */
  remove(address: PeerAddress): void {
    if (isLocalHost(address.host)) return;
    const network = networkOf(address.host), left = (this.#networks.get(network) ?? 0) - 1;
    if (left > 0) this.#networks.set(network, left);
    else this.#networks.delete(network);
    this.#sources.delete(sourceOf(address));
  }

  /** Whether a node at this address may come into the table and into a bucket that holds nodes at `neighbours`. */
  admits(address: PeerAddress, neighbours: readonly { readonly address: PeerAddress }[]): boolean {
    if (isLocalHost(address.host)) return true;
    if (this.#sources.has(sourceOf(address))) return false;
    const network = networkOf(address.host);
    return (this.#networks.get(network) ?? 0) < MAX_PER_NETWORK &&
      !neighbours.some((neighbour) => networkOf(neighbour.address.host) === network);
  }
}
