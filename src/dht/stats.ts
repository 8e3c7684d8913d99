/** How much a node remembers: counts, and about how many bytes, so that limits can be watched. */

import { MAX_ITEMS } from "./item_store.ts";
import { MAX_INFO_HASHES, MAX_PEERS } from "./peer_store.ts";
import { MAX_SOURCES } from "./source_limits.ts";
import type { DhtState } from "./state.ts";
import { MAX_TRANSACTIONS } from "./transactions.ts";

/** What a node remembers, every count of which has a limit, and what it has done. */
export interface DhtStats {
  /** Nodes in the tables; at most 8 in each bucket. */
  readonly nodes: number;
  /** Buckets of the tables; at most 160 in each family. */
  readonly buckets: number;
  /** Info hashes that others have announced. */
  readonly infoHashes: number;
  /** Peers that others have announced. */
  readonly peers: number;
  /** Items that others have stored. */
  readonly items: number;
  /** Senders of queries. */
  readonly sources: number;
  /** Queries without reply. */
  readonly transactions: number;
  /** Operations of the user, under way or waiting. */
  readonly operations: number;
  /** Signatures being checked. */
  readonly verifications: number;
  /** About how many bytes all this takes. */
  readonly bytes: number;
  /** Queries sent since the node was made. */
  readonly queriesSent: number;
  /** Replies and errors that answered them. */
  readonly repliesHeard: number;
  /** Queries of others that were answered, with a reply or an error. */
  readonly queriesAnswered: number;
}

/** Bytes of one entry, measured on V8 and rounded up. */
const ENTRY_BYTES = {
  nodes: 900,
  infoHashes: 700,
  peers: 50,
  items: 1600,
  sources: 300,
  transactions: 600,
  operations: 20_000,
  verifications: 2_000,
} as const;

/** The limits in each family or in all; see the rooms' files for their reasons. */
export const DHT_LIMITS: {
  readonly [K in "infoHashes" | "peers" | "items" | "sources" | "transactions"]: number;
} = {
  infoHashes: MAX_INFO_HASHES,
  peers: MAX_PEERS,
  items: MAX_ITEMS,
  sources: MAX_SOURCES,
  transactions: MAX_TRANSACTIONS,
};

/** Counts. */
export function statsOf(state: DhtState): DhtStats {
  const sum = (count: (family: DhtState["families"][number]) => number) =>
    state.families.reduce((total, family) => total + count(family), 0);
  const counts = {
    nodes: sum(({ table }) => table.size),
    infoHashes: sum(({ peers }) => peers.infoHashCount),
    peers: sum(({ peers }) => peers.peerCount),
    items: state.items.size,
    sources: state.sources.size,
    transactions: state.transactions.size,
    operations: state.operations.size + state.upkeep.queue.size,
    verifications: state.verifications.open.size,
  };
  const kinds = Object.keys(ENTRY_BYTES) as (keyof typeof ENTRY_BYTES)[];
  const bytes = kinds.reduce((total, kind) => total + counts[kind] * ENTRY_BYTES[kind], 0);
  return { ...counts, buckets: sum(({ table }) => table.bucketCount), bytes, ...state.traffic };
}
