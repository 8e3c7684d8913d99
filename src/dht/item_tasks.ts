/** Lookups for items: get and put, with every value checked before it is believed (BEP 44). */

import { equals } from "@std/bytes/equals";
import { sha1Sync } from "../bytes/sha1_sync.ts";
import {
  type DhtItem,
  isSeq,
  type ItemName,
  MAX_VALUE_LENGTH,
  type MutableItem,
  signedBytes,
} from "./item.ts";
import type { PutQuery } from "./messages/query.ts";
import type { DhtReply } from "./messages/reply.ts";
import { tellStored } from "./peer_tasks.ts";
import type { Candidate } from "./shortlist.ts";
import type { DhtState, Lookup, Operation, Task, Verification } from "./state.ts";
import { type Heard, ownId, type TaskRow, tell } from "./task.ts";

/** Signatures that one operation has checked; beyond, somebody makes them up. */
const MAX_CHECKED = 64;

/** So many copies tell that others republish too (BEP 44 "expiration"). */
const ENOUGH_COPIES = 8;

type GetItem = Extract<Task, { readonly type: "getItem" }>;
type PutItem = Extract<Task, { readonly type: "putItem" }>;

/** Finds an item. */
export const GET_ITEM: TaskRow<GetItem> = {
  begin(state, { operation, shortlist }, task) {
    const own = state.items.get(shortlist.target), { newerThan } = task;
    if (own?.type !== task.name.type || task.best !== undefined) return;
    if (own.type === "mutable" && newerThan !== undefined && own.seq <= newerThan) return;
    task.best = own;
    operation.isSatisfied = own.type === "immutable";
    tell(state, operation, { type: "item", item: own });
  },
  query: (lookup, { newerThan }) => ({
    type: "get",
    id: ownId(lookup),
    target: lookup.shortlist.target,
    seq: newerThan,
  }),
  onReply: (heard, task, reply) => takeItem(heard, task, task.name, reply),
};

/** Stores an item. */
export const PUT_ITEM: TaskRow<PutItem> = {
  begin(state, { operation, shortlist }, task) {
    const own = state.items.get(shortlist.target), { item } = task;
    if (own?.type !== "mutable" || item.type !== "mutable" || own.seq <= item.seq) return;
    if (task.best !== undefined) return;
    task.best = own;
    tell(state, operation, { type: "item", item: own });
  },
  query: (lookup, { item }) => ({
    type: "get",
    id: ownId(lookup),
    target: lookup.shortlist.target,
    // Values that are not newer than ours need not come over the wire.
    seq: item.type === "mutable" ? item.seq : undefined,
  }),
  onReply: (heard, task, reply) => takeItem(heard, task, task.item, reply),
  isWorthWriting(lookup, task) {
    // A version newer than ours exists: nobody would take ours.
    if (task.best?.type === "mutable") return false;
    if (!task.republish || !isHeldWidely(lookup)) return true;
    task.writes.skipped = true;
    return false;
  },
  write: (lookup, { item, cas }, candidate) => ({
    type: "put",
    id: ownId(lookup),
    token: candidate.token,
    value: item.value,
    mutable: item.type === "mutable" ? mutablePart(item, cas, candidate) : undefined,
  }),
  finish: (state, operation, { writes }) => tellStored(state, operation, writes),
};

/** A signature was found good or bad; good news are told. */
export function judgeItem(state: DhtState, operation: Operation, item: MutableItem, valid: boolean): void {
  const { task } = operation;
  operation.verifying--;
  if (!valid || task.type !== "getItem" && task.type !== "putItem") return;
  if (task.best?.type === "mutable" && task.best.seq >= item.seq) return;
  task.best = item;
  tell(state, operation, { type: "item", item });
}

function takeItem(heard: Heard, task: GetItem | PutItem, name: ItemName | DhtItem, reply: DhtReply): void {
  if (name.type === "mutable") takeMutable(heard, task, name, reply);
  else takeImmutable(heard, task, reply);
}

function takeImmutable(
  { state, lookup, candidate }: Heard,
  task: GetItem | PutItem,
  { value }: DhtReply,
): void {
  if (value === undefined || value.length > MAX_VALUE_LENGTH) return;
  if (!equals(sha1Sync(value), lookup.shortlist.target)) return;
  candidate.holdsItem = true;
  if (task.best !== undefined) return;
  task.best = { type: "immutable", value };
  if (task.type === "putItem") return;
  lookup.operation.isSatisfied = true;
  tell(state, lookup.operation, { type: "item", item: task.best });
}

function takeMutable(
  { state, lookup, candidate }: Heard,
  task: GetItem | PutItem,
  name: ItemName & { readonly type: "mutable" },
  reply: DhtReply,
): void {
  const { seq, value, publicKey, signature } = reply, known = knownSeq(task);
  if (seq === undefined || !isSeq(seq)) return;
  candidate.seq = seq;
  candidate.holdsItem = seq === known;
  if (known !== undefined && seq <= known) return;
  if (value === undefined || publicKey === undefined || signature === undefined) return;
  if (!equals(publicKey, name.publicKey) || value.length > MAX_VALUE_LENGTH) return;
  const item: MutableItem = {
    type: "mutable",
    publicKey: publicKey.slice(),
    salt: name.salt,
    seq,
    value,
    signature: signature.slice(),
  };
  check(state, lookup.operation, task, item);
}

/** Asks the world to check a signature, once for each. */
function check(state: DhtState, operation: Operation, task: GetItem | PutItem, item: MutableItem): void {
  const isKnown = task.checked.some((other) =>
    other.seq === item.seq && equals(other.signature, item.signature) && equals(other.value, item.value)
  );
  if (isKnown || task.checked.length >= MAX_CHECKED) return;
  task.checked.push(item);
  operation.verifying++;
  verify(state, { type: "lookup", item, operation });
}

/** Opens a verification; the answer comes as a `verified` input. */
export function verify(
  state: DhtState,
  verification: Verification,
): void {
  const number = state.verifications.next++, { publicKey, signature } = verification.item;
  state.verifications.open.set(number, verification);
  const message = signedBytes(verification.item);
  state.effects.push({ type: "verify", verification: number, publicKey, signature, message });
}

function knownSeq(task: GetItem | PutItem): bigint | undefined {
  if (task.best?.type === "mutable") return task.best.seq;
  if (task.type === "getItem") return task.newerThan;
  return task.item.type === "mutable" ? task.item.seq : undefined;
}

/** BEP 44 "expiration": more than eight copies, and the eight nearest nodes have it. */
function isHeldWidely({ shortlist }: Lookup): boolean {
  const closest = shortlist.closest();
  return closest.length >= ENOUGH_COPIES && closest.every(({ holdsItem }) => holdsItem) &&
    shortlist.count(({ holdsItem }) => holdsItem) > ENOUGH_COPIES;
}

function mutablePart(item: MutableItem, cas: bigint | undefined, candidate: Candidate): PutQuery["mutable"] {
  const { publicKey, signature, seq, salt } = item;
  // BEP 44 "CAS": not to be sent to a node that holds nothing.
  return { publicKey, signature, seq, salt, cas: candidate.seq === undefined ? undefined : cas };
}
