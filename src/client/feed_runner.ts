/** A torrent that changes, at work on a node of the DHT: carries out what its feed wants, one wish at a time (BEP 46). */

import type { MutableItem } from "../dht/item.ts";
import type { TorrentFeed, TorrentFeedEffect } from "../dht/torrent_feed.ts";
import { TransportError } from "../errors.ts";
import type { DhtRunner } from "../io/dht_runner.ts";
import { pause } from "../io/pause.ts";
import type { Clock } from "../io/transport.ts";

/** Where a feed runs. */
export interface FeedWorld {
  readonly dht: DhtRunner;
  readonly clock: Clock;
  /** Ends the feed with the signal's reason. */
  readonly signal: AbortSignal;
}

/** What the torrent is now. */
export type FeedNews = Extract<TorrentFeedEffect, { type: "torrent" }>;

/** What a feed wants done. */
type Wish = Exclude<TorrentFeedEffect, FeedNews>;

/**
 * Runs a feed for ever, and gives the torrent each time that it is another one. Of the versions that one lookup brings
 * only the newest is given.
 *
 * @throws {StateError} If the node is closed. @throws The signal's reason.
 */
export async function* runFeed(feed: TorrentFeed, world: FeedWorld): AsyncGenerator<FeedNews> {
  const { clock, signal } = world;
  for (;;) {
    await pause(feed.deadline() ?? clock.now(), clock, signal);
    signal.throwIfAborted();
    let news: FeedNews | undefined;
    for (let [wish] = feed.handle({ type: "tick" }, clock.now()); wish !== undefined;) {
      if (wish.type === "torrent") break; // told by what is found or published only
      const { items, isInVain } = await carryOut(wish, world);
      for (const item of items) news = newsOf(feed.handle({ type: "found", item }, clock.now())) ?? news;
      [wish] = feed.handle({ type: "ended", isInVain }, clock.now());
    }
    if (news !== undefined) yield news;
  }
}

function newsOf(effects: readonly TorrentFeedEffect[]): FeedNews | undefined {
  return effects.find((effect) => effect.type === "torrent");
}

interface Outcome {
  /** Versions found, each newer than the one before. */
  readonly items: readonly MutableItem[];
  /** Whether nobody has answered. */
  readonly isInVain: boolean;
}

async function carryOut(wish: Wish, { dht, signal }: FeedWorld): Promise<Outcome> {
  const items: MutableItem[] = [];
  let isInVain = true;
  if (!await isReachable(dht, signal)) return { items, isInVain };
  for await (const news of dht.run(operationOf(wish), { signal })) {
    if (news.type === "item" && news.item.type === "mutable") items.push(news.item);
    else if (news.type === "done") isInVain = news.report.replies === 0;
  }
  return { items, isInVain };
}

function operationOf(wish: Wish): Parameters<DhtRunner["run"]>[0] {
  if (wish.type === "put") return { type: "putItem", item: wish.item, republish: wish.republish };
  const { name, newerThan } = wish;
  return { type: "getItem", name, ...(newerThan !== undefined && { newerThan }) };
}

/** Waits until the node knows others, or that there is nobody. */
async function isReachable(dht: DhtRunner, signal: AbortSignal): Promise<boolean> {
  try {
    await dht.ready({ signal });
    return true;
  } catch (error) {
    if (error instanceof TransportError) return false;
    throw error;
  }
}
