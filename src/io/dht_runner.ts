/** A DHT node on a real (or virtual) network: runs the machine on a shared socket, gives its answers as iterables. */

import { verifyEd25519 } from "../bytes/ed25519.ts";
import type { Random } from "../bytes/random.ts";
import { StateError, TransportError } from "../errors.ts";
import type { DhtItem, ItemName } from "../dht/item.ts";
import type { NodeContact } from "../dht/messages/node_info.ts";
import { DhtNode, type DhtNodeOptions } from "../dht/node.ts";
import type { DhtStats } from "../dht/stats.ts";
import type { DhtEffect, DhtInput, DhtNodeState } from "../dht/vocabulary.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { DatagramHub } from "./datagram_hub.ts";
import type { Clock } from "./transport.ts";
import { WakeTimer } from "./wake_timer.ts";

/** What a runner needs besides what the node needs. */
export interface DhtRunnerOptions extends Omit<DhtNodeOptions, "random" | "families"> {
  /** The UDP socket, which others may share. */
  readonly hub: DatagramHub;
  /** Time. */
  readonly clock: Clock;
  /** Chance: unpredictable, or others can forge replies. */
  readonly random: Random;
  /** Told when the state of the node changes. */
  readonly onState?: (state: DhtNodeState) => void;
  /** Told when the world agrees on our address (BEP 42). */
  readonly onExternalAddress?: (host: string) => void;
}

/** An effect that belongs to an operation. */
export type DhtNews = Extract<DhtEffect, { id: number }>;

/** An input that starts an operation, without its id. */
export type DhtOperation = OmitId<Extract<DhtInput, { id: number }>>;

/** Each variant of a union without its id. */
export type OmitId<T> = T extends unknown ? Omit<T, "id"> : never;

/** What an operation can be told. */
export interface OperationOptions {
  /** Ends the operation with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The first byte of every KRPC packet: it is a dictionary (BEP 5 "KRPC protocol"). */
const DICTIONARY = 0x64;

/** Runs a node until `close`. */
export class DhtRunner {
  readonly #options: DhtRunnerOptions;
  readonly #node: DhtNode;
  readonly #operations = new Map<number, (news: DhtNews) => void>();
  /** Wakes whoever waits for others to be found. */
  readonly #watchers = new Set<() => void>();
  readonly #leave: () => void;
  readonly #timer: WakeTimer;
  #lastId = 0;
  #isClosed = false;

  /** Binds the socket and starts to look for other nodes. @throws {TransportError} If it cannot be bound. */
  static async start(options: DhtRunnerOptions): Promise<DhtRunner> {
    const families = await options.hub.families();
    const runner = new DhtRunner(options, new DhtNode({ ...options, families }, options.clock.now()));
    runner.#tell({ type: "tick" });
    return runner;
  }

  /** Use {@linkcode DhtRunner.start}. */
  constructor(options: DhtRunnerOptions, node: DhtNode) {
    this.#options = options;
    this.#node = node;
    this.#timer = new WakeTimer({
      clock: options.clock,
      machine: node,
      onDue: () => this.#tell({ type: "tick" }),
    });
    this.#leave = options.hub.add((from, bytes) => {
      if (bytes[0] !== DICTIONARY) return false;
      this.#tell({ type: "datagram", from, bytes });
      return true;
    });
  }

  /** Where the node stands. */
  get state(): DhtNodeState | undefined {
    return this.#node.state;
  }

  /** Our id. */
  get nodeId(): Uint8Array {
    return this.#node.nodeId(4) ?? this.#node.nodeId(6)!;
  }

  /** The nodes it knows that are not known to be gone. */
  nodes(): readonly NodeContact[] {
    return this.#node.nodes(this.#options.clock.now());
  }

  /** How much the node remembers, and what it has done. */
  stats(): DhtStats {
    return this.#node.stats();
  }

  /** What to keep for the next run. */
  snapshot(): Uint8Array {
    return this.#node.exportSnapshot(this.#options.clock.now());
  }

  /**
   * Waits until the node has found others.
   *
   * @throws {TransportError} If nobody it was told of answers; it tries again from time to time.
   * @throws {StateError} If the runner is closed. @throws The signal's reason.
   */
  async ready({ signal }: OperationOptions = {}): Promise<void> {
    while (this.state !== "ready") {
      signal?.throwIfAborted();
      if (this.#isClosed) throw new StateError("Cannot use the DHT: the node is closed");
      // A reply that is late counts, as long as it is waited for.
      if (this.state === "unreachable" && this.#node.stats().transactions === 0) {
        throw new TransportError("Cannot reach the DHT: no node answers");
      }
      await this.#change(signal);
    }
  }

  /** Somebody may be a node. */
  addNode(address: PeerAddress): void {
    this.#tell({ type: "addNode", address });
  }

  /** A well-known node to begin with. */
  addRouter(address: PeerAddress): void {
    this.#tell({ type: "addRouter", address });
  }

  /**
   * Runs an operation and gives all its news, `done` or `failed` as the last one. Breaking out of the loop aborts it.
   *
   * @throws {StateError} If the runner is closed. @throws The signal's reason.
   */
  async *run(operation: DhtOperation, options: OperationOptions = {}): AsyncGenerator<DhtNews> {
    const { signal } = options, id = ++this.#lastId, waiting: DhtNews[] = [];
    signal?.throwIfAborted();
    if (this.#isClosed) throw new StateError("Cannot use the DHT: the node is closed");
    let wake = () => {};
    const abort = () => wake();
    this.#operations.set(id, (news) => {
      waiting.push(news);
      wake();
    });
    signal?.addEventListener("abort", abort);
    try {
      this.#tell({ ...operation, id } as DhtInput);
      for (;;) {
        for (const news of waiting.splice(0)) {
          yield news;
          if (news.type === "done" || news.type === "failed") return;
        }
        signal?.throwIfAborted();
        if (this.#isClosed) throw new StateError("The DHT node is closed");
        if (waiting.length === 0) await new Promise<void>((resolve) => wake = resolve);
      }
    } finally {
      signal?.removeEventListener("abort", abort);
      if (this.#operations.delete(id) && !this.#isClosed) this.#tell({ type: "abort", id });
    }
  }

  /** Finds peers of a torrent, in batches as they come in (BEP 5 "get_peers"). */
  async *peers(infoHash: Uint8Array, options: OperationOptions = {}): AsyncGenerator<readonly PeerAddress[]> {
    for await (const news of this.run({ type: "getPeers", infoHash }, options)) {
      if (news.type === "peers") yield news.peers;
    }
  }

  /** Finds the newest version of an item; `undefined` if nobody has one (BEP 44 "get"). */
  async get(name: ItemName, options: OperationOptions = {}): Promise<DhtItem | undefined> {
    let item: DhtItem | undefined;
    for await (const news of this.run({ type: "getItem", name }, options)) {
      if (news.type === "item") item = news.item;
    }
    return item;
  }

  /** Closes the node; the socket is its owner's matter. Safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#leave();
    this.#timer.close();
    const operations = [...this.#operations];
    this.#operations.clear();
    for (const [id, tell] of operations) tell({ type: "failed", id, reason: "timeout" });
    for (const wake of this.#watchers) wake();
  }

  /** Settles when something has happened, the signal fires or the runner closes. */
  async #change(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>(), wake = () => resolve();
    this.#watchers.add(wake);
    signal?.addEventListener("abort", wake);
    await promise;
    this.#watchers.delete(wake);
    signal?.removeEventListener("abort", wake);
  }

  #tell(input: DhtInput): void {
    if (this.#isClosed) return;
    for (const effect of this.#node.handle(input, this.#options.clock.now())) this.#perform(effect);
    for (const wake of this.#watchers) wake();
    this.#timer.update();
  }

  #perform(effect: DhtEffect): void {
    switch (effect.type) {
      case "send":
        return void this.#options.hub.send(effect.bytes, effect.to);
      case "verify":
        return void this.#verify(effect);
      case "state":
        return this.#options.onState?.(effect.state);
      case "externalAddress":
        return this.#options.onExternalAddress?.(effect.host);
      case "nodeId":
        return;
      default:
        return this.#operations.get(effect.id)?.(effect);
    }
  }

  async #verify(effect: Extract<DhtEffect, { type: "verify" }>): Promise<void> {
    const { verification, publicKey, signature, message } = effect;
    const valid = await verifyEd25519(publicKey, signature, message).catch(() => false);
    this.#tell({ type: "verified", verification, valid });
  }
}
