/** A queue of block requests in flat memory: a peer may ask for thousands, and 80 peers may do so at once. */

import type { BlockRange } from "../wire/messages/message.ts";

/** Numbers per request. */
const WIDTH = 3;
/** Requests at either end that are looked at for a cancel: more than libtorrent ever queues. */
const LOOKED_AT = 2048;
/** Requests there is room for at first: what a careful client sends. */
const START_CAPACITY = 16;

/** First in, first out, with removal from the middle. Memory doubles with need and is bounded by the caller's cap. */
export class RequestQueue {
  #slots = new Uint32Array(START_CAPACITY * WIDTH);
  #head = 0;
  #size = 0;

  /** Number of requests. */
  get size(): number {
    return this.#size;
  }

  /** Adds a request at the end. */
  push(range: BlockRange): void {
    if (this.#size * WIDTH === this.#slots.length) this.#grow();
    this.#write(this.#size++, range.piece, range.begin, range.length);
  }

  /** The oldest request, still in the queue. */
  peek(): BlockRange | undefined {
    return this.#size === 0 ? undefined : this.#read(0);
  }

  /** Takes the oldest request out. */
  shift(): BlockRange | undefined {
    if (this.#size === 0) return undefined;
    const range = this.#read(0);
    this.#head = (this.#head + WIDTH) % this.#slots.length;
    this.#size--;
    return range;
  }

  /**
   * Takes one request out, and answers whether it was there. Looks at the oldest and the newest ones only, so that whoever
   * cancels in either order is understood, and nobody has us look through thousands for each cancel.
   */
  remove(range: BlockRange): boolean {
    let slot = this.#find(range, 0, Math.min(LOOKED_AT, this.#size));
    if (slot < 0) slot = this.#find(range, Math.max(LOOKED_AT, this.#size - LOOKED_AT), this.#size);
    if (slot >= 0) this.#close(slot);
    return slot >= 0;
  }

  /** The slot of a request that stands between two places of the queue; -1 if it does not. */
  #find({ piece, begin, length }: BlockRange, from: number, to: number): number {
    const slots = this.#slots, end = slots.length;
    for (let i = from, slot = this.#slot(from); i < to; i++, slot += WIDTH) {
      if (slot === end) slot = 0;
      if (slots[slot] === piece && slots[slot + 1] === begin && slots[slot + 2] === length) return slot;
    }
    return -1;
  }

  /** Takes out every request for which `isLeaving` holds, and answers those in order. */
  takeAll(isLeaving: (piece: number, length: number) => boolean): BlockRange[] {
    const taken: BlockRange[] = [];
    let kept = 0;
    for (let i = 0; i < this.#size; i++) {
      const slot = this.#slot(i);
      if (isLeaving(this.#slots[slot]!, this.#slots[slot + 2]!)) taken.push(this.#read(i));
      else this.#copy(i, kept++);
    }
    this.#size = kept;
    return taken;
  }

  /** Moves what stands behind a slot one place up, in at most two runs: who cancels thousands must not cost thousands each. */
  #close(slot: number): void {
    const slots = this.#slots, last = this.#slot(--this.#size);
    if (slot <= last) {
      slots.copyWithin(slot, slot + WIDTH, last + WIDTH);
      return;
    }
    slots.copyWithin(slot, slot + WIDTH);
    slots.copyWithin(slots.length - WIDTH, 0, WIDTH);
    slots.copyWithin(0, WIDTH, last + WIDTH);
  }

  #slot(index: number): number {
    return (this.#head + index * WIDTH) % this.#slots.length;
  }

  #read(index: number): BlockRange {
    const slot = this.#slot(index);
    return { piece: this.#slots[slot]!, begin: this.#slots[slot + 1]!, length: this.#slots[slot + 2]! };
  }

  #write(index: number, piece: number, begin: number, length: number): void {
    const slot = this.#slot(index);
    this.#slots[slot] = piece;
    this.#slots[slot + 1] = begin;
    this.#slots[slot + 2] = length;
  }

  #copy(from: number, to: number): void {
    const source = this.#slot(from);
    this.#slots.copyWithin(this.#slot(to), source, source + WIDTH);
  }

  #grow(): void {
    const larger = new Uint32Array(this.#slots.length * 2);
    larger.set(this.#slots.subarray(this.#head));
    larger.set(this.#slots.subarray(0, this.#head), this.#slots.length - this.#head);
    this.#slots = larger;
    this.#head = 0;
  }
}
