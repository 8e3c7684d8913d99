/** The announcer's decisions: which tracker is next, with which event, and when again (BEP 12, 15, 21, 27, 31). */

import type { Random } from "../bytes/random.ts";
import type { AnnouncerEffect, AnnouncerOptions, AnnounceStrategy } from "./announcer_vocabulary.ts";
import type { Announced, AnnounceEvent, AnnounceResponse } from "./messages/announce.ts";
import { createGroups, promote, type Tracker, type TrackerGroup, trackersOf } from "./tracker_groups.ts";

/** All that an announcer knows. */
export interface AnnouncerState {
  readonly options: {
    readonly random: Random;
    private: boolean;
    readonly strategy: AnnounceStrategy;
    readonly numWant: number;
    readonly minIntervalMs: number;
    readonly stopTimeoutMs: number;
  };
  readonly groups: TrackerGroup[];
  phase: "idle" | "running" | "stopping";
  complete: boolean;
  partialSeed: boolean;
  /** Trackers that have not answered to `stopped` yet. */
  leaving: Set<Tracker>;
  /** When their time is up. */
  stopAt: number;
}

/** As libtorrent asks; trackers give 50 to 200. */
const NUM_WANT = 200;

/** Popular trackers ask for 15 minutes and more; less than this is a mistake or an attack on a third party. */
const MIN_INTERVAL_MS = 60_000;

/** A client that is closing does not wait long. */
const STOP_TIMEOUT_MS = 5_000;

/** First pause after a failure; each further one doubles it, up to an hour. */
const FIRST_RETRY_MS = 30_000, LONGEST_RETRY_MS = 3_600_000;

/** A tracker without `min interval`, or one that failed, is not asked more often than this on a user's wish. */
const FORCED_INTERVAL_MS = 15_000;

/** Sorts out the options and shuffles the tiers. */
export function createState(options: AnnouncerOptions): AnnouncerState {
  const isPrivate = options.private ?? false, strategy = options.strategy ?? "tiered";
  const resolved = {
    random: options.random,
    private: isPrivate,
    // BEP 27: one tracker at a time.
    strategy: isPrivate ? "tiered" : strategy,
    numWant: options.numWant ?? NUM_WANT,
    minIntervalMs: options.minIntervalMs ?? MIN_INTERVAL_MS,
    stopTimeoutMs: options.stopTimeoutMs ?? STOP_TIMEOUT_MS,
  };
  return {
    options: resolved,
    groups: createGroups(options.tiers, resolved.strategy, options.random),
    phase: "idle",
    complete: options.complete ?? false,
    partialSeed: false,
    leaving: new Set(),
    stopAt: Infinity,
  };
}

/** Announces to the first tracker of a group that may be asked, or plans to when one may. */
export function announceNext(state: AnnouncerState, group: TrackerGroup, now: number): AnnouncerEffect[] {
  const trackers = inOrder(state, group), tracker = trackers.find(({ retryAt }) => retryAt <= now);
  if (tracker === undefined) {
    const retryAt = Math.min(...trackers.map((one) => one.retryAt));
    group.dueAt = retryAt === Infinity ? undefined : retryAt;
    return [];
  }
  const event = eventFor(state, group, tracker);
  group.dueAt = undefined;
  group.asked = { tracker, completed: event === "completed" };
  return [announce(tracker, event, state.options.numWant)];
}

/** A private torrent stays with its tracker until that fails (BEP 27); others begin at the front (BEP 12). */
function inOrder(state: AnnouncerState, group: TrackerGroup): Tracker[] {
  const trackers = trackersOf(group), { current } = group;
  if (!state.options.private || current === undefined) return trackers;
  return [current, ...trackers.filter((tracker) => tracker !== current)];
}

/** `completed` goes to a tracker that counts us in, so `started` comes first; a partial seed says so every time (BEP 21). */
function eventFor(state: AnnouncerState, group: TrackerGroup, tracker: Tracker): AnnounceEvent | undefined {
  if (group.owesCompleted && tracker.announced) return "completed";
  if (state.partialSeed) return "paused";
  return tracker.announced ? undefined : "started";
}

function announce(tracker: Tracker, event: AnnounceEvent | undefined, numWant: number): AnnouncerEffect {
  return { type: "announce", tracker: tracker.url, event, trackerId: tracker.trackerId, numWant };
}

/** The group whose announce is out to this tracker. */
export function groupAsking(state: AnnouncerState, url: string): TrackerGroup | undefined {
  return state.groups.find((group) => group.asked?.tracker.url === url);
}

/** Handles the answer to the announce that a group has out. */
export function onResponse(
  state: AnnouncerState,
  group: TrackerGroup,
  response: AnnounceResponse,
  now: number,
): AnnouncerEffect[] {
  if (response.type === "announced") return onAnnounced(state, group, response, now);
  return onFailure(state, group, { reason: response.reason, retry: response.retryInMs }, now);
}

function onAnnounced(
  state: AnnouncerState,
  group: TrackerGroup,
  response: Announced,
  now: number,
): AnnouncerEffect[] {
  const { tracker, completed } = group.asked!;
  remember(tracker, response, now);
  promote(group, tracker);
  const effects = [...switchTo(state, group, tracker), ...newsOf(tracker, response)];
  group.asked = undefined;
  if (completed) group.owesCompleted = false;
  if (group.owesCompleted) return [...effects, ...announceNext(state, group, now)];
  group.dueAt = now + Math.max(response.intervalMs, response.minIntervalMs ?? 0, state.options.minIntervalMs);
  return effects;
}

function remember(tracker: Tracker, response: Announced, now: number): void {
  tracker.announced = true;
  tracker.failures = 0;
  tracker.retryAt = -Infinity;
  tracker.retryAsked = false;
  tracker.earliestAt = now + Math.max(response.minIntervalMs ?? 0, FORCED_INTERVAL_MS);
  // Without a new id the old one stays; it is copied, as a view would keep the whole answer in memory.
  tracker.trackerId = response.trackerId?.slice() ?? tracker.trackerId;
  tracker.message = response.warning;
  tracker.complete = response.complete ?? tracker.complete;
  tracker.incomplete = response.incomplete ?? tracker.incomplete;
  tracker.downloaded = response.downloaded ?? tracker.downloaded;
}

function switchTo(state: AnnouncerState, group: TrackerGroup, tracker: Tracker): AnnouncerEffect[] {
  const former = group.current;
  group.current = tracker;
  if (!state.options.private || former === undefined || former === tracker) return [];
  former.announced = false;
  return [{ type: "trackerSwitched", tracker: tracker.url }];
}

function newsOf({ url }: Tracker, { warning, peers, namedPeers = [] }: Announced): AnnouncerEffect[] {
  const effects: AnnouncerEffect[] = [];
  if (warning !== undefined) effects.push({ type: "warning", tracker: url, message: warning });
  if (peers.length + namedPeers.length > 0) effects.push({ type: "peers", tracker: url, peers, namedPeers });
  return effects;
}

/** Leaves the tracker alone for a while and turns to the next (BEP 12 "Order of Processing", BEP 31 "retry in"). */
export function onFailure(
  state: AnnouncerState,
  group: TrackerGroup,
  { reason, retry }: { readonly reason: string; readonly retry?: number | "never" | undefined },
  now: number,
): AnnouncerEffect[] {
  const { tracker } = group.asked!;
  group.asked = undefined;
  tracker.failures++;
  tracker.message = reason;
  tracker.earliestAt = now + FORCED_INTERVAL_MS;
  tracker.retryAsked = retry !== undefined;
  tracker.retryAt = retry === "never" ? Infinity : now + retryAfter(state, tracker, retry);
  const retryAt = retry === "never" ? undefined : tracker.retryAt;
  return [{ type: "failure", tracker: tracker.url, reason, retryAt }, ...announceNext(state, group, now)];
}

function retryAfter(state: AnnouncerState, tracker: Tracker, retry: number | undefined): number {
  if (retry !== undefined) return Math.max(retry, FORCED_INTERVAL_MS);
  const pause = Math.min(FIRST_RETRY_MS * 2 ** (tracker.failures - 1), LONGEST_RETRY_MS);
  // Spread by a tenth, so that a tracker that comes back is not met by everyone at once.
  return Math.round(pause * (1 + state.options.random() / 10));
}

/** Brings a group's announce forward as far as its trackers allow. */
export function announceSoon(state: AnnouncerState, group: TrackerGroup, now: number): AnnouncerEffect[] {
  if (group.asked !== undefined) return [];
  const trackers = inOrder(state, group);
  // Our own pauses give way to a user's wish, those that a tracker asked for do not.
  for (const tracker of trackers) {
    if (!tracker.retryAsked) tracker.retryAt = Math.min(tracker.retryAt, tracker.earliestAt);
  }
  const next = trackers.find(({ retryAt }) => retryAt <= now);
  if (next === undefined || next.earliestAt <= now) return announceNext(state, group, now);
  group.dueAt = Math.min(group.dueAt ?? Infinity, next.earliestAt);
  return [];
}

/** Tells every tracker that counts us in, or may do so soon, that we stop. */
export function announceStop(state: AnnouncerState, now: number): AnnouncerEffect[] {
  const leaving: Tracker[] = [];
  for (const group of state.groups) {
    const counting = trackersOf(group).filter((one) => one.announced || one === group.asked?.tracker);
    leaving.push(...counting.filter(({ retryAt }) => retryAt < Infinity));
    group.asked = undefined;
    group.dueAt = undefined;
  }
  for (const tracker of leaving) tracker.announced = false;
  state.leaving = new Set(leaving);
  state.stopAt = now + state.options.stopTimeoutMs;
  return leaving.map((tracker) => announce(tracker, "stopped", 0));
}
