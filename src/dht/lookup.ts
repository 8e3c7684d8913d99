/**
 * Iterative lookups: ask the nearest nodes known, three at a time, until the eight nearest have answered; then store
 * there what there is to store (BEP 5 "overview").
 *
 * walking -> writing -> ended
 */

import { equals } from "@std/bytes/equals";
import type { PeerAddress } from "../peer/address.ts";
import { isIpv6 } from "../peer/ip.ts";
import { mayName } from "../peer/nearness.ts";
import { BUCKET_SIZE } from "./bucket.ts";
import { COMPACT_NODE_LENGTH, decodeCompactNodes, type NodeContact } from "./messages/node_info.ts";
import type { DhtReply } from "./messages/reply.ts";
import { compareDistance, isNodeIdOf } from "./node_id.ts";
import { sendQuery } from "./sending.ts";
import { type Candidate, type CandidateStatus, Shortlist } from "./shortlist.ts";
import type { DhtState, Lookup, Operation, OperationStart, Purpose } from "./state.ts";
import { rowOf } from "./tasks.ts";
import type { Transaction } from "./transactions.ts";
import { finishIfOver, startWriting } from "./writing.ts";

type StepTransaction = Transaction<Extract<Purpose, { readonly type: "step" }>>;

/** Queries of one lookup under way at a time, as is custom; more when starting, for most saved nodes may be gone. */
const ALPHA = 3, BOOTSTRAP_ALPHA = 8;

/** Queries that one lookup may take; an honest one takes 20 to 40. */
const MAX_QUERIES = 128;

/** Nodes of our own to begin with: more than a bucket, in case some are gone. */
const SEEDS = 2 * BUCKET_SIZE;

/** Nodes taken from one reply; it should have eight, some send twenty. */
const MAX_NODES_PER_REPLY = 20;

/** Longest token kept. Everybody's are short; BEP 5 "get_peers" asks for that. */
const MAX_TOKEN_LENGTH = 128;

const NOTHING = new Uint8Array();

/** Starts a lookup in each family that it concerns. */
export function startOperation(state: DhtState, start: OperationStart, now: number): Operation {
  const { id, task, families = state.families, targetOf } = start;
  const operation: Operation = {
    id,
    task,
    startedAt: now,
    lookups: [],
    verifying: 0,
    queries: 0,
    replies: 0,
    isSatisfied: false,
    isOver: false,
  };
  if (id !== undefined) state.operations.set(id, operation);
  for (const family of families) {
    const shortlist = new Shortlist(targetOf(family).slice());
    operation.lookups.push({
      operation,
      family,
      shortlist,
      phase: "walking",
      inFlight: 0,
      asked: 0,
      writesOpen: 0,
    });
  }
  for (const lookup of operation.lookups) {
    rowOf(task).begin?.(state, lookup, task);
    seed(state, lookup, now);
  }
  if (operation.isSatisfied) finishIfOver(state, operation);
  for (const lookup of operation.lookups) advance(state, lookup, now);
  return operation;
}

/** Asks whom to ask next; moves on when nobody is left. */
export function advance(state: DhtState, lookup: Lookup, now: number): void {
  while (lookup.phase === "walking") {
    const { next, isComplete } = lookup.shortlist.survey();
    const mayAsk = lookup.asked < MAX_QUERIES && !state.transactions.isFull;
    if (isComplete || !mayAsk && lookup.inFlight === 0) {
      // What is being verified may decide what to store.
      if (lookup.operation.verifying === 0) startWriting(state, lookup, now);
      return;
    }
    if (next === undefined || !mayAsk || lookup.inFlight >= alphaOf(lookup)) return;
    askCandidate(state, lookup, next, now);
  }
}

/** A node on the way has replied. */
export function onStepReply(
  state: DhtState,
  transaction: StepTransaction,
  reply: DhtReply,
  now: number,
): void {
  const { lookup, candidate } = transaction.purpose, { operation } = lookup;
  settle(lookup, candidate, "replied");
  if (!operation.isOver) {
    operation.replies++;
    introduce(state, lookup, candidate, reply);
    takeNodes(state, lookup, candidate, reply, now);
    rowOf(operation.task).onReply?.({ state, lookup, candidate }, operation.task, reply);
    if (operation.isSatisfied) finishIfOver(state, operation);
  }
  advance(state, lookup, now);
}

/** A node on the way has not replied in time: the walk goes on without it, but will listen if it does reply. */
export function onStepLate(
  state: DhtState,
  { purpose: { lookup, candidate } }: StepTransaction,
  now: number,
): void {
  settle(lookup, candidate, "late");
  advance(state, lookup, now);
}

/** A node on the way has not replied at all, or with an error. */
export function onStepFailed(
  state: DhtState,
  { purpose: { lookup, candidate } }: StepTransaction,
  now: number,
): void {
  settle(lookup, candidate, "failed");
  advance(state, lookup, now);
}

/** Somebody new may be a node: lookups that start from nothing want to know. */
export function offerAddress(state: DhtState, lookup: Lookup, address: PeerAddress, now: number): void {
  lookup.shortlist.addAddress(address);
  revive(lookup);
  advance(state, lookup, now);
}

function seed(state: DhtState, { operation, family, shortlist }: Lookup, now: number): void {
  const known = family.table.closest(shortlist.target, SEEDS, now);
  for (const node of known) shortlist.add(node, 0);
  if (known.length >= BUCKET_SIZE && !isBootstrap(operation)) return;
  const saved = state.contacts.saved.filter(({ address }) => isIpv6(address.host) === (family.version === 6));
  saved.sort((a, b) => compareDistance(shortlist.target, a.id, b.id));
  for (const contact of saved.slice(0, SEEDS)) shortlist.add(contact, 0);
  for (const address of state.contacts.addresses(family.version)) shortlist.addAddress(address);
}

function alphaOf({ operation }: Lookup): number {
  return isBootstrap(operation) ? BOOTSTRAP_ALPHA : ALPHA;
}

function isBootstrap({ task }: Operation): boolean {
  return task.type === "refresh" && task.isBootstrap;
}

function askCandidate(state: DhtState, lookup: Lookup, candidate: Candidate, now: number): void {
  const { operation } = lookup, query = rowOf(operation.task).query(lookup, operation.task);
  candidate.status = "asked";
  lookup.inFlight++;
  lookup.asked++;
  operation.queries++;
  sendQuery(state, candidate.address, query, { type: "step", lookup, candidate }, now);
}

function settle(lookup: Lookup, candidate: Candidate, status: CandidateStatus): void {
  if (candidate.status === "asked") lookup.inFlight--;
  candidate.status = status;
  if (status === "late" || status === "failed") lookup.shortlist.giveWay(candidate);
}

/** Takes down who it was that replied and what it takes to store there. */
function introduce(state: DhtState, lookup: Lookup, candidate: Candidate, reply: DhtReply): void {
  const { host } = candidate.address;
  candidate.eligible = !state.contacts.isRouter(candidate.address) && lookup.shortlist.isVoice(candidate) &&
    (!state.settings.enforceNodeIds || isNodeIdOf(host, reply.id));
  lookup.shortlist.identify(candidate, reply.id);
  if (reply.token !== undefined && reply.token.length <= MAX_TOKEN_LENGTH) {
    candidate.token = reply.token.slice();
  }
}

/** Nodes of either family go to the lookup of that family (BEP 32 "bootstrapping"). */
function takeNodes(state: DhtState, from: Lookup, candidate: Candidate, reply: DhtReply, now: number): void {
  for (const lookup of from.operation.lookups) {
    const { version } = lookup.family, compact = version === 4 ? reply.nodes : reply.nodes6;
    const entry = COMPACT_NODE_LENGTH[version];
    const contacts = decodeCompactNodes(
      compact?.subarray(0, MAX_NODES_PER_REPLY * entry) ?? NOTHING,
      version,
    );
    let isNews = false;
    for (const contact of contacts) {
      if (!lookup.shortlist.isNews(contact) || !isUsable(lookup, contact, candidate)) continue;
      isNews = lookup.shortlist.add(contact, candidate.depth + 1) || isNews;
    }
    if (!isNews || lookup === from) continue;
    revive(lookup);
    advance(state, lookup, now);
  }
}

/** Not ourselves, and not an address that only makes sense in the network of whoever named it. */
function isUsable({ family }: Lookup, contact: NodeContact, namedBy: Candidate): boolean {
  return !equals(contact.id, family.table.id) && mayName(namedBy.address.host, contact.address.host);
}

/** A walk that ended for lack of nodes goes on; one that came to its end stays there. */
function revive(lookup: Lookup): void {
  const { operation } = lookup;
  if (lookup.phase === "ended" && !operation.isOver && rowOf(operation.task).write === undefined) {
    lookup.phase = "walking";
  }
}
