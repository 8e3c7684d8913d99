/** What goes into the torrent machine and what comes out of it: one variant per message. */

import type { PeerAddress } from "../peer/address.ts";
import type { BlockRange, PeerMessage } from "../wire/messages/message.ts";

/** Names one connection for its whole life. Chosen by the session, never used again. */
export type PeerKey = number;

/** Names a web seed. Chosen by the session; below zero, so that it is no {@linkcode PeerKey}. */
export type WebSeedKey = number;

/** Names what a web seed is asked for at once. Chosen by the machine, never used again. */
export type WebFetchKey = number;

/** Which way a connection was opened. */
export type Direction = "outgoing" | "incoming";

/** Where an address was learnt. */
export type CandidateSource = "user" | "tracker" | "pex" | "dht" | "lsd" | "incoming" | "resume";

/** What happened in the world. Times are the `now` of the call. */
export type TorrentInput =
  /** A dial is over: the connection stands and both handshakes are exchanged. */
  | {
    readonly type: "peerConnected";
    readonly peer: PeerKey;
    readonly address: PeerAddress;
    readonly direction: Direction;
    readonly peerId: Uint8Array;
    /** Both sides speak the fast extension (BEP 6). */
    readonly fast: boolean;
    /** Both sides speak the extension protocol (BEP 10). */
    readonly extended: boolean;
    /** The handshake named the v2 info hash: the peer may be asked for Merkle hashes (BEP 52). False if absent. */
    readonly v2?: boolean;
    /** What this peer may ask for while choked, from its address (BEP 6 "Allowed Fast Set Generation"); may be empty. */
    readonly allowedFast: readonly number[];
  }
  /** A dial that the machine asked for came to nothing. */
  | {
    readonly type: "dialFailed";
    readonly address: PeerAddress;
    /** Our own peer id answered: the address is never dialled again. False if absent. */
    readonly isOurselves?: boolean;
  }
  /** Views inside `message` are valid during the call only. */
  | { readonly type: "peerMessage"; readonly peer: PeerKey; readonly message: PeerMessage }
  /** What a read brought, in its order: each is heard as if alone, what follows from all of them is done once. */
  | { readonly type: "peerMessages"; readonly peer: PeerKey; readonly messages: readonly PeerMessage[] }
  /** The connection is gone, whoever ended it. Not sent for closes that the machine asked for. */
  | { readonly type: "peerClosed"; readonly peer: PeerKey }
  /** Facts from the peer's extension handshake that the machine's decisions need (BEP 10 "handshake message"). */
  | {
    readonly type: "peerCapabilities";
    readonly peer: PeerKey;
    /** How many requests the peer queues (`reqq`). */
    readonly requestQueue?: number;
    /** The peer wants nothing (BEP 21 `upload_only`). */
    readonly uploadOnly?: boolean;
    /** Where the peer listens (`p`), for an incoming connection. */
    readonly listenPort?: number;
    /** The peer understands `lt_donthave` now (BEP 54). */
    readonly dontHave?: boolean;
  }
  /** The peer has lost a piece that it had announced (BEP 54 "receiver operation"). */
  | { readonly type: "peerDontHave"; readonly peer: PeerKey; readonly piece: number }
  /** A `read` effect was carried out and the block has left for the socket. */
  | { readonly type: "blocksSent"; readonly peer: PeerKey; readonly ranges: readonly BlockRange[] }
  /** A `read` effect failed: the content is not what it was; the piece is ours no longer. */
  | { readonly type: "readFailed"; readonly peer: PeerKey } & BlockRange
  /** Pieces of ours that can be read without the disk, the latest last: peers may like to ask for them (BEP 6 "Suggest Piece"). */
  | { readonly type: "cached"; readonly pieces: readonly number[] }
  /** A `store` effect ended well: the piece is verified and written. */
  | { readonly type: "pieceStored"; readonly piece: number }
  /**
   * A `store` effect found a hash that does not match; `leaves` are the hashes of the blocks as they came, 32 bytes each, if they
   * are in the Merkle tree of a file (BEP 52).
   */
  | { readonly type: "pieceCorrupt"; readonly piece: number; readonly leaves?: Uint8Array }
  /** A `store` effect could not write; the piece is still missing. The session pauses the torrent. */
  | { readonly type: "storeFailed"; readonly piece: number }
  /** The piece layer of a `layerFound` effect is where pieces are verified by it: those of its files may be downloaded. */
  | { readonly type: "layerReady"; readonly piecesRoot: Uint8Array }
  /** Pieces found missing or changed on disk after all; they are wanted again. */
  | { readonly type: "piecesLost"; readonly pieces: readonly number[] }
  /** Pieces found complete on disk by a check. */
  | { readonly type: "piecesFound"; readonly pieces: readonly number[] }
  /** Addresses of peers from a tracker, the user, PEX, DHT, LSD or resume data. */
  | {
    readonly type: "candidates";
    readonly source: CandidateSource;
    readonly addresses: readonly PeerAddress[];
  }
  /** Everything learnt about addresses is void: a private torrent changed its tracker (BEP 27). Connections stay. */
  | { readonly type: "forgetCandidates" }
  /** The address under which peers of its family see us became known or changed; it orders the candidates (BEP 40). */
  | { readonly type: "ourAddress"; readonly address: PeerAddress }
  /** New priorities per piece: 0 not wanted, 1 to 7 rising; one byte per piece, copied. */
  | { readonly type: "prioritize"; readonly priorities: Uint8Array }
  /** Download in order (true) or rarest first (false). */
  | { readonly type: "sequential"; readonly sequential: boolean }
  /**
   * Look empty to new peers while we have everything, and show each one piece after the other (BEP 16); or not any more.
   * The session must not say `upload_only` meanwhile.
   */
  | { readonly type: "superSeed"; readonly superSeed: boolean }
  /** A reader waits for these pieces, most urgent first; replaces the reader's former list; empty when it is done. */
  | { readonly type: "urgent"; readonly reader: number; readonly pieces: readonly number[] }
  /** A web server that has the content: whole runs of pieces are asked for, or `onePiece` at a time (BEP 17, 19). */
  | { readonly type: "webSeed"; readonly seed: WebSeedKey; readonly url: string; readonly onePiece: boolean }
  /** The next block of a `webFetch`: blocks come in the order of its ranges. `block` is valid during the call only. */
  | { readonly type: "webBlock"; readonly fetch: WebFetchKey; readonly block: Uint8Array }
  /** A `webFetch` is over, done or not; when it may be asked again, if the server said. */
  | {
    readonly type: "webEnded";
    readonly fetch: WebFetchKey;
    readonly failed: boolean;
    readonly retryAfterMs?: number;
  }
  /** A web seed turns out not to have these pieces, both ends included. */
  | { readonly type: "webLacks"; readonly seed: WebSeedKey; readonly first: number; readonly last: number }
  /** Stop asking, serving and dialling until `resume`; connections are closed. */
  | { readonly type: "pause" }
  /** Ask nobody for content until `resume`, because what is here is being checked; connections stay, and are served. */
  | { readonly type: "hold" }
  | { readonly type: "resume" }
  /** `deadline()` was reached. */
  | { readonly type: "tick" };

/** Why the machine ends a connection. Also the text a user sees. */
export type TorrentCloseReason =
  | "invalid message"
  | "banned"
  | "duplicate connection"
  | "connected to itself"
  | "both complete"
  | "too many peers"
  | "paused"
  | "piece lost"
  | "super-seeding is over"
  | "snubbed"
  | "idle"
  | "request flood";

/** What the world must do now, in this order. */
export type TorrentEffect =
  | { readonly type: "send"; readonly peer: PeerKey; readonly message: PeerMessage }
  /** Read this block of verified content and send it as a `piece` message, then say `blocksSent`. */
  | { readonly type: "read"; readonly peer: PeerKey } & BlockRange
  /** Verify these bytes and write them; the memory stays untouched until the answer comes back. */
  | { readonly type: "store"; readonly piece: number; readonly bytes: Uint8Array }
  | { readonly type: "close"; readonly peer: PeerKey; readonly reason: TorrentCloseReason }
  | { readonly type: "dial"; readonly address: PeerAddress }
  /** A peer sent data that fails its hash, or broke the rules too often: never talk to this host again. */
  | { readonly type: "ban"; readonly host: string; readonly reason: string }
  /** Ask a web seed for these bytes; each range lies in one piece. Say `webBlock` for every block, then `webEnded`. */
  | {
    readonly type: "webFetch";
    readonly fetch: WebFetchKey;
    readonly seed: WebSeedKey;
    readonly ranges: readonly BlockRange[];
  }
  /** Read the answer no further: `webEnded` is not expected. */
  | { readonly type: "webAbort"; readonly fetch: WebFetchKey }
  /** Never ask this web seed again: what it sent was wrong. */
  | { readonly type: "webSeedDiscarded"; readonly seed: WebSeedKey; readonly reason: string }
  /** The hashes of all pieces of a file, proven; 32 bytes each (BEP 52 "piece layers"). Answer with `layerReady`. */
  | { readonly type: "layerFound"; readonly piecesRoot: Uint8Array; readonly hashes: Uint8Array }
  /** A piece is now ours: verified, written, announced to all peers. */
  | { readonly type: "pieceCompleted"; readonly piece: number }
  /** A piece is ours no longer. */
  | { readonly type: "pieceLost"; readonly piece: number }
  /** Take a piece back that this peer was told of, if it understands `lt_donthave` (BEP 54 "sender operation"). */
  | { readonly type: "dontHave"; readonly peer: PeerKey; readonly piece: number }
  /** Every wanted piece is ours. Comes again after new priorities or lost pieces. */
  | { readonly type: "completed" };
