/**
 * What a web seed is asked for next: what readers wait for; pieces that nobody goes on with; then a run of new pieces from
 * the begin of the widest gap (BEP 19 "HTTP and FTP optimizations"); when there is none, what others are late with.
 */

import { randomBelow } from "../bytes/random.ts";
import { isIdle, type OpenPiece } from "./open_piece.ts";
import { openFor, openInRoom } from "./picker.ts";
import type { TorrentState } from "./state.ts";
import { takeLast } from "./web_fetches.ts";
import { type Claim, claimLength, MAX_ACTIVE, mayHave, type WebFetch, type WebSeed } from "./web_seeds.ts";

/** Bytes of a first answer, of which nothing is known but that it is not to hold pieces for long. */
const FIRST_LENGTH = 1024 * 1024;
/** Bytes of the longest: libtorrent's. More only spares a request a second at 16 MiB/s, and holds memory. */
const LONGEST = 16 * 1024 * 1024;
/** An answer lasts about so long: few requests in the server's log, and few pieces kept from peers by a slow server. */
const COVER_SECONDS = 10;
/** The same while readers wait, so that a seek finds the web seed free soon. */
const READER_COVER_SECONDS = 2;
/** Blocks that others were asked for so long ago are late. */
const LATE_MS = 5000;
/** The same for a block that a reader waits for: a player's patience. */
const URGENT_LATE_MS = 2000;
/** Sources asked for the same block. */
const MAX_REQUESTERS = 4;

/** Blocks to ask the web seed for, in order of the content; none if there is nothing. Pieces are opened for it. */
export function claimNext(state: TorrentState, seed: WebSeed): readonly Claim[] {
  const room = roomFor(state);
  if (room <= 0) return [];
  const first = firstClaim(state, seed);
  if (first !== undefined) return extend(state, seed, { first, room });
  const others = claimOthers(state, seed, room);
  return others.length > 0 ? others : claimLate(state, seed);
}

/**
 * How many pieces an answer may have. Half of those that may be open are for web seeds, which share them; the rest is for
 * peers, and for what is being stored.
 */
function roomFor({ downloads: { capacity, webSeeds } }: TorrentState): number {
  const half = Math.max(1, Math.floor(capacity / 2));
  const share = Math.max(1, Math.floor(half / Math.min(MAX_ACTIVE, webSeeds.size)));
  return Math.min(share, half - webSeeds.claimedPieces);
}

function firstClaim(state: TorrentState, seed: WebSeed): Claim | undefined {
  return claimUrgent(state, seed) ?? claimOpen(state, seed, isIdle) ?? claimFresh(state, seed) ??
    claimOpen(state, seed, () => true);
}

function claimUrgent(state: TorrentState, seed: WebSeed): Claim | undefined {
  const { availability, downloads, ledger: { urgent } } = state;
  for (const piece of urgent) {
    const open = downloads.get(piece);
    if (open !== undefined) {
      const claim = freeBlocks(open, seed) ?? lateBlocks(state, seed, { open, patienceMs: URGENT_LATE_MS });
      if (claim !== undefined) return claim;
    } else if (availability.fresh.has(piece) && mayHave(seed, piece)) {
      return claimPiece(state, seed, { piece, urgent: true });
    }
  }
  return undefined;
}

/** Goes on with a piece that is open already. */
function claimOpen(
  state: TorrentState,
  seed: WebSeed,
  isFitting: (open: OpenPiece) => boolean,
): Claim | undefined {
  for (const open of state.downloads.withFree) {
    const claim = isFitting(open) ? freeBlocks(open, seed) : undefined;
    if (claim !== undefined) return claim;
  }
  return undefined;
}

function claimFresh(state: TorrentState, seed: WebSeed): Claim | undefined {
  const piece = chooseStart(state, seed);
  return piece === undefined ? undefined : claimPiece(state, seed, { piece, urgent: false });
}

/** The end of what another web seed is asked for, up to where this one would have it no sooner. */
function claimOthers(state: TorrentState, seed: WebSeed, room: number): readonly Claim[] {
  const claims: Claim[] = [], most = seed.onePiece ? 1 : room, longest = lengthFor(state, seed);
  const isFitting = ({ open }: Claim, { seed: other }: WebFetch) =>
    other !== seed && mayClaim(open, seed) &&
    (claims.length === 0 || open.piece + 1 === claims[0]!.open.piece);
  let length = 0;
  while (claims.length < most && length < longest) {
    const ownWaitMs = seed.speed === 0 ? 0 : length / seed.speed * 1000;
    const claim = takeLast(state, isFitting, ownWaitMs);
    if (claim === undefined) break;
    claims.unshift(claim);
    length += claimLength(claim);
  }
  return claims;
}

/** Near the end: the piece of which most is missing, if others are late with it. */
function claimLate(state: TorrentState, seed: WebSeed): readonly Claim[] {
  let best: Claim | undefined;
  for (const open of state.downloads.all()) {
    if (best !== undefined && open.missing <= best.open.missing) continue;
    best = lateBlocks(state, seed, { open, patienceMs: LATE_MS }) ?? best;
  }
  return best === undefined ? [] : [best];
}

function claimPiece(
  state: TorrentState,
  seed: WebSeed,
  wish: { readonly piece: number; readonly urgent: boolean },
): Claim | undefined {
  return claimWhole(openFor(state, seed.key, wish));
}

function claimWhole(open: OpenPiece | undefined): Claim | undefined {
  return open && { open, from: 0, to: open.blockCount };
}

/** The first free blocks of a piece that follow each other. */
function freeBlocks(open: OpenPiece, seed: WebSeed): Claim | undefined {
  if (open.free === 0 || !mayClaim(open, seed)) return undefined;
  return blocksWhere(open, (block) => !open.hasBlock(block) && open.requestsOf(block) === 0);
}

/** Missing blocks of a piece that follow each other, the first of them asked for long ago. */
function lateBlocks(
  state: TorrentState,
  seed: WebSeed,
  { open, patienceMs }: { readonly open: OpenPiece; readonly patienceMs: number },
): Claim | undefined {
  if (open.isStoring || !mayClaim(open, seed)) return undefined;
  for (const { claims } of seed.fetches) if (claims.some((claim) => claim.open === open)) return undefined;
  const isMissing = (block: number) => !open.hasBlock(block) && open.requestsOf(block) < MAX_REQUESTERS;
  const isLate = (block: number) => isMissing(block) && open.askedAt(block) <= state.now - patienceMs;
  return blocksWhere(open, isMissing, isLate);
}

function blocksWhere(
  open: OpenPiece,
  fits: (block: number) => boolean,
  isFirst: (block: number) => boolean = fits,
): Claim | undefined {
  let from = 0;
  while (from < open.blockCount && !isFirst(from)) from++;
  let to = from;
  while (to < open.blockCount && fits(to)) to++;
  return from === to ? undefined : { open, from, to };
}

function mayClaim(open: OpenPiece, seed: WebSeed): boolean {
  return mayHave(seed, open.piece) && (open.exclusive === undefined || open.exclusive === seed.key);
}

/** The claim, and new pieces right behind it as far as one answer should reach. */
function extend(
  state: TorrentState,
  seed: WebSeed,
  { first, room }: { readonly first: Claim; readonly room: number },
): readonly Claim[] {
  const claims = [first], longest = seed.onePiece ? 0 : lengthFor(state, seed);
  const level = state.ledger.level(first.open.piece);
  let length = claimLength(first);
  for (let piece = first.open.piece + 1; length < longest && claims.length < room; piece++) {
    if (first.to !== first.open.blockCount || !isFresh(state, seed, piece, level)) break;
    const claim = claimWhole(openInRoom(state, seed.key, piece));
    if (claim === undefined) break;
    claims.push(claim);
    length += claimLength(claim);
  }
  return claims;
}

function lengthFor({ ledger }: TorrentState, { speed }: WebSeed): number {
  const seconds = ledger.urgent.size > 0 ? READER_COVER_SECONDS : COVER_SECONDS;
  return speed === 0 ? FIRST_LENGTH : Math.min(LONGEST, Math.max(FIRST_LENGTH / 4, speed * seconds));
}

function isFresh({ availability, ledger }: TorrentState, seed: WebSeed, piece: number, level: number) {
  return availability.fresh.has(piece) && ledger.level(piece) === level && mayHave(seed, piece);
}

/** A run of pieces that may be opened, all of one priority. */
interface Gap {
  readonly first: number;
  length: number;
}

function chooseStart(state: TorrentState, seed: WebSeed): number | undefined {
  const gap = state.mode.sequential ? firstGap(state, seed) : widestGap(state, seed);
  if (gap === undefined || state.mode.sequential) return gap?.first;
  // The first bytes of a swarm are worth most if nobody else begins with the same (BEP 19).
  if (state.ledger.have.isEmpty && seed.speed === 0 && !seed.onePiece) {
    return gap.first + randomBelow(state.setup.random, gap.length);
  }
  return isAnothersEnd(state, seed, gap.first - 1) ? gap.first + Math.floor(gap.length / 2) : gap.first;
}

/** Another web seed is about to arrive here and will want to go on. */
function isAnothersEnd({ downloads: { webSeeds } }: TorrentState, seed: WebSeed, piece: number): boolean {
  return webSeeds.fetches().some((fetch) => fetch.seed !== seed && fetch.claims.at(-1)!.open.piece === piece);
}

function firstGap(state: TorrentState, seed: WebSeed): Gap | undefined {
  const { fresh } = state.availability;
  let piece = fresh.nextSet(0);
  while (piece >= 0 && !mayHave(seed, piece)) piece = fresh.nextSet(piece + 1);
  return piece < 0 ? undefined : { first: piece, length: 1 };
}

/** The widest gap of the highest priority, the first of equals. */
function widestGap(state: TorrentState, seed: WebSeed): Gap | undefined {
  const { availability: { fresh }, ledger } = state;
  let widest: Gap | undefined, gap: Gap | undefined;
  for (let piece = fresh.nextSet(0); piece >= 0; piece = fresh.nextSet(piece + 1)) {
    if (!mayHave(seed, piece)) continue;
    const level = ledger.level(piece), top = widest === undefined ? 0 : ledger.level(widest.first);
    if (level < top) continue;
    const goesOn = gap !== undefined && gap.first + gap.length === piece && ledger.level(gap.first) === level;
    if (goesOn) gap!.length++;
    else gap = { first: piece, length: 1 };
    if (level > top || gap!.length > widest!.length) widest = gap;
  }
  return widest;
}
