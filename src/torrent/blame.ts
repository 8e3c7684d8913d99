/**
 * Who sent wrong data. One sender of a piece that fails its hash is the liar. Of several, all are suspects: the hashes of its
 * blocks tell, if there are any (BEP 52); else the next attempt asks one peer only, and when the good piece is here, its blocks
 * are compared with the kept bad ones.
 */

import { equals } from "@std/bytes/equals";
import { NODE_LENGTH } from "../metainfo/node_hash.ts";
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
  /** The hash of each block, 32 bytes each; none if there is nothing to compare them with. */
  readonly leaves: Uint8Array | undefined;
}

/** A block of a piece that failed which is right. */
export interface GoodBlock {
  /** Its index in the piece. */
  readonly block: number;
  /** Its bytes. */
  readonly bytes: Uint8Array;
  /** The host that sent it. */
  readonly host: string;
}

/** What came of a comparison. */
export interface Verdict {
  /** The hosts that are proven to have lied. */
  readonly liars: ReadonlySet<string>;
  /** What was right. */
  readonly good: readonly GoodBlock[];
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

  /** The piece failed its hash; `leaves` are those of its blocks. Answers the host that is proven to have lied, if it is. */
  failed(open: OpenPiece, leaves?: Uint8Array): string | undefined {
    const senders = open.senders.toArray();
    const [liar, ...others] = new Set(senders);
    if (others.length === 0) return liar;
    this.#onParole.set(open.piece, undefined);
    if (open.bytes.length > MAX_KEPT_LENGTH) return undefined;
    const isWhole = leaves?.length === senders.length * NODE_LENGTH;
    this.#keep(open.piece, { bytes: open.bytes.slice(), senders, leaves: isWhole ? leaves : undefined });
    return undefined;
  }

  /** Hosts that sent blocks of a failed piece whose leaves tell who lied; none if they do not. */
  suspects(piece: number): ReadonlySet<string | undefined> {
    const bad = this.#kept.get(piece);
    return new Set(bad?.leaves && bad.senders);
  }

  /**
   * The true leaves of a failed piece are known. The next attempt needs no single sender, unless nothing is wrong with the
   * blocks: then it is the torrent that contradicts itself.
   */
  judge(piece: number, leaves: Uint8Array): Verdict {
    const liars = new Set<string>(), good: GoodBlock[] = [];
    const bad = this.#kept.get(piece), came = bad?.leaves;
    if (came === undefined) return { liars, good };
    bad!.senders.forEach((host, block) => {
      const from = block * NODE_LENGTH, to = from + NODE_LENGTH;
      const isRight = equals(leaves.subarray(from, to), came.subarray(from, to));
      const bytes = bad!.bytes.subarray(block * BLOCK_LENGTH, (block + 1) * BLOCK_LENGTH);
      if (isRight) good.push({ block, bytes, host: host! });
      else liars.add(host!);
    });
    if (liars.size > 0) this.#clear(piece);
    return { liars, good };
  }

  /** The piece passed its hash. Answers the hosts that are now proven to have lied about it. */
  passed(open: OpenPiece): Set<string> {
    const liars = new Set<string>(), bad = this.#kept.get(open.piece);
    this.#clear(open.piece);
    bad?.senders.forEach((host, block) => {
      const from = block * BLOCK_LENGTH;
      const to = from + open.blockLength(block);
      if (host !== undefined && !equals(bad.bytes.subarray(from, to), open.bytes.subarray(from, to))) {
        liars.add(host);
      }
    });
    return liars;
  }

  #clear(piece: number): void {
    this.#onParole.delete(piece);
    this.#kept.delete(piece);
  }

  #keep(piece: number, copy: BadCopy): void {
    this.#kept.set(piece, copy);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break;
      this.#kept.delete(oldest);
    }
  }
}
