/** What web seeds are asked for, with the books in step: blocks count as requested from the begin of a fetch to its end. */

import type { BlockRange } from "../wire/messages/message.ts";
import { BLOCK_LENGTH } from "./options.ts";
import { closePiece, closeUntouched } from "./requests.ts";
import type { TorrentState } from "./state.ts";
import { type Claim, claimLength, type WebFetch, type WebSeed } from "./web_seeds.ts";

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
  const { downloads } = state, { open, from, to } = claim;
  downloads.outstanding -= to - from;
  if (downloads.get(open.piece) !== open) return;
  for (let block = from; block < to; block++) open.release(block);
  downloads.settle(open);
  // What only this web seed may send nobody would go on with.
  if (open.exclusive === seed.key && !open.isStoring) closePiece(state, open);
}

function rangeOf(claim: Claim): BlockRange {
  return { piece: claim.open.piece, begin: claim.from * BLOCK_LENGTH, length: claimLength(claim) };
}
