/** What web seeds send and fail to send, and when each is asked again (BEP 17, 19). */

import { Bitfield } from "../bytes/bitfield.ts";
import { blockReceived } from "./on_block.ts";
import { releaseBlock } from "./requests.ts";
import type { TorrentState } from "./state.ts";
import type { TorrentInput } from "./vocabulary.ts";
import { abortFetch, beginFetch, discardWebSeed, endFetch } from "./web_fetches.ts";
import { claimNext } from "./web_seed_picker.ts";
import { type Claim, MAX_ACTIVE, type WebFetch, type WebSeed } from "./web_seeds.ts";

type InputOf<T extends TorrentInput["type"]> = Extract<TorrentInput, { type: T }>;

/** Fetches of one web seed at the same time: the second is begun when the first is nearly done, for its round trip. */
const MAX_FETCHES = 2;
/** What counts as nearly done: so many seconds of data, or so many bytes. */
const TAIL_SECONDS = 0.5, TAIL_LENGTH = 128 * 1024;
/** How long a web seed rests after its first, second, … failure in a row; then twice as long each time (BEP 17: 30 s). */
const REST_MS: readonly number[] = [2000, 30_000, 30_000, 30_000];
/** The shortest and the longest rest, whatever a server asks for: "at once" would be a request for each of its answers. */
const SHORTEST_REST_MS = 1000, LONGEST_REST_MS = 3_600_000;
/** Web seeds that find nothing to do look again after this time: what others were asked for may be late then. */
const LOOK_AGAIN_MS = 1000;

/** A web seed more. */
export function onWebSeed(state: TorrentState, { seed: key, url, onePiece }: InputOf<"webSeed">): void {
  const { webSeeds } = state.downloads;
  if (webSeeds.get(key) === undefined) webSeeds.add({ key, url, onePiece }, state.now);
}

/** The next block of what a web seed was asked for. */
export function onWebBlock(state: TorrentState, { fetch: key, block: bytes }: InputOf<"webBlock">): void {
  const fetch = state.downloads.webSeeds.fetchOf(key), claim = fetch?.claims[fetch.at];
  if (fetch === undefined || claim === undefined) return;
  const { seed, block } = fetch;
  if (bytes.length !== claim.open.blockLength(block)) return fail(state, fetch, undefined);
  if (fetch.received === 0) state.mode.hungry = true; // how long the rest will take can be told now
  count(state, fetch, bytes.length);
  if (++fetch.block === claim.to) fetch.block = fetch.claims[++fetch.at]?.from ?? 0;
  take(state, seed, { claim, block, bytes });
  if (fetch.owed === 0 && fetch.isCut) abortFetch(state, fetch);
}

/** A web seed has nothing more to say. */
export function onWebEnded(state: TorrentState, input: InputOf<"webEnded">): void {
  const fetch = state.downloads.webSeeds.fetchOf(input.fetch);
  if (fetch === undefined) return;
  if (input.failed || fetch.owed > 0) return fail(state, fetch, input.retryAfterMs);
  endFetch(state, fetch);
}

/** A web seed has not got everything; if it has nothing of what there is, it is of no use. */
export function onWebLacks(state: TorrentState, { seed: key, first, last }: InputOf<"webLacks">): void {
  const { pieceCount } = state.setup.geometry, seed = state.downloads.webSeeds.get(key);
  if (seed === undefined) return;
  seed.lacks ??= new Bitfield(pieceCount);
  for (let piece = Math.max(0, first); piece <= Math.min(last, pieceCount - 1); piece++) {
    seed.lacks.set(piece);
  }
  if (seed.lacks.isFull) discardWebSeed(state, seed.url, "has nothing of the content");
}

/** Gives work to web seeds that have none; `isNews` if there may be some that was not there before. */
export function giveWork(state: TorrentState, isNews: boolean): void {
  const { webSeeds } = state.downloads;
  if (webSeeds.size === 0) return;
  if (isNews) { for (const seed of webSeeds.all()) seed.lookAt = state.now; }
  if ((webSeedsDueAt(state) ?? Infinity) > state.now) return;
  for (const seed of bySpeed(webSeeds.all())) {
    while (isFree(state, seed) && dueAt(seed) <= state.now) {
      const claims = claimNext(state, seed);
      if (claims.length > 0) beginFetch(state, seed, claims);
      else seed.lookAt = state.now + LOOK_AGAIN_MS;
    }
  }
}

/** When a web seed is to be given work; `undefined` while none waits for it. */
export function webSeedsDueAt(state: TorrentState): number | undefined {
  const { downloads: { webSeeds }, ledger, mode } = state;
  if (mode.held || webSeeds.size === 0 || ledger.missing.isEmpty) return undefined;
  const times = [...webSeeds.all()].filter((seed) => isFree(state, seed)).map(dueAt);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** The fastest first, but those of which nothing is known before all others. */
function bySpeed(seeds: Iterable<WebSeed>): WebSeed[] {
  const rank = ({ speed }: WebSeed) => speed === 0 ? Number.MAX_VALUE : speed;
  return [...seeds].sort((a, b) => rank(b) - rank(a));
}

/** Whether a web seed may be asked for more, if there is something and its rest is over. */
function isFree({ downloads: { webSeeds }, now }: TorrentState, seed: WebSeed): boolean {
  const { fetches, onePiece, rate } = seed, [first] = fetches;
  if (first === undefined) return webSeeds.active < MAX_ACTIVE;
  if (onePiece || fetches.size >= MAX_FETCHES || first.received === 0) return false;
  return first.owed <= Math.max(TAIL_LENGTH, rate.perSecond(now) * TAIL_SECONDS);
}

function dueAt({ readyAt, lookAt }: WebSeed): number {
  return Math.max(readyAt, lookAt);
}

function count(state: TorrentState, fetch: WebFetch, length: number): void {
  const { seed } = fetch, { totals, downloads, now } = state;
  totals.down.add(length, now);
  downloads.webSeeds.received += length;
  downloads.outstanding--;
  seed.rate.add(length, now);
  seed.failures = 0;
  fetch.lastAt = now;
  fetch.received += length;
  fetch.owed -= length;
  const seconds = (now - fetch.startedAt) / 1000;
  if (seconds > 0) seed.speed = fetch.received / seconds;
}

function take(
  state: TorrentState,
  seed: WebSeed,
  { claim: { open }, block, bytes }: {
    readonly claim: Claim;
    readonly block: number;
    readonly bytes: Uint8Array;
  },
): void {
  const isOpen = state.downloads.get(open.piece) === open;
  if (!isOpen || open.hasBlock(block)) {
    state.totals.wasted += bytes.length;
    if (isOpen) releaseBlock(state, open, block);
    return;
  }
  // The block is taken before its request is released, so that it never counts as free.
  open.receive(block, bytes, seed.url);
  open.release(block);
  blockReceived(state, open, block);
}

function fail(state: TorrentState, fetch: WebFetch, retryAfterMs: number | undefined): void {
  const { seed } = fetch, restMs = retryAfterMs ?? restAfter(++seed.failures);
  seed.readyAt = state.now + Math.min(Math.max(restMs, SHORTEST_REST_MS), LONGEST_REST_MS);
  endFetch(state, fetch);
}

function restAfter(failures: number): number {
  return (REST_MS[failures - 1] ?? REST_MS.at(-1)!) * 2 ** Math.max(0, failures - REST_MS.length);
}
