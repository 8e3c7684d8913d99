/** One way to a tracker: announces over one family of addresses, and how they fare (BEP 7 "Tracker Hostname Resolution"). */

import type { Random } from "../bytes/random.ts";
import type { AddressFamily } from "../peer/ip.ts";
import type { TrackerStatus } from "./announcer_vocabulary.ts";
import type { Announced } from "./messages/announce.ts";

/** A way to a tracker. Times are those of `now`. */
export interface TrackerPath {
  /** `undefined`: whichever the caller chooses. */
  readonly family: AddressFamily | undefined;
  /** The announce that is out, and whether it says `completed`. */
  asked: { readonly completed: boolean } | undefined;
  /** The tracker took an announce over it since `start`, so it counts us in at our address of this family. */
  announced: boolean;
  /** The tracker took an announce over it once. */
  answered: boolean;
  /** Failures in a row. */
  failures: number;
  /** Why it failed last. */
  reason: string;
  /** It failed because the tracker has no address of the family that we reach. */
  isAbsent: boolean;
  /** When to announce again: after the interval, or the pause after a failure; `Infinity` after "never" (BEP 31). */
  nextAt: number;
  /** The pause after the failure is the tracker's own wish, over this path or another, which a user's announce respects. */
  retryAsked: boolean;
  /** No announce on a user's wish before this. */
  earliestAt: number;
  /** The swarm, as the tracker last told it: many keep one for each family. */
  counts: PathCounts;
}

/** What a tracker said of its swarm. */
type PathCounts = Pick<TrackerStatus, "complete" | "incomplete" | "downloaded">;

/** What came to nothing. */
export interface PathFailure {
  readonly reason: string;
  /** When to try again, in milliseconds, as the tracker has it. */
  readonly retry?: number | "never" | undefined;
  /** The tracker has no address of the family, or none that we reach. */
  readonly isAbsent?: boolean | undefined;
}

/** First pause after a failure; each further one doubles it, up to an hour. */
const FIRST_RETRY_MS = 30_000, LONGEST_RETRY_MS = 3_600_000;

/** A tracker without `min interval`, or one that failed, is not asked more often than this on a user's wish. */
const FORCED_INTERVAL_MS = 15_000;

/** A way that was never tried. */
export function createPath(family: AddressFamily | undefined): TrackerPath {
  return {
    family,
    asked: undefined,
    announced: false,
    answered: false,
    failures: 0,
    reason: "",
    isAbsent: false,
    nextAt: -Infinity,
    retryAsked: false,
    earliestAt: -Infinity,
    counts: { complete: undefined, incomplete: undefined, downloaded: undefined },
  };
}

/** Whether the tracker took the last announce over it. */
export function isWorking({ announced, failures }: TrackerPath): boolean {
  return announced && failures === 0;
}

/** Whether the pause after its failures, if any, is over. */
export function mayBeAsked({ failures, nextAt }: TrackerPath, now: number): boolean {
  return failures === 0 || nextAt <= now;
}

/** The tracker took the announce; the next one is due after its interval, which is no less than `minIntervalMs`. */
export function noteAnswer(path: TrackerPath, response: Announced, minIntervalMs: number, now: number): void {
  const { complete, incomplete, downloaded } = response, { counts } = path;
  path.announced = true;
  path.answered = true;
  path.failures = 0;
  path.isAbsent = false;
  path.retryAsked = false;
  path.nextAt = now + Math.max(response.intervalMs, response.minIntervalMs ?? 0, minIntervalMs);
  path.earliestAt = now + Math.max(response.minIntervalMs ?? 0, FORCED_INTERVAL_MS);
  path.counts = {
    complete: complete ?? counts.complete,
    incomplete: incomplete ?? counts.incomplete,
    downloaded: downloaded ?? counts.downloaded,
  };
}

/** The announce failed or was refused: the path is left alone for a while (BEP 31 "retry in"). */
export function noteFailure(path: TrackerPath, failure: PathFailure, random: Random, now: number): void {
  const { reason, retry, isAbsent = false } = failure;
  path.failures++;
  path.reason = reason;
  path.isAbsent = isAbsent;
  path.retryAsked = retry !== undefined;
  path.earliestAt = now + FORCED_INTERVAL_MS;
  path.nextAt = retry === "never" ? Infinity : now + pauseAfter(path, retry, random);
}

function pauseAfter({ failures }: TrackerPath, retry: number | undefined, random: Random): number {
  if (retry !== undefined) return Math.max(retry, FORCED_INTERVAL_MS);
  const pause = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LONGEST_RETRY_MS);
  // Spread by a tenth, so that a tracker that comes back is not met by everyone at once.
  return Math.round(pause * (1 + random() / 10));
}

/** Names do not gain a family of addresses from one minute to the next: nobody waits for it while another works. */
export function lookSeldom(path: TrackerPath, now: number): void {
  if (path.isAbsent) path.nextAt = now + LONGEST_RETRY_MS;
}

/** Our own pauses and a tracker's interval give way to a user's wish; what the tracker insists on does not. */
export function bringForward(path: TrackerPath): void {
  if (path.failures === 0 || !path.retryAsked) path.nextAt = Math.min(path.nextAt, path.earliestAt);
}

/** The tracker hears that we stop. A pause after failures goes on. */
export function noteStop(path: TrackerPath): void {
  path.asked = undefined;
  path.announced = false;
  if (path.failures === 0) path.nextAt = -Infinity;
}
