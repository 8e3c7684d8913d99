/** The announcer's decisions: which tracker is next, with which event, and when again (BEP 7, 12, 15, 21, 27, 31). */

import type { Random } from "../bytes/random.ts";
import type { AddressFamily } from "../peer/ip.ts";
import type { AnnouncerEffect, AnnouncerOptions } from "./announcer_vocabulary.ts";
import type { Announced, AnnounceEvent, AnnounceResponse } from "./messages/announce.ts";
import {
  askedTracker,
  createGroups,
  type GroupOptions,
  hasWorkingPath,
  promote,
  type Tracker,
  type TrackerGroup,
  trackersOf,
} from "./tracker_groups.ts";
import {
  bringForward,
  lookSeldom,
  mayBeAsked,
  noteAnswer,
  noteFailure,
  noteStop,
  type PathFailure,
  type TrackerPath,
} from "./tracker_path.ts";

/** All that an announcer knows. */
export interface AnnouncerState {
  readonly options: GroupOptions & {
    readonly random: Random;
    private: boolean;
    readonly numWant: number;
    readonly minIntervalMs: number;
    readonly stopTimeoutMs: number;
  };
  readonly groups: TrackerGroup[];
  phase: "idle" | "running" | "stopping";
  complete: boolean;
  partialSeed: boolean;
  /** The paths over which trackers have not answered to `stopped` yet. */
  leaving: Map<TrackerPath, Tracker>;
  /** When their time is up. */
  stopAt: number;
}

/** As libtorrent asks; trackers give 50 to 200. */
const NUM_WANT = 200;

/** Popular trackers ask for 15 minutes and more; less than this is a mistake or an attack on a third party. */
const MIN_INTERVAL_MS = 60_000;

/** A client that is closing does not wait long. */
const STOP_TIMEOUT_MS = 5_000;

/** Sorts out the options and shuffles the tiers. */
export function createState(options: AnnouncerOptions): AnnouncerState {
  const isPrivate = options.private ?? false, strategy = options.strategy ?? "tiered";
  const resolved: AnnouncerState["options"] = {
    random: options.random,
    private: isPrivate,
    // BEP 27: one tracker at a time.
    strategy: isPrivate ? "tiered" : strategy,
    families: options.families ?? [undefined],
    numWant: options.numWant ?? NUM_WANT,
    minIntervalMs: options.minIntervalMs ?? MIN_INTERVAL_MS,
    stopTimeoutMs: options.stopTimeoutMs ?? STOP_TIMEOUT_MS,
  };
  return {
    options: resolved,
    groups: createGroups(options.tiers, resolved, options.random),
    phase: "idle",
    complete: options.complete ?? false,
    partialSeed: false,
    leaving: new Map(),
    stopAt: Infinity,
  };
}

/** A path of a tracker of a group. */
export interface Route {
  readonly group: TrackerGroup;
  readonly tracker: Tracker;
  readonly path: TrackerPath;
}

/** The path that an announce is out over. */
export function routeAsked(
  state: AnnouncerState,
  { tracker: url, family }: { readonly tracker: string; readonly family?: AddressFamily | undefined },
): Route | undefined {
  for (const group of state.groups) {
    const tracker = askedTracker(group);
    if (tracker?.url !== url) continue;
    const path = tracker.paths.find((one) => one.asked !== undefined && one.family === family);
    return path && { group, tracker, path };
  }
  return undefined;
}

/**
 * Announces to the first tracker of a group that may be asked, or plans to when one may. While an announce is out to a tracker
 * the group stays with it.
 */
export function announceNext(state: AnnouncerState, group: TrackerGroup, now: number): AnnouncerEffect[] {
  const trackers = inOrder(state, group);
  const tracker = askedTracker(group) ??
    trackers.find(({ paths }) => paths.some((path) => mayBeAsked(path, now)));
  if (tracker !== undefined) return announceTo(state, { group, tracker }, now);
  group.dueAt = earliest(trackers.flatMap(({ paths }) => paths));
  return [];
}

/** Announces what is due. A tracker that works is not left because one family of its addresses is to be tried again. */
export function announceDue(state: AnnouncerState, group: TrackerGroup, now: number): AnnouncerEffect[] {
  const { current } = group,
    isKept = current !== undefined && hasWorkingPath(current) &&
      !current.paths.some(({ failures, nextAt }) => failures === 0 && nextAt <= now);
  const tracker = askedTracker(group) ?? (isKept ? current : undefined);
  return tracker === undefined ? announceNext(state, group, now) : announceTo(state, { group, tracker }, now);
}

/** Announces over all paths to a tracker that are due, and plans for when the next is. */
function announceTo(
  state: AnnouncerState,
  { group, tracker }: Omit<Route, "path">,
  now: number,
): AnnouncerEffect[] {
  const isNew = tracker !== group.current, { owedCompleted } = group, effects: AnnouncerEffect[] = [];
  // Another tracker than the one that has heard it over one family has not seen us download.
  if (isNew && owedCompleted.size < state.options.families.length) owedCompleted.clear();
  for (const path of tracker.paths) {
    const isDue = path.nextAt <= now || isNew && path.failures === 0;
    if (path.asked !== undefined || !isDue) continue;
    const event = eventFor(state, group, path);
    path.asked = { completed: event === "completed" };
    effects.push(announce(tracker, path, { event, numWant: state.options.numWant }));
  }
  group.dueAt = earliest(tracker.paths.filter(({ asked }) => asked === undefined));
  return effects;
}

function earliest(paths: readonly TrackerPath[]): number | undefined {
  const at = Math.min(...paths.map(({ nextAt }) => nextAt));
  return at === Infinity ? undefined : at;
}

/** A private torrent stays with its tracker until that fails (BEP 27); others begin at the front (BEP 12). */
function inOrder(state: AnnouncerState, group: TrackerGroup): Tracker[] {
  const trackers = trackersOf(group), { current } = group;
  if (!state.options.private || current === undefined) return trackers;
  return [current, ...trackers.filter((tracker) => tracker !== current)];
}

/**
 * `completed` goes to a tracker that counts us in, so `started` comes first; a partial seed says so every time (BEP 21). Each
 * family hears the same (BEP 7 "Tracker Hostname Resolution"): key and peer id tell the tracker that it is one download.
 */
function eventFor(state: AnnouncerState, group: TrackerGroup, path: TrackerPath): AnnounceEvent | undefined {
  if (group.owedCompleted.has(path.family) && path.announced) return "completed";
  if (state.partialSeed) return "paused";
  return path.announced ? undefined : "started";
}

function announce(
  { url, trackerId }: Tracker,
  { family }: TrackerPath,
  { event, numWant }: { readonly event: AnnounceEvent | undefined; readonly numWant: number },
): AnnouncerEffect {
  return { type: "announce", tracker: url, family, event, trackerId, numWant };
}

/** Handles the answer to an announce that is out. */
export function onResponse(
  state: AnnouncerState,
  route: Route,
  response: AnnounceResponse,
  now: number,
): AnnouncerEffect[] {
  if (response.type === "announced") return onAnnounced(state, route, response, now);
  return onFailure(state, route, { reason: response.reason, retry: response.retryInMs }, now);
}

function onAnnounced(
  state: AnnouncerState,
  route: Route,
  response: Announced,
  now: number,
): AnnouncerEffect[] {
  const { group, tracker, path } = route, { owedCompleted } = group;
  // Without a new id the old one stays; it is copied, as a view would keep the whole answer in memory.
  tracker.trackerId = response.trackerId?.slice() ?? tracker.trackerId;
  tracker.message = response.warning;
  noteAnswer(path, response, state.options.minIntervalMs, now);
  promote(group, tracker);
  const effects = [...switchTo(state, group, tracker), ...newsOf(tracker, response)];
  if (path.asked?.completed) owedCompleted.delete(path.family);
  path.asked = undefined;
  if (!owedCompleted.has(path.family)) return [...effects, ...announceTo(state, route, now)];
  path.nextAt = now;
  return [...effects, ...announceNext(state, group, now)];
}

function switchTo(state: AnnouncerState, group: TrackerGroup, tracker: Tracker): AnnouncerEffect[] {
  const former = group.current;
  group.current = tracker;
  if (!state.options.private || former === undefined || former === tracker) return [];
  for (const path of former.paths) path.announced = false;
  return [{ type: "trackerSwitched", tracker: tracker.url }];
}

function newsOf({ url }: Tracker, { warning, peers, namedPeers = [] }: Announced): AnnouncerEffect[] {
  const effects: AnnouncerEffect[] = [];
  if (warning !== undefined) effects.push({ type: "warning", tracker: url, message: warning });
  if (peers.length + namedPeers.length > 0) effects.push({ type: "peers", tracker: url, peers, namedPeers });
  return effects;
}

/**
 * Leaves a path alone for a while. A tracker has failed when all of its paths have: then it is the next one's turn (BEP 12
 * "Order of Processing").
 */
export function onFailure(
  state: AnnouncerState,
  route: Route,
  failure: PathFailure,
  now: number,
): AnnouncerEffect[] {
  const { group, tracker, path } = route;
  path.asked = undefined;
  noteFailure(path, failure, state.options.random, now);
  if (tracker.paths.some(({ asked }) => asked !== undefined) || hasWorkingPath(tracker)) {
    lookSeldom(path, now);
    return announceTo(state, route, now);
  }
  tracker.message = reasonOf(tracker, path);
  const retryAt = retryTogether(tracker);
  return [
    { type: "failure", tracker: tracker.url, reason: tracker.message, retryAt },
    ...announceNext(state, group, now),
  ];
}

/** That there is no address of one family says less than what went wrong over the other. */
function reasonOf({ paths }: Tracker, last: TrackerPath): string {
  return (last.isAbsent ? paths.find(({ isAbsent }) => !isAbsent) ?? last : last).reason;
}

/**
 * When to try a tracker again that failed: over all paths at once, except where it said when itself. Its word over one path
 * counts for those that it never answered over, too (BEP 31).
 */
function retryTogether({ paths }: Tracker): number | undefined {
  const said = paths.filter(({ retryAsked }) => retryAsked),
    silent = paths.filter(({ answered }) => !answered);
  for (const path of said.length > 0 ? silent.filter(({ retryAsked }) => !retryAsked) : []) {
    path.nextAt = earliest(said) ?? Infinity;
    path.retryAsked = true;
  }
  const retryAt = earliest(paths);
  for (const path of paths) if (!path.retryAsked && !path.isAbsent) path.nextAt = retryAt ?? Infinity;
  return retryAt;
}

/** The last wanted piece is here: every family is to hear it, and at once where we are known. */
export function announceCompleted(
  state: AnnouncerState,
  group: TrackerGroup,
  now: number,
): AnnouncerEffect[] {
  for (const family of state.options.families) group.owedCompleted.add(family);
  for (const path of group.current?.paths ?? []) if (path.failures === 0) path.nextAt = now;
  return announceNext(state, group, now);
}

/** Brings a group's announces forward as far as its trackers allow. */
export function announceSoon(state: AnnouncerState, group: TrackerGroup, now: number): AnnouncerEffect[] {
  for (const { paths } of trackersOf(group)) paths.forEach(bringForward);
  return announceNext(state, group, now);
}

/**
 * Tells every tracker that counts us in, or may do so soon, that we stop; over a family that fails only if it knows us by no
 * other, for nobody waits for such an answer in vain.
 */
export function announceStop(state: AnnouncerState, now: number): AnnouncerEffect[] {
  const effects: AnnouncerEffect[] = [];
  for (const group of state.groups) {
    for (const tracker of trackersOf(group)) {
      const isKnown = hasWorkingPath(tracker);
      for (const path of tracker.paths) {
        const isCounted = path.announced || path.asked !== undefined && !(isKnown && path.failures > 0);
        noteStop(path);
        if (!isCounted || path.nextAt === Infinity) continue;
        state.leaving.set(path, tracker);
        effects.push(announce(tracker, path, { event: "stopped", numWant: 0 }));
      }
    }
    group.dueAt = undefined;
  }
  state.stopAt = now + state.options.stopTimeoutMs;
  return effects;
}
