/** Our address as the world sees it, and the id that follows from it (BEP 42). */

import { formatIp, isIpv6 } from "../peer/ip.ts";
import { statusOf } from "./bucket.ts";
import { startOperation } from "./lookup.ts";
import { createNodeId, isNodeIdOf } from "./node_id.ts";
import { RoutingTable } from "./routing_table.ts";
import type { DhtState, Family } from "./state.ts";

/** A node at `voter` says how it sees us, in compact form (BEP 42 "bootstrapping"). */
export function hearAddress(
  state: DhtState,
  family: Family,
  word: { readonly voter: string; readonly compact: Uint8Array },
  now: number,
): void {
  const { voter, compact } = word;
  if (compact.length !== (family.version === 4 ? 6 : 18)) return;
  const host = formatIp(compact.subarray(0, -2));
  if (isIpv6(host) !== (family.version === 6)) return;
  const agreed = family.votes.vote(voter, host, family.externalHost);
  if (agreed !== undefined) takeAddress(state, family, agreed, now);
}

/** Our address is settled: if our id does not follow from it, we take another and start over with the nodes we know. */
export function takeAddress(state: DhtState, family: Family, host: string, now: number): void {
  if (family.externalHost === host) return;
  family.externalHost = host;
  state.effects.push({ type: "externalAddress", host });
  if (isNodeIdOf(host, family.table.id)) return;
  const { random } = state.settings, former = family.table;
  family.table = new RoutingTable(createNodeId(random, host), random, now);
  for (const node of former.nodes()) {
    if (statusOf(node, now) === "good") family.table.replied(node, node.repliedAt);
  }
  state.upkeep.isRenamed = true;
  state.effects.push({ type: "nodeId", family: family.version, nodeId: family.table.id });
  // BEP 5 "routing table": make ourselves known to our new neighbours.
  startOperation(state, {
    id: undefined,
    task: { type: "refresh", isBootstrap: false },
    families: [family],
    targetOf: ({ table }) => table.id,
  }, now);
}
