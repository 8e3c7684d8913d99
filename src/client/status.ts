/** A torrent in numbers, made from what its parts know at a moment. */

import type { TorrentInfo } from "../metainfo/info.ts";
import type { TorrentState, TorrentStatus } from "./events.ts";
import type { FileProgress } from "./file_progress.ts";
import type { LiveTorrent } from "./live_torrent.ts";

/** What one can wait for: the first check is over; every wanted file is complete. */
export type Milestone = "checked" | "completed";

/** Where the numbers come from; the last two only once the content was checked. */
export interface StatusSources {
  readonly info: TorrentInfo;
  readonly state: TorrentState;
  readonly checked: number;
  readonly error: Error | undefined;
  readonly live: LiveTorrent | undefined;
  readonly progress: FileProgress | undefined;
}

/** Makes a snapshot. */
export function statusOf({ info, state, checked, error, live, progress }: StatusSources): TorrentStatus {
  const stats = live?.stats(), peers = live?.peers() ?? [];
  const wantedLength = progress?.wantedLength ?? info.contentLength;
  const completedLength = progress?.completedLength ?? 0;
  const downloadRate = stats?.downloadRate ?? 0;
  return {
    state,
    wantedLength,
    completedLength,
    pieceCount: info.pieceCount,
    completedPieces: stats?.piecesHave ?? 0,
    downloaded: stats?.downloaded ?? 0,
    uploaded: stats?.uploaded ?? 0,
    wasted: (stats?.wasted ?? 0) + (stats?.corrupt ?? 0),
    downloadRate,
    uploadRate: stats?.uploadRate ?? 0,
    peers: peers.length,
    seeds: peers.filter(({ uploadOnly }) => uploadOnly).length,
    candidates: Math.max(0, (stats?.candidates ?? 0) - peers.length),
    eta: downloadRate > 0 ? (wantedLength - completedLength) / downloadRate : undefined,
    checked,
    error,
  };
}
