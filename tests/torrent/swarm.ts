/** A virtual swarm: torrent machines joined by queues in virtual time, with content in memory. For tests. */

import { equals } from "@std/bytes/equals";
import { Bitfield } from "../../src/bytes/bitfield.ts";
import { type Random, randomBytes } from "../../src/bytes/random.ts";
import type { PeerAddress } from "../../src/peer/address.ts";
import { formatPeerAddress } from "../../src/peer/address.ts";
import type { TorrentLimits } from "../../src/torrent/options.ts";
import { uniformGeometry } from "../../src/torrent/options.ts";
import { Torrent } from "../../src/torrent/torrent.ts";
import type { PeerKey, TorrentEffect, TorrentInput } from "../../src/torrent/vocabulary.ts";
import type { PeerMessage } from "../../src/wire/messages/message.ts";

/** A seeded source of chance (mulberry32). */
export function seededRandom(seed: number): Random {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Buffers that are fresh memory full of rubbish; counts what is lent. */
export class RubbishBuffers {
  lent = 0;
  most = 0;

  take(length: number): Uint8Array {
    this.lent++;
    this.most = Math.max(this.most, this.lent);
    return new Uint8Array(length).fill(0xa5);
  }

  give(bytes: Uint8Array): void {
    this.lent--;
    bytes.fill(0x5a);
  }
}

export interface SwarmOptions {
  readonly length: number;
  readonly pieceLength: number;
  readonly latencyMs?: number;
  readonly seed?: number;
}

export interface NodeOptions {
  readonly have?: "all" | "none" | Bitfield;
  readonly fast?: boolean;
  /** Bytes per second going out. */
  readonly upRate?: number;
  readonly limits?: Partial<TorrentLimits>;
  readonly sequential?: boolean;
  readonly superSeed?: boolean;
  readonly priorities?: Uint8Array;
  /** Whether the block it sends is wrong. */
  readonly lies?: (piece: number, begin: number) => boolean;
  /** It takes requests and never answers them, from this time on. */
  readonly silentFrom?: number;
  readonly allowedFast?: readonly number[];
}

interface Link {
  readonly node: SwarmNode;
  readonly key: PeerKey;
}

export class SwarmNode {
  readonly buffers: RubbishBuffers = new RubbishBuffers();
  readonly log: { readonly at: number; readonly effect: TorrentEffect }[] = [];
  readonly links: Map<PeerKey, Link> = new Map();
  readonly torrent: Torrent;
  readonly content: Uint8Array;
  readonly address: PeerAddress;
  readonly peerId: Uint8Array;
  readonly options: NodeOptions;
  busyUntil = 0;

  constructor(swarm: Swarm, name: number, options: NodeOptions) {
    const { geometry } = swarm;
    this.options = options;
    this.address = { host: `10.0.0.${name}`, port: 6881 };
    this.peerId = new Uint8Array(20).fill(name);
    const have = options.have === "all"
      ? Bitfield.full(geometry.pieceCount)
      : options.have instanceof Bitfield
      ? options.have
      : new Bitfield(geometry.pieceCount);
    this.content = new Uint8Array(swarm.content.length);
    for (const piece of have.indexes()) swarm.copyPiece(piece, this.content);
    this.torrent = new Torrent({
      geometry,
      have,
      peerId: this.peerId,
      random: seededRandom(swarm.seed * 1000 + name),
      buffers: this.buffers,
      ...(options.limits && { limits: options.limits }),
      ...(options.priorities && { priorities: options.priorities }),
      sequential: options.sequential ?? false,
      superSeed: options.superSeed ?? false,
    }, swarm.now);
  }

  /** The effects of one type, with their times. */
  effects<T extends TorrentEffect["type"]>(type: T): Extract<TorrentEffect, { type: T }>[] {
    return this.log.flatMap(({ effect }) =>
      effect.type === type ? [effect as Extract<TorrentEffect, { type: T }>] : []
    );
  }

  /** The messages of one type sent, oldest first. */
  sent<T extends PeerMessage["type"]>(type: T): Extract<PeerMessage, { type: T }>[] {
    return this.effects("send").flatMap(({ message }) =>
      message.type === type ? [message as Extract<PeerMessage, { type: T }>] : []
    );
  }
}

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class Swarm {
  readonly nodes: SwarmNode[] = [];
  readonly content: Uint8Array;
  readonly geometry: ReturnType<typeof uniformGeometry>;
  readonly seed: number;
  now = 0;
  readonly #latencyMs: number;
  readonly #pending: Pending[] = [];
  #order = 0;
  #nextKey = 1;

  constructor(options: SwarmOptions) {
    this.seed = options.seed ?? 1;
    this.geometry = uniformGeometry(options.length, options.pieceLength);
    this.content = randomBytes(seededRandom(this.seed), options.length);
    this.#latencyMs = options.latencyMs ?? 10;
  }

  add(options: NodeOptions = {}): SwarmNode {
    const node = new SwarmNode(this, this.nodes.length + 1, options);
    this.nodes.push(node);
    return node;
  }

  copyPiece(piece: number, into: Uint8Array): void {
    const from = piece * this.geometry.pieceLength;
    into.set(this.content.subarray(from, from + this.geometry.pieceSize(piece)), from);
  }

  /** Opens a connection from `a` to `b`, both handshakes done. */
  connect(a: SwarmNode, b: SwarmNode): void {
    const [keyA, keyB] = [this.#nextKey++, this.#nextKey++];
    a.links.set(keyA, { node: b, key: keyB });
    b.links.set(keyB, { node: a, key: keyA });
    const fast = (a.options.fast ?? true) && (b.options.fast ?? true);
    const common = { type: "peerConnected", fast, extended: true } as const;
    this.input(a, {
      ...common,
      peer: keyA,
      address: b.address,
      direction: "outgoing",
      peerId: b.peerId,
      allowedFast: a.options.allowedFast ?? [],
    });
    const ephemeral = { host: a.address.host, port: 50000 + keyA };
    this.input(b, {
      ...common,
      peer: keyB,
      address: ephemeral,
      direction: "incoming",
      peerId: a.peerId,
      allowedFast: b.options.allowedFast ?? [],
    });
  }

  /** Gives an input to a node and carries its effects out. */
  input(node: SwarmNode, input: TorrentInput): void {
    for (const effect of node.torrent.handle(input, this.now)) {
      node.log.push({ at: this.now, effect });
      this.#carryOut(node, effect);
    }
  }

  /** Runs until `isDone` holds; answers whether it ever did before `limitMs` of virtual time were over. */
  run(isDone: () => boolean, limitMs: number): boolean {
    const end = this.now + limitMs;
    while (!isDone()) {
      const next = this.#next();
      if (next.at > end) {
        this.now = end;
        return false;
      }
      this.now = Math.max(this.now, next.at);
      next.run();
    }
    return true;
  }

  #next(): { at: number; run: () => void } {
    let next: { at: number; run: () => void } = this.#pending[0] ?? { at: Infinity, run: () => {} };
    for (const node of this.nodes) {
      const at = node.torrent.deadline() ?? Infinity;
      if (at < next.at) next = { at, run: () => this.input(node, { type: "tick" }) };
    }
    if (next === this.#pending[0]) this.#pending.shift();
    return next;
  }

  #at(at: number, run: () => void): void {
    const pending = { at, order: this.#order++, run };
    let low = 0;
    let high = this.#pending.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#pending[middle]!.at <= at) low = middle + 1;
      else high = middle;
    }
    this.#pending.splice(low, 0, pending);
  }

  #carryOut(node: SwarmNode, effect: TorrentEffect): void {
    if (effect.type === "send") this.#deliver(node, effect.peer, effect.message, this.now);
    if (effect.type === "read") this.#read(node, effect);
    if (effect.type === "store") this.#at(this.now + 1, () => this.#store(node, effect.piece, effect.bytes));
    if (effect.type === "close") this.#close(node, effect.peer);
    if (effect.type === "dial") this.#at(this.now + this.#latencyMs, () => this.#dial(node, effect.address));
  }

  #deliver(node: SwarmNode, key: PeerKey, message: PeerMessage, at: number): void {
    const link = node.links.get(key);
    if (link === undefined) return;
    this.#at(at + this.#latencyMs, () => {
      // The view is valid during the call only: what keeps it would see rubbish.
      const view = message.type === "piece" ? { ...message, block: message.block.slice() } : message;
      this.input(link.node, { type: "peerMessage", peer: link.key, message: view });
      if (view.type === "piece") view.block.fill(0xee);
    });
  }

  #read(node: SwarmNode, effect: Extract<TorrentEffect, { type: "read" }>): void {
    const { peer, piece, begin, length } = effect;
    if (this.now >= (node.options.silentFrom ?? Infinity)) return;
    const from = piece * this.geometry.pieceLength + begin;
    const block = node.content.slice(from, from + length);
    if (node.options.lies?.(piece, begin)) block.fill(0x66);
    node.busyUntil = Math.max(node.busyUntil, this.now) + length * 1000 / (node.options.upRate ?? 10_000_000);
    this.#deliver(node, peer, { type: "piece", piece, begin, block }, node.busyUntil);
    this.#at(
      node.busyUntil,
      () => this.input(node, { type: "blocksSent", peer, ranges: [{ piece, begin, length }] }),
    );
  }

  #store(node: SwarmNode, piece: number, bytes: Uint8Array): void {
    const from = piece * this.geometry.pieceLength;
    const isGood = equals(bytes, this.content.subarray(from, from + bytes.length));
    if (isGood) node.content.set(bytes, from);
    this.input(node, { type: isGood ? "pieceStored" : "pieceCorrupt", piece });
  }

  #close(node: SwarmNode, key: PeerKey): void {
    const link = node.links.get(key);
    node.links.delete(key);
    if (link === undefined) return;
    this.#at(this.now + this.#latencyMs, () => {
      if (link.node.links.delete(link.key)) this.input(link.node, { type: "peerClosed", peer: link.key });
    });
  }

  #dial(node: SwarmNode, address: PeerAddress): void {
    const target = this.nodes.find((other) =>
      formatPeerAddress(other.address) === formatPeerAddress(address)
    );
    if (target === undefined) this.input(node, { type: "dialFailed", address });
    else this.connect(node, target);
  }
}
