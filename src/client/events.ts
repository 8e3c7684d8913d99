/** What a client tells: events as one discriminated union, and snapshots of a torrent's state. */

import type { DhtNodeState } from "../dht/vocabulary.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { AddressFamily } from "../peer/ip.ts";

/** What a torrent is doing; `metadata`: a magnet link looks for its info dictionary. */
export type TorrentState =
  | "metadata"
  | "checking"
  | "downloading"
  | "seeding"
  | "paused"
  | "failed"
  | "closed";

/** A torrent in numbers, at one moment. Lengths in bytes, rates in bytes a second. */
export interface TorrentStatus {
  /** What it is doing. */
  readonly state: TorrentState;
  /** Bytes of wanted files. */
  readonly wantedLength: number;
  /** Bytes of wanted files that are verified. */
  readonly completedLength: number;
  /** Pieces in all; 0 while they are not known. */
  readonly pieceCount: number;
  /** Pieces that are verified. */
  readonly completedPieces: number;
  /** Payload bytes from peers and web seeds since the torrent was added, also those that were wasted. */
  readonly downloaded: number;
  /** Those of them that came from web seeds. */
  readonly webSeedDownloaded: number;
  /** Payload bytes to peers since the torrent was added. */
  readonly uploaded: number;
  /** Payload bytes that came twice or failed their hash. */
  readonly wasted: number;
  /** From peers and web seeds, now. */
  readonly downloadRate: number;
  /** To peers, now. */
  readonly uploadRate: number;
  /** Connected peers. */
  readonly peers: number;
  /** Connected peers that have everything. */
  readonly seeds: number;
  /** Web servers that content is downloaded from, or may be later (BEP 17, 19). */
  readonly webSeeds: number;
  /** Known addresses not connected. */
  readonly candidates: number;
  /** Seconds until complete at the present rate; `undefined` when nothing moves. */
  readonly eta: number | undefined;
  /** How much of a magnet link's metadata is here, 0 to 1. */
  readonly metadata: number;
  /** The same in blocks of 16 KiB (BEP 9). */
  readonly metadataBlocks: number;
  /** Blocks of the metadata in all; 0 while no peer has told how many. */
  readonly metadataBlockCount: number;
  /** How far a check has come, 0 to 1, while `state` is "checking". */
  readonly checked: number;
  /** Why the torrent failed. */
  readonly error: Error | undefined;
}

/** A connected peer at one moment. Rates in bytes a second. */
export interface PeerStatus {
  /** The other end of the connection. */
  readonly address: PeerAddress;
  /** Who opened it. */
  readonly direction: "outgoing" | "incoming";
  /** The peer's id, 20 bytes (BEP 20). */
  readonly peerId: Uint8Array;
  /** Name and version of its software, in its own words or as its id tells; on one line (BEP 10 `v`, BEP 20). */
  readonly client: string | undefined;
  /** How many pieces it has; 0 while the metadata is not known. */
  readonly pieces: number;
  /** It has every piece, or wants nothing (BEP 21). */
  readonly uploadOnly: boolean;
  /** Payload from it. */
  readonly downloadRate: number;
  /** Payload to it. */
  readonly uploadRate: number;
}

/** Something that happened to one torrent. `infoHash` is 40 hex digits. */
export type TorrentEvent =
  /** The metadata of a magnet link is here. */
  | { readonly type: "metadata"; readonly infoHash: string; readonly metainfo: Metainfo }
  /** The content on disk was looked at: so many pieces are there. */
  | { readonly type: "checked"; readonly infoHash: string; readonly completedPieces: number }
  | { readonly type: "state"; readonly infoHash: string; readonly state: TorrentState }
  /** At most a few times a second. */
  | { readonly type: "progress"; readonly infoHash: string; readonly status: TorrentStatus }
  | { readonly type: "piece"; readonly infoHash: string; readonly piece: number }
  | { readonly type: "fileCompleted"; readonly infoHash: string; readonly file: number }
  /** Every wanted file is complete and verified. */
  | { readonly type: "completed"; readonly infoHash: string }
  | {
    readonly type: "peerConnected";
    readonly infoHash: string;
    readonly address: PeerAddress;
    readonly direction: "outgoing" | "incoming";
    /** Name and version of the peer's software, where its id tells (BEP 20). */
    readonly client: string | undefined;
  }
  /** A connected peer has told which software it runs (BEP 10 `v`); once for each connection. */
  | {
    readonly type: "peerIdentified";
    readonly infoHash: string;
    readonly address: PeerAddress;
    /** Name and version in the peer's own words: at most 64 characters, on one line, without control characters. */
    readonly client: string;
  }
  | {
    readonly type: "peerClosed";
    readonly infoHash: string;
    readonly address: PeerAddress;
    /** Why, in a few words. */
    readonly reason: string;
  }
  | { readonly type: "peerBanned"; readonly infoHash: string; readonly host: string; readonly reason: string }
  | {
    readonly type: "dialFailed";
    readonly infoHash: string;
    readonly address: PeerAddress;
    readonly error: Error;
  }
  | {
    readonly type: "announced";
    readonly infoHash: string;
    readonly tracker: string;
    /** Over which addresses, if there was a choice: a tracker is told of those of each family (BEP 7). */
    readonly family: AddressFamily | undefined;
    readonly peers: number;
    readonly seeds: number | undefined;
    readonly leechers: number | undefined;
    /** Seconds until the next announce. */
    readonly interval: number;
  }
  | {
    readonly type: "announceFailed";
    readonly infoHash: string;
    readonly tracker: string;
    readonly error: Error;
  }
  /** A web seed did not answer, or not as it should: it is asked again later. */
  | { readonly type: "webSeedFailed"; readonly infoHash: string; readonly url: string; readonly error: Error }
  /** A web seed is not asked any more: it sent wrong data, or has nothing of the content. */
  | {
    readonly type: "webSeedDiscarded";
    readonly infoHash: string;
    readonly url: string;
    readonly reason: string;
  }
  | { readonly type: "warning"; readonly infoHash: string; readonly message: string }
  | { readonly type: "error"; readonly infoHash: string; readonly error: Error };

/** Something that happened in a client. */
export type ClientEvent =
  | TorrentEvent
  | { readonly type: "listening"; readonly address: PeerAddress }
  /** Nobody can dial us any more: the system took the listener away. The client goes on without. */
  | { readonly type: "listenFailed"; readonly error: Error }
  /** Where our DHT node stands, and how many nodes it knows. */
  | { readonly type: "dht"; readonly state: DhtNodeState; readonly nodes: number }
  /** There is no local service discovery; the client goes on without (BEP 14). */
  | { readonly type: "lsdFailed"; readonly error: Error }
  /** The world sees us at this IP address, as DHT nodes agree (BEP 42) or a tracker says (BEP 24). */
  | { readonly type: "externalAddress"; readonly host: string }
  | { readonly type: "added"; readonly infoHash: string }
  | { readonly type: "removed"; readonly infoHash: string };
