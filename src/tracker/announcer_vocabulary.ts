/** What goes into the announcer and what comes out of it: one variant per message (BEP 3 "trackers", 7, 12, 21, 27, 31). */

import type { Random } from "../bytes/random.ts";
import type { AddressFamily } from "../peer/ip.ts";
import type { AnnouncedPeer, AnnounceEvent, AnnounceResponse } from "./messages/announce.ts";

/**
 * Whom a torrent announces to: one tracker at a time through the tiers as BEP 12 has it, one of each tier, or every
 * tracker.
 */
export type AnnounceStrategy = "tiered" | "everyTier" | "everyTracker";

/** What happened in the world. */
export type AnnouncerInput =
  /** The torrent starts or resumes. */
  | { readonly type: "start" }
  /** The last missing piece has come. Said to trackers once, and not by a torrent that began complete. */
  | { readonly type: "completed" }
  /** From now on (or no longer) the torrent has all that is wanted of it, but not all (BEP 21 "Tracker Announce"). */
  | { readonly type: "partialSeed"; readonly partialSeed: boolean }
  /** The torrent turned out to be private (BEP 27): its trackers must be announced to in tiers, as they are by default. */
  | { readonly type: "private" }
  /** The torrent pauses or ends; `stopped` follows. */
  | { readonly type: "stop" }
  /** Somebody wants peers now. Respects `min interval` and "retry in", and brings the next announce forward. */
  | { readonly type: "reannounce" }
  /** A tracker answered the announce that is out to it, perhaps with a refusal. */
  | {
    readonly type: "reply";
    readonly tracker: string;
    /** The announce's. */
    readonly family?: AddressFamily | undefined;
    readonly response: AnnounceResponse;
  }
  /** An announce came to nothing. */
  | {
    readonly type: "failed";
    readonly tracker: string;
    /** The announce's. */
    readonly family?: AddressFamily | undefined;
    readonly reason: string;
    /** When to try again, in milliseconds, or that it makes no sense to. */
    readonly retry?: number | "never" | undefined;
    /** The tracker has no address of the family, or none that we reach. */
    readonly isAbsent?: boolean | undefined;
  }
  /** One more tracker, in a tier of its own at the end. */
  | { readonly type: "addTracker"; readonly tracker: string }
  /** `deadline()` was reached. */
  | { readonly type: "tick" };

/** What the caller must do now. */
export type AnnouncerEffect =
  /**
   * Announce, and hand in the reply or the failure. Replaces an announce that is still out to the same tracker over the same
   * family.
   */
  | {
    readonly type: "announce";
    readonly tracker: string;
    /** The addresses to announce from and to; whichever the caller likes if there is no choice of families. */
    readonly family: AddressFamily | undefined;
    readonly event: AnnounceEvent | undefined;
    readonly trackerId: Uint8Array | undefined;
    readonly numWant: number;
  }
  /** A tracker gave peers. */
  | {
    readonly type: "peers";
    readonly tracker: string;
    readonly peers: readonly AnnouncedPeer[];
    /** Peers with DNS names. */
    readonly namedPeers: readonly AnnouncedPeer[];
  }
  /** A tracker that took the announce has something to say. */
  | { readonly type: "warning"; readonly tracker: string; readonly message: string }
  /** A tracker failed or refused, over every family; it is left alone until `retryAt`, for good if absent. */
  | {
    readonly type: "failure";
    readonly tracker: string;
    readonly reason: string;
    readonly retryAt: number | undefined;
  }
  /** A private torrent has another tracker now: drop all peers of the former (BEP 27). Comes before the new peers. */
  | { readonly type: "trackerSwitched"; readonly tracker: string }
  /** Every tracker has heard that we stop, or had its time to. */
  | { readonly type: "stopped" };

/** What an announcer needs from outside, and its policy. */
export interface AnnouncerOptions {
  /** URLs of the trackers by tier (BEP 12). */
  readonly tiers: readonly (readonly string[])[];
  /** Shuffles tiers and spreads retries. */
  readonly random: Random;
  /** Whom to announce to; `tiered` by default, and always for a private torrent. */
  readonly strategy?: AnnounceStrategy | undefined;
  /**
   * Families of addresses that the torrent has peers at: a tracker is announced to over each of them, because it sees no
   * more than the address that an announce comes from (BEP 7 "Tracker Hostname Resolution"). By default there is one
   * announce, over whichever family the caller likes.
   */
  readonly families?: readonly AddressFamily[] | undefined;
  /** The torrent is private: one tracker at a time, left only when it fails (BEP 27). */
  readonly private?: boolean | undefined;
  /** The torrent is complete already: `completed` is never said. */
  readonly complete?: boolean | undefined;
  /** How many peers to ask for; 200 by default, as libtorrent has it. */
  readonly numWant?: number | undefined;
  /** Trackers that ask for shorter intervals do not get them; in milliseconds, a minute by default. */
  readonly minIntervalMs?: number | undefined;
  /** How long to wait for answers to `stopped`, in milliseconds; 5 seconds by default. */
  readonly stopTimeoutMs?: number | undefined;
}

/** How a tracker fares, for display. */
export interface TrackerStatus {
  /** Its URL. */
  readonly tracker: string;
  /** Its tier, counted from 0 within what is announced to independently. */
  readonly tier: number;
  /** `working` has taken the last announce over one family at least, `failing` over none; `refused` will not be asked again. */
  readonly state: "idle" | "announcing" | "working" | "failing" | "refused";
  /** Its last warning or the reason of its last failure. */
  readonly message: string | undefined;
  /** When an announce to it or one of its group is next; `undefined` if none is planned besides those that are out. */
  readonly nextAnnounceAt: number | undefined;
  /** Seeds, as it last said; the larger number, if it says different ones over different families. */
  readonly complete: number | undefined;
  /** Others, likewise. */
  readonly incomplete: number | undefined;
  /** Downloads, likewise. */
  readonly downloaded: number | undefined;
}
