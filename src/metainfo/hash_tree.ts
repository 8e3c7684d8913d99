/**
 * Ranges of Merkle hashes with proofs: what `hash request` asks for and `hashes` answers (BEP 52 "new messages"). A range
 * of `length` hashes covers one node; its proof is the sibling of that node and of each ancestor, as far as asked for.
 */

import { layerWidth, merkleRoot, padHash, parentLayer, treeHeight } from "./merkle.ts";
import { hashPair, NODE_LENGTH } from "./node_hash.ts";

/** Hashes of one range; the text says 512 at most, libtorrent takes so many. */
export const MAX_HASHES = 8192;

/** A range of hashes, as the message asks for it. */
export interface HashQuery {
  /** Layer of the hashes, counted from the leaves (0). */
  readonly baseLayer: number;
  /** Index of the first hash in the layer, a multiple of `length`. */
  readonly index: number;
  /** Number of hashes: a power of two, at least 2. */
  readonly length: number;
  /** Number of ancestor layers to prove; those inside the range need no hash, yet count. */
  readonly proofLayers: number;
}

/** The nodes of a tree from one layer up, padding left out. */
export interface HashTree {
  /** The lowest layer that is there. */
  readonly base: number;
  /** The layer of the root. */
  readonly height: number;
  /** Hashes of layer `base` and of every layer above. */
  readonly layers: readonly Uint8Array[];
}

/** One node of a tree. */
export interface TreeNode {
  /** Its layer. */
  readonly layer: number;
  /** Its index in the layer. */
  readonly index: number;
  /** Its 32 bytes. */
  readonly hash: Uint8Array;
}

/** What an answer comes to. */
export interface ProvenHashes {
  /** The hashes of the range, padding left out. */
  readonly hashes: Uint8Array;
  /** The node that they and the proof hash into: if it is what the tree has there, all of them are right. */
  readonly ancestor: TreeNode;
}

/** Builds a tree on all hashes of layer `base` of a file of `fileLength` bytes. */
export function buildHashTree(hashes: Uint8Array, base: number, fileLength: number): HashTree {
  const height = treeHeight(fileLength), layers = [hashes];
  for (let layer = base; layer < height; layer++) layers.push(parentLayer(layers[layers.length - 1]!, layer));
  return { base, height, layers };
}

/** A node of a tree, padding included; `undefined` if the tree has no such node or does not know it. */
export function treeNode(tree: HashTree, layer: number, index: number): Uint8Array | undefined {
  const nodes = tree.layers[layer - tree.base];
  if (nodes === undefined || index >= 2 ** (tree.height - layer)) return undefined;
  const at = index * NODE_LENGTH;
  return at < nodes.length ? nodes.subarray(at, at + NODE_LENGTH) : padHash(layer);
}

/** Whether a request makes sense for a file of so many bytes. */
export function isHashQuery(query: HashQuery, fileLength: number): boolean {
  const { baseLayer, index, length, proofLayers } = query, layers = treeHeight(fileLength) - baseLayer;
  const isPowerOfTwo = length >= 2 && length <= MAX_HASHES && (length & (length - 1)) === 0;
  return isPowerOfTwo && layers > 0 && proofLayers < layers && index % length === 0 &&
    index + length <= 2 ** layers;
}

/**
 * The hashes of an answer: the range with padding past the end of the file, then the proof toward the root.
 * `undefined` if the request makes no sense or `nodeAt` does not know a node.
 */
export function answerHashes(
  query: HashQuery,
  fileLength: number,
  nodeAt: (layer: number, index: number) => Uint8Array | undefined,
): Uint8Array | undefined {
  if (!isHashQuery(query, fileLength)) return undefined;
  const places = [...rangeOf(query), ...proofOf(query)];
  const answer = new Uint8Array(places.length * NODE_LENGTH);
  for (const [i, [layer, index]] of places.entries()) {
    const hash = nodeAt(layer, index);
    if (hash === undefined) return undefined;
    answer.set(hash, i * NODE_LENGTH);
  }
  return answer;
}

/**
 * Reads an answer to a request that made sense. The text leaves open whether a range that goes past the end of the file
 * has padding there or is cut: both are taken. `undefined` if the number of hashes is wrong.
 */
export function proveHashes(
  query: HashQuery,
  fileLength: number,
  answer: Uint8Array,
): ProvenHashes | undefined {
  const { baseLayer, index, length } = query, proof = proofOf(query);
  const real = Math.max(0, Math.min(length, layerWidth(fileLength, baseLayer) - index)) * NODE_LENGTH;
  const proofStart = answer.length - proof.length * NODE_LENGTH;
  if (proofStart !== real && proofStart !== length * NODE_LENGTH) return undefined;
  const hashes = answer.subarray(0, real);
  let node = rangeRoot(answer.subarray(0, proofStart), query), place = proofStart;
  for (; place < answer.length; place += NODE_LENGTH) {
    node = parentOf(node, answer.subarray(place, place + NODE_LENGTH));
  }
  return { hashes, ancestor: node };
}

/** Layer and index of every hash of the range. */
function rangeOf(query: HashQuery): [layer: number, index: number][] {
  return Array.from({ length: query.length }, (_, i) => [query.baseLayer, query.index + i]);
}

/** Layer and index of every hash of the proof: siblings, from the node that the range covers toward the root. */
function proofOf(query: HashQuery): [layer: number, index: number][] {
  const proof: [number, number][] = [], top = query.baseLayer + query.proofLayers;
  let index = query.index / query.length;
  for (let layer = query.baseLayer + Math.log2(query.length); layer <= top; layer++) {
    proof.push([layer, index ^ 1]);
    index >>>= 1;
  }
  return proof;
}

function rangeRoot(hashes: Uint8Array, query: HashQuery): TreeNode {
  const from = query.baseLayer, to = from + Math.log2(query.length);
  return { layer: to, index: query.index / query.length, hash: merkleRoot(hashes, { from, to }) };
}

function parentOf(node: TreeNode, sibling: Uint8Array): TreeNode {
  const pair = new Uint8Array(2 * NODE_LENGTH),
    hash = new Uint8Array(NODE_LENGTH),
    isLeft = node.index % 2 === 0;
  pair.set(node.hash, isLeft ? 0 : NODE_LENGTH);
  pair.set(sibling, isLeft ? NODE_LENGTH : 0);
  hashPair(pair, 0, hash, 0);
  return { layer: node.layer + 1, index: Math.floor(node.index / 2), hash };
}
