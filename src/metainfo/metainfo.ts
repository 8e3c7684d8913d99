/** A whole torrent file: the info dictionary, its hashes, and what stands around it (BEP 3, 5, 12, 17, 19, 38, 52). */

import type { TorrentInfo, TorrentVersion } from "./info.ts";

/** A host name or an IP address (IPv6 without brackets), and a port. */
export interface HostAndPort {
  /** Host name, IPv4 or IPv6 address. */
  readonly host: string;
  /** Port, 1 to 65535. */
  readonly port: number;
}

/** Piece layers: from the hexadecimal root of a file to the hashes of its pieces, 32 bytes each (BEP 52). */
export type PieceLayers = ReadonlyMap<string, Uint8Array>;

/** What a torrent file says. Byte strings are views of the file's bytes. */
export interface Metainfo {
  /** Which protocol. */
  readonly version: TorrentVersion;
  /** SHA-1 of the raw info dictionary, 20 bytes; absent from v2-only torrents. */
  readonly infoHashV1?: Uint8Array;
  /** SHA-256 of the raw info dictionary, 32 bytes; absent from v1 torrents. */
  readonly infoHashV2?: Uint8Array;
  /** 20 bytes: the v1 hash if there is one, else the v2 hash cut short (BEP 52 "infohash"). */
  readonly infoHash: Uint8Array;
  /** The exact bytes of the info dictionary: what BEP 9 serves. */
  readonly rawInfo: Uint8Array;
  /** What the info dictionary says. */
  readonly info: TorrentInfo;
  /** Tracker URLs in tiers, best tier first; no tier is empty (BEP 12). */
  readonly announce: readonly (readonly string[])[];
  /** URLs of the content on web servers, `url-list` (BEP 19). */
  readonly webSeeds: readonly string[];
  /** URLs of scripts that serve pieces, `httpseeds` (BEP 17). */
  readonly httpSeeds: readonly string[];
  /** DHT nodes to start from (BEP 5 "torrent file extensions"). */
  readonly nodes: readonly HostAndPort[];
  /** Hashes of the pieces of each file longer than a piece, as far as the file gives them; checked against the roots. */
  readonly pieceLayers: PieceLayers;
  /** Info hashes of torrents that may share files, from inside and outside the info dictionary (BEP 38). */
  readonly similar: readonly Uint8Array[];
  /** Collections that this torrent belongs to, from inside and outside the info dictionary (BEP 38). */
  readonly collections: readonly string[];
  /** Free text of the author. */
  readonly comment?: string;
  /** The program that made the file. */
  readonly createdBy?: string;
  /** When the file was made, in seconds since 1970. */
  readonly creationDate?: number;
}
