/** What leaves the node: queries with a transaction, replies and errors within the limits. */

import type { PeerAddress } from "../peer/address.ts";
import { encodeKrpc, type KrpcEnvelope, type KrpcError } from "./messages/krpc.ts";
import type { SendableQuery } from "./messages/query.ts";
import type { SendableReply } from "./messages/reply.ts";
import type { DhtState, Family, Purpose, Requester } from "./state.ts";

/** Sends a query; `false` if too many are under way. */
export function sendQuery(
  state: DhtState,
  to: PeerAddress,
  query: SendableQuery,
  purpose: Purpose,
  now: number,
): boolean {
  if (state.transactions.isFull) return false;
  const { version, readOnly } = state.settings;
  const { id } = state.transactions.open(to, purpose, now);
  state.traffic.queriesSent++;
  const bytes = encodeKrpc({ type: "query", transaction: id, version, readOnly, query });
  state.effects.push({ type: "send", to, bytes });
  return true;
}

/** Asks somebody whether they are there, for the sake of the table. One question at a time is enough. */
export function sendCheck(state: DhtState, family: Family, address: PeerAddress, now: number): void {
  if (state.transactions.awaits(address)) return;
  sendQuery(state, address, { type: "ping", id: family.table.id }, { type: "check" }, now);
}

/** Answers a query. */
export function sendReply(state: DhtState, requester: Requester, reply: SendableReply, now: number): void {
  sendAnswer(state, requester, { type: "reply", reply }, now);
}

/** Answers a query with an error. */
export function sendError(
  state: DhtState,
  requester: Requester,
  error: { readonly code: number; readonly message: string },
  now: number,
): void {
  sendAnswer(state, requester, { type: "error", ...error }, now);
}

type Content =
  | { readonly type: "reply"; readonly reply: SendableReply }
  | Omit<KrpcError, keyof KrpcEnvelope | "requester">;

/** Every answer tells the one who asked how the world sees them (BEP 42 "bootstrapping"). */
function sendAnswer(state: DhtState, requester: Requester, content: Content, now: number): void {
  const { from, compact, transaction } = requester, { version } = state.settings;
  const bytes = encodeKrpc({ ...content, transaction, version, requester: compact });
  if (!state.sources.spend(bytes.length, now)) return;
  state.traffic.queriesAnswered++;
  state.effects.push({ type: "send", to: from, bytes });
}
