/** How much we answer: so many queries from one source, so many bytes to all, silence for who floods. */

import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { encodeCompactPeer } from "../peer/compact_peer.ts";
import { sourceOf } from "./network.ts";

/** Limits on what others can make us send. */
export interface AnswerLimits {
  /** Queries per second and source that are answered in the long run; 5 by default. */
  readonly queriesPerSecond: number;
  /** Queries that one source may send at once; 50 by default. */
  readonly burst: number;
  /** How long a source that exceeds its burst is not answered; 5 minutes by default. */
  readonly blockMs: number;
  /** Bytes per second of all replies together, saved up for at most ten seconds; 100,000 by default. */
  readonly replyBytesPerSecond: number;
}

/** libtorrent's, but for the bytes: its 8,000 a second are too few for a node that has become popular. */
export const ANSWER_LIMITS: AnswerLimits = {
  queriesPerSecond: 5,
  burst: 50,
  blockMs: 5 * 60_000,
  replyBytesPerSecond: 100_000,
};

/** Sources remembered; beyond, those seen first are forgotten. About 1.5 MiB. */
export const MAX_SOURCES = 8192;

/** So many are forgotten at once: to find the first of a map, V8 steps over all that were deleted before it. */
const FORGOTTEN_AT_ONCE: number = MAX_SOURCES / 16;

/** How long unused reply bytes are saved up. */
const SAVING_SECONDS = 10;

/** Whoever sends us queries. */
export interface Source {
  /** Where the last query came from. */
  from: PeerAddress;
  /** The same as text and in compact form: worth keeping, for most sources use one port only. */
  text: string;
  compact: Uint8Array;
  /** Queries it may still send now. */
  queries: number;
  /** When `queries` was right. */
  countedAt: number;
  blockedUntil: number;
}

/** Remembers sources for as long as it takes to limit them. */
export class SourceLimits {
  readonly #limits: AnswerLimits;
  readonly #sources = new Map<string, Source>();
  #bytes: number;
  #bytesAt: number;

  /** Starts with everybody's burst unspent. */
  constructor(limits: AnswerLimits, now: number) {
    this.#limits = limits;
    this.#bytes = limits.replyBytesPerSecond * SAVING_SECONDS;
    this.#bytesAt = now;
  }

  /** How many sources are remembered, at most {@linkcode MAX_SOURCES}. */
  get size(): number {
    return this.#sources.size;
  }

  /** Counts a query. `undefined`: do not answer it. */
  admit(from: PeerAddress, now: number): Source | undefined {
    const source = this.#source(from, now);
    if (now < source.blockedUntil) return undefined;
    const { burst, queriesPerSecond, blockMs } = this.#limits;
    source.queries = Math.min(burst, source.queries + (now - source.countedAt) / 1000 * queriesPerSecond);
    source.countedAt = now;
    if (source.queries < 1) {
      source.blockedUntil = now + blockMs;
      return undefined;
    }
    source.queries--;
    if (source.from.port !== from.port || source.from.host !== from.host) {
      source.from = from;
      source.text = formatPeerAddress(from);
      source.compact = encodeCompactPeer(from);
    }
    return source;
  }

  /** Takes the bytes of a reply from what all may have together; `false`: do not send it. */
  spend(bytes: number, now: number): boolean {
    const rate = this.#limits.replyBytesPerSecond;
    this.#bytes = Math.min(rate * SAVING_SECONDS, this.#bytes + (now - this.#bytesAt) / 1000 * rate);
    this.#bytesAt = now;
    if (this.#bytes < bytes) return false;
    this.#bytes -= bytes;
    return true;
  }

  #source(from: PeerAddress, now: number): Source {
    const key = sourceOf(from), known = this.#sources.get(key);
    if (known !== undefined) return known;
    if (this.#sources.size >= MAX_SOURCES) this.#forgetFirst();
    const source: Source = {
      from,
      text: formatPeerAddress(from),
      compact: encodeCompactPeer(from),
      queries: this.#limits.burst,
      countedAt: now,
      blockedUntil: -Infinity,
    };
    this.#sources.set(key, source);
    return source;
  }

  #forgetFirst(): void {
    for (const first of this.#sources.keys()) {
      if (this.#sources.size <= MAX_SOURCES - FORGOTTEN_AT_ONCE) return;
      this.#sources.delete(first);
    }
  }
}
