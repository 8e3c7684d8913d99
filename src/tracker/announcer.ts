/**
 * When to announce a torrent to which of its trackers, and with which event (BEP 3 "trackers", 12, 15, 21, 27, 31).
 * Phases: idle -> running -> stopping -> idle. It never sees counters: the caller adds them to each announce.
 */

import {
  announceNext,
  type AnnouncerState,
  announceSoon,
  announceStop,
  createState,
  groupAsking,
  onFailure,
  onResponse,
} from "./announce_turns.ts";
import type {
  AnnouncerEffect,
  AnnouncerInput,
  AnnouncerOptions,
  TrackerStatus,
} from "./announcer_vocabulary.ts";
import { addToGroups, type Tracker, type TrackerGroup } from "./tracker_groups.ts";

/** Decides when to announce where. Effects name trackers by URL; each tracker has one announce out at most. */
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
        return this.#onSettled(
          input.tracker,
          (state, group) => onResponse(state, group, input.response, now),
        );
      case "failed":
        return this.#onSettled(input.tracker, (state, group) => onFailure(state, group, input, now));
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
    return this.#whileRunning((_, group) => {
      group.owesCompleted = true;
      return group.asked === undefined ? announceNext(state, group, now) : [];
    });
  }

  #stop(now: number): readonly AnnouncerEffect[] {
    const state = this.#state;
    if (state.phase === "stopping") return [];
    const effects = state.phase === "running" ? announceStop(state, now) : [];
    state.phase = "stopping";
    return [...effects, ...this.#stopIfAlone(now)];
  }

  #onSettled(
    url: string,
    settle: (state: AnnouncerState, group: TrackerGroup) => readonly AnnouncerEffect[],
  ): readonly AnnouncerEffect[] {
    const state = this.#state, group = groupAsking(state, url);
    if (group !== undefined) return settle(state, group);
    for (const tracker of state.leaving) if (tracker.url === url) state.leaving.delete(tracker);
    return this.#stopIfAlone(-Infinity);
  }

  #addTracker(url: string, now: number): readonly AnnouncerEffect[] {
    const state = this.#state, group = addToGroups(state.groups, url, state.options.strategy);
    const idle = group !== undefined && group.asked === undefined && group.current === undefined;
    return idle && state.phase === "running" ? announceNext(state, group, now) : [];
  }

  #onTick(now: number): readonly AnnouncerEffect[] {
    if (this.#state.phase === "stopping") return this.#stopIfAlone(now);
    return this.#whileRunning((state, group) =>
      group.dueAt !== undefined && group.dueAt <= now ? announceNext(state, group, now) : []
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
  const { url, message, complete, incomplete, downloaded } = tracker;
  const nextAnnounceAt = group.dueAt;
  return {
    tracker: url,
    tier,
    state: stateOf(group, tracker),
    message,
    nextAnnounceAt,
    complete,
    incomplete,
    downloaded,
  };
}

function stateOf(group: TrackerGroup, tracker: Tracker): TrackerStatus["state"] {
  if (group.asked?.tracker === tracker) return "announcing";
  if (tracker.retryAt === Infinity) return "refused";
  if (tracker.failures > 0) return "failing";
  return tracker.announced ? "working" : "idle";
}
