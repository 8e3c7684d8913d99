/** A bucket of the routing table: eight nodes, what each is worth, and who waits for a place (BEP 5 "routing table"). */

import { equals } from "@std/bytes/equals";
import type { NodeContact } from "./messages/node_info.ts";
import { compareDistance } from "./node_id.ts";

/** Nodes in a bucket. */
export const BUCKET_SIZE = 8;

/** After so long without a word a node is questionable and a bucket stale. */
export const FRESH_MS: number = 15 * 60_000;

/** Unanswered queries in a row that make a node bad: the second try is the one that BEP 5 suggests. */
const BAD_FAILURES = 2;

/** A node in the table. It has answered at least once. */
export interface TableNode extends NodeContact {
  /** Compact node info, as it goes into `nodes` or `nodes6`. */
  readonly compact: Uint8Array;
  /** Its id is one that its address allows (BEP 42). */
  readonly verified: boolean;
  /** How near it is, as `nearnessOf` says: whoever is farther away is not told of it. */
  readonly nearness: number;
  /** When it last answered a query of ours. */
  repliedAt: number;
  /** When it last asked us something; `-Infinity` if it never did. */
  queriedAt: number;
  /** When it was last pinged because it had become questionable; `-Infinity` if never. */
  checkedAt: number;
  /** Unanswered queries in a row. */
  failures: number;
}

/** How much a node is worth. */
export type NodeStatus = "good" | "questionable" | "bad";

/** The nodes whose ids share a prefix of some length with ours. */
export interface Bucket {
  /** At most {@linkcode BUCKET_SIZE}. */
  nodes: TableNode[];
  /** Newcomers that have answered but found no room, newest last: they follow when a node turns bad. */
  spares: TableNode[];
  /** When a node in it answered, came or was replaced. */
  changedAt: number;
}

/** Good: answered in the last 15 minutes, or ever, and asked in the last 15. Bad: silent twice in a row. */
export function statusOf(node: TableNode, now: number): NodeStatus {
  if (node.failures >= BAD_FAILURES) return "bad";
  return seenAt(node) > now - FRESH_MS ? "good" : "questionable";
}

/** Nodes by what they are worth; bad ones are left out. */
export interface SortedOut {
  readonly good: TableNode[];
  readonly questionable: TableNode[];
}

/** Adds the nodes of a bucket. */
export function sortOut({ nodes }: Bucket, { good, questionable }: SortedOut, now: number): void {
  for (const node of nodes) {
    const status = statusOf(node, now);
    if (status !== "bad") (status === "good" ? good : questionable).push(node);
  }
}

/** When anything was last heard of a node. */
export function seenAt(node: TableNode): number {
  return Math.max(node.repliedAt, node.queriedAt);
}

/** The questionable node, seen least recently, that should be pinged because a spare waits for its place. */
export function suspectIn(bucket: Bucket, now: number): TableNode | undefined {
  return bucket.spares.length === 0 ? undefined : leastQuestionable(bucket.nodes, now, seenAt);
}

/** Of the questionable nodes the one whose `time` is earliest. */
export function leastQuestionable(
  nodes: Iterable<TableNode>,
  now: number,
  time: (node: TableNode) => number,
): TableNode | undefined {
  let least: TableNode | undefined;
  for (const node of nodes) {
    if (statusOf(node, now) !== "questionable") continue;
    if (least === undefined || time(node) < time(least)) least = node;
  }
  return least;
}

/** Lets a node wait for a place; the one that has waited for longest gives way. */
export function keepSpare(bucket: Bucket, spare: TableNode): void {
  bucket.spares = bucket.spares.filter((known) => !equals(known.id, spare.id));
  bucket.spares.push(spare);
  if (bucket.spares.length > BUCKET_SIZE) bucket.spares.shift();
}

/** The `count` nodes nearest to `target`, in no order; sorts `nodes` in place if that is needed to tell. */
export function nearestOf(nodes: TableNode[], target: Uint8Array, count: number): TableNode[] {
  if (nodes.length <= count) return nodes;
  return nodes.sort((a, b) => compareDistance(target, a.id, b.id)).slice(0, count);
}
