/** Scrapes over HTTP, both directions: URL, query and bencoded answer (BEP 48, BEP 21 "Tracker Scrapes"). */

import { BencodeDictionary } from "../../bencode/dictionary.ts";
import { encode } from "../../bencode/encode.ts";
import { decodeByteString, encodeByteString } from "../../bytes/text.ts";
import { DecodeError } from "../../errors.ts";
import type { ScrapedSwarm, ScrapeResponse, SwarmCounts } from "./announce.ts";
import { appendQuery, encodeHash, joinQuery, Query } from "./query.ts";
import { decodeResponse, encodeFailure, failureOf, naturalOf } from "./response_fields.ts";

/** More than this no tracker may ask for, in seconds. */
const DAY = 86_400;

/**
 * The scrape URL of an HTTP tracker, or `undefined` if it has none. Departs from BEP 48 "Scrape Request", which replaces
 * the string `announce` anywhere in the path: as the convention before it had it, only a last path segment that begins
 * with `announce` says that the tracker can be scraped.
 */
export function scrapeUrl(tracker: string): string | undefined {
  const match = /^(https?:\/\/[^/?#]+\/(?:[^?#]*\/)?)announce([^/?#]*(?:\?[^#]*)?)(?:#.*)?$/.exec(tracker);
  return match === null ? undefined : `${match[1]}scrape${match[2]}`;
}

/**
 * The URL that scrapes some torrents from a tracker, or `undefined` if the tracker has no scrape URL.
 *
 * @throws {RangeError} If there are no info hashes, which would ask for every torrent of the tracker, or one has not 20
 * bytes.
 */
export function scrapeRequestUrl(tracker: string, infoHashes: readonly Uint8Array[]): string | undefined {
  const url = scrapeUrl(tracker), query = encodeScrapeQuery(infoHashes);
  return url === undefined ? undefined : appendQuery(url, query);
}

/** Writes the query of a scrape. @throws {RangeError} If there are no info hashes or one has not 20 bytes. */
export function encodeScrapeQuery(infoHashes: readonly Uint8Array[]): string {
  if (infoHashes.length === 0) throw new RangeError("Cannot encode scrape: no info hashes");
  return joinQuery(infoHashes.map((infoHash) => ["info_hash", encodeHash(infoHash, "info_hash")]));
}

/**
 * Reads the info hashes from the query of a scrape, for a tracker.
 *
 * @throws {DecodeError} If there are none, which asks for every torrent of the tracker, or one has not 20 bytes.
 */
export function decodeScrapeQuery(query: string): Uint8Array[] {
  return new Query(query).hashes("info_hash");
}

/**
 * Reads a tracker's answer to a scrape. Entries without a 20-byte key are passed over.
 *
 * @throws {DecodeError} If the answer is no bencoded dictionary, or neither a failure nor one with `files`.
 */
export function decodeScrapeResponse(bytes: Uint8Array): ScrapeResponse {
  const dictionary = decodeResponse(bytes), failure = failureOf(dictionary);
  if (failure !== undefined) return failure;
  const files = dictionary.dictionary("files"), flags = dictionary.get("flags");
  if (files === undefined) throw new DecodeError("Cannot decode scrape response: files are missing");
  const seconds = flags instanceof BencodeDictionary
    ? naturalOf(flags.get("min_request_interval"))
    : undefined;
  return {
    type: "scraped",
    swarms: swarmsOf(files),
    minIntervalMs: seconds === undefined ? undefined : Math.min(seconds, DAY) * 1000,
  };
}

function swarmsOf(files: BencodeDictionary): ScrapedSwarm[] {
  const swarms: ScrapedSwarm[] = [];
  for (const [key, value] of files.entries()) {
    if (key.length !== 20 || !(value instanceof BencodeDictionary)) continue;
    swarms.push({ infoHash: decodeByteString(key), ...countsOf(value) });
  }
  return swarms;
}

function countsOf(counts: BencodeDictionary): SwarmCounts {
  return {
    complete: naturalOf(counts.get("complete")) ?? 0,
    incomplete: naturalOf(counts.get("incomplete")) ?? 0,
    downloaded: naturalOf(counts.get("downloaded")) ?? 0,
    downloaders: naturalOf(counts.get("downloaders")),
  };
}

/** Writes an answer to a scrape, for a tracker. */
export function encodeScrapeResponse(response: ScrapeResponse): Uint8Array<ArrayBuffer> {
  if (response.type === "failure") return encodeFailure(response);
  const { minIntervalMs } = response;
  return encode({
    files: new Map(response.swarms.map(({ infoHash, complete, downloaded, downloaders, incomplete }) => [
      encodeByteString(infoHash),
      { complete, downloaded, downloaders, incomplete },
    ])),
    flags: minIntervalMs === undefined
      ? undefined
      : { min_request_interval: Math.ceil(minIntervalMs / 1000) },
  });
}
