/** Operations with one node: ping (BEP 5) and sample_infohashes (BEP 51). */

import type { PeerAddress } from "../peer/address.ts";
import { isIpv6 } from "../peer/ip.ts";
import { mayName } from "../peer/nearness.ts";
import {
  COMPACT_NODE_LENGTH,
  decodeCompactNodes,
  ID_LENGTH,
  type NodeContact,
} from "./messages/node_info.ts";
import type { SendableQuery } from "./messages/query.ts";
import type { DhtReply } from "./messages/reply.ts";
import { sendQuery } from "./sending.ts";
import type { DhtState, DirectOperation, Purpose } from "./state.ts";
import { tell } from "./task.ts";
import type { Transaction } from "./transactions.ts";
import type { OperationFailure } from "./vocabulary.ts";

type DirectTransaction = Transaction<Extract<Purpose, { readonly type: "direct" }>>;

/** Nodes taken from one reply; it should have eight, some send twenty. */
const MAX_NODES = 20;

/** What one query takes. */
const REPORT = { queries: 1, replies: 1, hops: 0 } as const;

/** Sends the one query. */
export function startDirect(
  state: DhtState,
  operation: DirectOperation,
  question: { readonly to: PeerAddress; readonly query: SendableQuery },
  now: number,
): void {
  state.operations.set(operation.id, operation);
  const { to, query } = question;
  if (!sendQuery(state, to, query, { type: "direct", operation }, now)) fail(state, operation, "busy");
}

/** The node has replied. */
export function onDirectReply(
  state: DhtState,
  transaction: DirectTransaction,
  reply: DhtReply,
  now: number,
): void {
  const { purpose: { operation }, to, sentAt } = transaction, node = { id: reply.id.slice(), address: to };
  if (operation.type === "ping") tell(state, operation, { type: "pong", node, roundTripMs: now - sentAt });
  else tellSamples(state, operation, node, reply);
  tell(state, operation, { type: "done", report: REPORT });
  forget(state, operation);
}

/** The node has not replied, or with an error. */
export function onDirectFailed(
  state: DhtState,
  { purpose: { operation } }: DirectTransaction,
  reason: OperationFailure,
): void {
  fail(state, operation, reason);
}

function tellSamples(state: DhtState, operation: DirectOperation, node: NodeContact, reply: DhtReply): void {
  const { samples, total, intervalSeconds = 0, nodes, nodes6 } = reply;
  const infoHashes: Uint8Array[] = [];
  for (let at = 0; at < (samples?.length ?? 0); at += ID_LENGTH) {
    infoHashes.push(samples!.slice(at, at + ID_LENGTH));
  }
  tell(state, operation, {
    type: "samples",
    node,
    infoHashes,
    // Without the field the node has only answered the target (BEP 51 "sampling RPC").
    total: samples === undefined ? undefined : total ?? infoHashes.length,
    intervalMs: intervalSeconds * 1000,
    nodes: nodesOf(isIpv6(node.address.host) ? nodes6 : nodes, node.address.host),
  });
}

/** The nodes that the one at `witness` may know of. */
function nodesOf(compact: Uint8Array | undefined, witness: string): NodeContact[] {
  const family = isIpv6(witness) ? 6 : 4, most = MAX_NODES * COMPACT_NODE_LENGTH[family];
  const nodes = compact === undefined ? [] : decodeCompactNodes(compact.subarray(0, most), family);
  return nodes.filter(({ address }) => mayName(witness, address.host));
}

function fail(state: DhtState, operation: DirectOperation, reason: OperationFailure): void {
  tell(state, operation, { type: "failed", reason });
  forget(state, operation);
}

function forget(state: DhtState, operation: DirectOperation): void {
  if (state.operations.get(operation.id) === operation) state.operations.delete(operation.id);
}
