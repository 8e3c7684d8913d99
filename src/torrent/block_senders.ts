/** Which host sent which block of a piece: what blame is built on. A piece has few senders, so each is stored once. */

/** The senders of the blocks of one piece. */
export class BlockSenders {
  /** Hosts in the order their first block came. */
  readonly #hosts: string[] = [];
  /** Per block: 0 while it has no sender, else one more than the index of its host. */
  readonly #indexes: Uint16Array;

  /** Starts with no block sent. */
  constructor(blockCount: number) {
    this.#indexes = new Uint16Array(blockCount);
  }

  /** Whether the block was sent. */
  has(block: number): boolean {
    return this.#indexes[block]! !== 0;
  }

  /** Who sent the block. */
  of(block: number): string | undefined {
    return this.#hosts[this.#indexes[block]! - 1];
  }

  /** Per block: who sent it. */
  toArray(): (string | undefined)[] {
    return Array.from(this.#indexes, (index) => this.#hosts[index - 1]);
  }

  /** The host has sent the block. */
  set(block: number, host: string): void {
    this.#indexes[block] = this.#indexOf(host) + 1;
  }

  /** The block counts as not sent. */
  clear(block: number): void {
    this.#indexes[block] = 0;
  }

  #indexOf(host: string): number {
    const last = this.#hosts.length - 1;
    if (last >= 0 && this.#hosts[last] === host) return last;
    const known = this.#hosts.indexOf(host);
    return known >= 0 ? known : this.#hosts.push(host) - 1;
  }
}
