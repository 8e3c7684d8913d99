/**
 * Merkle trees over the 16 KiB blocks of a file (BEP 52 "pieces root", "piece layers"). A layer is counted from the leaves
 * (0) toward the root; hashes of a layer are one byte string, 32 bytes each, without those that lie wholly beyond the
 * end of the file.
 */

import { sha256 } from "../bytes/digest.ts";
import { BLOCK_LENGTH } from "./geometry.ts";
import { hashPair, NODE_LENGTH } from "./node_hash.ts";

/** From which layer to which. */
export interface LayerSpan {
  /** Layer of the given hashes. */
  readonly from: number;
  /** Layer of the answer, not below `from`. */
  readonly to: number;
}

/** `PADS[layer]` is the hash of a subtree of that height of nothing but zero leaves. */
const PADS: Uint8Array[] = [new Uint8Array(NODE_LENGTH)];

/** Height of the tree of a file: the layer of its root. Zero for a file of at most one block. */
export function treeHeight(fileLength: number): number {
  let height = 0;
  for (let leaves = 1; leaves * BLOCK_LENGTH < fileLength; leaves *= 2) height++;
  return height;
}

/** The layer whose nodes cover a piece each, or the root of a file that is smaller than a piece. */
export function pieceLayer(pieceLength: number): number {
  return Math.log2(pieceLength / BLOCK_LENGTH);
}

/** Number of nodes of a layer that are not wholly beyond the end of the file. */
export function layerWidth(fileLength: number, layer: number): number {
  return Math.ceil(fileLength / (BLOCK_LENGTH * 2 ** layer));
}

/** The hash that stands for a node wholly beyond the end of the file: leaves there are 32 zero bytes. */
export function padHash(layer: number): Uint8Array {
  while (PADS.length <= layer) {
    const child = PADS[PADS.length - 1]!,
      pair = new Uint8Array(2 * NODE_LENGTH),
      node = new Uint8Array(NODE_LENGTH);
    pair.set(child);
    pair.set(child, NODE_LENGTH);
    hashPair(pair, 0, node, 0);
    PADS.push(node);
  }
  return PADS[layer]!;
}

/** The hashes of the layer above. */
export function parentLayer(hashes: Uint8Array, layer: number): Uint8Array<ArrayBuffer> {
  const count = hashes.length / NODE_LENGTH,
    parents = Math.ceil(count / 2),
    children = withPad(hashes, layer);
  const target = new Uint8Array(parents * NODE_LENGTH);
  for (let i = 0; i < parents; i++) hashPair(children, i * 2 * NODE_LENGTH, target, i * NODE_LENGTH);
  return target;
}

/**
 * The one node of layer `to` above the given hashes of layer `from`; what lacks at their end is padding.
 *
 * @throws {RangeError} If there are more hashes than one node of layer `to` covers.
 */
export function merkleRoot(hashes: Uint8Array, span: LayerSpan): Uint8Array {
  const { from, to } = span;
  if (hashes.length > NODE_LENGTH * 2 ** (to - from)) {
    throw new RangeError(
      `Cannot hash ${hashes.length / NODE_LENGTH} nodes of layer ${from} into one of layer ${to}`,
    );
  }
  if (hashes.length === 0) return padHash(to);
  let nodes = hashes;
  for (let layer = from; layer < to; layer++) nodes = parentLayer(nodes, layer);
  return nodes;
}

/** The leaves of some bytes: the SHA-256 of every block; a short last block is hashed as it is. */
export async function hashBlocks(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const count = Math.ceil(bytes.length / BLOCK_LENGTH), leaves = new Uint8Array(count * NODE_LENGTH);
  const blocks = Array.from(
    { length: count },
    (_, i) => bytes.subarray(i * BLOCK_LENGTH, (i + 1) * BLOCK_LENGTH),
  );
  const hashes = await Promise.all(blocks.map(sha256));
  hashes.forEach((hash, i) => leaves.set(hash, i * NODE_LENGTH));
  return leaves;
}

/** The same hashes, with one more if their number is odd. */
function withPad(hashes: Uint8Array, layer: number): Uint8Array {
  if (hashes.length % (2 * NODE_LENGTH) === 0) return hashes;
  const padded = new Uint8Array(hashes.length + NODE_LENGTH);
  padded.set(hashes);
  padded.set(padHash(layer), hashes.length);
  return padded;
}
