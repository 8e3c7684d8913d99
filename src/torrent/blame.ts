/**
 * Who sent wrong data. One sender of a piece that fails its hash is the liar. Of several, all are suspects: the next
 * attempt asks one peer only, and when the good piece is here, its blocks are compared with the kept bad ones.
 */

import { equals } from "@std/bytes/equals";
import { BLOCK_LENGTH } from "./options.ts";
import type { OpenPiece } from "./open_piece.ts";
import type { PeerKey } from "./vocabulary.ts";

/** Bad pieces kept for comparison, the latest: who ruins more at a time is found by these. */
const MAX_KEPT = 2;
/** Longer pieces are not kept: the second attempt has one sender, and is proof enough if it fails too. */
const MAX_KEPT_LENGTH = 16 * 1024 * 1024;

/** A piece that failed, with the sender of each block. */
interface BadCopy {
  readonly bytes: Uint8Array;
  readonly senders: readonly (string | undefined)[];
}

/** The account of failed pieces. */
export class Blame {
  /** The pieces, and who had the last attempt and did nothing. */
  readonly #onParole = new Map<number, PeerKey | undefined>();
  readonly #kept = new Map<number, BadCopy>();

  /** Whether the piece failed with several senders, so that the next attempt must have only one. */
  isOnParole(piece: number): boolean {
    return this.#onParole.has(piece);
  }

  /** Whether any piece is on parole. */
  get hasParole(): boolean {
    return this.#onParole.size > 0;
  }

  /** This peer alone was asked for the piece, and did not answer. */
  heldUp(piece: number, by: PeerKey): void {
    if (this.#onParole.has(piece)) this.#onParole.set(piece, by);
  }

  /** The pieces whose last attempt this peer had in vain: others come first. */
  heldUpBy(peer: PeerKey): number[] {
    return [...this.#onParole].flatMap(([piece, by]) => by === peer ? [piece] : []);
  }

  /** The piece failed its hash. Answers the host that is proven to have lied, if it is. */
  failed(open: OpenPiece): string | undefined {
    const senders = open.senders.toArray();
    const [liar, ...others] = new Set(senders);
    if (others.length === 0) return liar;
    this.#onParole.set(open.piece, undefined);
    if (open.bytes.length <= MAX_KEPT_LENGTH) this.#keep(open.piece, { bytes: open.bytes.slice(), senders });
    return undefined;
  }

  /** The piece passed its hash. Answers the hosts that are now proven to have lied about it. */
  passed(open: OpenPiece): Set<string> {
    const liars = new Set<string>();
    this.#onParole.delete(open.piece);
    const bad = this.#kept.get(open.piece);
    if (bad === undefined) return liars;
    this.#kept.delete(open.piece);
    bad.senders.forEach((host, block) => {
      const from = block * BLOCK_LENGTH;
      const to = from + open.blockLength(block);
      if (host !== undefined && !equals(bad.bytes.subarray(from, to), open.bytes.subarray(from, to))) {
        liars.add(host);
      }
    });
    return liars;
  }

  #keep(piece: number, copy: BadCopy): void {
    this.#kept.set(piece, copy);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break;
      this.#kept.delete(oldest);
    }
  }
}
