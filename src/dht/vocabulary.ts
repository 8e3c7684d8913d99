/** What goes into a DHT node and what comes out of it: one variant per message. */

import type { PeerAddress } from "../peer/address.ts";
import type { AddressFamily } from "../peer/ip.ts";
import type { DhtItem, ItemName } from "./item.ts";
import type { NodeContact } from "./messages/node_info.ts";

/** Names one operation of the user, from the input that starts it to its `done` or `failed`. Chosen by the user. */
export type OperationId = number;

/** What happened in the world, and what the user wants. */
export type DhtInput =
  /** A datagram came in. The bytes may be reused after the call. */
  | { readonly type: "datagram"; readonly from: PeerAddress; readonly bytes: Uint8Array }
  /** Somebody may be a node: from a PORT message (BEP 5), a torrent's `nodes`, the user. */
  | { readonly type: "addNode"; readonly address: PeerAddress }
  /** A well-known node to begin with. It is asked only when needed and never comes into the table. */
  | { readonly type: "addRouter"; readonly address: PeerAddress }
  /** Our address as the world sees it, from a source that is trusted: port mapping, the user. */
  | { readonly type: "externalAddress"; readonly host: string }
  /** Asks one node whether it is there: `pong`, then `done`. */
  | { readonly type: "ping"; readonly id: OperationId; readonly address: PeerAddress }
  /** Finds the nodes nearest to a target: `nodes`, then `done`. */
  | { readonly type: "findNode"; readonly id: OperationId; readonly target: Uint8Array }
  /** Finds peers of a torrent: `peers` as they come in, then `done`. */
  | {
    readonly type: "getPeers";
    readonly id: OperationId;
    readonly infoHash: Uint8Array;
    /** Prefer peers that are no seeds (BEP 33). */
    readonly noSeed?: boolean;
  }
  /** Finds peers of a torrent and tells the nodes nearest to it that we are one: `peers`, `stored`, then `done`. */
  | {
    readonly type: "announce";
    readonly id: OperationId;
    readonly infoHash: Uint8Array;
    /** The port of our peer. */
    readonly port: number;
    /** Let the nodes take the port that our datagrams come from: right behind a NAT, with uTP on the same socket. */
    readonly impliedPort?: boolean;
    /** We have everything (BEP 33). */
    readonly seed?: boolean;
  }
  /** Estimates the size of a swarm without joining it (BEP 33): `swarm`, then `done`. */
  | { readonly type: "scrape"; readonly id: OperationId; readonly infoHash: Uint8Array }
  /** Finds an item (BEP 44): `item` for each newer version found, then `done`. */
  | {
    readonly type: "getItem";
    readonly id: OperationId;
    readonly name: ItemName;
    /** Only versions above this one are of interest. */
    readonly newerThan?: bigint;
  }
  /** Stores an item on the nodes nearest to its target (BEP 44): `stored`, then `done`; `item` if a newer one exists. */
  | {
    readonly type: "putItem";
    readonly id: OperationId;
    readonly item: DhtItem;
    /** Store only where this is the version stored now (BEP 44 "CAS"). */
    readonly cas?: bigint;
    /** Not our own news: store nothing if enough nodes hold it already (BEP 44 "expiration"). */
    readonly republish?: boolean;
  }
  /** Asks one node for info hashes it holds peers for (BEP 51): `samples`, then `done`. */
  | {
    readonly type: "sample";
    readonly id: OperationId;
    readonly address: PeerAddress;
    /** The node also names nodes near this id. */
    readonly target: Uint8Array;
  }
  /** Ends an operation; nothing more is heard of it. */
  | { readonly type: "abort"; readonly id: OperationId }
  /** Answers a `verify` effect. */
  | { readonly type: "verified"; readonly verification: number; readonly valid: boolean }
  /** `deadline()` was reached. */
  | { readonly type: "tick" };

/** Where a node stands. */
export type DhtNodeState =
  /** Asking the nodes it was given for more. */
  | "bootstrapping"
  /** It knows nodes that answer. */
  | "ready"
  /** Nobody it knows of answers, or it knows of nobody; it tries again from time to time. */
  | "unreachable";

/** What an operation took. */
export interface OperationReport {
  /** Queries sent. */
  readonly queries: number;
  /** Replies to them. */
  readonly replies: number;
  /** Length of the longest chain of nodes, each named by the one before, that led to a node near the target. */
  readonly hops: number;
}

/** Why an operation with one node came to nothing. */
export type OperationFailure =
  /** No reply. */
  | "timeout"
  /** The node answered with an error. */
  | "refused"
  /** Too many queries are under way. */
  | "busy";

/** What the world must do now, in this order, and what the user learns. */
export type DhtEffect =
  | { readonly type: "send"; readonly to: PeerAddress; readonly bytes: Uint8Array }
  /** Check an Ed25519 signature, then say `verified`. Every one must be answered. */
  | {
    readonly type: "verify";
    readonly verification: number;
    readonly publicKey: Uint8Array;
    readonly signature: Uint8Array;
    readonly message: Uint8Array;
  }
  | {
    readonly type: "pong";
    readonly id: OperationId;
    readonly node: NodeContact;
    readonly roundTripMs: number;
  }
  /** The nodes nearest to the target that answered, nearest first, up to eight of each family. */
  | { readonly type: "nodes"; readonly id: OperationId; readonly nodes: readonly NodeContact[] }
  /** Peers not named before in this operation. */
  | { readonly type: "peers"; readonly id: OperationId; readonly peers: readonly PeerAddress[] }
  /** About how many peers a swarm has (BEP 33). */
  | {
    readonly type: "swarm";
    readonly id: OperationId;
    readonly seeds: number;
    readonly downloaders: number;
  }
  /** An item that was sought, newer than all before it; signature or hash are right. */
  | { readonly type: "item"; readonly id: OperationId; readonly item: DhtItem }
  /** An announce or a put has come to its end. */
  | {
    readonly type: "stored";
    readonly id: OperationId;
    /** How many nodes have taken it. */
    readonly nodes: number;
    /** Error codes of those that have not; see `KRPC_ERRORS`. */
    readonly refusals: readonly number[];
    /** It was a republishing, and not needed. */
    readonly skipped: boolean;
  }
  /** What one node holds (BEP 51). */
  | {
    readonly type: "samples";
    readonly id: OperationId;
    readonly node: NodeContact;
    readonly infoHashes: readonly Uint8Array[];
    /** How many it holds in all; `undefined` if the node does not know this query. */
    readonly total: number | undefined;
    /** How long not to ask this node again. */
    readonly intervalMs: number;
    /** Nodes near the target. */
    readonly nodes: readonly NodeContact[];
  }
  /** An operation is over. */
  | { readonly type: "done"; readonly id: OperationId; readonly report: OperationReport }
  /** An operation with one node came to nothing. */
  | { readonly type: "failed"; readonly id: OperationId; readonly reason: OperationFailure }
  /** The world sees us at this address: enough nodes say so, or the user did (BEP 42). */
  | { readonly type: "externalAddress"; readonly host: string }
  /** We have another id from now on (BEP 42). */
  | { readonly type: "nodeId"; readonly family: AddressFamily; readonly nodeId: Uint8Array }
  | { readonly type: "state"; readonly state: DhtNodeState };
