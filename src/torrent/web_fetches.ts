/** What web seeds are asked for, with the books in step: blocks count as requested from the begin of a fetch to its end. */

import type { BlockRange } from "../wire/messages/message.ts";
import { BLOCK_LENGTH } from "./options.ts";
import { closePiece, closeUntouched } from "./requests.ts";
import type { TorrentState } from "./state.ts";
import { type Claim, claimLength, type WebFetch, type WebSeed } from "./web_seeds.ts";

/** A piece that will not begin to come for so long is better asked of somebody who has nothing to do. */
const FAR_MS = 2000;

/** Asks a web seed for blocks: nobody else is asked for them, except near the end. */
export function beginFetch(state: TorrentState, seed: WebSeed, claims: readonly Claim[]): void {
  const { downloads, now } = state;
  for (const { open, from, to } of claims) {
    for (let block = from; block < to; block++) open.request(block, now);
    downloads.outstanding += to - from;
    downloads.settle(open);
  }
  const fetch = downloads.webSeeds.begin(seed, claims, now);
  state.effects.push({ type: "webFetch", fetch: fetch.key, seed: seed.key, ranges: claims.map(rangeOf) });
}

/** The web seed is asked no longer: what it owes is free for others. */
export function endFetch(state: TorrentState, fetch: WebFetch): void {
  const { downloads } = state, { claims, seed } = fetch;
  downloads.webSeeds.end(fetch);
  for (; fetch.at < claims.length; fetch.at++, fetch.block = claims[fetch.at]?.from ?? 0) {
    giveUp(state, seed, { ...claims[fetch.at]!, from: fetch.block });
  }
  closeUntouched(state);
  state.mode.hungry = true;
}

/** {@linkcode endFetch}, and the answer is not read on. */
export function abortFetch(state: TorrentState, fetch: WebFetch): void {
  endFetch(state, fetch);
  state.effects.push({ type: "webAbort", fetch: fetch.key });
}

/** Aborts what is of no use any more: others were faster, nobody wants it, or everything rests. */
export function abortUseless(state: TorrentState): void {
  const { webSeeds } = state.downloads;
  if (webSeeds.areIdle) return;
  for (const fetch of webSeeds.fetches()) {
    const isAwaited = fetch.claims.some((claim, i) => i >= fetch.at && isNeeded(state, claim));
    if (!isAwaited && (fetch.owed > 0 || state.mode.paused)) abortFetch(state, fetch);
  }
}

/**
 * Of what web seeds are asked for, the piece that would come last, if it is far off: it is asked of them no longer, so that
 * whoever has nothing else to do can take it. A slow web seed and its helpers meet in the middle then, and little comes twice.
 */
export function takeLast(
  state: TorrentState,
  isFitting: (claim: Claim, fetch: WebFetch) => boolean,
  ownWaitMs: number = 0,
): Claim | undefined {
  const { webSeeds } = state.downloads;
  if (webSeeds.areIdle) return undefined;
  let slowest: WebFetch | undefined, latestMs = Math.max(FAR_MS, ownWaitMs);
  for (const fetch of webSeeds.fetches()) {
    const last = fetch.claims.at(-1)!, comesInMs = waitFor(state, fetch);
    if (comesInMs <= latestMs || !isNeeded(state, last) || !isFitting(last, fetch)) continue;
    slowest = fetch;
    latestMs = comesInMs;
  }
  return slowest && cutLast(state, slowest);
}

/** When the last piece will begin to come; 0 if it has begun. */
function waitFor({ now }: TorrentState, fetch: WebFetch): number {
  const { claims, at, owed, seed } = fetch;
  if (at >= claims.length - 1) return 0;
  const speed = fetch.received > 0 ? seed.rate.perSecond(now) : seed.speed;
  if (speed === 0 && now - fetch.startedAt < FAR_MS) return 0; // it has not had its chance yet
  return (owed - claimLength(claims.at(-1)!)) / speed * 1000;
}

function cutLast(state: TorrentState, fetch: WebFetch): Claim {
  const claim = fetch.claims.pop()!;
  fetch.pieces.delete(claim.open);
  fetch.isCut = true;
  fetch.owed -= claimLength(claim);
  release(state, claim);
  return claim;
}

/** A reader has gone to another place, and what a web seed sends is not for it. */
export function abortForReaders(state: TorrentState): void {
  const { downloads, ledger: { urgent } } = state;
  for (const fetch of downloads.webSeeds.fetches()) {
    const helps = fetch.claims.some(({ open }, i) => i >= fetch.at && urgent.has(open.piece));
    if (!helps) abortFetch(state, fetch);
  }
}

/**
 * Never asks this web seed again (BEP 19 "HTTP and FTP optimizations": a URL whose data fails its hash is discarded).
 * Answers whether there is one of that URL.
 */
export function discardWebSeed(state: TorrentState, url: string, reason: string): boolean {
  const { webSeeds } = state.downloads, seed = webSeeds.withUrl(url);
  if (seed === undefined) return false;
  for (const fetch of [...seed.fetches]) abortFetch(state, fetch);
  webSeeds.remove(seed);
  state.effects.push({ type: "webSeedDiscarded", seed: seed.key, reason });
  return true;
}

/** Whether blocks of the claim are needed still. The piece may have been closed, and opened anew, meanwhile. */
function isNeeded({ downloads }: TorrentState, { open }: Claim): boolean {
  return downloads.get(open.piece) === open && !open.isStoring;
}

function giveUp(state: TorrentState, seed: WebSeed, claim: Claim): void {
  const { open } = claim;
  release(state, claim);
  // What only this web seed may send nobody would go on with.
  if (isNeeded(state, claim) && open.exclusive === seed.key) closePiece(state, open);
}

function release({ downloads }: TorrentState, { open, from, to }: Claim): void {
  downloads.outstanding -= to - from;
  if (downloads.get(open.piece) !== open) return;
  for (let block = from; block < to; block++) open.release(block);
  downloads.settle(open);
}

function rangeOf(claim: Claim): BlockRange {
  return { piece: claim.open.piece, begin: claim.from * BLOCK_LENGTH, length: claimLength(claim) };
}
