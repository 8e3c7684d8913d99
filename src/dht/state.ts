/** The state of a DHT node: one record, changed by the functions of the topic files. */

import type { Random } from "../bytes/random.ts";
import type { PeerAddress } from "../peer/address.ts";
import { type AddressFamily, addressFamily } from "../peer/ip.ts";
import type { AddressVotes } from "./address_votes.ts";
import type { BloomFilter } from "./bloom_filter.ts";
import type { Contacts } from "./contacts.ts";
import type { DhtItem, ItemName, MutableItem } from "./item.ts";
import type { ItemStore } from "./item_store.ts";
import type { PeerStore } from "./peer_store.ts";
import type { RoutingTable } from "./routing_table.ts";
import type { Candidate, Shortlist } from "./shortlist.ts";
import type { SourceLimits } from "./source_limits.ts";
import type { TokenBook } from "./token.ts";
import type { Transactions } from "./transactions.ts";
import type { DhtEffect, DhtNodeState } from "./vocabulary.ts";

/** Everything that a node knows. */
export interface DhtState {
  readonly settings: DhtSettings;
  /** One or two. */
  readonly families: readonly Family[];
  readonly contacts: Contacts;
  readonly transactions: Transactions<Purpose>;
  readonly sources: SourceLimits;
  readonly tokens: TokenBook;
  readonly items: ItemStore;
  /** The user's operations under way. */
  readonly operations: Map<number, Operation | DirectOperation>;
  readonly verifications: Verifications;
  readonly upkeep: Upkeep;
  readonly traffic: Traffic;
  /** What the current call answers. */
  effects: DhtEffect[];
}

/** Messages counted since the node was made. */
export interface Traffic {
  queriesSent: number;
  repliesHeard: number;
  queriesAnswered: number;
}

/** What the user has chosen. */
export interface DhtSettings {
  readonly random: Random;
  /** Goes into `v`. */
  readonly version: Uint8Array;
  /** BEP 43. */
  readonly readOnly: boolean;
  /** BEP 42 "enforcement". */
  readonly enforceNodeIds: boolean;
}

/** The DHT of one family of addresses: they are two, with a table and peers of their own (BEP 32 "operation"). */
export interface Family {
  readonly version: AddressFamily;
  /** Replaced when our id changes. */
  table: RoutingTable;
  readonly peers: PeerStore;
  readonly votes: AddressVotes;
  /** Our address, once it is known. */
  externalHost: string | undefined;
}

/** Whom to answer, and to which of their queries. */
export interface Requester {
  readonly from: PeerAddress;
  /** `from` in compact form. */
  readonly compact: Uint8Array;
  /** Their transaction id: a view of their packet unless it was copied. */
  readonly transaction: Uint8Array;
}

/** What a query of ours was for. */
export type Purpose =
  /** A step of a lookup. */
  | { readonly type: "step"; readonly lookup: Lookup; readonly candidate: Candidate }
  /** An announce or a put at the end of a lookup. */
  | { readonly type: "write"; readonly lookup: Lookup; readonly candidate: Candidate }
  /** An operation with one node. */
  | { readonly type: "direct"; readonly operation: DirectOperation }
  /** Upkeep of the table. */
  | { readonly type: "check" };

/** One query to one node, for the user. */
export interface DirectOperation {
  readonly type: "ping" | "sample";
  readonly id: number;
}

/** Something that takes many queries: a lookup in each family. */
export interface Operation {
  /** The user's name for it; `undefined` for the node's own upkeep. */
  readonly id: number | undefined;
  readonly task: Task;
  readonly startedAt: number;
  /** One in each family. */
  readonly lookups: Lookup[];
  /** Signatures that are being checked for it. */
  verifying: number;
  queries: number;
  replies: number;
  /** Nothing more is to be done, although there may be more to ask. */
  isSatisfied: boolean;
  /** It has ended, one way or the other. */
  isOver: boolean;
}

/** What a new operation needs. */
export interface OperationStart {
  /** The user's name for it, if it is the user's. */
  readonly id: number | undefined;
  readonly task: Task;
  /** Where; everywhere by default. */
  readonly families?: readonly Family[];
  /** What is sought in each family. */
  readonly targetOf: (family: Family) => Uint8Array;
}

/** What an operation is about, and what it has found so far. */
export type Task =
  | { readonly type: "findNode" }
  /** Upkeep: fills the table on the way (BEP 5 "routing table"). */
  | { readonly type: "refresh"; readonly isBootstrap: boolean }
  | { readonly type: "getPeers"; readonly noSeed: boolean; readonly seen: Set<string> }
  | {
    readonly type: "announce";
    readonly port: number;
    readonly impliedPort: boolean;
    readonly seed: boolean;
    readonly seen: Set<string>;
    readonly writes: Writes;
  }
  | {
    readonly type: "scrape";
    readonly seeds: BloomFilter;
    readonly downloaders: BloomFilter;
    /** Peers told by nodes that know no filters. */
    readonly peers: Map<string, Uint8Array>;
  }
  | {
    readonly type: "getItem";
    readonly name: ItemName;
    readonly newerThan: bigint | undefined;
    /** The newest version found good. */
    best: DhtItem | undefined;
    /** Signatures checked or being checked, so that none is checked twice. */
    readonly checked: MutableItem[];
  }
  | {
    readonly type: "putItem";
    readonly item: DhtItem;
    readonly cas: bigint | undefined;
    readonly republish: boolean;
    /** A version newer than ours, found good. */
    best: DhtItem | undefined;
    readonly checked: MutableItem[];
    readonly writes: Writes;
  };

/** What became of announces or puts. */
export interface Writes {
  accepted: number;
  readonly refusals: number[];
  skipped: boolean;
}

/** A walk toward a target in one family (BEP 5 "overview"). */
export interface Lookup {
  readonly operation: Operation;
  readonly family: Family;
  readonly shortlist: Shortlist;
  phase: "walking" | "writing" | "ended";
  /** Nodes asked and waited for. */
  inFlight: number;
  /** Nodes asked in all. */
  asked: number;
  /** Nodes given something to store and waited for. */
  writesOpen: number;
}

/** Signatures being checked. */
export interface Verifications {
  next: number;
  readonly open: Map<number, Verification>;
}

/** What a signature was checked for. */
export type Verification =
  | {
    readonly type: "put";
    readonly item: MutableItem;
    readonly cas: bigint | undefined;
    readonly requester: Requester;
  }
  | { readonly type: "lookup"; readonly item: MutableItem; readonly operation: Operation };

/** What the node does of its own accord, and when. */
export interface Upkeep {
  state: DhtNodeState | undefined;
  /** The bootstrap under way. */
  bootstrap: Operation | undefined;
  /** When to bootstrap; `Infinity` when there is no need. */
  bootstrapAt: number;
  /** When the last bootstrap ended. */
  bootstrapEndedAt: number;
  /** Whether our id has changed since the last bootstrap began (BEP 42). */
  isRenamed: boolean;
  /** Bootstraps in a row that found nobody. */
  failures: number;
  /** When to look after the tables. */
  checkAt: number;
  /** When to forget what is too old in the stores. */
  sweepAt: number;
  /** Queries without reply that may be the fault of our own link; see `silence.ts`. */
  readonly unproven: { readonly to: PeerAddress; readonly sentAt: number }[];
  /** When somebody may again be asked for proof that the link works. */
  proofAt: number;
  /** Strangers who have asked something and will be pinged at `probeAt`. */
  readonly strangers: PeerAddress[];
  probeAt: number;
  /** How many more strangers may be pinged before `checkAt`. */
  probesLeft: number;
  /** Operations that have ended in this call. */
  readonly ended: Operation[];
  /** Operations of the user that wait for others to end, by id. */
  readonly queue: Map<number, OperationStart>;
}

/** The family that an address is of, if the node takes part in it. */
export function familyOf(state: DhtState, host: string): Family | undefined {
  const version = addressFamily(host);
  return state.families.find((family) => family.version === version);
}
