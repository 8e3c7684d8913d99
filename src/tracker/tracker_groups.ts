/** The trackers of a torrent: tiers, their order, and groups that announce independently (BEP 12 "Order of Processing"). */

import { type Random, shuffle } from "../bytes/random.ts";
import type { AnnounceStrategy } from "./announcer_vocabulary.ts";
import { parseTrackerUrl } from "./messages/tracker_url.ts";

/** One tracker and how it fares. Times are those of `now`. */
export interface Tracker {
  readonly url: string;
  /** Given by the tracker, to be sent along. */
  trackerId: Uint8Array | undefined;
  /** It took an announce since `start`, so it counts us in. */
  announced: boolean;
  /** Failures in a row. */
  failures: number;
  /** No announce before this; `Infinity` after "never" (BEP 31). */
  retryAt: number;
  /** `retryAt` is the tracker's own wish, which a user's announce respects. */
  retryAsked: boolean;
  /** No announce on a user's wish before this. */
  earliestAt: number;
  /** Its last words: a failure or a warning. */
  message: string | undefined;
  complete: number | undefined;
  incomplete: number | undefined;
  downloaded: number | undefined;
}

/** Trackers of which one at a time is announced to. */
export interface TrackerGroup {
  readonly tiers: Tracker[][];
  /** When to announce next; `undefined` while an announce is out, or when no tracker may be asked any more. */
  dueAt: number | undefined;
  /** The tracker that an announce is out to, and whether it says `completed`. */
  asked: { readonly tracker: Tracker; readonly completed: boolean } | undefined;
  /** The tracker that answered last. */
  current: Tracker | undefined;
  /** `completed` is still to be said. */
  owesCompleted: boolean;
}

/** A torrent has a handful; a hostile one would have us flood its victims. */
const MAX_TRACKERS = 200;

/**
 * Sorts trackers into groups, each tier shuffled once. URLs that are no tracker's, or that stood before, are left out.
 */
export function createGroups(
  urls: readonly (readonly string[])[],
  strategy: AnnounceStrategy,
  random: Random,
): TrackerGroup[] {
  const seen = new Set<string>();
  const tiers = urls.map((tier) =>
    shuffle(random, tier.filter((url) => isNewTracker(url, seen))).map(createTracker)
  );
  if (strategy === "tiered") return [createGroup(tiers)];
  if (strategy === "everyTier") return tiers.map((tier) => createGroup([tier]));
  return tiers.flat().map((tracker) => createGroup([[tracker]]));
}

function isNewTracker(url: string, seen: Set<string>): boolean {
  if (seen.has(url) || seen.size >= MAX_TRACKERS || parseTrackerUrl(url) === undefined) return false;
  seen.add(url);
  return true;
}

/** Adds a tracker in a tier of its own, the last; answers the group it is in, `undefined` if it was left out. */
export function addToGroups(
  groups: TrackerGroup[],
  url: string,
  strategy: AnnounceStrategy,
): TrackerGroup | undefined {
  const seen = new Set(groups.flatMap(trackersOf).map((tracker) => tracker.url));
  if (!isNewTracker(url, seen)) return undefined;
  const tier = [createTracker(url)], shared = strategy === "tiered" ? groups[0] : undefined;
  if (shared !== undefined) {
    shared.tiers.push(tier);
    return shared;
  }
  const group = createGroup([tier]);
  groups.push(group);
  return group;
}

/** The trackers of a group in the order of its tiers. */
export function trackersOf(group: TrackerGroup): Tracker[] {
  return group.tiers.flat();
}

/** The tracker that answered moves to the front of its tier (BEP 12 "Order of Processing"). */
export function promote(group: TrackerGroup, tracker: Tracker): void {
  for (const tier of group.tiers) {
    const index = tier.indexOf(tracker);
    if (index > 0) tier.unshift(...tier.splice(index, 1));
  }
}

function createGroup(tiers: Tracker[][]): TrackerGroup {
  return { tiers, dueAt: undefined, asked: undefined, current: undefined, owesCompleted: false };
}

function createTracker(url: string): Tracker {
  return {
    url,
    trackerId: undefined,
    announced: false,
    failures: 0,
    retryAt: -Infinity,
    retryAsked: false,
    earliestAt: -Infinity,
    message: undefined,
    complete: undefined,
    incomplete: undefined,
    downloaded: undefined,
  };
}
