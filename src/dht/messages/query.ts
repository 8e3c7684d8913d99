/** What a node can be asked: one variant per query (BEP 5, 32, 33, 44, 51). */

import type { AddressFamily } from "../../peer/ip.ts";

/** "Are you there?" (BEP 5 "ping"). */
export interface PingQuery {
  /** Tells queries apart. */
  readonly type: "ping";
  /** Id of the node that asks. */
  readonly id: Uint8Array;
}

/** "Whom do you know near this id?" (BEP 5 "find_node"). */
export interface FindNodeQuery {
  /** Tells queries apart. */
  readonly type: "findNode";
  /** Id of the node that asks. */
  readonly id: Uint8Array;
  /** The id sought, 20 bytes. */
  readonly target: Uint8Array;
  /** Families of nodes wanted in the reply; absent means the family of the packet (BEP 32 "want"). */
  readonly want?: readonly AddressFamily[] | undefined;
}

/** "Who has this torrent?" (BEP 5 "get_peers"). */
export interface GetPeersQuery {
  /** Tells queries apart. */
  readonly type: "getPeers";
  /** Id of the node that asks. */
  readonly id: Uint8Array;
  /** The torrent, 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Families of nodes wanted in the reply (BEP 32 "want"). */
  readonly want?: readonly AddressFamily[] | undefined;
  /** Prefer peers that are no seeds (BEP 33 "noseed"). */
  readonly noSeed?: boolean | undefined;
  /** Answer with Bloom filters of seeds and downloaders (BEP 33 "scrape"). */
  readonly scrape?: boolean | undefined;
}

/** "I have this torrent, or part of it" (BEP 5 "announce_peer"). */
export interface AnnouncePeerQuery {
  /** Tells queries apart. */
  readonly type: "announcePeer";
  /** Id of the node that asks. */
  readonly id: Uint8Array;
  /** The torrent, 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Port of the peer; not looked at when `impliedPort` is set. */
  readonly port: number;
  /** The peer's port is the source port of this packet. */
  readonly impliedPort?: boolean | undefined;
  /** What the node gave us in reply to `get_peers`. */
  readonly token: Uint8Array;
  /** The peer has all of it (BEP 33 "new announce_peer semantics"). */
  readonly seed?: boolean | undefined;
}

/** "What is stored here?" (BEP 44 "get message"). */
export interface GetQuery {
  /** Tells queries apart. */
  readonly type: "get";
  /** Id of the node that asks. */
  readonly id: Uint8Array;
  /** The item's target, 20 bytes. */
  readonly target: Uint8Array;
  /** Send a mutable item only if its sequence number is above this one. */
  readonly seq?: bigint | undefined;
  /** Families of nodes wanted in the reply (BEP 32 "want"). */
  readonly want?: readonly AddressFamily[] | undefined;
}

/** "Store this" (BEP 44 "put message"): immutable without `mutable`. */
export interface PutQuery {
  /** Tells queries apart. */
  readonly type: "put";
  /** Id of the node that asks. */
  readonly id: Uint8Array;
  /** What the node gave us in reply to `get`. */
  readonly token: Uint8Array;
  /** The value in its bencoded form. */
  readonly value: Uint8Array;
  /** What makes the item mutable. */
  readonly mutable?: {
    /** Ed25519 public key, 32 bytes. */
    readonly publicKey: Uint8Array;
    /** Signature, 64 bytes. */
    readonly signature: Uint8Array;
    /** Sequence number of this value. */
    readonly seq: bigint;
    /** Tells several items of one key apart. */
    readonly salt?: Uint8Array | undefined;
    /** Store only if this is the sequence number stored now (BEP 44 "CAS"). */
    readonly cas?: bigint | undefined;
  } | undefined;
}

/** "Which torrents do you hold peers for?" (BEP 51 "sampling RPC"). */
export interface SampleInfohashesQuery {
  /** Tells queries apart. */
  readonly type: "sampleInfohashes";
  /** Id of the node that asks. */
  readonly id: Uint8Array;
  /** The reply also names nodes near this id. */
  readonly target: Uint8Array;
  /** Families of nodes wanted in the reply (BEP 32 "want"). */
  readonly want?: readonly AddressFamily[] | undefined;
}

/** A query that this library does not know; with a target it can still be answered with nodes near it. */
export interface UnknownQuery {
  /** Tells queries apart. */
  readonly type: "unknown";
  /** What it calls itself, a byte string. */
  readonly method: string;
  /** Id of the node that asks. */
  readonly id: Uint8Array;
  /** Its `target` or `info_hash`, if it has one of 20 bytes. */
  readonly target?: Uint8Array | undefined;
  /** Families of nodes wanted in the reply (BEP 32 "want"). */
  readonly want?: readonly AddressFamily[] | undefined;
}

/** A query with arguments that make no sense: worth an error 203 (BEP 5 "errors"). */
export interface InvalidQuery {
  /** Tells queries apart. */
  readonly type: "invalid";
  /** What is wrong. */
  readonly reason: string;
}

/** Everything that can come in as a query. */
export type DhtQuery =
  | PingQuery
  | FindNodeQuery
  | GetPeersQuery
  | AnnouncePeerQuery
  | GetQuery
  | PutQuery
  | SampleInfohashesQuery
  | UnknownQuery
  | InvalidQuery;

/** Everything that can be sent as a query. */
export type SendableQuery = Exclude<DhtQuery, UnknownQuery | InvalidQuery>;
