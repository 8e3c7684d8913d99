/** What the machine knows about one connection, grouped by the part that uses it. */

import { Bitfield } from "../bytes/bitfield.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { TorrentLimits } from "./options.ts";
import { Pipeline } from "./pipeline.ts";
import { Rate } from "./rate.ts";
import { RequestQueue } from "./request_queue.ts";
import type { Direction, PeerKey, TorrentInput } from "./vocabulary.ts";

/** What the peer has. `wanted` and `fresh` count its pieces that are missing here, and those that may be opened. */
export interface PeerContent {
  /** Its pieces. */
  have: Bitfield;
  /** How the availability counted it. */
  inverse: boolean;
  /** It has said what it has (`bitfield`, `haveAll`, `haveNone` or a `have`). */
  announced: boolean;
  /** It has said `haveAll`. */
  saidAll: boolean;
  /** It wants nothing (BEP 21). */
  uploadOnly: boolean;
  /** How many of its pieces we want and lack. */
  wanted: number;
  /** How many of its pieces can be opened. */
  fresh: number;
}

/** The two bits of state on either end (BEP 3 "peer protocol"). */
export interface PeerFlags {
  /** We choke it. */
  amChoking: boolean;
  /** We have told it that we are interested. */
  amInterested: boolean;
  /** It chokes us. */
  peerChoking: boolean;
  /** It has told us that it is interested. */
  peerInterested: boolean;
  /** Since when neither side is interested in the other. */
  idleSince: number;
}

/** Our requests to the peer. Keys are those of `Downloads.keyOf`. */
export interface PeerDownload {
  /** How many requests it gets. */
  readonly pipeline: Pipeline;
  /** Requests under way and when each was sent, oldest first. */
  readonly requests: Map<number, number>;
  /** Requests taken back (cancelled, timed out, choked): an answer may still come and is no offence. */
  readonly late: Set<number>;
  /** Pieces we may ask for while choked (BEP 6 "Allowed Fast"). */
  readonly allowedFast: Set<number>;
  /** Pieces the peer would like to send (BEP 6 "Suggest Piece"), the latest last. */
  readonly suggested: number[];
  /** Pieces it refused while it did not choke us; asked again after a while. */
  readonly refused: Set<number>;
  /** The piece it was last asked for, to go on with. */
  current: number | undefined;
  /** When it choked us last. */
  chokedAt: number;
  /** When the last block came, or when it stopped choking us. */
  lastBlockAt: number;
  /** Since when it owes us an answer for too long. */
  snubbedAt: number | undefined;
  /** Blocks that came unasked. */
  strays: number;
}

/** The peer's requests to us. */
export interface PeerUpload {
  /** Payload to the peer. */
  readonly rate: Rate;
  /** Requests that wait. */
  readonly queue: RequestQueue;
  /** What it may ask for while we choke it (BEP 6 "Allowed Fast"): of the announced set, how many blocks it may have yet. */
  readonly allowedFast: Map<number, number>;
  /** Pieces that were suggested to it, the latest last (BEP 6 "Suggest Piece"). */
  readonly suggested: Set<number>;
  /** The set it would get, from its address. */
  readonly allowedFastOffer: readonly number[];
  /** Bytes of `read` effects under way. */
  readingBytes: number;
  /** Blocks of `read` effects under way. */
  reading: number;
  /** Requests that could not be served since the last unchoke. */
  refused: number;
}

/** What a peer knows of what we have while we pretend to have nothing (BEP 16). */
export interface Disguise {
  /** Every piece that it was shown. */
  readonly shown: Set<number>;
  /** Those of them that no other peer has got from it yet, oldest first. */
  offers: readonly number[];
  /** When it was last shown a piece. */
  offeredAt: number;
  /** There is nothing left to show: it was shown everything that it lacks. */
  isExhausted: boolean;
}

/** One connection. */
export interface Peer {
  /** Its name. */
  readonly key: PeerKey;
  /** The other end. */
  readonly address: PeerAddress;
  /** Who opened it. */
  readonly direction: Direction;
  /** The peer's id. */
  readonly peerId: Uint8Array;
  /** Both sides speak the fast extension (BEP 6). */
  readonly fast: boolean;
  /** It understands `lt_donthave` (BEP 54). */
  hearsDontHave: boolean;
  /** When it was opened. */
  readonly connectedAt: number;
  /** Where the peer listens, as far as it is known. */
  listenAddress: PeerAddress | undefined;
  /** What it was shown, if we pretend to have nothing (BEP 16). */
  disguise: Disguise | undefined;
  /** What the peer has. */
  readonly content: PeerContent;
  /** Who chokes whom and wants what. */
  readonly flags: PeerFlags;
  /** Our requests. */
  readonly down: PeerDownload;
  /** Its requests. */
  readonly up: PeerUpload;
}

/** What a peer record is made with besides the connection itself. */
export interface PeerContext {
  /** Number of pieces of the torrent. */
  readonly pieceCount: number;
  /** The torrent's limits. */
  readonly limits: TorrentLimits;
  /** The time. */
  readonly now: number;
  /** We pretend to have nothing (BEP 16). */
  readonly isDisguised: boolean;
}

/** A new connection: both sides choke, neither is interested (BEP 3 "peer protocol"). */
export function createPeer(
  connected: Extract<TorrentInput, { type: "peerConnected" }>,
  context: PeerContext,
): Peer {
  const { now } = context;
  return {
    key: connected.peer,
    address: connected.address,
    direction: connected.direction,
    peerId: connected.peerId.slice(),
    fast: connected.fast,
    hearsDontHave: false,
    connectedAt: now,
    listenAddress: connected.direction === "outgoing" ? connected.address : undefined,
    disguise: context.isDisguised
      ? { shown: new Set(), offers: [], offeredAt: now, isExhausted: false }
      : undefined,
    content: {
      have: new Bitfield(context.pieceCount),
      inverse: false,
      announced: false,
      saidAll: false,
      uploadOnly: false,
      wanted: 0,
      fresh: 0,
    },
    flags: { amChoking: true, amInterested: false, peerChoking: true, peerInterested: false, idleSince: now },
    down: createDownload(context),
    up: {
      rate: new Rate(now),
      queue: new RequestQueue(),
      allowedFast: new Map(),
      suggested: new Set(),
      allowedFastOffer: connected.fast ? connected.allowedFast : [],
      readingBytes: 0,
      reading: 0,
      refused: 0,
    },
  };
}

function createDownload(context: PeerContext): PeerDownload {
  return {
    pipeline: new Pipeline(context.limits.maxPipeline, context.now),
    requests: new Map(),
    late: new Set(),
    allowedFast: new Set(),
    suggested: [],
    refused: new Set(),
    current: undefined,
    chokedAt: -Infinity,
    lastBlockAt: context.now,
    snubbedAt: undefined,
    strays: 0,
  };
}

/** Whether the peer wants nothing more: it has everything, or says so (BEP 21). */
export function isUploadOnly(peer: Peer): boolean {
  return peer.content.uploadOnly || peer.content.have.isFull;
}
