/** Queries on their way: a reply counts only with the right transaction id from the right address (BEP 5 "krpc protocol"). */

import { type Random, randomUint32 } from "../bytes/random.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { Patience } from "./patience.ts";

/** Four bytes, where two would do to tell queries apart: whoever forges a reply has to guess them. */
const ID_LENGTH = 4;

/** One lookup has three queries under way; this is room for hundreds, and bounds what silence can cost. */
export const MAX_TRANSACTIONS = 2048;

/** A query that has been sent. */
export interface Transaction<P> {
  /** What goes into `t`. */
  readonly id: Uint8Array;
  /** Where it went. */
  readonly to: PeerAddress;
  /** What the reply is for. */
  readonly purpose: P;
  /** When it was sent. */
  readonly sentAt: number;
  /** When the one who waits should go on without it. */
  readonly lateAt: number;
  /** When it is given up. */
  readonly failAt: number;
  /** `lateAt` has come and was reported. */
  late: boolean;
}

/** What time has done to open transactions. */
export interface Overdue<P> {
  /** Not answered yet, but still open. Reported once. */
  readonly late: readonly Transaction<P>[];
  /** Given up; forgotten now. */
  readonly failed: readonly Transaction<P>[];
}

/** All open transactions of a node, each with a purpose `P`. */
export class Transactions<P> {
  readonly #random: Random;
  readonly #patience = new Patience();
  readonly #open = new Map<number, Transaction<P>>();
  /** How many are open to each address. */
  readonly #addresses = new Map<string, number>();
  /** When the next one is due; `undefined` if that must be found out. */
  #nextAt: number | undefined = Infinity;
  #lastReplyAt = -Infinity;

  /** `random` must be unpredictable: ids are all that a forger does not know. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Whether no more may be opened. */
  get isFull(): boolean {
    return this.#open.size >= MAX_TRANSACTIONS;
  }

  /** Whether a reply from this address is awaited. */
  awaits(address: PeerAddress): boolean {
    return this.#addresses.has(formatPeerAddress(address));
  }

  /** Whether anybody has replied at or after `time`: if not, silence may be the fault of our own link (BEP 45). */
  heardSince(time: number): boolean {
    return this.#lastReplyAt >= time;
  }

  /** When `overdue` should be called; `Infinity` if nothing is open. */
  deadline(): number {
    if (this.#nextAt === undefined) {
      this.#nextAt = Infinity;
      for (const transaction of this.#open.values()) {
        this.#nextAt = Math.min(this.#nextAt, dueAt(transaction));
      }
    }
    return this.#nextAt;
  }

  /** Opens a transaction for a query that is about to be sent. The caller has looked at {@linkcode isFull}. */
  open(to: PeerAddress, purpose: P, now: number): Transaction<P> {
    let key = randomUint32(this.#random);
    while (this.#open.has(key)) key = (key + 1) >>> 0;
    const { lateMs, failMs } = this.#patience;
    const transaction: Transaction<P> = {
      id: idOf(key),
      to,
      purpose,
      sentAt: now,
      lateAt: now + lateMs,
      failAt: now + failMs,
      late: false,
    };
    this.#open.set(key, transaction);
    this.#countAddress(to, 1);
    if (this.#nextAt !== undefined) this.#nextAt = Math.min(this.#nextAt, transaction.lateAt);
    return transaction;
  }

  /** Closes the transaction that a reply or an error belongs to. `undefined`: nobody asked, or somebody else. */
  close(id: Uint8Array, from: PeerAddress, now: number): Transaction<P> | undefined {
    if (id.length !== ID_LENGTH) return undefined;
    const key = keyOf(id), transaction = this.#open.get(key);
    if (transaction === undefined) return undefined;
    if (transaction.to.host !== from.host || transaction.to.port !== from.port) return undefined;
    this.#forget(key, transaction);
    this.#patience.observe(now - transaction.sentAt);
    this.#lastReplyAt = now;
    return transaction;
  }

  /** Finds what is late or failed by now. */
  overdue(now: number): Overdue<P> {
    const late: Transaction<P>[] = [], failed: Transaction<P>[] = [];
    if (now < this.deadline()) return { late, failed };
    for (const [key, transaction] of this.#open) {
      if (now >= transaction.failAt) {
        this.#forget(key, transaction);
        failed.push(transaction);
      } else if (now >= transaction.lateAt && !transaction.late) {
        transaction.late = true;
        late.push(transaction);
      }
    }
    this.#nextAt = undefined;
    return { late, failed };
  }

  #forget(key: number, transaction: Transaction<P>): void {
    this.#open.delete(key);
    this.#countAddress(transaction.to, -1);
    if (this.#nextAt !== undefined && dueAt(transaction) <= this.#nextAt) this.#nextAt = undefined;
  }

  #countAddress(address: PeerAddress, change: 1 | -1): void {
    const key = formatPeerAddress(address), count = (this.#addresses.get(key) ?? 0) + change;
    if (count > 0) this.#addresses.set(key, count);
    else this.#addresses.delete(key);
  }
}

function dueAt(transaction: Transaction<unknown>): number {
  return transaction.late ? transaction.failAt : transaction.lateAt;
}

function idOf(key: number): Uint8Array {
  return Uint8Array.of(key >>> 24, key >>> 16, key >>> 8, key);
}

function keyOf(id: Uint8Array): number {
  return (id[0]! << 24 | id[1]! << 16 | id[2]! << 8 | id[3]!) >>> 0;
}
