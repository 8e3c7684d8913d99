/** A network of DHT nodes in virtual time: seeded latency and loss, one queue of events, nothing asynchronous. */

import type { Random } from "../../src/bytes/random.ts";
import { DhtNode, type DhtNodeOptions } from "../../src/dht/node.ts";
import type { DhtEffect, DhtInput } from "../../src/dht/vocabulary.ts";
import { formatPeerAddress, type PeerAddress } from "../../src/peer/address.ts";
import { type AddressFamily, isIpv6 } from "../../src/peer/ip.ts";

/** Mulberry32: the same seed gives the same numbers. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** The machine, where it is, and what it has told its user. */
export interface VirtualNode {
  readonly address: PeerAddress;
  /** Its place in the other family, if it takes part in both. */
  readonly address6: PeerAddress | undefined;
  readonly node: DhtNode;
  /** Everything but `send` and `verify`. */
  readonly told: DhtEffect[];
  wakeAt: number;
  isAlive: boolean;
}

export interface VirtualDhtOptions {
  readonly seed?: number;
  /** Share of datagrams that get lost. */
  readonly loss?: number;
  readonly minLatencyMs?: number;
  readonly maxLatencyMs?: number;
  /** Stands in for Ed25519. */
  readonly verify?: (signature: Uint8Array) => boolean;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class VirtualDht {
  readonly random: Random;
  readonly nodes: Map<string, VirtualNode> = new Map();
  now = 0;
  loss: number;
  sent = 0;
  readonly #options: VirtualDhtOptions;
  readonly #events: Event[] = [];
  #order = 0;

  constructor(options: VirtualDhtOptions = {}) {
    this.#options = options;
    this.random = seeded(options.seed ?? 1);
    this.loss = options.loss ?? 0;
  }

  add(address: PeerAddress, options: Partial<DhtNodeOptions> = {}, address6?: PeerAddress): VirtualNode {
    const families: AddressFamily[] = address6 === undefined ? [isIpv6(address.host) ? 6 : 4] : [4, 6];
    const node = new DhtNode({ random: this.random, families, ...options }, this.now);
    const virtual: VirtualNode = { address, address6, node, told: [], wakeAt: Infinity, isAlive: true };
    this.nodes.set(formatPeerAddress(address), virtual);
    if (address6 !== undefined) this.nodes.set(formatPeerAddress(address6), virtual);
    this.#arm(virtual);
    return virtual;
  }

  /** Puts something into a node, now. */
  put(virtual: VirtualNode, input: DhtInput): void {
    if (!virtual.isAlive) return;
    this.#carryOut(virtual, virtual.node.handle(input, this.now));
    this.#arm(virtual);
  }

  remove(virtual: VirtualNode): void {
    virtual.isAlive = false;
    for (const [key, other] of this.nodes) if (other === virtual) this.nodes.delete(key);
  }

  /** Lets so much time pass. */
  run(ms: number): void {
    const end = this.now + ms;
    for (let event = this.#events[0]; event !== undefined && event.at <= end; event = this.#events[0]) {
      this.#pop();
      this.now = event.at;
      event.run();
    }
    this.now = end;
  }

  /** Lets time pass until the operation is over, and gives what it told. */
  finish(virtual: VirtualNode, id: number, limitMs = 120_000): DhtEffect[] {
    const end = this.now + limitMs, isMine = (effect: DhtEffect) => "id" in effect && effect.id === id;
    const isLast = (effect: DhtEffect) => effect.type === "done" || effect.type === "failed";
    while (this.now < end && !virtual.told.some((effect) => isMine(effect) && isLast(effect))) this.run(10);
    return virtual.told.filter(isMine);
  }

  /** Delivers a datagram as if it came from anywhere. */
  deliver(from: PeerAddress, to: PeerAddress, bytes: Uint8Array): void {
    const { minLatencyMs = 20, maxLatencyMs = 100 } = this.#options;
    this.sent++;
    if (this.random() < this.loss) return;
    this.at(this.now + minLatencyMs + this.random() * (maxLatencyMs - minLatencyMs), () => {
      const target = this.nodes.get(formatPeerAddress(to));
      if (target !== undefined) this.put(target, { type: "datagram", from, bytes });
    });
  }

  at(time: number, run: () => void): void {
    this.#push({ at: time, order: this.#order++, run });
  }

  #carryOut(virtual: VirtualNode, effects: readonly DhtEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "send") {
        const from = isIpv6(effect.to.host) ? virtual.address6 ?? virtual.address : virtual.address;
        this.deliver(from, effect.to, effect.bytes);
      } else if (effect.type === "verify") {
        const { verification, signature } = effect, valid = this.#options.verify?.(signature) ?? true;
        this.at(this.now + 1, () => this.put(virtual, { type: "verified", verification, valid }));
      } else {
        virtual.told.push(effect);
      }
    }
  }

  #arm(virtual: VirtualNode): void {
    const deadline = Math.max(this.now, virtual.node.deadline());
    if (deadline >= virtual.wakeAt) return;
    virtual.wakeAt = deadline;
    this.at(deadline, () => {
      if (virtual.wakeAt !== deadline) return;
      virtual.wakeAt = Infinity;
      if (virtual.node.deadline() <= this.now) this.put(virtual, { type: "tick" });
      else this.#arm(virtual);
    });
  }

  #push(event: Event): void {
    const heap = this.#events;
    heap.push(event);
    for (let i = heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1;
      if (!isBefore(heap[i]!, heap[parent]!)) break;
      [heap[i], heap[parent]] = [heap[parent]!, heap[i]!];
      i = parent;
    }
  }

  #pop(): void {
    const heap = this.#events, last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let i = 0;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && isBefore(heap[child]!, heap[least]!)) least = child;
      }
      if (least === i) return;
      [heap[i], heap[least]] = [heap[least]!, heap[i]!];
      i = least;
    }
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || a.at === b.at && a.order < b.order;
}

/** An address in a network of its own for each index below 20,000, spread as in the real network. */
export function globalAddress(index: number): PeerAddress {
  const first = 11 + index % 80, second = Math.floor(index / 80), third = index * 37 % 256;
  return { host: `${first}.${second}.${third}.${1 + index * 101 % 254}`, port: 6881 };
}

/** The same in IPv6: a /64 of its own for each index. */
export function globalAddress6(index: number): PeerAddress {
  return { host: `2a00:${(0x1000 + index).toString(16)}::1`, port: 6881 };
}
