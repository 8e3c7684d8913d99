/** Reading the bencoded answers of HTTP trackers, which take the format lightly: fields of announce and scrape. */

import { decodeDictionary } from "../../bencode/decode.ts";
import type { BencodeDictionary, BencodeValue } from "../../bencode/dictionary.ts";
import { encode } from "../../bencode/encode.ts";
import { decodeUtf8 } from "../../bytes/text.ts";
import type { TrackerFailure } from "./announce.ts";

/** An answer is a flat dictionary with one list at most: a megabyte of it has fewer values. */
const LIMITS = { tolerant: true, allowTrailing: true, maxDepth: 8, maxTokens: 200_000 } as const;

const MINUTE_MS = 60_000;

/** What "retry in" may say at most; beyond it the tracker is asked once a day all the same. */
const LONGEST_RETRY_MS = 24 * 60 * MINUTE_MS;

/**
 * Decodes an answer. Unsorted keys and a line end after the value are let pass.
 *
 * @throws {DecodeError} If it is no dictionary.
 */
export function decodeResponse(bytes: Uint8Array): BencodeDictionary {
  return decodeDictionary(bytes, LIMITS);
}

/** A natural number, given as an integer or as digits in a string; anything else counts as absent. */
export function naturalOf(value: BencodeValue | undefined): number | undefined {
  if (value instanceof Uint8Array) {
    const digits = value.length <= 15 ? decodeUtf8(value) : "";
    return /^[0-9]+$/.test(digits) ? Number(digits) : undefined;
  }
  return typeof value === "number" && value >= 0 ? value : undefined;
}

/** Bytes, or `undefined` for every other type. */
export function bytesOf(value: BencodeValue | undefined): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined;
}

/** Text, or `undefined` for every other type. */
export function textOf(value: BencodeValue | undefined): string | undefined {
  return value instanceof Uint8Array ? decodeUtf8(value) : undefined;
}

/** The refusal in an answer, if it is one. "retry in" counts only then, as integer or digits or "never" (BEP 31). */
export function failureOf(dictionary: BencodeDictionary): TrackerFailure | undefined {
  if (!dictionary.has("failure reason")) return undefined;
  const reason = textOf(dictionary.get("failure reason")) || "no reason given";
  const retry = dictionary.get("retry in"), minutes = naturalOf(retry);
  if (textOf(retry) === "never") return { type: "failure", reason, retryInMs: "never" };
  if (minutes === undefined || minutes === 0) return { type: "failure", reason };
  return { type: "failure", reason, retryInMs: Math.min(minutes * MINUTE_MS, LONGEST_RETRY_MS) };
}

/** Writes a refusal; "retry in" in whole minutes (BEP 31). */
export function encodeFailure(failure: TrackerFailure): Uint8Array<ArrayBuffer> {
  const { retryInMs } = failure;
  return encode({
    "failure reason": failure.reason,
    "retry in": typeof retryInMs === "number" ? Math.max(1, Math.ceil(retryInMs / MINUTE_MS)) : retryInMs,
  });
}
