/** Addresses of peers that were heard of before the content was at work: while metadata is fetched, while files are checked. */

import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import type { CandidateSource } from "../torrent/vocabulary.ts";

/** Addresses kept: what a few trackers give. */
const MOST_KEPT = 1000;

/** Sources that a private torrent may have peers from (BEP 27). */
const PRIVATE_SOURCES: readonly CandidateSource[] = ["tracker", "user"];

/** An address and where it was learnt. */
export interface EarlyPeer {
  readonly source: CandidateSource;
  readonly address: PeerAddress;
}

/** Keeps addresses, the first ones and each once, until somebody can use them. */
export class EarlyPeers {
  readonly #kept = new Map<string, EarlyPeer>();

  /** Takes addresses as long as there is room. */
  add(source: CandidateSource, addresses: readonly PeerAddress[]): void {
    for (const address of addresses) {
      const key = formatPeerAddress(address);
      if (this.#kept.size < MOST_KEPT && !this.#kept.has(key)) this.#kept.set(key, { source, address });
    }
  }

  /** What there is, as far as a torrent may use it that is private or not; it is kept no longer. */
  take({ isPrivate }: { readonly isPrivate: boolean }): readonly EarlyPeer[] {
    const taken = [...this.#kept.values()].filter(({ source }) =>
      !isPrivate || PRIVATE_SOURCES.includes(source)
    );
    this.#kept.clear();
    return taken;
  }
}
