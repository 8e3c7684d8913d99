/** How much a node remembers: counts, and about how many bytes, so that limits can be watched. */

import { BUCKET_SIZE } from "./bucket.ts";
import { MAX_ITEMS } from "./item_store.ts";
import { ID_LENGTH } from "./messages/node_info.ts";
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

/** Bytes of one entry of each kind, measured on V8 and rounded up. */
export const DHT_ENTRY_BYTES = {
  nodes: 900,
  infoHashes: 700,
  peers: 50,
  items: 1600,
  sources: 450,
  transactions: 600,
  operations: 20_000,
  verifications: 2_000,
} as const;

/** The most of each kind that others can make a node remember; nodes, info hashes and peers count in each family. */
export const DHT_LIMITS: {
  readonly [K in "nodes" | "infoHashes" | "peers" | "items" | "sources" | "transactions"]: number;
} = {
  nodes: BUCKET_SIZE * ID_LENGTH * 8,
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
  const kinds = Object.keys(DHT_ENTRY_BYTES) as (keyof typeof DHT_ENTRY_BYTES)[];
  const bytes = kinds.reduce((total, kind) => total + counts[kind] * DHT_ENTRY_BYTES[kind], 0);
  return { ...counts, buckets: sum(({ table }) => table.bucketCount), bytes, ...state.traffic };
}
