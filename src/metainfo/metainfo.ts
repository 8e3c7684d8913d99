/** A whole torrent file: the info dictionary, its hashes, and what stands around it (BEP 3, 5, 12, 17, 19, 38, 52). */

import { decodeDictionary } from "../bencode/decode.ts";
import type { BencodeDictionary } from "../bencode/dictionary.ts";
import { encodeHex } from "../bytes/text.ts";
import { DecodeError } from "../errors.ts";
import type { Draft } from "./draft.ts";
import type { HostAndPort } from "./host_and_port.ts";
import type { TorrentInfo, TorrentVersion } from "./info.ts";
import { type InfoHashes, infoHashes } from "./info_hash.ts";
import { fault } from "./key_path.ts";
import type { PathOptions } from "./paths.ts";
import { type PieceLayers, readPieceLayers } from "./piece_layers.ts";
import { parseInfo, readVersion } from "./read_info.ts";
import {
  mergeHashes,
  mergeNames,
  readAnnounce,
  readCollections,
  readCreationDate,
  readNodes,
  readSimilar,
  readTextUtf8,
  readUrls,
} from "./surroundings.ts";

/** The greatest torrent that the other limits allow, hashes of 2 million pieces in both versions, fits twice. */
const MAX_TORRENT_LENGTH = 2 ** 28;

/** What a torrent file says. Byte strings are views of the file's bytes. */
export interface Metainfo extends InfoHashes {
  /** Which protocol. */
  readonly version: TorrentVersion;
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

/** How a torrent file is read. */
export interface ReadOptions extends PathOptions {
  /** Bytes of a file; 256 MiB by default. */
  readonly maxLength?: number;
}

/**
 * Reads a torrent file. Bytes after the dictionary are let through, because editors leave a newline there; keys out of
 * order and odd integers are, too, except in the info dictionary of a v2 or hybrid torrent. Whatever only advises and
 * makes no sense (trackers, dates, texts) is left out, and so are the 1001st of a kind and the 101st DHT node.
 *
 * @throws {DecodeError} If the bytes are no torrent, or one that nobody could download; the message names the key.
 */
export async function readMetainfo(bytes: Uint8Array, options: ReadOptions = {}): Promise<Metainfo> {
  const limit = options.maxLength ?? MAX_TORRENT_LENGTH;
  if (bytes.length > limit) {
    throw new DecodeError(`Cannot decode torrent: ${bytes.length} bytes, more than ${limit}`);
  }
  const root = decodeDictionary(bytes, { tolerant: true, allowTrailing: true });
  const info = root.dictionary("info") ?? fault("info", "missing");
  const version = readVersion(info);
  const rawInfo = info.raw, pending = infoHashes(rawInfo, version);
  const hashes = pending instanceof Promise ? await pending : pending;
  const fallbackName = () => encodeHex(hashes.infoHashV1 ?? hashes.infoHashV2 ?? hashes.infoHash);
  const content = parseInfo(info, { version, fallbackName }, options);
  const metainfo: Draft<Metainfo> = {
    version,
    infoHash: hashes.infoHash,
    rawInfo,
    info: content,
    announce: readAnnounce(root),
    webSeeds: readUrls(root, "url-list"),
    httpSeeds: readUrls(root, "httpseeds"),
    nodes: readNodes(root),
    pieceLayers: readPieceLayers(root, content),
    similar: mergeHashes(content.similar, readSimilar(root)),
    collections: mergeNames(content.collections, readCollections(root)),
  };
  if (hashes.infoHashV1) metainfo.infoHashV1 = hashes.infoHashV1;
  if (hashes.infoHashV2) metainfo.infoHashV2 = hashes.infoHashV2;
  readRemarks(root, metainfo);
  return metainfo;
}

function readRemarks(root: BencodeDictionary, metainfo: Draft<Metainfo>): void {
  const comment = readTextUtf8(root, "comment"), createdBy = readTextUtf8(root, "created by");
  const creationDate = readCreationDate(root);
  if (comment !== undefined) metainfo.comment = comment;
  if (createdBy !== undefined) metainfo.createdBy = createdBy;
  if (creationDate !== undefined) metainfo.creationDate = creationDate;
}
