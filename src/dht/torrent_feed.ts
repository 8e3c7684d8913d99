/**
 * A torrent that changes: a mutable item names its current info hash; followers poll it, everybody keeps it alive
 * (BEP 46, BEP 44 "expiration").
 *
 * waiting -> asking -> waiting, for ever
 */

import { equals } from "@std/bytes/equals";
import { decode } from "../bencode/decode.ts";
import { BencodeDictionary } from "../bencode/dictionary.ts";
import type { Bencodable } from "../bencode/encode.ts";
import { DecodeError } from "../errors.ts";
import type { ItemName, MutableItem } from "./item.ts";
import { ID_LENGTH } from "./messages/node_info.ts";

/** BEP 44 "expiration": items should be stored again once an hour. */
const REPUBLISH_MS = 3_600_000;

/** How often to look for a new version, and how often at most: the DHT is no news wire. */
const POLL_MS = 15 * 60_000, MIN_POLL_MS = 60_000;

/** Which torrent, and how often to look. */
export interface TorrentFeedOptions {
  /** The publisher's key, 32 bytes; `xs=urn:btpk:` in a magnet link (BEP 46 "magnet link"). */
  readonly publicKey: Uint8Array;
  /** Tells several torrents of one publisher apart; `s` in a magnet link. */
  readonly salt?: Uint8Array;
  /** Time between two looks; 15 minutes by default, one at least. A publisher may do with `Infinity`. */
  readonly pollMs?: number;
  /** The version known from an earlier run; it is not told again. */
  readonly latest?: MutableItem;
  /** When that version was last stored by us; by default it is stored again at once. */
  readonly storedAt?: number;
}

/** What a feed is told. */
export type TorrentFeedInput =
  /** We are the publisher, and this is the new version. */
  | { readonly type: "publish"; readonly item: MutableItem }
  /** The operation that the feed asked for has found an item. */
  | { readonly type: "found"; readonly item: MutableItem }
  /** The operation that the feed asked for is over; if nobody has answered, it is tried again soon. */
  | { readonly type: "ended"; readonly isInVain?: boolean }
  /** `deadline()` was reached. */
  | { readonly type: "tick" };

/** What is to be done for a feed, and what it has found out. */
export type TorrentFeedEffect =
  /** Start a `getItem`. */
  | { readonly type: "get"; readonly name: ItemName; readonly newerThan: bigint | undefined }
  /** Start a `putItem`. */
  | { readonly type: "put"; readonly item: MutableItem; readonly republish: boolean }
  /** This is the torrent now, and another one than before. */
  | { readonly type: "torrent"; readonly infoHash: Uint8Array; readonly seq: bigint };

/** The value of an item that names a torrent (BEP 46 "publishing content"). @throws {RangeError} If not of 20 bytes. */
export function torrentValue(infoHash: Uint8Array): Bencodable {
  if (infoHash.length !== ID_LENGTH) {
    throw new RangeError(
      `Cannot publish torrent: the info hash has ${infoHash.length} bytes, not ${ID_LENGTH}`,
    );
  }
  return { ih: infoHash };
}

/** The info hash in the value of an item, or `undefined` if it names no torrent. */
export function infoHashOf(item: MutableItem): Uint8Array | undefined {
  try {
    const value = decode(item.value),
      infoHash = value instanceof BencodeDictionary ? value.get("ih") : undefined;
    return infoHash instanceof Uint8Array && infoHash.length === ID_LENGTH ? infoHash.slice() : undefined;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** Follows a torrent, or publishes it: on top of a node's `getItem` and `putItem`. */
export class TorrentFeed {
  readonly #name: ItemName & { readonly type: "mutable" };
  readonly #pollMs: number;
  #latest: MutableItem | undefined;
  /** The torrent that was told last: a new version may name the same one. */
  #told: Uint8Array | undefined;
  #isAsking = false;
  #isNews = false;
  /** Whether the last operation was to store. */
  #wasPut = false;
  #pollAt: number;
  #republishAt: number;

  /** Makes a feed that looks at once, unless it is told what was stored just now. @throws {RangeError} If `pollMs` is no time. */
  constructor({ publicKey, salt, pollMs = POLL_MS, latest, storedAt }: TorrentFeedOptions, now: number) {
    if (Number.isNaN(pollMs)) {
      throw new RangeError("Cannot follow torrent: the time between two looks is no number");
    }
    this.#name = { type: "mutable", publicKey, salt };
    this.#pollMs = Math.max(MIN_POLL_MS, pollMs);
    this.#latest = latest;
    this.#told = latest && infoHashOf(latest);
    this.#pollAt = storedAt === undefined ? now : storedAt + this.#pollMs;
    this.#republishAt = storedAt === undefined ? now : storedAt + REPUBLISH_MS;
  }

  /** The newest version known. */
  get latest(): MutableItem | undefined {
    return this.#latest;
  }

  /** Takes in what happened. */
  handle(input: TorrentFeedInput, now: number): readonly TorrentFeedEffect[] {
    switch (input.type) {
      case "publish":
        return this.#publish(input.item, now);
      case "found":
        return this.#take(input.item);
      case "ended":
        this.#isAsking = false;
        if (input.isInVain) this.#hurry(now);
        return this.#act(now);
      case "tick":
        return this.#act(now);
    }
  }

  /** When `tick` should be put in; `undefined` while an operation is under way. */
  deadline(): number | undefined {
    if (this.#isAsking) return undefined;
    return this.#latest === undefined ? this.#pollAt : Math.min(this.#pollAt, this.#republishAt);
  }

  #publish(item: MutableItem, now: number): readonly TorrentFeedEffect[] {
    const told = this.#take(item);
    if (this.#latest !== item) return told;
    this.#isNews = true;
    this.#republishAt = now;
    return [...told, ...this.#act(now)];
  }

  #take(item: MutableItem): readonly TorrentFeedEffect[] {
    if (this.#latest !== undefined && item.seq <= this.#latest.seq) return [];
    this.#latest = item;
    const infoHash = infoHashOf(item);
    if (infoHash === undefined || this.#told && equals(infoHash, this.#told)) return [];
    this.#told = infoHash;
    return [{ type: "torrent", infoHash, seq: item.seq }];
  }

  /** Nobody was there to ask: whatever was to be done is still to be done. */
  #hurry(now: number): void {
    this.#pollAt = Math.min(this.#pollAt, now + MIN_POLL_MS);
    if (this.#wasPut) this.#republishAt = now + MIN_POLL_MS;
  }

  /** One operation at a time; storing looks for newer versions too, so it takes the place of a look. */
  #act(now: number): readonly TorrentFeedEffect[] {
    if (this.#isAsking) return [];
    const latest = this.#latest, isPut = latest !== undefined && now >= this.#republishAt;
    if (!isPut && now < this.#pollAt) return [];
    this.#isAsking = true;
    this.#wasPut = isPut;
    this.#pollAt = now + this.#pollMs;
    if (!isPut) return [{ type: "get", name: this.#name, newerThan: latest?.seq }];
    const republish = !this.#isNews;
    this.#isNews = false;
    this.#republishAt = now + REPUBLISH_MS;
    return [{ type: "put", item: latest, republish }];
  }
}
