/** What the torrent machine tells about itself: plain values, copied when asked for. */

import type { PeerAddress } from "../peer/address.ts";
import type { Direction, PeerKey } from "./vocabulary.ts";

/** Counters and rates of one torrent. Amounts are bytes, rates bytes per second. */
export interface TorrentStats {
  /** Payload received, the wasted part included: the `downloaded` of an announce. */
  readonly downloaded: number;
  /** Payload sent: the `uploaded` of an announce. */
  readonly uploaded: number;
  /** Bytes of pieces that are not ours, wanted or not: the `left` of an announce. */
  readonly left: number;
  /** Received but useless: duplicates and blocks nobody asked for. */
  readonly wasted: number;
  /** Received in pieces that failed their hash. */
  readonly corrupt: number;
  /** Pieces that are ours. */
  readonly piecesHave: number;
  /** Pieces that are wanted and not ours. */
  readonly piecesWanted: number;
  /** Payload coming in. */
  readonly downloadRate: number;
  /** Payload going out. */
  readonly uploadRate: number;
  /** Connections. */
  readonly peers: number;
  /** Dials under way. */
  readonly dialling: number;
  /** Addresses known, connected or not. */
  readonly candidates: number;
}

/** One connection as it is at a moment. */
export interface PeerSnapshot {
  /** The connection. */
  readonly peer: PeerKey;
  /** The other end. */
  readonly address: PeerAddress;
  /** Where the peer listens, as far as it is known: an outgoing address or what the peer said (BEP 10 `p`). */
  readonly listenAddress: PeerAddress | undefined;
  /** Who opened it. */
  readonly direction: Direction;
  /** The peer's id. */
  readonly peerId: Uint8Array;
  /** How many pieces it has. */
  readonly pieces: number;
  /** It has every piece or wants nothing (BEP 21). */
  readonly uploadOnly: boolean;
  /** We choke it. */
  readonly amChoking: boolean;
  /** We want something it has. */
  readonly amInterested: boolean;
  /** It chokes us. */
  readonly peerChoking: boolean;
  /** It wants something we have. */
  readonly peerInterested: boolean;
  /** It has not answered our requests for a minute. */
  readonly snubbed: boolean;
  /** Payload from it, bytes per second. */
  readonly downloadRate: number;
  /** Payload to it, bytes per second. */
  readonly uploadRate: number;
  /** Payload received from it, bytes. */
  readonly downloaded: number;
  /** Payload sent to it, bytes. */
  readonly uploaded: number;
  /** Our requests that wait for its answer. */
  readonly requests: number;
  /** Its requests that wait for our answer. */
  readonly requestsQueued: number;
}
