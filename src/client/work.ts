/** Puts a checked torrent to work: the machine with its sockets and store, and the search for peers. */

import type { Bitfield } from "../bytes/bitfield.ts";
import type { PieceStore } from "../io/storage.ts";
import { pieceSize } from "../metainfo/geometry.ts";
import type { TorrentInfo } from "../metainfo/info.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { PieceGeometry } from "../torrent/options.ts";
import type { CandidateSource } from "../torrent/vocabulary.ts";
import type { ClientContext } from "./client_context.ts";
import { Discovery } from "./discovery.ts";
import type { TorrentEvent } from "./events.ts";
import { contentSize, type FileProgress } from "./file_progress.ts";
import { LiveTorrent } from "./live_torrent.ts";
import type { AddOptions } from "./options.ts";
import type { PeerDesk } from "./peer_desk.ts";

/** What exists only once the content was checked. */
export interface Work {
  /** The machine at work. */
  readonly live: LiveTorrent;
  /** Progress in files. */
  readonly progress: FileProgress;
  /** Trackers. */
  readonly discovery: Discovery;
  /** Ends the progress events. */
  readonly cancelProgress: () => void;
}

/** What it takes to go to work. */
export interface WorkOptions {
  readonly context: ClientContext;
  readonly metainfo: Metainfo;
  readonly store: PieceStore;
  readonly add: AddOptions;
  readonly have: Bitfield;
  readonly progress: FileProgress;
  readonly desk: PeerDesk;
  readonly emit: (event: TorrentEvent) => void;
  readonly addPeers: (source: CandidateSource, peers: readonly PeerAddress[]) => void;
  readonly pieceCompleted: (piece: number) => void;
  readonly completed: () => void;
  readonly storeFailed: (error: Error) => void;
  readonly cancelProgress: () => void;
}

/** Makes the parts and joins them. Nothing is dialled or announced yet. */
export function goToWork(options: WorkOptions): Work {
  const { progress, cancelProgress } = options, live = makeLive(options);
  return { live, progress, cancelProgress, discovery: makeDiscovery(options, live) };
}

function makeLive(options: WorkOptions): LiveTorrent {
  const { context, metainfo, store, add, desk, progress } = options;
  return new LiveTorrent({
    store,
    clock: context.clock,
    torrent: {
      geometry: geometryOf(metainfo.info),
      peerId: context.peerId,
      random: context.random,
      buffers: store.buffers,
      have: options.have,
      priorities: progress.piecePriorities(),
      sequential: add.sequential ?? false,
      paused: add.paused ?? false,
      limits: { maxPeers: context.maxConnectionsPerTorrent },
    },
    host: {
      dial: (address) => void desk.dial(address),
      banned: (host, reason) => {
        context.banned.add(host);
        options.emit({ type: "peerBanned", infoHash: desk.infoHashHex, host, reason });
      },
      pieceCompleted: options.pieceCompleted,
      pieceLost: (piece) => desk.dontHave(piece),
      completed: options.completed,
      peerClosed: (socket, reason) => desk.closedByUs(socket, reason),
      storeFailed: options.storeFailed,
    },
  });
}

function makeDiscovery(options: WorkOptions, live: LiveTorrent): Discovery {
  const { context, metainfo, add, desk, emit, addPeers } = options;
  return new Discovery({
    context,
    metainfo,
    tiers: add.announce === false ? [] : [...metainfo.announce, ...(add.trackers ?? []).map((url) => [url])],
    counters: () => live.stats(),
    isComplete: live.isComplete,
    emit,
    addPeers: (peers) => addPeers("tracker", peers),
    dropPeers: () => desk.drop("the private torrent changed its tracker"),
  });
}

/** The machine's view of the info dictionary; the padding rule only where there is padding. */
function geometryOf(info: TorrentInfo): PieceGeometry {
  const { pieceCount, pieceLength } = info;
  const sizes = { pieceCount, pieceLength, pieceSize: (piece: number) => pieceSize(info, piece) };
  if (!info.files.some((file) => file.pad)) return sizes;
  return { ...sizes, contentSize: (piece: number) => contentSize(info, piece) };
}
