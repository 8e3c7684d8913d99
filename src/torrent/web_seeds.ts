/** The web seeds of a torrent: what each lacks, what it was asked for, how fast it is, when it may be asked again (BEP 17, 19). */

import type { Bitfield } from "../bytes/bitfield.ts";
import type { OpenPiece } from "./open_piece.ts";
import { Rate } from "./rate.ts";
import type { WebFetchKey, WebSeedKey } from "./vocabulary.ts";

/** Web seeds asked at the same time: enough to find the fastest of many mirrors. libtorrent's is 3. */
export const MAX_ACTIVE = 4;
/** A web seed that has sent no block for so long is stuck: others are asked for what it owes. */
const STUCK_MS = 2000;

/** Blocks of one open piece, from `from` to before `to`. */
export interface Claim {
  readonly open: OpenPiece;
  readonly from: number;
  readonly to: number;
}

/** What a web seed was asked for. Bytes come in the order of the claims. */
export interface WebFetch {
  /** Its name. */
  readonly key: WebFetchKey;
  /** Who was asked. */
  readonly seed: WebSeed;
  /** The blocks; the last ones may be given to others. */
  readonly claims: Claim[];
  /** The pieces that they belong to. */
  readonly pieces: Set<OpenPiece>;
  /** When it was asked. */
  readonly startedAt: number;
  /** Index of the claim that the next block belongs to. */
  at: number;
  /** The next block. */
  block: number;
  /** When the last block came, or when it was asked. */
  lastAt: number;
  /** The answer will go on behind the last claim, and is not read to its end. */
  isCut: boolean;
  /** Bytes that came. */
  received: number;
  /** Bytes that are to come. */
  owed: number;
}

/** One web seed. */
export interface WebSeed {
  /** Its name. */
  readonly key: WebSeedKey;
  /** Who is to blame for what it sends. No host is called so. */
  readonly url: string;
  /** It is asked for one piece at a time (BEP 17), not for long runs (BEP 19). */
  readonly onePiece: boolean;
  /** What it was asked for. */
  readonly fetches: Set<WebFetch>;
  /** Payload from it. */
  readonly rate: Rate;
  /** Pieces that it has not got; all are there while this is `undefined`. */
  lacks: Bitfield | undefined;
  /** Bytes a second of the last answer; 0 before there is one. */
  speed: number;
  /** Failures since the last block, but for those of which the server said how long to wait. */
  failures: number;
  /** It is not asked before. */
  readyAt: number;
  /** There was nothing to ask for: not looked for again before, unless something happens. */
  lookAt: number;
}

/** All web seeds, and what they were asked for. */
export class WebSeeds {
  readonly #seeds = new Map<WebSeedKey, WebSeed>();
  readonly #fetches = new Map<WebFetchKey, WebFetch>();
  #lastFetch = 0;
  /** Bytes from all of them, also from those that are gone. */
  received = 0;

  /** Number of web seeds. */
  get size(): number {
    return this.#seeds.size;
  }

  /** Whether none is asked for anything. */
  get areIdle(): boolean {
    return this.#fetches.size === 0;
  }

  /** How many of them are asked for something. */
  get active(): number {
    return new Set(this.fetches().map(({ seed }) => seed)).size;
  }

  /** How many pieces they are asked for. */
  get claimedPieces(): number {
    return this.fetches().reduce((sum, { claims, at }) => sum + claims.length - at, 0);
  }

  /** Every web seed, the oldest first. */
  all(): Iterable<WebSeed> {
    return this.#seeds.values();
  }

  /** Everything that is asked for, as a copy. */
  fetches(): WebFetch[] {
    return [...this.#fetches.values()];
  }

  /** The web seed of that name. */
  get(key: WebSeedKey): WebSeed | undefined {
    return this.#seeds.get(key);
  }

  /** What was asked for under that name. */
  fetchOf(key: WebFetchKey): WebFetch | undefined {
    return this.#fetches.get(key);
  }

  /** Whether the piece is on its way from a web seed that is not stuck. */
  isComing(open: OpenPiece, now: number): boolean {
    if (this.areIdle) return false;
    return this.fetches().some(({ pieces, lastAt }) => now - lastAt < STUCK_MS && pieces.has(open));
  }

  /** The web seed that is blamed under that URL. */
  withUrl(url: string): WebSeed | undefined {
    return [...this.#seeds.values()].find((seed) => seed.url === url);
  }

  /** A web seed more. */
  add(seed: Pick<WebSeed, "key" | "url" | "onePiece">, now: number): void {
    this.#seeds.set(seed.key, {
      ...seed,
      fetches: new Set(),
      rate: new Rate(now),
      lacks: undefined,
      speed: 0,
      failures: 0,
      readyAt: now,
      lookAt: now,
    });
  }

  /** A web seed less. What it was asked for must be ended before. */
  remove(seed: WebSeed): void {
    this.#seeds.delete(seed.key);
  }

  /** Notes what a web seed is asked for. */
  begin(seed: WebSeed, claims: readonly Claim[], now: number): WebFetch {
    const key = ++this.#lastFetch, owed = claims.reduce((sum, claim) => sum + claimLength(claim), 0);
    const fetch: WebFetch = {
      key,
      seed,
      claims: [...claims],
      pieces: new Set(claims.map(({ open }) => open)),
      startedAt: now,
      lastAt: now,
      at: 0,
      block: claims[0]!.from,
      received: 0,
      owed,
      isCut: false,
    };
    this.#fetches.set(key, fetch);
    seed.fetches.add(fetch);
    return fetch;
  }

  /** It is asked for no longer. */
  end(fetch: WebFetch): void {
    this.#fetches.delete(fetch.key);
    fetch.seed.fetches.delete(fetch);
  }
}

/** Bytes of the blocks. */
export function claimLength({ open, from, to }: Claim): number {
  let length = 0;
  for (let block = from; block < to; block++) length += open.blockLength(block);
  return length;
}

/** Whether the web seed may have the piece. */
export function mayHave({ lacks }: WebSeed, piece: number): boolean {
  return lacks === undefined || !lacks.has(piece);
}
