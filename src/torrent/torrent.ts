/**
 * The torrent machine: every decision of one torrent whose info dictionary is known (BEP 3, 6, 21, 40, 47, 54).
 * Phases: running <-> paused.
 */

import type { Bitfield } from "../bytes/bitfield.ts";
import type { TorrentOptions } from "./options.ts";
import type { PeerSnapshot, TorrentStats } from "./snapshot.ts";
import type { TorrentEffect, TorrentInput } from "./vocabulary.ts";

/** One torrent: what happened goes in, what must be done comes out. See the vocabulary for both. */
export class Torrent {
  /** Makes the machine at the time `now` (milliseconds of any monotonic clock). */
  constructor(_options: TorrentOptions, _now: number) {}

  /** Takes one input and answers with what must be done now, in order. Never throws on what peers send. */
  handle(_input: TorrentInput, _now: number): readonly TorrentEffect[] {
    return [];
  }

  /** When to call `handle({ type: "tick" }, now)` at the latest; `undefined` while nothing is due. */
  deadline(): number | undefined {
    return undefined;
  }

  /** How many `store` effects wait for their answer: above a bound of its own the session stops reading from peers. */
  get openStores(): number {
    return 0;
  }

  /** Whether every wanted piece is ours. */
  get isComplete(): boolean {
    return false;
  }

  /** The pieces that are ours, as a copy: for resume data. */
  have(): Bitfield {
    throw new Error("not yet");
  }

  /** Counters and rates of the whole torrent. */
  stats(_now: number): TorrentStats {
    throw new Error("not yet");
  }

  /** Every connection as it is now: for display and for PEX. */
  peers(_now: number): PeerSnapshot[] {
    return [];
  }
}
