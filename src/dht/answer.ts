/** What the rows of the query table have in common: who asked, what can be answered, and how long it may be. */

import { takeFromSlab } from "../bytes/slab.ts";
import type { AddressFamily } from "../peer/ip.ts";
import { BUCKET_SIZE, nearestOf, type TableNode } from "./bucket.ts";
import { KRPC_ERRORS } from "./messages/krpc.ts";
import { COMPACT_NODE_LENGTH } from "./messages/node_info.ts";
import type { DhtReply, SendableReply } from "./messages/reply.ts";
import { compactNearness } from "./network.ts";
import type { RoutingTable } from "./routing_table.ts";
import type { DhtState, Family, Requester } from "./state.ts";

/** BEP 32 "maximum packet size". */
export const MAX_REPLY_LENGTH = 1024;

/** The ids, token, address and framing of a reply; nodes and peers are counted apart. */
export const REPLY_OVERHEAD = 170;

/** A query on the table. */
export interface Asked {
  readonly state: DhtState;
  /** The family that it came in by. */
  readonly family: Family;
  readonly requester: Requester;
  readonly now: number;
}

/** An error to answer with. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
}

/** What a row answers; "later" if a signature must be checked first. */
export type Answer = SendableReply | Refusal | "later";

/** Our id and the nodes near a target, of the families wanted, else of the one that was asked (BEP 32 "want"). */
export function nodesNear(
  asked: Asked,
  target: Uint8Array,
  want: readonly AddressFamily[] | undefined,
): DhtReply {
  const { state, family } = asked;
  const compact = (version: AddressFamily) => {
    if (want === undefined ? version !== family.version : !want.includes(version)) return undefined;
    const table = state.families.find((other) => other.version === version)?.table;
    return table && joinCompact(tellableNodes(asked, table, target), version);
  };
  return { id: family.table.id, nodes: compact(4), nodes6: compact(6) };
}

/** A token for whoever asked, to store something under this target. */
export function tokenFor({ state, requester, now }: Asked, target: Uint8Array): Uint8Array {
  return state.tokens.issue(ipOf(requester), target, now);
}

/** Whether a token came from us to whoever asked, for this target. */
export function isOurToken({ state, requester, now }: Asked, token: Uint8Array, target: Uint8Array): boolean {
  return state.tokens.accepts(token, ipOf(requester), target, now);
}

/** An error with its usual words. */
export function refuse(error: keyof typeof KRPC_ERRORS, message: string): Refusal {
  return { code: KRPC_ERRORS[error], message };
}

/** The nearest nodes that whoever asks may hear of: those of our own network are no business of the internet. */
function tellableNodes(
  { requester: { compact }, now }: Asked,
  table: RoutingTable,
  target: Uint8Array,
): readonly TableNode[] {
  const nearest = table.closest(target, BUCKET_SIZE, now);
  if (nearest.every(({ nearness }) => nearness === 0)) return nearest;
  const most = compactNearness(compact), isTellable = ({ nearness }: TableNode) => nearness <= most;
  if (nearest.every(isTellable)) return nearest;
  return nearestOf(table.closest(target, table.size, now).filter(isTellable), target, BUCKET_SIZE);
}

function joinCompact(nodes: readonly TableNode[], family: AddressFamily): Uint8Array {
  const length = COMPACT_NODE_LENGTH[family], joined = takeFromSlab(nodes.length * length);
  for (let i = 0; i < nodes.length; i++) joined.set(nodes[i]!.compact, i * length);
  return joined;
}

/** The address without the port: tokens outlive a NAT's mapping. */
function ipOf({ compact }: Requester): Uint8Array {
  return compact.subarray(0, compact.length - 2);
}
