/** Answers about items: get and put (BEP 44). Nothing is stored before its signature is verified. */

import { type Answer, type Asked, isOurToken, nodesNear, refuse, tokenFor } from "./answer.ts";
import { type DhtItem, isSeq, itemTarget, MAX_SALT_LENGTH, MAX_VALUE_LENGTH } from "./item.ts";
import { verify } from "./item_tasks.ts";
import { KRPC_ERRORS } from "./messages/krpc.ts";
import { COMPACT_NODE_LENGTH } from "./messages/node_info.ts";
import type { GetQuery, PutQuery } from "./messages/query.ts";
import type { DhtReply } from "./messages/reply.ts";
import { sendError, sendReply } from "./sending.ts";
import { type DhtState, familyOf, type Verification } from "./state.ts";

/**
 * Departs from BEP 32 "maximum packet size": a value of 1000 bytes with key and signature does not fit into 1024, so
 * a reply with an item may be as long as an Ethernet frame takes. Nodes give way to the value.
 */
const MAX_ITEM_REPLY_LENGTH = 1400, ITEM_OVERHEAD = 360;

/** Signatures of strangers being checked at a time. */
const MAX_VERIFICATIONS = 64;

const TOO_MANY = "Too many items of your network";

/** What is said of each refusal. */
const REFUSALS: { readonly [code: number]: string } = {
  [KRPC_ERRORS.casMismatch]: "CAS mismatch, re-read value and try again",
  [KRPC_ERRORS.seqTooOld]: "Sequence number not above the current one",
};

/** Answers with a token, the nearest nodes and the item, if it is here and newer than what is asked for. */
export function onGet(asked: Asked, { target, seq, want }: GetQuery): Answer {
  const item = asked.state.items.get(target), near = nodesNear(asked, target, want);
  const token = tokenFor(asked, target);
  if (item === undefined) return { ...near, token };
  // BEP 44 "get message": the number tells that we hold it, although the value is not wanted.
  if (item.type === "mutable" && seq !== undefined && item.seq <= seq) {
    return { ...near, token, seq: item.seq };
  }
  const fields = item.type === "mutable"
    ? { publicKey: item.publicKey, signature: item.signature, seq: item.seq }
    : {};
  return { ...cut(near, item.value.length), token, value: item.value, ...fields };
}

/** Stores an immutable item, or has a mutable one verified. */
export function onPut(asked: Asked, query: PutQuery): Answer {
  const { state, family, requester, now } = asked, item = itemOf(query), cas = query.mutable?.cas;
  if (item.value.length > MAX_VALUE_LENGTH) return refuse("valueTooBig", "Value too big");
  if (item.type === "mutable" && (item.salt?.length ?? 0) > MAX_SALT_LENGTH) {
    return refuse("saltTooBig", "Salt too big");
  }
  if (!isOurToken(asked, query.token, itemTarget(item))) return refuse("protocol", "Bad token");
  if (state.items.isSpent(item, requester.compact)) return refuse("server", TOO_MANY);
  if (item.type === "immutable") {
    state.items.put(item, { from: requester.compact, near: family.table.id }, now);
    return { id: family.table.id };
  }
  if (!isSeq(item.seq)) return refuse("protocol", "Sequence number out of range");
  const refusal = state.items.refusal(item, cas);
  if (refusal !== undefined) return { code: refusal, message: REFUSALS[refusal]! };
  if (state.verifications.open.size >= MAX_VERIFICATIONS) return refuse("server", "Busy");
  const transaction = requester.transaction.slice();
  verify(state, { type: "put", item, cas, requester: { ...requester, transaction } });
  return "later";
}

/** The signature of a mutable item was found good or bad. */
export function onPutVerified(
  state: DhtState,
  { item, cas, requester }: Extract<Verification, { readonly type: "put" }>,
  valid: boolean,
  now: number,
): void {
  const family = familyOf(state, requester.from.host)!;
  if (!valid) return sendError(state, requester, refuse("invalidSignature", "Invalid signature"), now);
  // Somebody else may have stored something in the meantime.
  const refusal = state.items.refusal(item, cas);
  if (refusal !== undefined) {
    return sendError(state, requester, { code: refusal, message: REFUSALS[refusal]! }, now);
  }
  if (state.items.isSpent(item, requester.compact)) {
    return sendError(state, requester, refuse("server", TOO_MANY), now);
  }
  state.items.put(item, { from: requester.compact, near: family.table.id }, now);
  sendReply(state, requester, { id: family.table.id }, now);
}

/** Copies what is stored beyond the call; the value is a copy already. */
function itemOf({ value, mutable }: PutQuery): DhtItem {
  if (mutable === undefined) return { type: "immutable", value };
  const { publicKey, signature, seq, salt } = mutable;
  return {
    type: "mutable",
    publicKey: publicKey.slice(),
    salt: salt?.slice(),
    seq,
    value,
    signature: signature.slice(),
  };
}

/** Leaves out the farthest nodes if a long value takes their room. */
function cut(near: DhtReply, valueLength: number): DhtReply {
  const room = MAX_ITEM_REPLY_LENGTH - ITEM_OVERHEAD - valueLength;
  const fitting = (compact: Uint8Array | undefined, entry: number, room: number) =>
    compact?.subarray(0, Math.max(0, Math.floor(room / entry)) * entry);
  const nodes = fitting(near.nodes, COMPACT_NODE_LENGTH[4], room);
  return {
    ...near,
    nodes,
    nodes6: fitting(near.nodes6, COMPACT_NODE_LENGTH[6], room - (nodes?.length ?? 0)),
  };
}
