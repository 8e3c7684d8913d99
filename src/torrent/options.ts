/** What a torrent machine is made from: the shape of the content, memory for pieces, chance, and limits with reasons. */

import type { Bitfield } from "../bytes/bitfield.ts";
import type { Random } from "../bytes/random.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { HashRequestsOptions, TreeFile } from "./missing_hashes.ts";

/** Bytes of an ordinary block: what everybody requests (BEP 3 "peer messages", request). */
export const BLOCK_LENGTH = 16384;

/** How the content is cut into pieces. */
export interface PieceGeometry {
  /** Number of pieces, at least 1. */
  readonly pieceCount: number;
  /** Length of the longest piece (`piece length` of the info dictionary). */
  readonly pieceLength: number;
  /** Length of a piece: shorter at the end of the content, and at the end of each file in a v2 torrent (BEP 52). */
  pieceSize(piece: number): number;
  /**
   * How many bytes from the front of a piece must be asked for; the rest is padding, which is zero and is never requested
   * (BEP 47 "padding files"). The whole piece if absent. Pieces that are all padding belong into `have`.
   */
  contentSize?(piece: number): number;
  /**
   * Peers may ask for the last block of a piece as if it were whole; beyond the end of the piece they get zeros. Departs from
   * BEP 52 "peer messages" (a request "gets truncated by the end of a file"), because libtorrent does not cut the requests of a
   * v2-only torrent, and asks again at once if they are refused.
   */
  readonly hasWholeBlocks?: boolean;
  /** The file of a piece, if it has a Merkle tree: the hashes of blocks tell who ruined a piece (BEP 52). None if absent. */
  treeFile?(piece: number): TreeFile | undefined;
}

/** The geometry of a v1 or hybrid torrent of `length` bytes: all pieces alike except the last. */
export function uniformGeometry(length: number, pieceLength: number): PieceGeometry {
  const pieceCount = Math.ceil(length / pieceLength);
  return {
    pieceCount,
    pieceLength,
    pieceSize: (piece) => piece === pieceCount - 1 ? length - piece * pieceLength : pieceLength,
  };
}

/** Memory for pieces that are being downloaded. The session owns it, so that a worker can share it. */
export interface PieceBuffers {
  /** Gives `length` bytes of any content, or `undefined` while none are free; the machine then waits for a piece to end. */
  take(length: number): Uint8Array | undefined;
  /** Takes back what `take` gave; the machine does not touch it any more. */
  give(bytes: Uint8Array): void;
}

/** What a user may want to tune; every other bound stands in the file of its topic. */
export interface TorrentLimits {
  /** Connections of this torrent. */
  readonly maxPeers: number;
  /** Dials under way at the same time. */
  readonly maxHalfOpen: number;
  /** Peers served at the same time, the optimistic ones included. */
  readonly uploadSlots: number;
  /** Requests outstanding at one peer; the peer's own `reqq` may say less. */
  readonly maxPipeline: number;
  /** Bytes of pieces in memory: open ones and those being stored; never fewer than four pieces. */
  readonly maxOpenBytes: number;
  /** Bytes of `read` effects under way per peer. */
  readonly maxReadBytes: number;
}

/** The defaults, with the reason of each. */
export const DEFAULT_LIMITS: TorrentLimits = {
  // The field: 55 (webtorrent) to 100 (rain); a swarm is well mixed far below that.
  maxPeers: 80,
  // Dead addresses hold a place for the whole dial timeout: 20 of them at 15 s still try 80 addresses a minute.
  maxHalfOpen: 20,
  // libtorrent's 8. The 4 of BEP 3 starves a fast line.
  uploadSlots: 8,
  // 1,000 blocks are 16 MiB: 1 Gbit/s over 130 ms. Peers take 250 (if they do not say) to 2,000.
  maxPipeline: 1000,
  // As measured, 32 MiB of pieces keep hash and disk busy at 700 MB/s.
  maxOpenBytes: 32 * 1024 * 1024,
  // A few socket buffers' worth, so that disk reads overlap with sending.
  maxReadBytes: 1024 * 1024,
};

/** What the machine is made from. */
export interface TorrentOptions {
  /** How the content is cut. */
  readonly geometry: PieceGeometry;
  /** Our peer id: 20 bytes. A connection to the same id is a connection to ourselves. */
  readonly peerId: Uint8Array;
  /** Where chance comes from. */
  readonly random: Random;
  /** Memory for open pieces. */
  readonly buffers: PieceBuffers;
  /** Pieces that are verified on disk; copied. None if absent. */
  readonly have?: Bitfield;
  /** Priorities per piece, 0 not wanted to 7; copied. All 4 if absent. */
  readonly priorities?: Uint8Array;
  /** Piece layers that are to be asked of peers (BEP 52); none if absent. */
  readonly layers?: HashRequestsOptions;
  /** Download in order. False if absent. */
  readonly sequential?: boolean;
  /** Begin in the mode of an initial seed, see the input `superSeed` (BEP 16). False if absent. */
  readonly superSeed?: boolean;
  /** Start paused: nothing happens until `resume`. False if absent. */
  readonly paused?: boolean;
  /** The address under which peers see us, if known (BEP 40). */
  readonly ourAddress?: PeerAddress;
  /** Departures from {@linkcode DEFAULT_LIMITS}. */
  readonly limits?: Partial<TorrentLimits>;
}
