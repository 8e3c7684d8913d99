/**
 * A survey of the DHT: which node to ask next for info hashes, slowly, and nobody again before the time that they name
 * (BEP 51).
 */

import { type Random, randomBytes } from "../bytes/random.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { ID_LENGTH, type NodeContact } from "./messages/node_info.ts";

/** How fast to go, and how much to remember. */
export interface SampleCrawlerOptions {
  /** Chance, for the targets. */
  readonly random: Random;
  /** Time between two queries; 200 ms by default. */
  readonly spacingMs?: number;
  /** Queries under way at a time; 8 by default. */
  readonly concurrency?: number;
  /** Nodes remembered, so that nobody is asked too often; 20,000 by default. */
  readonly maxNodes?: number;
}

/** What a crawler is told. */
export type SampleCrawlerInput =
  /** These are nodes. */
  | { readonly type: "nodes"; readonly nodes: readonly NodeContact[] }
  /** A node has answered: the `samples` effect of the operation that the crawler asked for. */
  | {
    readonly type: "sampled";
    readonly address: PeerAddress;
    readonly infoHashes: readonly Uint8Array[];
    /** How many it holds; `undefined` if it does not know the query. */
    readonly total: number | undefined;
    readonly intervalMs: number;
    readonly nodes: readonly NodeContact[];
  }
  /** A node has not answered. */
  | { readonly type: "failed"; readonly address: PeerAddress }
  /** `deadline()` was reached. */
  | { readonly type: "tick" };

/** What is to be done for a crawler, and what it has found. */
export type SampleCrawlerEffect =
  /** Start a `sample`. */
  | { readonly type: "sample"; readonly address: PeerAddress; readonly target: Uint8Array }
  /** Info hashes; the same ones come from many nodes. */
  | { readonly type: "infoHashes"; readonly infoHashes: readonly Uint8Array[]; readonly from: PeerAddress };

/** Three queries in ten seconds would already be much for one node; five a second over all are little for the DHT. */
const DEFAULTS = { spacingMs: 200, concurrency: 8, maxNodes: 20_000 } as const;

/** Nobody is asked again sooner, whatever they allow. */
const MIN_INTERVAL_MS = 60_000;

/** When a node that has shown all it holds may have something new: the longest interval of BEP 51 "sampling RPC". */
const EXHAUSTED_MS = 21_600_000;

interface Known {
  readonly address: PeerAddress;
  /** When it may be asked; `Infinity` while it is, and for ever if that is no use. */
  askAt: number;
}

/** Remembers whom it has asked. What it finds it only passes on. */
export class SampleCrawler {
  readonly #options: Required<SampleCrawlerOptions>;
  readonly #known = new Map<string, Known>();
  /** Nodes never asked, in the order they were named. */
  readonly #fresh: Known[] = [];
  #underWay = 0;
  #nextAt: number;

  /** Makes a crawler that knows nobody yet. */
  constructor(options: SampleCrawlerOptions, now: number) {
    this.#options = { ...DEFAULTS, ...options };
    this.#nextAt = now;
  }

  /** How many nodes it knows. */
  get size(): number {
    return this.#known.size;
  }

  /** Takes in what happened. */
  handle(input: SampleCrawlerInput, now: number): readonly SampleCrawlerEffect[] {
    const found = this.#take(input, now);
    return [...found, ...this.#askNext(now)];
  }

  /** When `tick` should be put in; `undefined` if there is nobody to ask. */
  deadline(): number | undefined {
    if (this.#underWay >= this.#options.concurrency) return undefined;
    const askAt = this.#fresh.length > 0 ? this.#nextAt : this.#nextDue()?.askAt ?? Infinity;
    return askAt === Infinity ? undefined : Math.max(this.#nextAt, askAt);
  }

  #take(input: SampleCrawlerInput, now: number): readonly SampleCrawlerEffect[] {
    if (input.type === "tick") return [];
    if (input.type === "nodes") return this.#learn(input.nodes);
    const { address } = input, known = this.#known.get(formatPeerAddress(address));
    if (known === undefined) return [];
    this.#underWay--;
    if (input.type === "failed") return [];
    this.#learn(input.nodes);
    const { infoHashes, total, intervalMs } = input;
    // A node that does not know the query is of use for the nodes it names, once.
    if (total === undefined) return [];
    const pause = total > infoHashes.length ? MIN_INTERVAL_MS : EXHAUSTED_MS;
    known.askAt = now + Math.max(pause, intervalMs);
    return infoHashes.length === 0 ? [] : [{ type: "infoHashes", infoHashes, from: address }];
  }

  #learn(nodes: readonly NodeContact[]): readonly SampleCrawlerEffect[] {
    for (const { address } of nodes) {
      const key = formatPeerAddress(address);
      if (this.#known.has(key) || this.#known.size >= this.#options.maxNodes) continue;
      const known: Known = { address, askAt: -Infinity };
      this.#known.set(key, known);
      this.#fresh.push(known);
    }
    return [];
  }

  #askNext(now: number): readonly SampleCrawlerEffect[] {
    if (now < this.#nextAt || this.#underWay >= this.#options.concurrency) return [];
    const next = this.#fresh.shift() ?? this.#nextDue();
    if (next === undefined || next.askAt > now) return [];
    next.askAt = Infinity;
    this.#underWay++;
    this.#nextAt = now + this.#options.spacingMs;
    // A target anywhere makes each node name nodes that others have not.
    return [{ type: "sample", address: next.address, target: randomBytes(this.#options.random, ID_LENGTH) }];
  }

  #nextDue(): Known | undefined {
    let next: Known | undefined;
    for (const known of this.#known.values()) {
      if (next === undefined || known.askAt < next.askAt) next = known;
    }
    return next;
  }
}
