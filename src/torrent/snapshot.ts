/** What the torrent machine tells about itself: plain values, copied when asked for. */

import type { PeerAddress } from "../peer/address.ts";
import { isUploadOnly, type Peer } from "./peer.ts";
import type { TorrentState } from "./state.ts";
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
  /** Web seeds that may be asked, now or later (BEP 17, 19). */
  readonly webSeeds: number;
  /** The part of `downloaded` that came from web seeds. */
  readonly webSeedDownloaded: number;
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

/** Counts the whole torrent. */
export function statsOf(state: TorrentState, now: number): TorrentStats {
  const { totals, ledger } = state;
  return {
    downloaded: totals.down.total,
    uploaded: totals.up.total,
    left: ledger.left,
    wasted: totals.wasted,
    corrupt: totals.corrupt,
    piecesHave: ledger.have.count,
    piecesWanted: ledger.missing.count,
    downloadRate: totals.down.perSecond(now),
    uploadRate: totals.up.perSecond(now),
    peers: state.peers.size,
    dialling: state.candidates.dialling,
    candidates: state.candidates.size,
    webSeeds: state.downloads.webSeeds.size,
    webSeedDownloaded: state.downloads.webSeeds.received,
  };
}

/** Describes one connection. */
export function snapshotOf(peer: Peer, now: number): PeerSnapshot {
  const { flags, down, up } = peer;
  return {
    peer: peer.key,
    address: peer.address,
    listenAddress: peer.listenAddress,
    direction: peer.direction,
    peerId: peer.peerId,
    pieces: peer.content.have.count,
    uploadOnly: isUploadOnly(peer),
    amChoking: flags.amChoking,
    amInterested: flags.amInterested,
    peerChoking: flags.peerChoking,
    peerInterested: flags.peerInterested,
    snubbed: down.snubbedAt !== undefined,
    downloadRate: down.pipeline.rate.perSecond(now),
    uploadRate: up.rate.perSecond(now),
    downloaded: down.pipeline.rate.total,
    uploaded: up.rate.total,
    requests: down.requests.size,
    requestsQueued: up.queue.size + up.reading,
  };
}
