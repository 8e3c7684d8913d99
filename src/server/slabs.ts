/**
 * Runs of bytes cut from larger pieces of memory. Most swarms have a handful of peers, and an array of its own would cost
 * each of them 400 bytes beside the content.
 */

/** Bytes of a slab. Runs longer than an eighth of it have slabs of their own, lest its end be lost. */
const SLAB_LENGTH = 1 << 14, LONGEST_SHARED = SLAB_LENGTH / 8;

/** Memory for runs of one length. */
export class Slab {
  /** All of it. Runs that nobody has are zeros. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of a run. */
  readonly runLength: number;
  /** Where runs begin that came back. */
  readonly #returned: number[] = [];
  /** Where memory begins that nobody ever had. */
  #fresh = 0;

  /** Allocates memory for as many runs as fit, one at least. */
  constructor(runLength: number) {
    this.runLength = runLength;
    const isShared = runLength <= LONGEST_SHARED;
    this.bytes = new Uint8Array(isShared ? SLAB_LENGTH - SLAB_LENGTH % runLength : runLength);
  }

  /** Whether every run is taken. */
  get isFull(): boolean {
    return this.#returned.length === 0 && this.#fresh === this.bytes.length;
  }

  /** Whether no run is taken. */
  get isEmpty(): boolean {
    return this.#returned.length * this.runLength === this.#fresh;
  }

  /** Takes a run and answers where it begins; the slab must not be full. */
  take(): number {
    const returned = this.#returned.pop();
    if (returned !== undefined) return returned;
    this.#fresh += this.runLength;
    return this.#fresh - this.runLength;
  }

  /** Takes a run back. */
  giveBack(start: number): void {
    this.bytes.fill(0, start, start + this.runLength);
    this.#returned.push(start);
  }
}

/** Slabs for runs of every length. Memory is freed when the last run of its slab comes back. */
export class Slabs {
  /** Those with room, by the length of their runs. */
  readonly #open = new Map<number, Set<Slab>>();

  /** Takes a run of zeros. */
  take(runLength: number): { readonly slab: Slab; readonly start: number } {
    const open = this.#openSlabs(runLength), [slab = new Slab(runLength)] = open, start = slab.take();
    if (slab.isFull) open.delete(slab);
    else open.add(slab);
    return { slab, start };
  }

  /** Takes a run back. */
  giveBack(slab: Slab, start: number): void {
    const open = this.#openSlabs(slab.runLength);
    slab.giveBack(start);
    if (slab.isEmpty) open.delete(slab);
    else open.add(slab);
  }

  #openSlabs(runLength: number): Set<Slab> {
    const open = this.#open.get(runLength) ?? new Set<Slab>();
    this.#open.set(runLength, open);
    return open;
  }
}
