/** What one peer was told about our connections, and what it must be told next (BEP 11 "protocol extension"). */

import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { isIpv6 } from "../peer/ip.ts";
import type { PexMessage, PexPeer } from "../wire/messages/pex.ts";
import { mayName } from "../peer/nearness.ts";

/** Most added entries of a message, IPv4 and IPv6 together, and most dropped ones (BEP 11). The first may have more: ours not. */
const MAX_ENTRIES = 50;
/** With fewer connections of a family than this, recent ones help out (BEP 11 "filling underpopulated lists"). */
export const UNDERPOPULATED = 25;

/** A connection that we ended for no fault of the peer's. */
export interface RecentPeer extends PexPeer {
  /** Counts up with every such connection. */
  readonly order: number;
}

/** What there is to tell. */
export interface PexNews {
  /** Peers that we are connected to, by formatted address. */
  readonly live: ReadonlyMap<string, PexPeer>;
  /** Peers that we were connected to just now, oldest first; none of them is live. */
  readonly recent: readonly RecentPeer[];
}

/** Who is told. */
export interface PexListener {
  /** The other end of its connection. */
  readonly address: PeerAddress;
  /** Where it listens, as far as it is known. */
  readonly listenAddress: PeerAddress | undefined;
}

/** The difference between what is so and what one peer believes. */
export class PexTold {
  /** Peers that were added and not dropped since, by formatted address. */
  readonly #told = new Map<string, PeerAddress>();
  /** The last of the recent peers that it was told. */
  #lastRecent = 0;

  /** The next message; `undefined` if the peer knows everything. */
  next(news: PexNews, { address: { host: to }, listenAddress }: PexListener): PexMessage | undefined {
    const selfKey = listenAddress && formatPeerAddress(listenAddress);
    const isFor = ({ address }: PexPeer, key: string) =>
      key !== selfKey && !this.#told.has(key) && mayName(to, address.host);
    // Before anything is dropped: whoever is dropped in this message must not be added in it, too.
    const added: [string, PexPeer][] = [];
    for (const [key, peer] of news.live) {
      if (added.length >= MAX_ENTRIES) break;
      if (isFor(peer, key)) added.push([key, peer]);
    }
    for (const peer of news.recent) {
      const key = formatPeerAddress(peer.address);
      if (added.length >= MAX_ENTRIES) break;
      if (peer.order <= this.#lastRecent || !isScarce(news.live, peer)) continue;
      this.#lastRecent = peer.order;
      if (isFor(peer, key)) added.push([key, peer]);
    }
    const dropped = [...this.#told].filter(([key]) => !news.live.has(key)).slice(0, MAX_ENTRIES);
    for (const [key] of dropped) this.#told.delete(key);
    for (const [key, { address }] of added) this.#told.set(key, address);
    if (added.length + dropped.length === 0) return undefined;
    return {
      type: "pex",
      added: added.map(([, { address, flags }]) => ({ address, flags })),
      dropped: dropped.map(([, address]) => address),
    };
  }
}

/** Whether there are few connections of a peer's family. */
function isScarce(live: ReadonlyMap<string, PexPeer>, { address }: PexPeer): boolean {
  let count = 0;
  for (const peer of live.values()) if (isIpv6(peer.address.host) === isIpv6(address.host)) count++;
  return count < UNDERPOPULATED;
}
