/** Info hashes: what a torrent is known by. Always over the exact bytes of the info dictionary (BEP 3, BEP 52 "infohash"). */

import { sha1, sha256 } from "../bytes/digest.ts";
import { sha1Sync } from "../bytes/sha1_sync.ts";
import { takeFromSlab } from "../bytes/slab.ts";
import type { Draft } from "./draft.ts";
import type { TorrentVersion } from "./info.ts";

/** Up to here the synchronous SHA-1 is done before a call of WebCrypto has come back. */
const SMALL = 2048;

/** The names of a torrent. Those of others may lie in the same buffer. */
export interface InfoHashes {
  /** SHA-1, 20 bytes; absent from v2-only torrents. */
  readonly infoHashV1?: Uint8Array;
  /** SHA-256, 32 bytes; absent from v1 torrents. */
  readonly infoHashV2?: Uint8Array;
  /** 20 bytes: the v1 hash if there is one, else the v2 hash cut short. */
  readonly infoHash: Uint8Array;
}

/** Computes the hashes that torrents of a version have, over the raw bytes of the info dictionary; of a small v1 one at once. */
export function infoHashes(rawInfo: Uint8Array, version: TorrentVersion): InfoHashes | Promise<InfoHashes> {
  const isSmall = rawInfo.length <= SMALL;
  if (version === "1" && isSmall) return nameHashes(sha1Sync(rawInfo, takeFromSlab(20)), undefined);
  const v1 = version === "2" ? undefined : isSmall ? sha1Sync(rawInfo) : sha1(rawInfo);
  const v2 = version === "1" ? undefined : sha256(rawInfo);
  return Promise.all([v1, v2]).then(([infoHashV1, infoHashV2]) => nameHashes(infoHashV1, infoHashV2));
}

/** Adds the 20 bytes that handshakes, trackers and the DHT use (BEP 52 "infohash"). @throws {TypeError} If there is no hash. */
export function nameHashes(
  infoHashV1: Uint8Array | undefined,
  infoHashV2: Uint8Array | undefined,
): InfoHashes {
  const infoHash = infoHashV1 ?? infoHashV2?.subarray(0, 20);
  if (infoHash === undefined) throw new TypeError("Cannot name a torrent: neither a v1 nor a v2 hash");
  const hashes: Draft<InfoHashes> = { infoHash };
  if (infoHashV1) hashes.infoHashV1 = infoHashV1;
  if (infoHashV2) hashes.infoHashV2 = infoHashV2;
  return hashes;
}
