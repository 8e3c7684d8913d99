/**
 * When to announce a torrent to which of its trackers, and with which event (BEP 3 "trackers", 7, 12, 15, 21, 27, 31).
 * Phases: idle -> running -> stopping -> idle. It never sees counters: the caller adds them to each announce.
 */

import {
  announceCompleted,
  announceDue,
  announceNext,
  type AnnouncerState,
  announceSoon,
  announceStop,
  createState,
  onFailure,
  onResponse,
  type Route,
  routeAsked,
} from "./announce_turns.ts";
import type {
  AnnouncerEffect,
  AnnouncerInput,
  AnnouncerOptions,
  TrackerStatus,
} from "./announcer_vocabulary.ts";
import {
  addToGroups,
  askedTracker,
  hasWorkingPath,
  type Tracker,
  type TrackerGroup,
} from "./tracker_groups.ts";

/** Decides when to announce where. Effects name trackers by URL; each tracker has one announce out at most over each family. */
export class Announcer {
  readonly #state: AnnouncerState;

  /** Makes an idle announcer; the tiers are shuffled here, once (BEP 12 "Order of Processing"). */
  constructor(options: AnnouncerOptions) {
    this.#state = createState(options);
  }

  /** Takes one input at `now` (milliseconds) and answers with what to do. */
  handle(input: AnnouncerInput, now: number): readonly AnnouncerEffect[] {
    switch (input.type) {
      case "start":
        return this.#start(now);
      case "completed":
        return this.#onCompleted(now);
      case "partialSeed":
        this.#state.partialSeed = input.partialSeed;
        return [];
      case "private":
        this.#state.options.private = true;
        return [];
      case "stop":
        return this.#stop(now);
      case "reannounce":
        return this.#whileRunning((state, group) => announceSoon(state, group, now));
      case "reply":
        return this.#onSettled(input, (state, route) => onResponse(state, route, input.response, now));
      case "failed":
        return this.#onSettled(input, (state, route) => onFailure(state, route, input, now));
      case "addTracker":
        return this.#addTracker(input.tracker, now);
      case "tick":
        return this.#onTick(now);
    }
  }

  /** When to call `handle({ type: "tick" }, now)`; `undefined` while nothing is planned. */
  deadline(): number | undefined {
    const { phase, groups, stopAt } = this.#state;
    if (phase === "stopping") return stopAt;
    const deadline = Math.min(...groups.map((group) => group.dueAt ?? Infinity));
    return deadline === Infinity ? undefined : deadline;
  }

  /** How each tracker fares, in the order in which they are asked. */
  trackers(): TrackerStatus[] {
    return this.#state.groups.flatMap((group) =>
      group.tiers.flatMap((tier, index) => tier.map((tracker) => statusOf(group, tracker, index)))
    );
  }

  #start(now: number): readonly AnnouncerEffect[] {
    const state = this.#state;
    if (state.phase === "running") return [];
    state.phase = "running";
    state.leaving.clear();
    return this.#whileRunning((_, group) => announceNext(state, group, now));
  }

  #onCompleted(now: number): readonly AnnouncerEffect[] {
    const state = this.#state;
    if (state.complete) return [];
    state.complete = true;
    state.partialSeed = false;
    return this.#whileRunning((_, group) => announceCompleted(state, group, now));
  }

  #stop(now: number): readonly AnnouncerEffect[] {
    const state = this.#state;
    if (state.phase === "stopping") return [];
    const effects = state.phase === "running" ? announceStop(state, now) : [];
    state.phase = "stopping";
    return [...effects, ...this.#stopIfAlone(now)];
  }

  #onSettled(
    input: Extract<AnnouncerInput, { type: "reply" | "failed" }>,
    settle: (state: AnnouncerState, route: Route) => readonly AnnouncerEffect[],
  ): readonly AnnouncerEffect[] {
    const state = this.#state, route = routeAsked(state, input);
    if (route !== undefined) return settle(state, route);
    for (const [path, { url }] of state.leaving) {
      if (url === input.tracker && path.family === input.family) state.leaving.delete(path);
    }
    return this.#stopIfAlone(-Infinity);
  }

  #addTracker(url: string, now: number): readonly AnnouncerEffect[] {
    const state = this.#state, group = addToGroups(state.groups, url, state.options);
    const idle = group !== undefined && askedTracker(group) === undefined && group.current === undefined;
    return idle && state.phase === "running" ? announceNext(state, group, now) : [];
  }

  #onTick(now: number): readonly AnnouncerEffect[] {
    if (this.#state.phase === "stopping") return this.#stopIfAlone(now);
    return this.#whileRunning((state, group) =>
      group.dueAt !== undefined && group.dueAt <= now ? announceDue(state, group, now) : []
    );
  }

  #whileRunning(
    act: (state: AnnouncerState, group: TrackerGroup) => readonly AnnouncerEffect[],
  ): readonly AnnouncerEffect[] {
    const state = this.#state;
    return state.phase === "running" ? state.groups.flatMap((group) => act(state, group)) : [];
  }

  /** Ends the stopping when no tracker has to answer any more, or the time for it is up. */
  #stopIfAlone(now: number): readonly AnnouncerEffect[] {
    const state = this.#state;
    if (state.phase !== "stopping" || (state.leaving.size > 0 && now < state.stopAt)) return [];
    state.phase = "idle";
    state.leaving.clear();
    return [{ type: "stopped" }];
  }
}

function statusOf(group: TrackerGroup, tracker: Tracker, tier: number): TrackerStatus {
  return {
    tracker: tracker.url,
    tier,
    state: stateOf(tracker),
    message: tracker.message,
    nextAnnounceAt: group.dueAt,
    complete: most(tracker, "complete"),
    incomplete: most(tracker, "incomplete"),
    downloaded: most(tracker, "downloaded"),
  };
}

function stateOf(tracker: Tracker): TrackerStatus["state"] {
  const { paths } = tracker;
  if (paths.some(({ asked }) => asked !== undefined)) return "announcing";
  if (paths.every(({ nextAt }) => nextAt === Infinity)) return "refused";
  if (hasWorkingPath(tracker)) return "working";
  return paths.some(({ failures }) => failures > 0) ? "failing" : "idle";
}

/** The largest of the numbers that the tracker says over different paths: many keep a swarm for each family. */
function most({ paths }: Tracker, what: "complete" | "incomplete" | "downloaded"): number | undefined {
  const counts = paths.flatMap((path) => path.counts[what] ?? []);
  return counts.length === 0 ? undefined : Math.max(...counts);
}
