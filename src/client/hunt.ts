/** What looks for metadata or piece layers, in the first life of a torrent. */

import type { PeerAddress } from "../peer/address.ts";
import type { CandidateSource } from "../torrent/vocabulary.ts";
import type { TorrentFacts } from "./handshake_offer.ts";

/** A search among peers for what a magnet link leaves out; over when it is closed. */
export interface Hunt {
  /** What handshakes say meanwhile. */
  readonly facts: TorrentFacts;
  /** Blocks of the metadata that are here, and in all; 0 while no peer has told how many. */
  readonly progress: { readonly received: number; readonly blockCount: number };
  /** How many peers are connected. */
  readonly peers: number;
  /** Takes addresses of peers. */
  addPeers(source: CandidateSource, addresses: readonly PeerAddress[]): void;
  /** An address under which peers see us: it orders the dials (BEP 40). */
  setOurAddress(address: PeerAddress): void;
  /** Stops; connections are the desk's matter. */
  close(): void;
}
