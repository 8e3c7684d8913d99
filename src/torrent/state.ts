/** The state record of the torrent machine: its parts side by side. Functions in files by topic read and change it. */

import type { Random } from "../bytes/random.ts";
import type { PeerMessage } from "../wire/messages/message.ts";
import { Availability } from "./availability.ts";
import { Blame } from "./blame.ts";
import { Candidates } from "./candidates.ts";
import { Choker } from "./choker.ts";
import { Downloads } from "./downloads.ts";
import { HashRequests } from "./hash_requests.ts";
import type { Offering } from "./offering.ts";
import { DEFAULT_LIMITS, type PieceGeometry, type TorrentLimits, type TorrentOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import { PeerTable } from "./peer_table.ts";
import { PieceLedger } from "./piece_ledger.ts";
import { Rate } from "./rate.ts";
import { Starters } from "./starters.ts";
import type { TorrentEffect } from "./vocabulary.ts";

/** What never changes. */
export interface TorrentSetup {
  /** How the content is cut. */
  readonly geometry: PieceGeometry;
  /** The limits in force. */
  readonly limits: TorrentLimits;
  /** Our peer id. */
  readonly peerId: Uint8Array;
  /** Where chance comes from. */
  readonly random: Random;
}

/** Switches, and what is to be done before the call returns. */
export interface TorrentMode {
  /** Nothing is asked, served or dialled. */
  paused: boolean;
  /** Nobody is asked for content. */
  held: boolean;
  /** Pieces are opened in order. */
  sequential: boolean;
  /** New peers see an empty client while we have everything (BEP 16). */
  superSeed: boolean;
  /** `completed` was said, or was true from the start. */
  completed: boolean;
  /** There may be work for peers whose pipeline is not full. */
  hungry: boolean;
  /** A slot may be free for a peer that waits. */
  slotFree: boolean;
  /** A peer may be ready to see the next piece (BEP 16). */
  offersDue: boolean;
  /** When overdue requests and idle connections are looked for. */
  sweepAt: number;
}

/** Counters of the whole torrent. */
export interface TorrentTotals {
  /** Payload received. */
  readonly down: Rate;
  /** Payload sent. */
  readonly up: Rate;
  /** Received in vain. */
  wasted: number;
  /** Received in pieces that failed their hash. */
  corrupt: number;
}

/** Everything. */
export interface TorrentState {
  /** What never changes. */
  readonly setup: TorrentSetup;
  /** The connections. */
  readonly peers: PeerTable;
  /** Which pieces are ours and wanted. */
  readonly ledger: PieceLedger;
  /** Which peers have how much, and what can be opened. */
  readonly availability: Availability;
  /** The Merkle hashes that are missing. */
  readonly hashes: HashRequests;
  /** What a super-seed shows next; only while it is one (BEP 16). */
  offering: Offering | undefined;
  /** The open pieces. */
  readonly downloads: Downloads;
  /** Who sent wrong data. */
  readonly blame: Blame;
  /** Whom we serve. */
  readonly choker: Choker;
  /** Who was given an allowed-fast set. */
  readonly starters: Starters;
  /** Whom we may dial. */
  readonly candidates: Candidates;
  /** Counters. */
  readonly totals: TorrentTotals;
  /** Switches. */
  readonly mode: TorrentMode;
  /** The time of the current call. */
  now: number;
  /** The answer of the current call. */
  effects: TorrentEffect[];
}

/** The state at the start. */
export function createState(options: TorrentOptions, now: number): TorrentState {
  const limits: TorrentLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const { geometry, random, peerId, buffers } = options, hashes = new HashRequests(geometry, options.layers);
  const ledger = new PieceLedger(options);
  const availability = new Availability(geometry.pieceCount, limits.maxPeers);
  for (let piece = ledger.missing.nextSet(0); piece >= 0; piece = ledger.missing.nextSet(piece + 1)) {
    if (!hashes.gated.has(piece)) availability.insert(piece, ledger.level(piece));
  }
  hashes.order(ledger.urgent, ledger.missing);
  return {
    setup: { geometry, limits, peerId, random },
    peers: new PeerTable(),
    ledger,
    availability,
    hashes,
    offering: undefined,
    downloads: new Downloads({ geometry, buffers, maxOpenBytes: limits.maxOpenBytes }),
    blame: new Blame(),
    choker: new Choker(limits.uploadSlots, random, now),
    starters: new Starters(),
    candidates: new Candidates(random, options.ourAddress),
    totals: { down: new Rate(now), up: new Rate(now), wasted: 0, corrupt: 0 },
    mode: {
      paused: options.paused ?? false,
      held: false,
      sequential: options.sequential ?? false,
      superSeed: options.superSeed ?? false,
      completed: ledger.missing.isEmpty,
      hungry: false,
      slotFree: false,
      offersDue: false,
      sweepAt: now,
    },
    now,
    effects: [],
  };
}

/** Adds a message to the answer of the current call. */
export function send(state: TorrentState, peer: Peer, message: PeerMessage): void {
  state.effects.push({ type: "send", peer: peer.key, message });
}
