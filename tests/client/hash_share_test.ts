import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { randomBytes } from "../../src/bytes/random.ts";
import { HashShare } from "../../src/client/hash_share.ts";
import type { PeerSocket } from "../../src/client/peer_socket.ts";
import { createTorrent } from "../../src/metainfo/create.ts";
import {
  buildHashTree,
  type HashQuery,
  isHashQuery,
  proveHashes,
  treeNode,
} from "../../src/metainfo/hash_tree.ts";
import { hashBlocks } from "../../src/metainfo/merkle.ts";
import { type Metainfo, readMetainfo } from "../../src/metainfo/metainfo.ts";
import { seededRandom } from "../../src/testing/mod.ts";
import type { HashRange, PeerMessage } from "../../src/wire/messages/message.ts";

const BLOCK = 16384;

/** A share of one file, and a peer that asks it. */
class Stage {
  readonly content: Uint8Array<ArrayBuffer>;
  readonly sent: PeerMessage[] = [];
  readonly missing = new Set<number>();
  readonly share: HashShare;
  readonly metainfo: Metainfo;
  reads = 0;
  #socket = this.socket();

  private constructor(content: Uint8Array<ArrayBuffer>, metainfo: Metainfo) {
    this.content = content;
    this.metainfo = metainfo;
    this.share = new HashShare({
      metainfo,
      has: (piece) => !this.missing.has(piece),
      read: (piece, begin, into) => {
        this.reads += into.length;
        const start = piece * metainfo.info.pieceLength + begin;
        into.set(content.subarray(start, start + into.length));
        return Promise.resolve();
      },
    });
  }

  static async open(length: number, pieceLength: number, version: "2" | "hybrid" = "2"): Promise<Stage> {
    const content = randomBytes(seededRandom(length), length) as Uint8Array<ArrayBuffer>;
    const bytes = await createTorrent([{ path: ["one"], content }], { version, pieceLength });
    return new Stage(content, await readMetainfo(bytes));
  }

  socket(isOver = false): PeerSocket {
    return { send: (message: PeerMessage) => this.sent.push(message), isOver } as unknown as PeerSocket;
  }

  /** Somebody else asks from now on. */
  change(): void {
    this.#socket = this.socket();
  }

  get root(): Uint8Array {
    return this.metainfo.info.files[0]!.piecesRoot!;
  }

  async ask(query: HashQuery & { readonly piecesRoot?: Uint8Array }): Promise<PeerMessage> {
    await this.share.answer(this.#socket, { piecesRoot: this.root, ...query });
    return this.sent.pop()!;
  }
}

Deno.test("HashShare answers every request that makes sense with what the tree of the content has there", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 40 * BLOCK }),
      fc.constantFrom(1, 2, 4, 8, 64),
      fc.array(
        fc.record({
          baseLayer: fc.nat(6),
          index: fc.nat(64),
          length: fc.constantFrom(2, 4, 8, 16),
          proofLayers: fc.nat(6),
        }),
      ),
      async (length, blocksPerPiece, queries) => {
        const stage = await Stage.open(length, blocksPerPiece * BLOCK);
        const tree = buildHashTree(await hashBlocks(stage.content), 0, length);
        for (const query of queries) {
          const range: HashRange = { piecesRoot: stage.root, ...query }, answer = await stage.ask(query);
          if (!isHashQuery(query, length)) {
            assertEquals(answer, { type: "hashReject", ...range });
            continue;
          }
          assert(answer.type === "hashes");
          const { hashes, ...rest } = answer, { ancestor } = proveHashes(query, length, hashes)!;
          assertEquals(rest, { type: "hashes", ...range });
          assertEquals(ancestor.hash, treeNode(tree, ancestor.layer, ancestor.index));
        }
      },
    ),
    { numRuns: 40 },
  );
});

const LEAVES = { baseLayer: 0, index: 0, length: 4, proofLayers: 2 } as const;

Deno.test("HashShare refuses other roots, pieces that are not ours, and content that has changed", async () => {
  const stage = await Stage.open(16 * BLOCK, 4 * BLOCK);
  assertEquals((await stage.ask({ ...LEAVES, piecesRoot: new Uint8Array(32) })).type, "hashReject");
  assertEquals((await stage.ask(LEAVES)).type, "hashes");
  stage.missing.add(0);
  assertEquals((await stage.ask(LEAVES)).type, "hashReject");
  assertEquals((await stage.ask({ ...LEAVES, index: 4 })).type, "hashes");
  assertEquals((await stage.ask({ ...LEAVES, index: 0, length: 8 })).type, "hashReject");
  stage.content[5 * BLOCK]! ^= 1;
  assertEquals((await stage.ask({ ...LEAVES, index: 4 })).type, "hashReject");
});

Deno.test("HashShare refuses what it does not know, and knows it once the layer is here", async () => {
  const stage = await Stage.open(16 * BLOCK, 4 * BLOCK, "hybrid"),
    layers = stage.metainfo.pieceLayers as Map<string, Uint8Array>;
  const kept = [...layers], query = { baseLayer: 2, index: 0, length: 4, proofLayers: 1 };
  layers.clear();
  assertEquals((await stage.ask(query)).type, "hashReject");
  for (const [root, layer] of kept) layers.set(root, layer);
  assertEquals(await stage.ask(query), {
    type: "hashes",
    piecesRoot: stage.root,
    ...query,
    hashes: kept[0]![1],
  });
});

Deno.test("HashShare hashes as much for one peer as the content has, and 16 MiB, and answers others still", async () => {
  const stage = await Stage.open(64 * BLOCK, 16 * BLOCK);
  const ask = () => stage.ask({ ...LEAVES, length: 64, proofLayers: 0 });
  let answered = 0;
  while ((await ask()).type === "hashes") answered++;
  assertEquals(answered, 17);
  assertEquals(stage.reads, 17 * 64 * BLOCK);
  const layer = await stage.ask({ baseLayer: 4, index: 0, length: 4, proofLayers: 1 });
  assertEquals(layer.type, "hashes");
  stage.change();
  assertEquals((await ask()).type, "hashes");
});

Deno.test("HashShare gives every hash of a layer a few times, and no more", async () => {
  const stage = await Stage.open(1024 * BLOCK, BLOCK),
    query = { baseLayer: 0, index: 0, length: 512, proofLayers: 9 };
  let answered = 0;
  while (answered < 1000 && (await stage.ask(query)).type === "hashes") answered++;
  assert(answered >= 8 && answered <= 40, `${answered} answers`);
});

Deno.test("HashShare works on one request at a time and refuses those that would wait too long", async () => {
  const stage = await Stage.open(64 * BLOCK, 16 * BLOCK);
  const sockets = Array.from({ length: 100 }, () => stage.socket());
  await Promise.all(
    sockets.map((socket) => stage.share.answer(socket, { piecesRoot: stage.root, ...LEAVES })),
  );
  assertEquals(stage.sent.filter(({ type }) => type === "hashes").length, 32);
  assertEquals(stage.sent.length, 100);
});

Deno.test("HashShare hashes nothing for a peer that has gone while it waited", async () => {
  const stage = await Stage.open(64 * BLOCK, 16 * BLOCK), range = { piecesRoot: stage.root, ...LEAVES };
  await Promise.all([
    stage.share.answer(stage.socket(), range),
    stage.share.answer(stage.socket(true), range),
  ]);
  assertEquals(stage.reads, 16 * BLOCK);
});
