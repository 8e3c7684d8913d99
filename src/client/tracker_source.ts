/** Finds peers for one torrent through its trackers: runs the announcer and performs what it decides (BEP 3, 7, 12, 24). */

import { randomUint32 } from "../bytes/random.ts";
import { shownUrl } from "../metainfo/shown_url.ts";
import type { PeerAddress } from "../peer/address.ts";
import { Announcer } from "../tracker/announcer.ts";
import type { AnnouncerEffect, AnnouncerInput, TrackerStatus } from "../tracker/announcer_vocabulary.ts";
import type { AnnounceRequest, AnnounceResponse } from "../tracker/messages/announce.ts";
import type { ClientContext } from "./client_context.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { CLIENT_DEFAULTS } from "./options.ts";
import { heedTracker } from "./tracker_word.ts";

/** Bytes since the torrent started, and still to come. */
export type AnnounceCounters = Pick<AnnounceRequest, "downloaded" | "uploaded" | "left">;

/**
 * The port that is announced by one who listens nowhere: trackers refuse 0, and libtorrent says 1 in its place, which
 * it dials no more than 0.
 */
const NOWHERE_PORT = 1;

/** What it needs of its torrent. */
export interface TrackerSourceOptions {
  readonly context: ClientContext;
  readonly life: Lifecycle;
  /** 20 bytes: what announces say. */
  readonly infoHash: Uint8Array;
  /** One tracker at a time, whose peers are dropped when it changes (BEP 27). */
  readonly isPrivate: boolean;
  /** Announce URLs, best tier first. */
  readonly tiers: readonly (readonly string[])[];
  /** The counters that go into an announce; `left` is unknown before the metadata is here. */
  readonly counters: () => AnnounceCounters;
  /** Whether the torrent began complete: then `completed` is never said. */
  readonly isComplete: boolean;
  /** Whether every wanted piece is here: if something is left all the same it is a partial seed (BEP 21). */
  readonly isSatisfied: () => boolean;
  readonly addPeers: (peers: readonly PeerAddress[]) => void;
  /** A private torrent changed its tracker: end all connections (BEP 27). */
  readonly dropPeers: () => void;
}

type Announce = Extract<AnnouncerEffect, { type: "announce" }>;

/** What came of an announce. */
type Outcome =
  | { readonly type: "reply"; readonly response: AnnounceResponse }
  | { readonly type: "failed"; readonly reason: string; readonly isAbsent?: boolean };

/** An announce that is out to a tracker. */
interface UnderWay {
  readonly event: Announce["event"];
  readonly abort: AbortController;
  /** Settles when it is over; never rejects. */
  readonly done: Promise<void>;
}

/** The trackers of one torrent. */
export class TrackerSource {
  readonly #options: TrackerSourceOptions;
  readonly #announcer: Announcer;
  /** Ties the announces of one session together for the tracker (BEP 7 "Announcing"). */
  readonly #key: number;
  /** By tracker and family. */
  readonly #underWay = new Map<string, UnderWay>();
  #cancelWake: () => void = () => {};
  /** Settles when goodbye is said, or taken back. */
  #stopping: PromiseWithResolvers<void> | undefined;

  /** Announces nothing before `start`. */
  constructor(options: TrackerSourceOptions) {
    const { context, isPrivate, tiers, isComplete } = options;
    this.#options = options;
    this.#key = randomUint32(context.random);
    this.#announcer = new Announcer({
      tiers,
      random: context.random,
      families: context.announceFamilies,
      private: isPrivate,
      complete: isComplete,
      stopTimeoutMs: CLIENT_DEFAULTS.closeTimeoutMs,
    });
  }

  /** Begins to announce. */
  start(): void {
    this.#stopping?.resolve();
    this.#stopping = undefined;
    this.#tell({ type: "start" });
  }

  /** The torrent turned out to be private: peers are dropped when its tracker changes. */
  becomePrivate(): void {
    this.#tell({ type: "private" });
  }

  /** The last wanted piece has come. */
  completed(): void {
    if (this.#options.counters().left === 0) this.#tell({ type: "completed" });
  }

  /** Announces now, as far as the trackers allow. */
  reannounce(): void {
    this.#tell({ type: "reannounce" });
  }

  /** Says goodbye; settles when every tracker heard it or had its time to, or when it is taken back by `start`. */
  stop(): Promise<void> {
    const { promise } = this.#stopping ??= Promise.withResolvers<void>();
    this.#tell({ type: "stop" });
    return promise;
  }

  /** How each tracker fares. */
  trackers(): readonly TrackerStatus[] {
    return this.#announcer.trackers();
  }

  #tell(input: AnnouncerInput): void {
    const { context: { clock }, counters, isSatisfied } = this.#options;
    const partialSeed = isSatisfied() && counters().left !== 0;
    this.#announcer.handle({ type: "partialSeed", partialSeed }, clock.now());
    for (const effect of this.#announcer.handle(input, clock.now())) this.#perform(effect);
    this.#cancelWake();
    const deadline = this.#announcer.deadline();
    if (deadline !== undefined) {
      this.#cancelWake = clock.schedule(deadline, () => this.#tell({ type: "tick" }));
    }
  }

  #perform(effect: AnnouncerEffect): void {
    const { context, addPeers, dropPeers, life } = this.#options, { infoHash } = life;
    switch (effect.type) {
      case "announce":
        return this.#announce(effect);
      case "peers":
        void heedTracker(context.network, { ...effect, signal: life.signal }, addPeers);
        return void this.#resolveNamed(effect.tracker, effect.namedPeers);
      case "warning":
        return life.warn(`${shownUrl(effect.tracker)}: ${effect.message}`);
      case "failure":
        return life.emit({
          type: "announceFailed",
          infoHash,
          tracker: effect.tracker,
          error: new Error(effect.reason),
        });
      case "stopped":
        return this.#rest();
      case "trackerSwitched":
        return dropPeers();
    }
  }

  /** Goodbye is said. Whoever has not heard it yet had time enough. */
  #rest(): void {
    for (const { abort } of this.#underWay.values()) abort.abort();
    this.#stopping?.resolve();
    this.#stopping = undefined;
  }

  /** Sends an announce. It replaces the one still out the same way, unless that says `completed`: it counts. */
  #announce(effect: Announce): void {
    const way = wayOf(effect), { event } = effect;
    const abort = new AbortController(), before = this.#underWay.get(way);
    if (before?.event !== "completed") before?.abort.abort();
    const done = Promise.resolve(before?.done).then(() => this.#ask(effect, abort.signal)).then(() => {
      if (this.#underWay.get(way)?.abort === abort) this.#underWay.delete(way);
    });
    this.#underWay.set(way, { event, abort, done });
  }

  async #ask(announce: Announce, signal: AbortSignal): Promise<void> {
    const { tracker, family } = announce;
    const outcome = await this.#outcomeOf(announce, signal);
    // A later announce that waits for this one is the one whose answer counts.
    if (signal.aborted || this.#underWay.get(wayOf(announce))?.abort.signal !== signal) return;
    if (outcome.type === "reply") this.#report(announce, outcome.response);
    this.#tell({ ...outcome, tracker, family });
  }

  async #outcomeOf({ tracker, family, ...more }: Announce, signal: AbortSignal): Promise<Outcome> {
    const { context: { trackers }, infoHash, counters } = this.#options;
    const { event, trackerId, numWant } = more;
    const request = {
      infoHash,
      peerId: this.#options.context.peerId,
      port: this.#options.context.listenAddress?.port ?? NOWHERE_PORT,
      ...countersOf(counters()),
      key: this.#key,
      numWant,
      event,
      trackerId,
    };
    try {
      const response = family === undefined
        ? await trackers.announce(tracker, request, { signal })
        : await trackers.announceOver(tracker, request, { signal, family });
      if (response !== undefined) return { type: "reply", response };
      return {
        type: "failed",
        reason: `The tracker has no address of IPv${family} that we can reach`,
        isAbsent: true,
      };
    } catch (error) {
      return { type: "failed", reason: error instanceof Error ? error.message : String(error) };
    }
  }

  #report({ tracker, family }: Announce, response: AnnounceResponse): void {
    if (response.type !== "announced") return;
    const { life, context } = this.#options;
    if (response.externalIp !== undefined) context.onOurHost(response.externalIp, "tracker");
    life.emit({
      type: "announced",
      infoHash: life.infoHash,
      tracker,
      family,
      peers: response.peers.length,
      seeds: response.complete,
      leechers: response.incomplete,
      interval: response.intervalMs / 1000,
    });
  }

  /** Peers with DNS names (BEP 3 "trackers"): a few of them, so that a tracker cannot make us flood a name server. */
  async #resolveNamed(tracker: string, named: readonly PeerAddress[]): Promise<void> {
    const { context: { network }, life: { signal }, addPeers } = this.#options;
    for (const { host, port } of named.slice(0, 10)) {
      const hosts = await network.resolve(host, { signal }).catch(() => []);
      await heedTracker(
        network,
        { tracker, peers: hosts.slice(0, 2).map((host) => ({ host, port })), signal },
        addPeers,
      );
    }
  }
}

/** No more than one announce is out to a tracker over one family. */
function wayOf({ tracker, family }: Announce): string {
  return `${family ?? ""} ${tracker}`;
}

/** Only what belongs into an announce, whatever else the object carries. */
function countersOf({ downloaded, uploaded, left }: AnnounceCounters): AnnounceCounters {
  return { downloaded, uploaded, left };
}
