import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { sha256 } from "../../src/bytes/digest.ts";
import { encodeHex } from "../../src/bytes/text.ts";
import {
  hashBlocks,
  layerWidth,
  merkleRoot,
  padHash,
  parentLayer,
  pieceLayer,
  treeHeight,
} from "../../src/metainfo/merkle.ts";
import { hashPair } from "../../src/metainfo/node_hash.ts";

const BLOCK = 16384;

/** Roots of subtrees of zero leaves, by piece length in KiB; computed by a script of another hand. */
const PAD_ROOTS: readonly (readonly [kibibytes: number, root: string])[] = [
  [16, "0000000000000000000000000000000000000000000000000000000000000000"],
  [32, "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"],
  [64, "db56114e00fdd4c1f85c892bf35ac9a89289aaecb1ebd0a96cde606a748b5d71"],
  [128, "c78009fdf07fc56a11f122370658a353aaa542ed63e44c4bc15ff4cd105ab33c"],
  [256, "536d98837f2dd165a55d5eeae91485954472d56f246df256bf3cae19352a123c"],
  [512, "9efde052aa15429fae05bad4d0b1d7c64da64d03d7a1854a588c2cb8430c0d30"],
  [1024, "d88ddfeed400a8755596b21942c1497e114c302e6118290f91e6772976041fa1"],
  [2048, "87eb0ddba57e35f6d286673802a4af5975e22506c7cf4c64bb6be5ee11527f2c"],
  [4096, "26846476fd5fc54a5d43385167c95144f2643f533cc85bb9d16b782f8d7db193"],
  [8192, "506d86582d252405b840018792cad2bf1259f1ef5aa5f887e13cb2f0094f51e1"],
  [16384, "ffff0ad7e659772f9534c195c815efc4014ef1e1daed4404c06385d11192e92b"],
];

/** Roots of files of zero bytes, by length; computed by a script of another hand. */
const ZERO_FILE_ROOTS: readonly (readonly [length: number, root: string])[] = [
  [1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"],
  [16384, "4fe7b59af6de3b665b67788cc2f99892ab827efae3a467342b3bb4e3bc8e5bfe"],
  [16385, "477e14ff3453ec4ec3855f8753cb07288aade5618a473ccc2ab1208886e460ec"],
  [49152, "1cb5a249f6e721060aae623d21d3eca23056bda8c19e4e89f9a086151553713d"],
  [65536, "60aae9c7b428f87e0713e88229e18f0adf12cd7b22a0dd8a92bb2485eb7af242"],
  [65537, "5237ab44f83ac2e214b8c1e1627f18e5d50caed1c8ead9b66770c15b7ee609c7"],
];

async function rootOf(bytes: Uint8Array): Promise<Uint8Array> {
  return merkleRoot(await hashBlocks(bytes), { from: 0, to: treeHeight(bytes.length) });
}

Deno.test("hashPair() is SHA-256 of 64 bytes, in place as well", async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 64, maxLength: 64 }), async (pair) => {
    const expected = await sha256(pair), target = new Uint8Array(40);
    hashPair(pair, 0, target, 8);
    assertEquals(target.subarray(8), expected);
    hashPair(pair, 0, pair, 0);
    assertEquals(pair.subarray(0, 32), expected);
  }));
});

Deno.test("padHash() gives the roots of zero leaves", () => {
  for (const [kibibytes, root] of PAD_ROOTS) {
    assertEquals(encodeHex(padHash(pieceLayer(kibibytes * 1024))), root);
  }
});

Deno.test("merkleRoot() gives the roots of files of zero bytes", async () => {
  for (const [length, root] of ZERO_FILE_ROOTS) {
    assertEquals(encodeHex(await rootOf(new Uint8Array(length))), root);
  }
});

Deno.test("merkleRoot() of nothing is padding, and of too much a RangeError", () => {
  assertEquals(merkleRoot(new Uint8Array(), { from: 2, to: 5 }), padHash(5));
  assertThrows(() => merkleRoot(new Uint8Array(96), { from: 0, to: 1 }), RangeError, "3 nodes of layer 0");
});

Deno.test("merkleRoot() does not depend on the layer that it starts from", async () => {
  const lengths = fc.integer({ min: 1, max: 9 * BLOCK });
  await fc.assert(
    fc.asyncProperty(lengths, fc.nat(4), async (length, layer) => {
      const bytes = new Uint8Array(length).map((_, i) => i * 31 >>> 3), height = treeHeight(length);
      if (layer > height) return;
      let nodes: Uint8Array = await hashBlocks(bytes);
      for (let below = 0; below < layer; below++) nodes = parentLayer(nodes, below);
      assertEquals(nodes.length / 32, layerWidth(length, layer));
      assertEquals(merkleRoot(nodes, { from: layer, to: height }), await rootOf(bytes));
    }),
    { numRuns: 30 },
  );
});

Deno.test("hashBlocks() hashes a short last block as it is", async () => {
  const bytes = new Uint8Array(BLOCK + 3).fill(7), leaves = await hashBlocks(bytes);
  assertEquals(leaves.length, 64);
  assertEquals(leaves.subarray(32), await sha256(bytes.subarray(BLOCK)));
  assertEquals((await hashBlocks(new Uint8Array())).length, 0);
});

Deno.test("treeHeight() and pieceLayer() count layers above the leaves", () => {
  assertEquals([0, 1, BLOCK, BLOCK + 1, 3 * BLOCK, 4 * BLOCK + 1].map(treeHeight), [0, 0, 0, 1, 2, 3]);
  assertEquals([BLOCK, 2 * BLOCK, 64 * BLOCK].map(pieceLayer), [0, 1, 6]);
  assert(treeHeight(2 ** 52) === 38);
});
