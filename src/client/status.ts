/** A torrent in numbers, made from what its parts know at a moment. */

import type { TorrentInfo } from "../metainfo/info.ts";
import type { PeerSnapshot } from "../torrent/snapshot.ts";
import type { PeerStatus, TorrentState, TorrentStatus } from "./events.ts";
import type { FileProgress } from "./file_progress.ts";
import type { LiveTorrent } from "./live_torrent.ts";
import type { ConnectedPeer } from "./guest_book.ts";

/** Where the numbers come from. */
export interface StatusSources {
  readonly state: TorrentState;
  readonly error: Error | undefined;
  /** Blocks of the metadata. */
  readonly metadata: { readonly received: number; readonly blockCount: number };
  /** Share of the content that was checked. */
  readonly checked: number;
  /** Peers while the metadata is fetched. */
  readonly huntPeers: number;
  /** Once the metadata is here. */
  readonly info: TorrentInfo | undefined;
  /** These two once the content was checked. */
  readonly live: LiveTorrent | undefined;
  readonly progress: FileProgress | undefined;
}

/** Makes a snapshot. */
export function statusOf(sources: StatusSources): TorrentStatus {
  const { info, live, progress, metadata: { received, blockCount } } = sources;
  const stats = live?.stats(), peers = live?.peers() ?? [];
  const wantedLength = progress?.wantedLength ?? info?.contentLength ?? 0;
  const completedLength = progress?.completedLength ?? 0;
  const downloadRate = stats?.downloadRate ?? 0;
  return {
    state: sources.state,
    wantedLength,
    completedLength,
    pieceCount: info?.pieceCount ?? 0,
    completedPieces: stats?.piecesHave ?? 0,
    downloaded: stats?.downloaded ?? 0,
    webSeedDownloaded: stats?.webSeedDownloaded ?? 0,
    uploaded: stats?.uploaded ?? 0,
    wasted: (stats?.wasted ?? 0) + (stats?.corrupt ?? 0),
    downloadRate,
    uploadRate: stats?.uploadRate ?? 0,
    peers: live ? peers.length : sources.huntPeers,
    seeds: peers.filter(({ uploadOnly }) => uploadOnly).length,
    webSeeds: stats?.webSeeds ?? 0,
    candidates: Math.max(0, (stats?.candidates ?? 0) - peers.length),
    eta: downloadRate > 0 ? (wantedLength - completedLength) / downloadRate : undefined,
    metadata: info ? 1 : blockCount === 0 ? 0 : received / blockCount,
    metadataBlocks: received,
    metadataBlockCount: blockCount,
    checked: sources.checked,
    error: sources.error,
  };
}

/** The connections, and what the machine knows of each if there is one. */
export function peerStatuses(
  connected: readonly ConnectedPeer[],
  snapshots: readonly PeerSnapshot[],
): readonly PeerStatus[] {
  const known = new Map(snapshots.map((snapshot) => [snapshot.peer, snapshot]));
  return connected.map(({ key, ...peer }) => {
    const { pieces = 0, uploadOnly = false, downloadRate = 0, uploadRate = 0 } = known.get(key) ?? {};
    return { ...peer, pieces, uploadOnly, downloadRate, uploadRate };
  });
}
