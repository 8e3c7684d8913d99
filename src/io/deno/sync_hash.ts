/**
 * Piece hashes through `node:crypto`, synchronously: for workers, where it runs at the speed of the hardware and copies
 * nothing (BEP 3 "pieces", BEP 52 "pieces root"). The main thread uses WebCrypto.
 */

import { createHash, type Hash } from "node:crypto";
import { equals } from "@std/bytes/equals";
import { BLOCK_LENGTH } from "../../metainfo/geometry.ts";
import { merkleRoot } from "../../metainfo/merkle.ts";
import { NODE_LENGTH } from "../../metainfo/node_hash.ts";
import type { PieceHash } from "../../metainfo/verify.ts";

/** Which hashes of a piece are wanted. */
export interface PieceHashKinds {
  /** SHA-1 of the whole piece. */
  readonly sha1: boolean;
  /** The Merkle node: its layer, and how many bytes of the piece lie below it. */
  readonly merkle?: { readonly layer: number; readonly length: number } | undefined;
}

/** Hashes one piece that comes in parts. All but the last part must be whole blocks if a Merkle node is wanted. */
export class SyncPieceHasher {
  readonly #sha1: Hash | undefined;
  readonly #layer: number;
  readonly #leaves: Uint8Array | undefined;
  #leavesFilled = 0;
  /** Bytes that belong to the tree and are still to come; what follows is padding. */
  #treeRest: number;

  /** Starts a piece. */
  constructor({ sha1, merkle }: PieceHashKinds) {
    this.#sha1 = sha1 ? createHash("sha1") : undefined;
    this.#layer = merkle?.layer ?? 0;
    this.#treeRest = merkle?.length ?? 0;
    this.#leaves = merkle && new Uint8Array(Math.ceil(merkle.length / BLOCK_LENGTH) * NODE_LENGTH);
  }

  /** Takes the next bytes. */
  update(bytes: Uint8Array): void {
    this.#sha1?.update(bytes);
    const inTree = Math.min(bytes.length, this.#treeRest);
    this.#treeRest -= inTree;
    for (let at = 0; at < inTree; at += BLOCK_LENGTH) {
      const leaf = createHash("sha256").update(bytes.subarray(at, Math.min(at + BLOCK_LENGTH, inTree)))
        .digest();
      this.#leaves!.set(leaf, this.#leavesFilled);
      this.#leavesFilled += NODE_LENGTH;
    }
  }

  /** The SHA-1. */
  sha1(): Uint8Array | undefined {
    return this.#sha1?.digest();
  }

  /** The Merkle node. */
  merkle(): Uint8Array | undefined {
    return this.#leaves && merkleRoot(this.#leaves, { from: 0, to: this.#layer });
  }
}

/** Whether bytes hash to what is wanted; the synchronous twin of `matchesHash`. */
export function matchesHashSync(bytes: Uint8Array, wanted: PieceHash): boolean {
  if (wanted.sha1 === undefined && wanted.merkle === undefined) return false;
  const hasher = new SyncPieceHasher({ sha1: wanted.sha1 !== undefined, merkle: wanted.merkle });
  hasher.update(bytes);
  const sha1 = hasher.sha1(), merkle = hasher.merkle();
  return (sha1 === undefined || equals(sha1, wanted.sha1!)) &&
    (merkle === undefined || equals(merkle, wanted.merkle!.hash));
}
