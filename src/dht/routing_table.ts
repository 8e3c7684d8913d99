/**
 * The nodes we know, in buckets of eight by the length of the prefix that they share with our id; only the bucket that
 * holds our own id is ever split (BEP 5 "routing table").
 */

import { equals } from "@std/bytes/equals";
import type { Random } from "../bytes/random.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { encodeCompactNode, ID_LENGTH, type NodeContact } from "./messages/node_info.ts";
import {
  type Bucket,
  BUCKET_SIZE,
  FRESH_MS,
  keepSpare,
  leastQuestionable,
  nearestOf,
  seenAt,
  type SortedOut,
  sortOut,
  statusOf,
  suspectIn,
  type TableNode,
} from "./bucket.ts";
import { Census } from "./census.ts";
import { compactNearness } from "./network.ts";
import { ID_BITS, isNodeIdOf, randomIdNear, sharedPrefix } from "./node_id.ts";

/**
 * When a bucket is stale in a table with less than one bucket of nodes, where a lookup costs a few datagrams; and when one
 * with nobody in it is, though we know many of the fewer nodes behind it: that is a hole, and neighbours may share it.
 */
const LONELY_MS = 60_000;

/** The table of one family of addresses. It never asks anything itself: it says who should be asked. */
export class RoutingTable {
  /** Our own id, which gives the table its shape. */
  readonly id: Uint8Array;
  readonly #random: Random;
  readonly #byAddress = new Map<string, TableNode>();
  readonly #census = new Census();
  #buckets: Bucket[];

  /** Makes an empty table: one bucket for everything. */
  constructor(id: Uint8Array, random: Random, now: number) {
    this.id = id;
    this.#random = random;
    this.#buckets = [{ nodes: [], spares: [], changedAt: now }];
  }

  /** How many nodes are in the table. */
  get size(): number {
    return this.#byAddress.size;
  }

  /** How many buckets there are; with them the size is bounded by 8 × 160. */
  get bucketCount(): number {
    return this.#buckets.length;
  }

  /** All nodes. */
  nodes(): IterableIterator<TableNode> {
    return this.#byAddress.values();
  }

  /**
   * A node has answered a query of ours: it comes in if there is room for it.
   *
   * @returns A questionable node that should be pinged, for it stands in a newcomer's way (BEP 5 "routing table").
   */
  replied(contact: NodeContact, now: number): TableNode | undefined {
    const known = this.#byAddress.get(formatPeerAddress(contact.address));
    if (known === undefined) return this.#admit(contact, now);
    if (!equals(known.id, contact.id)) {
      // BEP 45 "shared routing table": a node that changes its id is broken or an attacker, unless it has learnt its
      // address and obeys BEP 42 "bootstrapping".
      this.#remove(known);
      return isNodeIdOf(contact.address.host, contact.id) ? this.#admit(contact, now) : undefined;
    }
    const bucket = this.#bucketOf(known.id);
    known.repliedAt = bucket.changedAt = now;
    known.failures = 0;
    return suspectIn(bucket, now);
  }

  /**
   * The node with this id, at an address given as text, has asked us something: noted, if it is in the table. If it had
   * another id there, or was given up, only its own answer tells what it is now.
   */
  queried(address: string, id: Uint8Array, now: number): "known" | "doubtful" | "stranger" {
    const known = this.#byAddress.get(address);
    if (known === undefined) return "stranger";
    if (!equals(known.id, id) || statusOf(known, now) === "bad") return "doubtful";
    known.queriedAt = now;
    return "known";
  }

  /** Whether a node that has asked us something should be pinged, since it may find room if it answers. */
  wants(contact: NodeContact, now: number): boolean {
    const bucket = this.#bucketOf(contact.id);
    const hasRoom = bucket.nodes.length < BUCKET_SIZE || this.#canSplit(bucket) ||
      bucket.nodes.some((node) => statusOf(node, now) !== "good");
    return hasRoom && !equals(contact.id, this.id) && this.#isWelcome(bucket, contact.address);
  }

  /**
   * A query to this address went unanswered.
   *
   * @returns A node that should be pinged, as {@linkcode RoutingTable.replied} says.
   */
  failed(address: PeerAddress, now: number): TableNode | undefined {
    const node = this.#byAddress.get(formatPeerAddress(address));
    if (node === undefined) return undefined;
    node.failures++;
    const bucket = this.#bucketOf(node.id);
    if (statusOf(node, now) === "bad") this.#replace(bucket, node, now);
    return suspectIn(bucket, now);
  }

  /** The node that answered last, other than the one at this address. */
  lastHeard(except: PeerAddress): TableNode | undefined {
    let last: TableNode | undefined;
    for (const node of this.#byAddress.values()) {
      if (node.address.host === except.host && node.address.port === except.port) continue;
      if (last === undefined || node.repliedAt > last.repliedAt) last = node;
    }
    return last;
  }

  /** Whoever is at this address is not the node we knew there. */
  drop(address: PeerAddress): void {
    const node = this.#byAddress.get(formatPeerAddress(address));
    if (node !== undefined) this.#remove(node);
  }

  /** The `count` nodes nearest to `target`, in no order: good ones, and questionable ones if there are too few. */
  closest(target: Uint8Array, count: number, now: number): TableNode[] {
    const found: SortedOut = { good: [], questionable: [] }, { good, questionable } = found;
    // All of the target's own bucket is nearer than all deeper buckets, and these are nearer than each one before.
    const own = this.#indexOf(target);
    sortOut(this.#buckets[own]!, found, now);
    if (good.length < count) {
      for (let i = own + 1; i < this.#buckets.length; i++) sortOut(this.#buckets[i]!, found, now);
    }
    for (let i = own - 1; good.length < count && i >= 0; i--) sortOut(this.#buckets[i]!, found, now);
    if (good.length >= count || questionable.length === 0) return nearestOf(good, target, count);
    return [...good, ...nearestOf(questionable, target, count - good.length)];
  }

  /**
   * An id to search for, from the bucket that is stale for longest: one that has not changed for 15 minutes (BEP 5
   * "routing table"), or for a minute while we know hardly anybody, since those who start together with us can soon be
   * found, and if it is empty but not the last. The bucket counts as changed from now on.
   */
  takeStaleTarget(now: number): Uint8Array | undefined {
    if (this.size === 0) return undefined;
    const stalest = this.#buckets.reduce((a, b) => this.#staleAt(b) < this.#staleAt(a) ? b : a);
    if (this.#staleAt(stalest) > now) return undefined;
    stalest.changedAt = now;
    return randomIdNear(this.#random, this.id, this.#buckets.indexOf(stalest));
  }

  /** The questionable node that should be pinged next: in turn, so that one that is gone does not hold up the others. */
  takeQuestionable(now: number): TableNode | undefined {
    const time = (node: TableNode) => Math.max(seenAt(node), node.checkedAt);
    const node = leastQuestionable(this.#byAddress.values(), now, time);
    if (node !== undefined) node.checkedAt = now;
    return node;
  }

  #staleAt(bucket: Bucket): number {
    const isHole = bucket.nodes.length === 0 && bucket !== this.#buckets.at(-1);
    return bucket.changedAt + (isHole || this.size < BUCKET_SIZE ? LONELY_MS : FRESH_MS);
  }

  #admit(contact: NodeContact, now: number): TableNode | undefined {
    if (equals(contact.id, this.id)) return undefined;
    const bucket = this.#roomFor(contact, now);
    if (bucket === undefined) return undefined;
    const compact = encodeCompactNode(contact);
    const newcomer: TableNode = {
      id: contact.id.slice(),
      address: contact.address,
      compact,
      verified: isNodeIdOf(contact.address.host, contact.id),
      nearness: compactNearness(compact.subarray(ID_LENGTH)),
      repliedAt: now,
      queriedAt: -Infinity,
      checkedAt: -Infinity,
      failures: 0,
    };
    if (bucket.nodes.length < BUCKET_SIZE) this.#place(bucket, newcomer, now);
    else if (!this.#displace(bucket, newcomer, now)) keepSpare(bucket, newcomer);
    return suspectIn(bucket, now);
  }

  /** The bucket that a node belongs in, split as often as BEP 5 "routing table" has it; none if the node is unwelcome. */
  #roomFor(contact: NodeContact, now: number): Bucket | undefined {
    for (;;) {
      const bucket = this.#bucketOf(contact.id), { nodes } = bucket;
      const namesake = nodes.find((node) => equals(node.id, contact.id));
      if (namesake !== undefined) {
        if (statusOf(namesake, now) !== "bad") return undefined;
        this.#remove(namesake);
      }
      if (!this.#isWelcome(bucket, contact.address)) return undefined;
      if (nodes.length < BUCKET_SIZE || nodes.some((node) => statusOf(node, now) === "bad")) return bucket;
      if (!this.#canSplit(bucket)) return bucket;
      this.#split(bucket);
    }
  }

  /** Puts the newcomer in the place of a bad node, or of one whose id its address does not allow (BEP 42). */
  #displace(bucket: Bucket, newcomer: TableNode, now: number): boolean {
    const worse = bucket.nodes.find((node) => statusOf(node, now) === "bad") ??
      (newcomer.verified ? bucket.nodes.find((node) => !node.verified) : undefined);
    if (worse === undefined) return false;
    this.#remove(worse);
    this.#place(bucket, newcomer, now);
    return true;
  }

  /** Puts a spare in the place of a node that turned bad; without one the node stays, and is told to nobody. */
  #replace(bucket: Bucket, bad: TableNode, now: number): void {
    this.#remove(bad);
    const usable = bucket.spares.filter((spare) =>
      spare.repliedAt > now - FRESH_MS && this.#isWelcome(bucket, spare.address)
    );
    const spare = usable.findLast(({ verified }) => verified) ?? usable.at(-1);
    if (spare === undefined) return this.#place(bucket, bad, bucket.changedAt);
    bucket.spares = bucket.spares.filter((other) => other !== spare);
    this.#place(bucket, spare, now);
  }

  #split(bucket: Bucket): void {
    const bits = this.#buckets.length;
    const isDeeper = ({ id }: TableNode) => sharedPrefix(id, this.id) >= bits;
    this.#buckets.push({
      nodes: bucket.nodes.filter(isDeeper),
      spares: bucket.spares.filter(isDeeper),
      changedAt: bucket.changedAt,
    });
    bucket.nodes = bucket.nodes.filter((node) => !isDeeper(node));
    bucket.spares = bucket.spares.filter((node) => !isDeeper(node));
  }

  #canSplit(bucket: Bucket): boolean {
    return bucket === this.#buckets.at(-1) && this.#buckets.length < ID_BITS;
  }

  /** Whether nobody is at this address yet, and its network has not had its share. */
  #isWelcome(bucket: Bucket, address: PeerAddress): boolean {
    return !this.#byAddress.has(formatPeerAddress(address)) &&
      this.#census.admits(address, bucket.nodes);
  }

  #place(bucket: Bucket, node: TableNode, now: number): void {
    bucket.nodes.push(node);
    bucket.changedAt = now;
    this.#byAddress.set(formatPeerAddress(node.address), node);
    this.#census.add(node.address);
  }

  #remove(node: TableNode): void {
    const bucket = this.#bucketOf(node.id);
    bucket.nodes.splice(bucket.nodes.indexOf(node), 1);
    this.#byAddress.delete(formatPeerAddress(node.address));
    this.#census.remove(node.address);
  }

  #bucketOf(id: Uint8Array): Bucket {
    return this.#buckets[this.#indexOf(id)]!;
  }

  #indexOf(id: Uint8Array): number {
    return Math.min(sharedPrefix(this.id, id), this.#buckets.length - 1);
  }
}
