import { assert, assertEquals, assertFalse } from "@std/assert";
import fc from "fast-check";
import {
  answerHashes,
  buildHashTree,
  type HashQuery,
  type HashTree,
  isHashQuery,
  proveHashes,
  treeNode,
} from "../../src/metainfo/hash_tree.ts";
import { layerWidth, treeHeight } from "../../src/metainfo/merkle.ts";

const BLOCK = 16384;

/** A tree over invented leaves: nothing here looks at blocks. */
function treeOf(blocks: number): { fileLength: number; tree: HashTree } {
  const leaves = new Uint8Array(blocks * 32).map((_, i) => (i >>> 5) * 7 + i);
  return { fileLength: blocks * BLOCK, tree: buildHashTree(leaves, 0, blocks * BLOCK) };
}

/** A number of blocks and a request that makes sense for it. */
const queries = fc.record({
  blocks: fc.integer({ min: 2, max: 70 }),
  a: fc.nat(99),
  b: fc.nat(99),
  c: fc.nat(99),
  d: fc.nat(99),
})
  .map(({ blocks, a, b, c, d }) => {
    const height = treeHeight(blocks * BLOCK), baseLayer = a % height, layers = height - baseLayer;
    const width = 1 + b % layers, length = 2 ** width, index = c % 2 ** (layers - width) * length;
    return { blocks, query: { baseLayer, index, length, proofLayers: d % layers } };
  });

function answer(tree: HashTree, fileLength: number, query: HashQuery): Uint8Array {
  const hashes = answerHashes(query, fileLength, (layer, index) => treeNode(tree, layer, index));
  assert(hashes);
  return hashes;
}

Deno.test("proveHashes() finds the ancestor that the tree has, whatever is asked", () => {
  fc.assert(fc.property(queries, ({ blocks, query }) => {
    const { fileLength, tree } = treeOf(blocks);
    assert(isHashQuery(query, fileLength));
    const proven = proveHashes(query, fileLength, answer(tree, fileLength, query));
    assert(proven);
    const { layer, index, hash } = proven.ancestor;
    assertEquals(
      layer,
      Math.max(query.baseLayer + Math.log2(query.length), query.baseLayer + query.proofLayers + 1),
    );
    assertEquals(hash, treeNode(tree, layer, index));
    const real = Math.max(0, Math.min(query.length, layerWidth(fileLength, query.baseLayer) - query.index));
    assertEquals(
      proven.hashes,
      tree.layers[query.baseLayer]!.subarray(query.index * 32, (query.index + real) * 32),
    );
  }));
});

Deno.test("proveHashes() takes a range that is cut at the end of the file", () => {
  const { fileLength, tree } = treeOf(5), query = { baseLayer: 0, index: 4, length: 4, proofLayers: 2 };
  const padded = answer(tree, fileLength, query);
  assertEquals(padded.length, 5 * 32);
  const cut = new Uint8Array([...padded.subarray(0, 32), ...padded.subarray(128)]);
  assertEquals(proveHashes(query, fileLength, cut), proveHashes(query, fileLength, padded));
  assertEquals(proveHashes(query, fileLength, cut)?.ancestor.hash, tree.layers[3]);
});

Deno.test("proveHashes() comes to another ancestor when one bit is wrong", () => {
  fc.assert(fc.property(queries, fc.nat(), ({ blocks, query }, bit) => {
    const { fileLength, tree } = treeOf(blocks), hashes = answer(tree, fileLength, query);
    const at = bit % (hashes.length * 8);
    hashes[at >>> 3]! ^= 1 << (at & 7);
    const { layer, index, hash } = proveHashes(query, fileLength, hashes)!.ancestor;
    assert(hash.some((byte, i) => byte !== treeNode(tree, layer, index)![i]));
  }));
});

Deno.test("proveHashes() refuses an answer of the wrong size", () => {
  const { fileLength, tree } = treeOf(8), query = { baseLayer: 0, index: 0, length: 4, proofLayers: 2 };
  const hashes = answer(tree, fileLength, query);
  for (const length of [0, 31, 64, hashes.length - 1, hashes.length - 32]) {
    assertEquals(proveHashes(query, fileLength, hashes.subarray(0, length)), undefined);
  }
  assertEquals(proveHashes(query, fileLength, new Uint8Array(hashes.length + 32)), undefined);
});

Deno.test("isHashQuery() refuses what BEP 52 forbids and what the file has not", () => {
  const fine: HashQuery = { baseLayer: 0, index: 4, length: 4, proofLayers: 2 }, fileLength = 8 * BLOCK;
  assert(isHashQuery(fine, fileLength));
  const wrong: Partial<HashQuery>[] = [
    { length: 1 },
    { length: 0 },
    { length: 3 },
    { length: 16384, index: 0 },
    { index: 2 },
    { index: 8 },
    { baseLayer: 3 },
    { baseLayer: 2 },
    { proofLayers: 3 },
  ];
  for (const change of wrong) {
    assertFalse(isHashQuery({ ...fine, ...change }, fileLength), JSON.stringify(change));
  }
  assertFalse(isHashQuery({ baseLayer: 0, index: 0, length: 2, proofLayers: 0 }, BLOCK));
});

Deno.test("answerHashes() answers nothing without the nodes", () => {
  const { fileLength, tree } = treeOf(8), pieces = buildHashTree(tree.layers[1]!, 1, fileLength);
  const nodeAt = (layer: number, index: number) => treeNode(pieces, layer, index);
  const query = { index: 0, length: 2, proofLayers: 1 };
  assertEquals(answerHashes({ ...query, baseLayer: 0 }, fileLength, nodeAt), undefined);
  assertEquals(answerHashes({ ...query, baseLayer: 1 }, fileLength, nodeAt)?.length, 3 * 32);
  assertEquals(answerHashes({ ...query, baseLayer: 9 }, fileLength, nodeAt), undefined);
});
