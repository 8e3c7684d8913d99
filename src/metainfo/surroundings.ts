/**
 * Keys that only advise: trackers, web seeds, nodes, texts (BEP 3, 5, 12, 17, 19, 38). The wild has every type and shape
 * in them, and none of it may keep a torrent from opening: what makes no sense is left out.
 */

import type { BencodeDictionary, BencodeValue } from "../bencode/dictionary.ts";
import { decodeUtf8, encodeHex } from "../bytes/text.ts";
import type { HostAndPort } from "./host_and_port.ts";

/** Hints of one kind that are read: a torrent has a handful, and whoever follows them should not look them through. */
export const MAX_HINTS = 1000;

/** DHT nodes that are read: each may cost a look-up of its name. */
export const MAX_NODES = 100;

const UTF8_KEYS = { "comment": "comment.utf-8", "created by": "created by.utf-8" } as const;

const NOTHING: readonly never[] = [];

/** Reads a text. */
export function readText(dictionary: BencodeDictionary, key: string): string | undefined {
  return asText(dictionary.get(key));
}

/** Reads a text that may have a second spelling in UTF-8, under a key of its own, beside one in some older encoding. */
export function readTextUtf8(
  dictionary: BencodeDictionary,
  key: "comment" | "created by",
): string | undefined {
  return readText(dictionary, UTF8_KEYS[key]) ?? readText(dictionary, key);
}

/**
 * Reads the trackers, tier by tier, each URL once: `announce-list` if it names any, else `announce` (BEP 12). A tier
 * that is a bare URL instead of a list counts as a tier of one.
 */
export function readAnnounce(root: BencodeDictionary): string[][] {
  const seen = new Set<string>(), tiers: string[][] = [];
  for (const tier of asList(root.get("announce-list"))) {
    const urls = distinctUrls(tier, seen);
    if (urls.length > 0) tiers.push(urls);
  }
  if (tiers.length > 0) return tiers;
  const announce = distinctUrls(root.get("announce"), seen);
  return announce.length > 0 ? [announce] : [];
}

/** Reads a URL or a list of URLs, each once: `url-list` (BEP 19), `httpseeds` (BEP 17). Spaces are escaped. */
export function readUrls(root: BencodeDictionary, key: string): string[] {
  const value = root.get(key);
  return value === undefined ? [] : distinctUrls(value, new Set()).map((url) => url.replaceAll(" ", "%20"));
}

/** Reads the DHT nodes (BEP 5 "torrent file extensions"). */
export function readNodes(root: BencodeDictionary): HostAndPort[] {
  const nodes: HostAndPort[] = [];
  for (const node of asList(root.get("nodes"))) {
    if (nodes.length === MAX_NODES) break;
    const [first, port] = asList(node), host = asText(first)?.trim();
    if (host && typeof port === "number" && port > 0 && port < 65536) nodes.push({ host, port });
  }
  return nodes;
}

/** Reads the creation date, in seconds since 1970; texts, zeros and dates before 1970 are nonsense. */
export function readCreationDate(root: BencodeDictionary): number | undefined {
  const date = root.get("creation date");
  return typeof date === "number" && date > 0 ? date : undefined;
}

/** Reads info hashes of similar torrents, v1 or v2 (BEP 38). */
export function readSimilar(dictionary: BencodeDictionary): readonly Uint8Array[] {
  const hashes = asList(dictionary.get("similar"));
  if (hashes.length === 0) return NOTHING;
  return hashes.slice(0, MAX_HINTS).filter((hash) => hash instanceof Uint8Array)
    .filter((hash) => hash.length === 20 || hash.length === 32);
}

/** Reads names of collections (BEP 38). */
export function readCollections(dictionary: BencodeDictionary): readonly string[] {
  const names = asList(dictionary.get("collections"));
  if (names.length === 0) return NOTHING;
  return names.slice(0, MAX_HINTS).map(asText).filter((name) => name !== undefined);
}

/** Hashes of both lists, each once. */
export function mergeHashes(a: readonly Uint8Array[], b: readonly Uint8Array[]): Uint8Array[] {
  if (a.length + b.length === 0) return [];
  return [...new Map([...a, ...b].map((hash) => [encodeHex(hash), hash])).values()];
}

/** Names of both lists, each once. */
export function mergeNames(a: readonly string[], b: readonly string[]): string[] {
  return a.length + b.length === 0 ? [] : [...new Set([...a, ...b])];
}

/** Trimmed, not empty, not seen before, while few were seen; from one text or a list of texts. */
function distinctUrls(value: BencodeValue | undefined, seen: Set<string>): string[] {
  const urls: string[] = [];
  for (const item of value instanceof Uint8Array ? [value] : asList(value)) {
    if (seen.size === MAX_HINTS) break;
    const url = asText(item)?.trim();
    if (!url || seen.has(url)) continue;
    seen.add(url);
    urls.push(url);
  }
  return urls;
}

function asText(value: BencodeValue | undefined): string | undefined {
  return value instanceof Uint8Array ? decodeUtf8(value) : undefined;
}

function asList(value: BencodeValue | undefined): readonly BencodeValue[] {
  return Array.isArray(value) ? value : NOTHING;
}
