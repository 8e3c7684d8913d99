/** What a reply, an error or silence means: a table with one row per purpose of a query (BEP 5 "krpc protocol"). */

import { equals } from "@std/bytes/equals";
import type { PeerAddress } from "../peer/address.ts";
import { hearAddress } from "./identity.ts";
import { onStepFailed, onStepLate, onStepReply } from "./lookup.ts";
import { KRPC_ERRORS, type KrpcError, type KrpcReply } from "./messages/krpc.ts";
import type { NodeContact } from "./messages/node_info.ts";
import type { DhtReply } from "./messages/reply.ts";
import { onDirectFailed, onDirectReply } from "./direct.ts";
import { sendCheck } from "./sending.ts";
import { onProof, onSilence } from "./silence.ts";
import { type DhtState, type Family, familyOf, type Purpose } from "./state.ts";
import type { Transaction } from "./transactions.ts";
import { onWriteAnswer, onWriteLate } from "./writing.ts";

type PurposeOf<T extends Purpose["type"]> = Extract<Purpose, { readonly type: T }>;

/** What can become of a query. Methods, not members: a row can then stand for any purpose. */
interface PurposeRow<P extends Purpose> {
  /** The only id that a node may answer with, if there is one. */
  expectedId?(purpose: P): Uint8Array | undefined;
  onReply?(state: DhtState, transaction: Transaction<P>, reply: DhtReply, now: number): void;
  /** The node answered with an error, or is another than it was said to be. */
  onRefusal?(state: DhtState, transaction: Transaction<P>, code: number, now: number): void;
  onLate?(state: DhtState, transaction: Transaction<P>, now: number): void;
  onSilence?(state: DhtState, transaction: Transaction<P>, now: number): void;
}

const PURPOSES: { readonly [T in Purpose["type"]]: PurposeRow<PurposeOf<T>> } = {
  // A node that was said to have another id is still of use on the way: it takes the place of its real one.
  step: {
    onReply: onStepReply,
    onRefusal: (state, transaction, _code, now) => onStepFailed(state, transaction, now),
    onLate: onStepLate,
    onSilence: onStepFailed,
  },
  write: {
    expectedId: ({ candidate }) => candidate.id,
    onReply: (state, transaction) => onWriteAnswer(state, transaction, undefined),
    onRefusal: (state, transaction, code) => onWriteAnswer(state, transaction, code),
    onLate: onWriteLate,
  },
  direct: {
    onReply: onDirectReply,
    onRefusal: (state, transaction) => onDirectFailed(state, transaction, "refused"),
    onSilence: (state, transaction) => onDirectFailed(state, transaction, "timeout"),
  },
  check: {},
};

function rowOf(transaction: Transaction<Purpose>): PurposeRow<Purpose> {
  return PURPOSES[transaction.purpose.type];
}

/** A reply or an error has come in. What nobody asked for, or asked somebody else, is not even looked at. */
export function onReply(
  state: DhtState,
  from: PeerAddress,
  message: KrpcReply | KrpcError,
  now: number,
): void {
  const family = familyOf(state, from.host);
  const transaction = state.transactions.close(message.transaction, from, now);
  if (family === undefined || transaction === undefined) return;
  state.traffic.repliesHeard++;
  onProof(state, now);
  const row = rowOf(transaction), { requester } = message;
  if (requester !== undefined) hearAddress(state, family, { voter: from.host, compact: requester }, now);
  if (message.type === "error") return row.onRefusal?.(state, transaction, message.code, now);
  const { reply } = message, isOurselves = equals(reply.id, family.table.id);
  if (isOurselves) family.table.drop(from);
  else if (!state.contacts.isRouter(from)) meet(state, family, { id: reply.id, address: from }, now);
  const expected = row.expectedId?.(transaction.purpose);
  if (isOurselves || expected !== undefined && !equals(expected, reply.id)) {
    return row.onRefusal?.(state, transaction, KRPC_ERRORS.generic, now);
  }
  row.onReply?.(state, transaction, reply, now);
}

/** Goes through the queries that have waited too long. */
export function onOverdue(state: DhtState, now: number): void {
  const { late, failed } = state.transactions.overdue(now);
  for (const transaction of late) rowOf(transaction).onLate?.(state, transaction, now);
  for (const transaction of failed) {
    onSilence(state, transaction, now);
    rowOf(transaction).onSilence?.(state, transaction, now);
  }
}

function meet(state: DhtState, family: Family, contact: NodeContact, now: number): void {
  const suspect = family.table.replied(contact, now);
  if (suspect !== undefined) sendCheck(state, family, suspect.address, now);
}
