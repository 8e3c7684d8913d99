/** The trackers of a torrent: tiers, their order, and groups that announce independently (BEP 12 "Order of Processing"). */

import { type Random, shuffle } from "../bytes/random.ts";
import type { AddressFamily } from "../peer/ip.ts";
import type { AnnounceStrategy } from "./announcer_vocabulary.ts";
import { parseTrackerUrl } from "./messages/tracker_url.ts";
import { createPath, isWorking, type TrackerPath } from "./tracker_path.ts";

/** One tracker, and the ways to it. */
export interface Tracker {
  readonly url: string;
  /** One for each family of addresses, or one for all. */
  readonly paths: readonly TrackerPath[];
  /** Given by the tracker, to be sent along. */
  trackerId: Uint8Array | undefined;
  /** Its last words: a failure or a warning. */
  message: string | undefined;
}

/** Trackers of which one at a time is announced to, over all paths. */
export interface TrackerGroup {
  readonly tiers: Tracker[][];
  /** When to announce next; `undefined` while nothing is planned. */
  dueAt: number | undefined;
  /** The tracker that answered last. */
  current: Tracker | undefined;
  /** The families over which `completed` is still to be said. */
  readonly owedCompleted: Set<AddressFamily | undefined>;
}

/** How trackers are grouped, and how many paths there are to each. */
export interface GroupOptions {
  readonly strategy: AnnounceStrategy;
  readonly families: readonly (AddressFamily | undefined)[];
}

/** A torrent has a handful; a hostile one would have us flood its victims. */
const MAX_TRACKERS = 200;

/**
 * Sorts trackers into groups, each tier shuffled once. URLs that are no tracker's, or that stood before, are left out.
 */
export function createGroups(
  urls: readonly (readonly string[])[],
  { strategy, families }: GroupOptions,
  random: Random,
): TrackerGroup[] {
  const seen = new Set<string>();
  const tiers = urls.map((tier) =>
    shuffle(random, tier.filter((url) => isNewTracker(url, seen))).map((url) => createTracker(url, families))
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
  { strategy, families }: GroupOptions,
): TrackerGroup | undefined {
  const seen = new Set(groups.flatMap(trackersOf).map((tracker) => tracker.url));
  if (!isNewTracker(url, seen)) return undefined;
  const tier = [createTracker(url, families)], shared = strategy === "tiered" ? groups[0] : undefined;
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

/** The tracker of a group that an announce is out to, if there is one. */
export function askedTracker(group: TrackerGroup): Tracker | undefined {
  return trackersOf(group).find(({ paths }) => paths.some(({ asked }) => asked !== undefined));
}

/** Whether a tracker takes announces over one path at least. */
export function hasWorkingPath({ paths }: Tracker): boolean {
  return paths.some(isWorking);
}

function createGroup(tiers: Tracker[][]): TrackerGroup {
  return { tiers, dueAt: undefined, current: undefined, owedCompleted: new Set() };
}

function createTracker(url: string, families: GroupOptions["families"]): Tracker {
  return { url, paths: families.map(createPath), trackerId: undefined, message: undefined };
}
