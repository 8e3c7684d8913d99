/** Magnet links (BEP 9 "magnet URI format"; BEP 46 `xs=urn:btpk`, BEP 52 `btmh`, BEP 53 `so`), read and written. */

import {
  decodeBase32,
  decodeHex,
  decodeUtf8,
  encodeHex,
  encodeUtf8,
  percentDecode,
  percentEncode,
} from "../bytes/text.ts";
import { DecodeError } from "../errors.ts";
import { formatHostAndPort, type HostAndPort, parseHostAndPort } from "./host_and_port.ts";
import type { Metainfo } from "./metainfo.ts";
import { formatSelection, parseSelection } from "./selection.ts";
import { MAX_HINTS, MAX_NODES } from "./surroundings.ts";

/** What a magnet link says. At least one of the hashes or the public key is there. */
export interface MagnetLink {
  /** SHA-1 of the info dictionary, 20 bytes: `xt=urn:btih:`. */
  readonly infoHashV1?: Uint8Array;
  /** SHA-256 of the info dictionary, 32 bytes: `xt=urn:btmh:`. */
  readonly infoHashV2?: Uint8Array;
  /** Key under which the DHT has the info hash, 32 bytes: `xs=urn:btpk:` (BEP 46). */
  readonly publicKey?: Uint8Array;
  /** Salt of that DHT item: `s` (BEP 46). */
  readonly salt?: Uint8Array;
  /** Name to show until the torrent is known, not safe as a path: `dn`. */
  readonly name?: string;
  /** Content length in bytes, as claimed: `xl`. */
  readonly length?: number;
  /** Tracker URLs: `tr`. */
  readonly trackers: readonly string[];
  /** URLs of the content: `ws` (BEP 19). */
  readonly webSeeds: readonly string[];
  /** Where peers are: `x.pe`. */
  readonly peers: readonly HostAndPort[];
  /** DHT nodes to start from: `dht`, as libtorrent writes it. */
  readonly nodes: readonly HostAndPort[];
  /** URLs of the torrent file itself: `xs` and `as`. */
  readonly sources: readonly string[];
  /** Indexes of the files to download, rising, at least one; absent for all (BEP 53). */
  readonly selectOnly?: readonly number[];
}

/** Longest link: thousands of trackers fit. */
const MAX_LENGTH = 1 << 20;

/** A multihash starts with the code of SHA-256 and the length of its digest. */
const SHA256_MULTIHASH = "1220";

/**
 * Reads a magnet link. Parameters that are unknown or make no sense are left out, as long as something is left that names
 * the torrent, and so are the 1001st of a kind and the 101st DHT node. `tr.1` and the like count as `tr`; a plus is a space
 * in `dn` alone.
 *
 * @throws {DecodeError} If it is no magnet link, or names no torrent that BitTorrent knows.
 */
export function parseMagnet(text: string): MagnetLink {
  if (text.length > MAX_LENGTH) throw new DecodeError(`Cannot decode magnet link: longer than ${MAX_LENGTH}`);
  const query = /^magnet:\?([^#]*)/i.exec(text.trim())?.[1];
  if (query === undefined) {
    throw new DecodeError('Cannot decode magnet link: it does not start with "magnet:?"');
  }
  const parameters = readParameters(query), topics = readTopics(parameters);
  if (!topics.infoHashV1 && !topics.infoHashV2 && !topics.publicKey) {
    throw new DecodeError("Cannot decode magnet link: no info hash and no public key that make sense");
  }
  return { ...topics, ...readDetails(parameters) };
}

/** Writes a magnet link; what is empty or absent is left out. @throws {TypeError} If nothing names the torrent. */
export function formatMagnet(link: Partial<MagnetLink>): string {
  const { infoHashV1, infoHashV2, publicKey, salt, name, length, selectOnly } = link;
  const parts = [
    infoHashV1 && `xt=urn:btih:${encodeHex(infoHashV1)}`,
    infoHashV2 && `xt=urn:btmh:${SHA256_MULTIHASH}${encodeHex(infoHashV2)}`,
    publicKey && `xs=urn:btpk:${encodeHex(publicKey)}`,
  ].filter((part) => part !== undefined);
  if (parts.length === 0) {
    throw new TypeError("Cannot format magnet link: neither an info hash nor a public key");
  }
  if (salt) parts.push(`s=${encodeHex(salt)}`);
  if (name) parts.push(`dn=${encodeText(name)}`);
  if (length !== undefined) parts.push(`xl=${length}`);
  for (const tracker of link.trackers ?? []) parts.push(`tr=${encodeText(tracker)}`);
  for (const url of link.webSeeds ?? []) parts.push(`ws=${encodeText(url)}`);
  for (const url of link.sources ?? []) parts.push(`xs=${encodeText(url)}`);
  for (const peer of link.peers ?? []) parts.push(`x.pe=${encodeAddress(peer)}`);
  for (const node of link.nodes ?? []) parts.push(`dht=${encodeAddress(node)}`);
  if (selectOnly && selectOnly.length > 0) parts.push(`so=${formatSelection(selectOnly)}`);
  return `magnet:?${parts.join("&")}`;
}

/** The magnet link of a torrent: hashes, name, trackers of all tiers, web seeds. */
export function magnetLink(metainfo: Metainfo): MagnetLink {
  const { infoHashV1, infoHashV2, info, announce, webSeeds, nodes } = metainfo;
  return {
    ...(infoHashV1 && { infoHashV1 }),
    ...(infoHashV2 && { infoHashV2 }),
    name: info.name,
    trackers: announce.flat(),
    webSeeds,
    nodes: info.private ? [] : nodes,
    peers: [],
    sources: [],
  };
}

/** Values by name, the number of `tr.1` left out, in the order of the link. */
type Parameters = ReadonlyMap<string, readonly string[]>;

function readParameters(query: string): Parameters {
  const parameters = new Map<string, string[]>();
  for (const part of query.split(/&(?:amp;)?/)) {
    const equal = part.indexOf("=");
    if (equal < 0) continue;
    const key = part.slice(0, equal).toLowerCase().replace(/\.\d+$/, ""), value = part.slice(equal + 1);
    const decoded = decodeText(key === "dn" ? value.replaceAll("+", " ") : value).trim();
    if (decoded === "") continue;
    const values = parameters.get(key);
    if (values) values.push(decoded);
    else parameters.set(key, [decoded]);
  }
  return parameters;
}

/** The parameters that name the torrent; of several of a kind the first that makes sense. */
function readTopics(
  parameters: Parameters,
): Pick<MagnetLink, "infoHashV1" | "infoHashV2" | "publicKey" | "salt"> {
  const topics = parameters.get("xt") ?? [], sources = parameters.get("xs") ?? [];
  const v1 = firstDigits(topics, /^urn:btih:([0-9a-f]{40}|[a-z2-7]{32})$/i);
  const v2 = firstDigits(topics, /^urn:btmh:1220([0-9a-f]{64})$/i);
  const key = firstDigits(sources, /^urn:btpk:([0-9a-f]{64})$/i);
  const salt = firstDigits(parameters.get("s") ?? [], /^((?:[0-9a-f]{2}){1,64})$/i);
  return {
    ...(v1 && { infoHashV1: v1.length === 40 ? decodeHex(v1) : decodeBase32(v1) }),
    ...(v2 && { infoHashV2: decodeHex(v2) }),
    ...(key && { publicKey: decodeHex(key) }),
    ...(key && salt && { salt: decodeHex(salt) }),
  };
}

function readDetails(
  parameters: Parameters,
): Omit<MagnetLink, "infoHashV1" | "infoHashV2" | "publicKey" | "salt"> {
  const name = parameters.get("dn")?.[0], length = Number(parameters.get("xl")?.[0]);
  const selectOnly = parseSelection(parameters.get("so")?.join(",") ?? "");
  const sources = [...parameters.get("xs") ?? [], ...parameters.get("as") ?? []];
  return {
    trackers: distinct(parameters.get("tr")),
    webSeeds: distinct(parameters.get("ws")),
    peers: readAddresses(parameters.get("x.pe"), MAX_HINTS),
    nodes: readAddresses(parameters.get("dht"), MAX_NODES),
    sources: distinct(sources.filter((source) => /^https?:/i.test(source))),
    ...(name !== undefined && { name }),
    ...(Number.isSafeInteger(length) && length > 0 && { length }),
    ...(selectOnly.length > 0 && { selectOnly }),
  };
}

function firstDigits(values: readonly string[], pattern: RegExp): string | undefined {
  for (const value of values) {
    const digits = pattern.exec(value)?.[1];
    if (digits !== undefined) return digits;
  }
  return undefined;
}

function readAddresses(values: readonly string[] = [], most: number): HostAndPort[] {
  return values.slice(0, most).flatMap((value) => {
    try {
      return [parseHostAndPort(value)];
    } catch {
      return [];
    }
  });
}

function distinct(values: readonly string[] = []): string[] {
  return [...new Set(values)].slice(0, MAX_HINTS);
}

/** A broken escape, as in `dn=100%`, stays as it is. */
function decodeText(text: string): string {
  try {
    return decodeUtf8(percentDecode(text));
  } catch {
    return text;
  }
}

function encodeText(text: string): string {
  return percentEncode(encodeUtf8(text));
}

/** Colon and brackets stay, because libtorrent does not unescape addresses. */
function encodeAddress(address: HostAndPort): string {
  return encodeText(formatHostAndPort(address)).replace(/%(?:3A|5B|5D)/g, decodeURIComponent);
}
