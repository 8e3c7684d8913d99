/** An info dictionary of any version, as it comes in a torrent file or from peers (BEP 3, 9, 27, 38, 39, 52). */

import { decodeDictionary } from "../bencode/decode.ts";
import type { BencodeDictionary } from "../bencode/dictionary.ts";
import { encodeUtf8 } from "../bytes/text.ts";
import type { Draft } from "./draft.ts";
import { type FileEntry, makeFiles } from "./files.ts";
import { mergeHybrid } from "./hybrid.ts";
import type { TorrentInfo, TorrentVersion } from "./info.ts";
import { readFilesV1, readPieces } from "./info_v1.ts";
import { readFilesV2 } from "./info_v2.ts";
import { fault, within } from "./key_path.ts";
import { type PathOptions, safeSegment } from "./paths.ts";
import { measure, pieceLengthFault, spaceFault } from "./piece_space.ts";
import type { TorrentName } from "./safe_paths.ts";
import { readCollections, readSimilar, readText } from "./surroundings.ts";

/** How an info dictionary is read. */
export interface InfoOptions extends PathOptions {
  /**
   * What to call a torrent whose `name` is missing or says nothing, for it is "purely advisory" (BEP 3, BEP 52).
   * `readMetainfo` takes the hexadecimal info hash; {@linkcode readInfo} takes `"torrent"` if nothing is given.
   */
  readonly fallbackName?: string;
}

/**
 * Reads a bare info dictionary: what peers send of a magnet link (BEP 9). That the bytes belong to the info hash is for
 * the caller to check. Byte strings of the answer are views of `rawInfo`.
 *
 * @throws {DecodeError} If the bytes are no info dictionary that a torrent could be made of.
 */
export function readInfo(rawInfo: Uint8Array, options: InfoOptions = {}): TorrentInfo {
  const info = decodeDictionary(rawInfo, { tolerant: true });
  const fallbackName = () => options.fallbackName || "torrent";
  return parseInfo(info, { version: readVersion(info), fallbackName }, options);
}

/** What is known before an info dictionary is read. */
interface Known {
  /** What {@linkcode readVersion} has found. */
  readonly version: TorrentVersion;
  /** What to call a torrent without a name. */
  readonly fallbackName: () => string;
}

/** Reads a decoded info dictionary; see {@linkcode readInfo}. */
export function parseInfo(info: BencodeDictionary, known: Known, options: PathOptions): TorrentInfo {
  return within("info", () => {
    const parsed = readContent(info, known, options);
    const source = readText(info, "source"), updateUrl = readText(info, "update-url");
    if (known.version !== "2") parsed.pieces = readPieces(info, parsed.pieceCount);
    if (source !== undefined) parsed.source = source;
    if (updateUrl !== undefined) parsed.updateUrl = updateUrl;
    return parsed;
  });
}

/** Reads what there is, how it is cut into pieces, and what the torrent says of itself. */
function readContent(info: BencodeDictionary, known: Known, options: PathOptions): Draft<TorrentInfo> {
  const { version } = known, pieceLength = readPieceLength(info, version);
  const name = readName(info, known, options);
  const entries = readEntries(info, version, name.original, pieceLength);
  const multiFile = version === "2" ? !isBareFile(entries) : info.has("files");
  const alignment = version === "2" ? pieceLength : 1, folder = multiFile ? name : undefined;
  const files = makeFiles(entries, { folder, alignment }, options);
  const space = measure(files, pieceLength), reason = spaceFault(space);
  if (reason !== undefined) fault("length", reason);
  return {
    version,
    name: name.safe,
    multiFile,
    pieceLength,
    pieceCount: space.pieceCount,
    length: space.length,
    contentLength: space.contentLength,
    files,
    private: isPrivate(info),
    similar: readSimilar(info),
    collections: readCollections(info),
  };
}

/** Reads `meta version` first: of a newer version nothing else can be trusted (BEP 52 "meta version"). */
export function readVersion(info: BencodeDictionary): TorrentVersion {
  const version = within("info", () => info.integer("meta version")) ?? 1;
  if (version > 2) fault("info.meta version", `${version} is newer than this library`);
  if (version < 2) return "1";
  // BEP 52 "infohash": whoever is lenient about bencoding must not be so where two readings give two torrents.
  decodeDictionary(info.raw);
  return info.has("pieces") ? "hybrid" : "2";
}

function readPieceLength(info: BencodeDictionary, version: TorrentVersion): number {
  const length = info.integer("piece length") ?? fault("piece length", "missing");
  const reason = pieceLengthFault(length, version);
  return reason === undefined ? length : fault("piece length", reason);
}

function readName(info: BencodeDictionary, known: Known, options: PathOptions): TorrentName {
  const original = info.bytes("name.utf-8") ?? info.bytes("name");
  const safe = original && original.length > 0 ? safeSegment(original, options) : undefined;
  if (original && safe !== undefined) return { safe, original };
  const fallback = safeSegment(encodeUtf8(known.fallbackName()), options) ?? "torrent";
  return { safe: fallback, original: encodeUtf8(fallback) };
}

function readEntries(
  info: BencodeDictionary,
  version: TorrentVersion,
  name: Uint8Array,
  pieceLength: number,
): readonly FileEntry[] {
  if (version === "1") return readFilesV1(info, name);
  if (version === "2") return readFilesV2(info);
  return mergeHybrid(readFilesV1(info, name), readFilesV2(info), pieceLength);
}

/** A v2 torrent is one bare file if its tree is that file and nothing else (BEP 52 "interpreting paths"). */
function isBareFile(entries: readonly FileEntry[]): boolean {
  return entries.length === 1 && entries[0]!.path.length === 1;
}

/** BEP 27 says `private=1`; any other non-zero integer and the text "1" are meant so, and leaking peers is worse. */
function isPrivate(info: BencodeDictionary): boolean {
  const value = info.get("private");
  if (value instanceof Uint8Array) return value.length === 1 && value[0] === 0x31;
  return typeof value === "number" ? value !== 0 : typeof value === "bigint";
}
