/** One attempt at an info dictionary: the blocks of a size that peers claim, and who sent which (BEP 9 "metadata"). */

import { METADATA_BLOCK_LENGTH, metadataBlockLength } from "../wire/messages/metadata.ts";
import type { PeerKey } from "./vocabulary.ts";

/** A block of the metadata: what came of it. */
interface Block {
  /** Whom it was asked of and when, while it is missing. */
  asked: { readonly peer: PeerKey; readonly at: number } | undefined;
  bytes: Uint8Array | undefined;
  from: PeerKey | undefined;
}

/**
 * The blocks of one claimed size. Memory grows with what came, never with what was claimed: a block takes its bytes
 * when it is here.
 */
export class MetadataAssembly {
  /** Claimed length of the metadata in bytes. */
  readonly size: number;
  /** The one peer that may contribute; `undefined` if all of this size may. */
  readonly only: PeerKey | undefined;
  readonly #blocks: Block[];
  #missing: number;

  /** Starts without any block. */
  constructor(size: number, only?: PeerKey) {
    this.size = size;
    this.only = only;
    this.#missing = Math.ceil(size / METADATA_BLOCK_LENGTH);
    this.#blocks = Array.from(
      { length: this.#missing },
      () => ({ asked: undefined, bytes: undefined, from: undefined }),
    );
  }

  /** How many blocks there are. */
  get blockCount(): number {
    return this.#blocks.length;
  }

  /** How many blocks have come. */
  get received(): number {
    return this.#blocks.length - this.#missing;
  }

  /** Whether every block is here. */
  get isWhole(): boolean {
    return this.#missing === 0;
  }

  /** Picks a block that is missing and asked of nobody; it counts as asked of this peer. */
  take(peer: PeerKey, now: number): number | undefined {
    const index = this.#blocks.findIndex(({ bytes, asked }) => bytes === undefined && asked === undefined);
    if (index < 0) return undefined;
    this.#blocks[index]!.asked = { peer, at: now };
    return index;
  }

  /** Takes a block that was asked of this peer; `false` if it was not. The bytes are copied. */
  put(index: number, bytes: Uint8Array, peer: PeerKey): boolean {
    const block = this.#blocks[index];
    if (block?.asked?.peer !== peer || bytes.length !== metadataBlockLength(index, this.size)) return false;
    this.#blocks[index] = { asked: undefined, bytes: bytes.slice(), from: peer };
    this.#missing--;
    return true;
  }

  /** Takes requests back: a single one, or all of the peer. */
  release(peer: PeerKey, index?: number): void {
    this.#blocks.forEach((block, i) => {
      if (block.asked?.peer === peer && (index === undefined || i === index)) block.asked = undefined;
    });
  }

  /** Peers that have not answered since `before`. */
  late(before: number): PeerKey[] {
    const late = this.#blocks.flatMap(({ asked }) => asked && asked.at <= before ? [asked.peer] : []);
    return [...new Set(late)];
  }

  /** When the oldest unanswered request was made. */
  oldestRequest(): number | undefined {
    let oldest: number | undefined;
    for (const { asked } of this.#blocks) {
      if (asked && (oldest === undefined || asked.at < oldest)) oldest = asked.at;
    }
    return oldest;
  }

  /** Everybody who sent a block. */
  senders(): PeerKey[] {
    return [...new Set(this.#blocks.flatMap(({ from }) => from === undefined ? [] : [from]))];
  }

  /** All blocks in a row; call it when the assembly is whole. */
  join(): Uint8Array {
    const bytes = new Uint8Array(this.size);
    this.#blocks.forEach((block, index) => bytes.set(block.bytes!, index * METADATA_BLOCK_LENGTH));
    return bytes;
  }
}
