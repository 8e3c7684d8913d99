/** The end of a lookup: what is stored on the nearest nodes, and what the user is told (BEP 5 "overview", BEP 44). */

import { sendQuery } from "./sending.ts";
import type { Candidate } from "./shortlist.ts";
import type { DhtState, Lookup, Operation, Purpose, Writes } from "./state.ts";
import { tell } from "./task.ts";
import { rowOf } from "./tasks.ts";
import type { Transaction } from "./transactions.ts";

type WriteTransaction = Transaction<Extract<Purpose, { readonly type: "write" }>>;

/** The walk is over: the eight nearest nodes that gave a token are given what there is to store. */
export function startWriting(state: DhtState, lookup: Lookup, now: number): void {
  const { task } = lookup.operation, row = rowOf(task);
  lookup.phase = "writing";
  if (row.write !== undefined && (row.isWorthWriting?.(lookup, task) ?? true)) {
    for (const candidate of lookup.shortlist.closest(hasToken)) {
      const query = row.write(lookup, task, candidate);
      if (!sendQuery(state, candidate.address, query, { type: "write", lookup, candidate }, now)) continue;
      lookup.writesOpen++;
      lookup.operation.queries++;
    }
  }
  endWriting(state, lookup);
}

/** A node has answered a write; `code` is its refusal. */
export function onWriteAnswer(
  state: DhtState,
  transaction: WriteTransaction,
  code: number | undefined,
): void {
  const { lookup } = transaction.purpose, { task } = lookup.operation;
  if (lookup.phase !== "writing") return;
  lookup.operation.replies++;
  if ("writes" in task) noteWrite(task.writes, code);
  if (!transaction.late) lookup.writesOpen--;
  endWriting(state, lookup);
}

/** A node has not answered a write in time; it is not waited for. */
export function onWriteLate(state: DhtState, { purpose: { lookup } }: WriteTransaction): void {
  if (lookup.phase !== "writing") return;
  lookup.writesOpen--;
  endWriting(state, lookup);
}

/** Ends an operation if nothing is left to do or to wait for, and tells its last results. */
export function finishIfOver(state: DhtState, operation: Operation): void {
  const isOver = operation.isSatisfied ||
    operation.verifying === 0 && operation.lookups.every(({ phase }) => phase === "ended");
  if (!isOver || operation.isOver) return;
  abandon(operation);
  rowOf(operation.task).finish?.(state, operation, operation.task);
  const { queries, replies } = operation;
  tell(state, operation, { type: "done", report: { queries, replies, hops: hopsOf(operation) } });
  if (operation.id !== undefined) state.operations.delete(operation.id);
  state.upkeep.ended.push(operation);
}

/** Ends an operation without a word. */
export function abandon(operation: Operation): void {
  operation.isOver = true;
  for (const lookup of operation.lookups) lookup.phase = "ended";
}

function endWriting(state: DhtState, lookup: Lookup): void {
  if (lookup.writesOpen > 0) return;
  lookup.phase = "ended";
  finishIfOver(state, lookup.operation);
}

function noteWrite(writes: Writes, code: number | undefined): void {
  if (code === undefined) writes.accepted++;
  else writes.refusals.push(code);
}

function hasToken(candidate: Candidate): candidate is Candidate & { readonly token: Uint8Array } {
  return candidate.token !== undefined;
}

function hopsOf({ lookups }: Operation): number {
  return Math.max(0, ...lookups.flatMap(({ shortlist }) => shortlist.closest().map(({ depth }) => depth)));
}
