/**
 * Which Merkle hashes are asked of whom (BEP 52 "hash request"): piece layers until that of every file is here, and the leaves of
 * pieces that failed. Every run is asked for with its proof up to the root of the file, so a wrong answer convicts its sender at
 * once.
 */

import type { Bitfield } from "../bytes/bitfield.ts";
import { encodeHex } from "../bytes/text.ts";
import type { HashRange } from "../wire/messages/message.ts";
import {
  type HashProof,
  type HashRequestsOptions,
  type HashRun,
  MissingHashes,
  type TreeFile,
} from "./missing_hashes.ts";
import type { PeerKey } from "./vocabulary.ts";

/** Requests outstanding at one peer: a quarter of a MiB of hashes, and many small files in one round trip. */
const PIPELINE = 16;
/** Without an answer for so long, the run is asked of somebody else. */
const REQUEST_TIMEOUT_MS = 20_000;
/** After so long, somebody else who has nothing to do is asked as well. */
const LATE_MS = 5000;
/** How long a peer is left alone that refuses again and again: libtorrent's minute. For silence it doubles each time. */
const BACK_OFF_MS = 60_000;
/** Doublings that count: one hour. */
const MAX_DOUBLINGS = 6;
/** The leaves of a piece are given up after so long: it waits for them, and there is another way to find who ruined it. */
const LEAVES_TIMEOUT_MS = 10_000;
/** Refusals in a row that are put down to the ranges and not to the peer. */
const MAX_REFUSALS = 4;

/** What was said to one peer. */
interface Talk {
  readonly asked: Map<string, { readonly run: HashRun; readonly sentAt: number }>;
  readonly refused: Set<HashRun>;
  /** Refusals since the last answer. */
  refusals: number;
  /** How often it was silent since the last answer. */
  silences: number;
  /** Requests given up whose answer may still come. */
  late: number;
  /** Where in the order to go on: what stands before is not to be had from this peer. */
  from: number;
  /** Not asked before this time. */
  askAt: number;
  /** Not asked again for what it refused before this time. */
  retryAt: number;
}

/** Who owes us a run. */
interface Debt {
  askers: number;
  /** When the last of them was asked. */
  askedAt: number;
}

/** What an answer comes to; also `invalid` if nobody asked. */
export type HashVerdict =
  | HashProof
  /** It belongs to a request that was given up. */
  | { readonly type: "late" };

/** The account of hashes that are missing, and of who was asked for them. */
export class HashRequests {
  /** Pieces that cannot be verified yet. */
  readonly gated: Bitfield;
  readonly #talks = new Map<PeerKey, Talk>();
  readonly #missing: MissingHashes;
  readonly #owed = new Map<HashRun, Debt>();
  /** Until when leaves are asked for. */
  readonly #leavesUntil = new WeakMap<HashRun, number>();

  /** Asks nobody by itself. */
  constructor(
    geometry: { readonly pieceCount: number; readonly pieceLength: number },
    options?: HashRequestsOptions,
  ) {
    this.#missing = new MissingHashes(geometry, options);
    this.gated = this.#missing.gated;
  }

  /** How many layers are not here, and pieces of which leaves are asked for. */
  get missing(): number {
    return this.#missing.count;
  }

  /** A peer that speaks v2: on other connections these messages are out of place. */
  add(peer: PeerKey, now: number): void {
    this.#talks.set(peer, {
      asked: new Map(),
      refused: new Set(),
      refusals: 0,
      silences: 0,
      late: 0,
      from: 0,
      askAt: now,
      retryAt: now,
    });
  }

  /** A peer is gone: others may be asked. Answers whether it owed us something. */
  forget(peer: PeerKey): boolean {
    const talk = this.#talks.get(peer);
    if (talk === undefined) return false;
    this.#talks.delete(peer);
    const owesUs = talk.asked.size > 0;
    this.#giveUp(talk);
    return owesUs;
  }

  /** Whether a peer may still have something to say. */
  mayGive(peer: PeerKey): boolean {
    const talk = this.#talks.get(peer);
    return this.missing > 0 && talk !== undefined && talk.refused.size === 0;
  }

  /** What to ask a peer for next, of what it must have: hashes over pieces of its own (BEP 52 "peer messages"). */
  next(peer: PeerKey, have: Bitfield, now: number): HashRange | undefined {
    const talk = this.#talks.get(peer);
    if (talk === undefined || this.missing === 0 || now < talk.askAt || talk.asked.size >= PIPELINE) return;
    const missing = this.#missing, { inOrder } = missing;
    const mayAsk = (run: HashRun) => !talk.refused.has(run) && missing.touches(run, have);
    for (; talk.from < inOrder.length; talk.from++) {
      const run = inOrder[talk.from]!;
      if (this.#isFree(run) && mayAsk(run)) return this.#ask(talk, run, now);
    }
    if (talk.asked.size > 0) return undefined;
    const late = this.#owed.entries().find(([run, { askedAt }]) => now - askedAt >= LATE_MS && mayAsk(run));
    return late && this.#ask(talk, late[0], now);
  }

  /** The peer has one piece more, so it can give hashes of it. Answers whether it is to be asked for them. */
  gains(peer: PeerKey, piece: number): boolean {
    const talk = this.#talks.get(peer), run = talk && this.#missing.runOver(piece);
    if (run === undefined || !this.#isFree(run)) return false;
    talk!.refused.delete(run);
    talk!.from = Math.min(talk!.from, run.at);
    return true;
  }

  /** A peer answers. */
  take(peer: PeerKey, answer: HashRange & { readonly hashes: Uint8Array }): HashVerdict {
    const talk = this.#talks.get(peer), run = talk && this.#answered(talk, answer);
    if (run === undefined) return { type: talk && talk.late-- > 0 ? "late" : "invalid" };
    this.#release(run);
    if (run.isHere) return { type: "late" };
    const verdict = this.#missing.put(run, answer.hashes);
    if (verdict.type !== "right") return verdict;
    talk!.refusals = talk!.silences = 0;
    if (verdict.leaves) { for (const other of this.#talks.values()) other.refused.delete(run); }
    return verdict;
  }

  /** A peer refuses. Answers whether it was asked. */
  refuse(peer: PeerKey, answer: HashRange, now: number): boolean {
    const talk = this.#talks.get(peer), run = talk && this.#answered(talk, answer);
    if (run === undefined) return talk !== undefined && talk.late-- > 0;
    talk!.refused.add(run);
    this.#release(run);
    talk!.retryAt = now + BACK_OFF_MS;
    if (++talk!.refusals >= MAX_REFUSALS) talk!.askAt = now + BACK_OFF_MS;
    return true;
  }

  /** Gives up requests that nobody answers, and lets peers have another try that refused. */
  sweep(now: number): void {
    if (this.missing === 0) return;
    for (const talk of this.#talks.values()) {
      const isSilent = talk.asked.values().some(({ sentAt }) => now - sentAt >= REQUEST_TIMEOUT_MS);
      if (isSilent) {
        this.#giveUp(talk);
        talk.askAt = now + BACK_OFF_MS * 2 ** Math.min(talk.silences++, MAX_DOUBLINGS);
      } else if (talk.refused.size > 0 && now >= talk.retryAt) {
        talk.refusals = 0;
        talk.refused.clear();
        talk.from = 0;
      }
    }
  }

  /** Asks for the leaves of a piece from now on, which waits for them; answers whether that is possible. */
  addLeaves(file: TreeFile, piece: number, now: number): boolean {
    const run = this.#missing.addLeaves(file, piece);
    if (run === undefined) return false;
    this.#leavesUntil.set(run, now + LEAVES_TIMEOUT_MS);
    for (const talk of this.#talks.values()) talk.from = 0;
    return true;
  }

  /** Asks no more for leaves that nobody owes us, or for too long; answers whose. Everybody must have been asked before. */
  giveLeavesUp(now: number): number[] {
    const vain = this.#missing.leaves.filter((run) =>
      !this.#owed.has(run) || now >= this.#leavesUntil.get(run)!
    );
    for (const run of vain) {
      this.#missing.dropLeaves(run.piece!);
      this.#owed.delete(run);
      for (const talk of this.#talks.values()) giveRunUp(talk, run);
    }
    return vain.map(({ piece }) => piece!);
  }

  /** Whether some of these pieces wait for hashes that nobody is asked for. */
  areWaiting(pieces: Iterable<number>): boolean {
    for (const piece of pieces) {
      const run = this.#missing.runOver(piece);
      if (run && this.#isFree(run)) return true;
    }
    return false;
  }

  /** Asks first for what readers wait for, then for what is wanted, then for the rest: the layers of a torrent belong together. */
  order(urgent: ReadonlySet<number>, wanted: Bitfield): void {
    if (this.missing === 0) return;
    this.#missing.order(urgent, wanted);
    for (const talk of this.#talks.values()) talk.from = 0;
  }

  /** The layer of a root can be used. Answers the pieces that can be verified now. */
  open(piecesRoot: Uint8Array): number[] {
    return this.#missing.open(piecesRoot);
  }

  #isFree(run: HashRun): boolean {
    return !run.isHere && !this.#owed.has(run);
  }

  /** The run that is answered, which the peer owes us no more. */
  #answered(talk: Talk, answer: HashRange): HashRun | undefined {
    const key = keyOf(answer), run = talk.asked.get(key)?.run;
    talk.asked.delete(key);
    return run;
  }

  #giveUp(talk: Talk): void {
    talk.late += talk.asked.size;
    for (const { run } of talk.asked.values()) this.#release(run);
    talk.asked.clear();
  }

  #ask(talk: Talk, run: HashRun, now: number): HashRange {
    const request = { piecesRoot: run.file.piecesRoot, ...run.query };
    talk.asked.set(keyOf(request), { run, sentAt: now });
    const debt = this.#owed.get(run);
    this.#owed.set(run, { askers: (debt?.askers ?? 0) + 1, askedAt: now });
    return request;
  }

  /** One peer owes us the run no more. */
  #release(run: HashRun): void {
    const debt = this.#owed.get(run);
    if (debt !== undefined && --debt.askers > 0) return;
    this.#owed.delete(run);
    for (const talk of this.#talks.values()) talk.from = Math.min(talk.from, run.at);
  }
}

/** The peer is not to be asked for the run, and may answer late. */
function giveRunUp(talk: Talk, run: HashRun): void {
  talk.refused.delete(run);
  for (const [key, asked] of talk.asked) {
    if (asked.run !== run) continue;
    talk.asked.delete(key);
    talk.late++;
  }
}

/** An answer must repeat its request to the letter. */
function keyOf({ piecesRoot, baseLayer, index, length, proofLayers }: HashRange): string {
  return `${encodeHex(piecesRoot)} ${baseLayer} ${index} ${length} ${proofLayers}`;
}
