/**
 * A node of the DHT: answers others, looks things up for its user, keeps its tables (BEP 5, 32, 33, 42 to 44, 51).
 *
 * bootstrapping -> ready | unreachable; see `upkeep.ts`
 */

import type { Random } from "../bytes/random.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { AddressFamily } from "../peer/ip.ts";
import { AddressVotes } from "./address_votes.ts";
import { statusOf } from "./bucket.ts";
import { Contacts } from "./contacts.ts";
import { ItemStore } from "./item_store.ts";
import { ID_LENGTH, type NodeContact } from "./messages/node_info.ts";
import { createNodeId } from "./node_id.ts";
import { onInput } from "./on_input.ts";
import { PeerStore } from "./peer_store.ts";
import { RoutingTable } from "./routing_table.ts";
import { decodeSnapshot, type DhtSnapshot, encodeSnapshot } from "./snapshot.ts";
import { ANSWER_LIMITS, type AnswerLimits, SourceLimits } from "./source_limits.ts";
import type { DhtSettings, DhtState, Family } from "./state.ts";
import { type DhtStats, statsOf } from "./stats.ts";
import { TokenBook } from "./token.ts";
import { Transactions } from "./transactions.ts";
import { afterwards, newUpkeep, nextDeadline } from "./upkeep.ts";
import type { DhtEffect, DhtInput, DhtNodeState } from "./vocabulary.ts";

/** "NB" and the version 0.1.0.0, as every message carries it (BEP 5 "krpc protocol", BEP 20). */
const VERSION: Uint8Array = Uint8Array.of(0x4e, 0x42, 0, 1);

/** How to set up a node. */
export interface DhtNodeOptions {
  /** Chance for ids, tokens and transactions: unpredictable, or others can forge replies. */
  readonly random: Random;
  /** Families of addresses that there is a socket for; only IPv4 by default. */
  readonly families?: readonly AddressFamily[];
  /** Our id, 20 bytes; by default that of the snapshot, or one that is drawn. */
  readonly nodeId?: Uint8Array;
  /** What `exportSnapshot()` gave in the last run. */
  readonly snapshot?: Uint8Array;
  /** Nodes to begin with, asked when the snapshot's do not answer. */
  readonly nodes?: readonly PeerAddress[];
  /** Well-known nodes to begin with, asked last. */
  readonly routers?: readonly PeerAddress[];
  /** Ask, but do not answer: for nodes that cannot be reached, or whose traffic costs (BEP 43). */
  readonly readOnly?: boolean;
  /** Store only with nodes whose ids their addresses allow (BEP 42 "enforcement"); off by default, as everywhere. */
  readonly enforceNodeIds?: boolean;
  /** What others can make us send. */
  readonly limits?: Partial<AnswerLimits>;
  /** Client and version for the key `v`, 4 bytes. */
  readonly version?: Uint8Array;
}

/** A node without sockets and clock: it is told what happens and answers with what is to be done. */
export class DhtNode {
  readonly #state: DhtState;

  /**
   * Makes a node; it starts to look for others with its first tick, which is due at once.
   *
   * @throws {DecodeError} If the snapshot is none.
   * @throws {RangeError} If an id has not 20 bytes, or there is no family.
   */
  constructor(options: DhtNodeOptions, now: number) {
    const snapshot = options.snapshot && decodeSnapshot(options.snapshot);
    const { random, readOnly = false, enforceNodeIds = false, version = VERSION } = options;
    const settings: DhtSettings = { random, version, readOnly, enforceNodeIds };
    const contacts = new Contacts(snapshot?.nodes ?? []);
    for (const address of options.nodes ?? []) contacts.addNode(address);
    for (const address of options.routers ?? []) contacts.addRouter(address);
    this.#state = {
      settings,
      families: newFamilies(options, snapshot, now),
      contacts,
      transactions: new Transactions(random),
      sources: new SourceLimits({ ...ANSWER_LIMITS, ...options.limits }, now),
      tokens: new TokenBook(random, now),
      items: new ItemStore(),
      operations: new Map(),
      verifications: { next: 0, open: new Map() },
      upkeep: newUpkeep(now),
      traffic: { queriesSent: 0, repliesHeard: 0, queriesAnswered: 0 },
      effects: [],
    };
  }

  /**
   * Takes in what happened and answers with what is to be done.
   *
   * @throws {StateError} If an operation's id is in use, or a verification was not asked for.
   * @throws {RangeError} If a target, port or item is none. Bytes from the network never make it throw.
   */
  handle(input: DhtInput, now: number): readonly DhtEffect[] {
    const state = this.#state, effects: DhtEffect[] = [];
    state.effects = effects;
    onInput(state, input, now);
    afterwards(state, now);
    return effects;
  }

  /** When `tick` should be put in. */
  deadline(): number {
    return nextDeadline(this.#state);
  }

  /** Where the node stands; `undefined` before the first tick. */
  get state(): DhtNodeState | undefined {
    return this.#state.upkeep.state;
  }

  /** Our id in one family. */
  nodeId(family: AddressFamily = 4): Uint8Array | undefined {
    return this.#state.families.find(({ version }) => version === family)?.table.id;
  }

  /** The nodes in the tables that are not known to be gone. */
  nodes(now: number): NodeContact[] {
    return this.#state.families.flatMap(({ table }) =>
      [...table.nodes()].filter((node) => statusOf(node, now) !== "bad").map(({ id, address }) => ({
        id,
        address,
      }))
    );
  }

  /** What to keep for the next run. */
  exportSnapshot(now: number): Uint8Array<ArrayBuffer> {
    const ids = new Map(this.#state.families.map(({ version, table }) => [version, table.id]));
    return encodeSnapshot({ ids, nodes: this.nodes(now) });
  }

  /** How much the node remembers. */
  stats(): DhtStats {
    return statsOf(this.#state);
  }
}

/** One id serves both families, unless addresses ask for two (BEP 32 "operation"). */
function newFamilies(options: DhtNodeOptions, snapshot: DhtSnapshot | undefined, now: number): Family[] {
  const { random, families = [4], nodeId } = options;
  if (families.length === 0) throw new RangeError("Cannot make DHT node: no family of addresses");
  if (nodeId !== undefined && nodeId.length !== ID_LENGTH) {
    throw new RangeError(`Cannot make DHT node: the id has ${nodeId.length} bytes, not ${ID_LENGTH}`);
  }
  const common = nodeId?.slice() ?? createNodeId(random);
  return [...new Set(families)].map((version) => ({
    version,
    table: new RoutingTable(
      nodeId === undefined ? snapshot?.ids.get(version) ?? common : common,
      random,
      now,
    ),
    peers: new PeerStore(random, version),
    votes: new AddressVotes(),
    externalHost: undefined,
  }));
}
