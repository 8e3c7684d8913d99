import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeDictionary } from "../../src/bencode/decode.ts";
import { encode } from "../../src/bencode/encode.ts";
import { sha1 } from "../../src/bytes/digest.ts";
import { encodeHex, encodeUtf8 } from "../../src/bytes/text.ts";
import { StateError, StorageError } from "../../src/errors.ts";
import { type CreateOptions, createTorrent } from "../../src/metainfo/create.ts";
import { editTorrent } from "../../src/metainfo/edit.ts";
import { pieceFiles, pieceSize } from "../../src/metainfo/geometry.ts";
import type { ContentHasher } from "../../src/metainfo/hash_content.ts";
import { layoutContent, type SourceFile } from "../../src/metainfo/layout.ts";
import { type Metainfo, readMetainfo } from "../../src/metainfo/metainfo.ts";
import { matchesHash, pieceHash, verifyPiece } from "../../src/metainfo/verify.ts";
import { webSeedUrl } from "../../src/metainfo/web_seed.ts";

const VERSIONS = ["1", "2", "hybrid"] as const;

/** Bytes that differ from place to place and from file to file. */
function bytesOf(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 2654435761 >>> 13) + seed * 89 + (i >>> 8));
}

function streamOf(bytes: Uint8Array, chunk: number): () => ReadableStream<Uint8Array> {
  return () => {
    let at = 0;
    return new ReadableStream({
      pull(controller) {
        if (at >= bytes.length) controller.close();
        else controller.enqueue(bytes.subarray(at, at += chunk));
      },
    });
  };
}

async function create(files: readonly SourceFile[], options: CreateOptions = {}): Promise<Metainfo> {
  return await readMetainfo(await createTorrent(files, options));
}

/** A piece as a peer would have it, put together by the geometry from the sources. */
function pieceOf(metainfo: Metainfo, piece: number, contents: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const bytes = new Uint8Array(pieceSize(metainfo.info, piece));
  for (const { file, fileOffset, pieceOffset, length } of pieceFiles(metainfo.info, piece)) {
    const path = file.path.slice(metainfo.info.multiFile ? 1 : 0).join("/");
    if (!file.pad) bytes.set(contents.get(path)!.subarray(fileOffset, fileOffset + length), pieceOffset);
  }
  return bytes;
}

const sources = fc.record({
  version: fc.constantFrom(...VERSIONS),
  lengths: fc.array(fc.oneof(fc.nat(70_000), fc.constantFrom(0, 1, 16384, 32768, 65536)), {
    minLength: 1,
    maxLength: 5,
  }).filter((lengths) => lengths.some((length) => length > 0)),
  pieceLength: fc.constantFrom(16384, 32768, 65536),
  padFiles: fc.boolean(),
  kind: fc.constantFrom("bytes", "blob", "stream"),
  chunk: fc.integer({ min: 1000, max: 40_000 }),
});

Deno.test("createTorrent() makes torrents whose every piece verifies, of bytes, blobs and streams", async () => {
  await fc.assert(
    fc.asyncProperty(sources, async ({ version, lengths, pieceLength, padFiles, kind, chunk }) => {
      const contents = new Map(lengths.map((length, i) => [`${i}/${"é".repeat(i)}x`, bytesOf(length, i)]));
      const files = [...contents].map(([path, bytes]): SourceFile => ({
        path: path.split("/"),
        length: bytes.length,
        content: kind === "bytes" ? bytes : kind === "blob" ? new Blob([bytes]) : streamOf(bytes, chunk),
      }));
      const metainfo = await create(files, { name: "folder", version, pieceLength, padFiles });
      assertEquals(metainfo.version, version);
      assertEquals(metainfo.info.contentLength, lengths.reduce((a, b) => a + b));
      for (let piece = 0; piece < metainfo.info.pieceCount; piece++) {
        const bytes = pieceOf(metainfo, piece, contents);
        assert(await verifyPiece(metainfo, piece, bytes));
        bytes[bytes.length - 1]! ^= 1;
        assertEquals(await verifyPiece(metainfo, piece, bytes), false);
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("createTorrent() gives the same bytes for the same content, whatever the order", async () => {
  const a = { path: ["a"], content: bytesOf(20_000) }, b = { path: ["a.b"], content: bytesOf(5) };
  const c = { path: ["a", "c"], content: bytesOf(7) }, d = { path: ["b\u{10000}"], content: bytesOf(9) };
  const e = { path: ["b\uffee"], content: bytesOf(1) };
  for (const version of VERSIONS) {
    const options = { name: "n", version };
    const first = await createTorrent([b, c, d, e], options);
    assertEquals(await createTorrent([e, d, c, b], options), first);
    const paths = (await readMetainfo(first)).info.files.filter((file) => !file.pad).map((file) =>
      file.path.slice(1)
    );
    // Byte order puts a folder before a longer name, and U+FFEE (EF…) before U+10000 (F0…).
    assertEquals(paths, [["a", "c"], ["a.b"], ["b\uffee"], ["b\u{10000}"]]);
  }
  const kept = await create([b, a], { name: "n", version: "1", keepOrder: true });
  assertEquals(kept.info.files.map((file) => file.path[1]), ["a.b", "a"]);
});

Deno.test("createTorrent() writes what it is given", async () => {
  const similar = [new Uint8Array(20).fill(3)],
    options: CreateOptions = {
      version: "1",
      announce: [["http://a/", "http://b/"], [], ["http://c/"]],
      webSeeds: ["http://w/"],
      httpSeeds: ["http://h/"],
      nodes: [{ host: "router.example", port: 6881 }],
      comment: "cömment",
      createdBy: "me",
      creationDate: 1234567,
      private: true,
      source: "S",
      similar,
      collections: ["c"],
    };
  const bytes = await createTorrent(
    [{ path: ["x"], content: bytesOf(3), executable: true, hidden: true }],
    options,
  );
  const metainfo = await readMetainfo(bytes), { info } = metainfo;
  assertEquals(metainfo.announce, [["http://a/", "http://b/"], ["http://c/"]]);
  assertEquals([metainfo.webSeeds, metainfo.httpSeeds], [["http://w/"], ["http://h/"]]);
  assertEquals(metainfo.nodes, options.nodes);
  assertEquals([metainfo.comment, metainfo.createdBy, metainfo.creationDate], ["cömment", "me", 1234567]);
  assertEquals([info.private, info.source, info.similar, info.collections], [true, "S", similar, ["c"]]);
  assertEquals([info.files[0]?.executable, info.files[0]?.hidden], [true, true]);
  const root = decodeDictionary(bytes);
  assertEquals([root.text("announce"), root.text("url-list")], ["http://a/", "http://w/"]);
  assertEquals(root.dictionary("info")?.keys(), [
    "attr",
    "collections",
    "length",
    "name",
    "piece length",
    "pieces",
    "private",
    "similar",
    "source",
  ]);
});

Deno.test("createTorrent() writes no more than it must", async () => {
  const root = decodeDictionary(
    await createTorrent([{ path: ["x"], content: bytesOf(3) }], { version: "1", announce: [["http://a/"]] }),
  );
  assertEquals(root.keys(), ["announce", "info"]);
  assertEquals(root.dictionary("info")?.keys(), ["length", "name", "piece length", "pieces"]);
});

Deno.test("createTorrent() pads a v1 torrent when asked to, and a hybrid always (BEP 47)", async () => {
  const files = [5, 0, 7].map((length, i) => ({ path: [`${i}`], content: bytesOf(length) }));
  const summary = ({ info }: Metainfo) =>
    info.files.map((file) => [file.path.slice(1).join("/"), file.offset, file.pad]);
  const plain = [["0", 0, false], ["1", 5, false], ["2", 5, false]];
  const padded = [["0", 0, false], [".pad/16379", 5, true], ["1", 16384, false], ["2", 16384, false]];
  const tail = [".pad/16377", 16391, true];
  assertEquals(summary(await create(files, { name: "n", version: "1" })), plain);
  assertEquals(summary(await create(files, { name: "n", version: "1", padFiles: true })), padded);
  assertEquals(summary(await create(files, { name: "n", version: "hybrid" })), [...padded, tail]);
  const bare = await create([{ path: ["x"], content: bytesOf(5) }], { version: "hybrid" });
  assertEquals([bare.version, bare.info.files.length, bare.info.length], ["hybrid", 1, 5]);
  const offsets = (await create(files, { name: "n", version: "2" })).info.files.map((file) => file.offset);
  assertEquals(offsets, [0, 16384, 16384]);
});

Deno.test("createTorrent() writes links that readMetainfo() follows", async () => {
  for (const version of VERSIONS) {
    const { info } = await create([
      { path: ["d", "file"], content: bytesOf(5) },
      { path: ["link"], symlink: ["d", "file"] },
    ], { name: "n", version });
    assertEquals(info.files.find((file) => file.symlink)?.symlink, ["n", "d", "file"]);
  }
});

Deno.test("createTorrent() chooses pieces so that there are 1,000 to 2,000, from 16 KiB to 16 MiB", () => {
  const chosen = (length: number) => layoutContent([{ path: ["x"], length }], { version: "1" }).info;
  assertEquals(chosen(1).pieceLength, 16384);
  assertEquals(chosen(2000 * 16384).pieceLength, 16384);
  assertEquals(chosen(2000 * 16384 + 1).pieceLength, 32768);
  assertEquals(chosen(2 ** 40).pieceLength, 2 ** 24);
  fc.assert(fc.property(fc.integer({ min: 2 ** 25, max: 2 ** 34 }), (length) => {
    const { pieceCount } = chosen(length);
    assert(pieceCount >= 1000 && pieceCount <= 2000);
  }));
});

Deno.test("createTorrent() reports progress up to the end", async () => {
  for (const version of VERSIONS) {
    const calls: [number, number][] = [];
    await createTorrent([{ path: ["a"], content: bytesOf(70_000) }, { path: ["b"], content: bytesOf(10) }], {
      name: "n",
      version,
      pieceLength: 16384,
      onProgress: (hashed, total) => calls.push([hashed, total]),
    });
    const total = version === "hybrid" ? 98304 : 70010;
    assertEquals(calls.length, version === "1" ? 5 : 6);
    assertEquals(calls.at(-1), [total, total]);
    assert(calls.every(([hashed], i) => hashed > (calls[i - 1]?.[0] ?? 0)));
  }
});

Deno.test("createTorrent() stops when it is aborted, and lets go of the stream", async () => {
  const reason = new Error("enough"), controller = new AbortController();
  let cancelled: unknown;
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull: (stream) => stream.enqueue(new Uint8Array(1000)),
      cancel: (why) => void (cancelled = why ?? "cancelled"),
    });
  const promise = createTorrent([{ path: ["x"], length: 2 ** 30, content: endless }], {
    pieceLength: 16384,
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  });
  assertEquals(await assertRejects(() => promise), reason);
  assert(cancelled !== undefined);
});

Deno.test("createTorrent() stops when it is aborted while a stream says nothing", async () => {
  const reason = new Error("enough"), controller = new AbortController();
  const silent = () => new ReadableStream<Uint8Array>({ pull: () => controller.abort(reason) });
  const files = [{ path: ["x"], length: 5, content: silent }];
  assertEquals(await assertRejects(() => createTorrent(files, { signal: controller.signal })), reason);
  assertEquals(
    await assertRejects(() => createTorrent(files, { signal: AbortSignal.abort(reason) })),
    reason,
  );
});

Deno.test("createTorrent() passes on what the progress callback throws", async () => {
  const fault = new Error("callback"), content = streamOf(bytesOf(200_000), 5000);
  const onProgress = () => {
    throw fault;
  };
  const promise = createTorrent([{ path: ["x"], length: 200_000, content }], {
    pieceLength: 16384,
    onProgress,
  });
  assertEquals(await assertRejects(() => promise), fault);
});

Deno.test("createTorrent() notices content of another length, or none that can be read", async () => {
  const file = (
    length: number,
    content: SourceFile["content"],
  ): SourceFile[] => [{ path: ["x"], length, content: content! }];
  const stream = streamOf(bytesOf(100), 30);
  await assertRejects(
    () => createTorrent(file(101, stream)),
    StorageError,
    '"x": it is shorter than announced',
  );
  await assertRejects(
    () => createTorrent(file(99, stream)),
    StorageError,
    '"x": it is longer than announced',
  );
  await assertRejects(() => createTorrent(file(90, stream)), StorageError, "longer");
  const cause = new Error("broken");
  const broken = () => new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(cause) });
  assertEquals((await assertRejects(() => createTorrent(file(5, broken)), StorageError)).cause, cause);
  await assertRejects(() => createTorrent([{ path: ["x"], length: 5 }]), TypeError, 'no content for "x"');
});

Deno.test("createTorrent() refuses what is no torrent", () => {
  const content = bytesOf(5),
    layout = (files: readonly SourceFile[], options: CreateOptions = {}) => () =>
      layoutContent(files, options);
  const named = { name: "n" };
  assertThrows(layout([]), TypeError, "no files");
  assertThrows(layout([{ path: ["a", "b"], content }]), TypeError, "without a name");
  assertThrows(layout([{ path: ["a"], content }, { path: ["b"], content }]), TypeError, "without a name");
  for (const path of [[], [""], ["."], [".."], ["a/b"], ["a\0"]]) {
    assertThrows(layout([{ path, content }], named), TypeError, "is no path");
  }
  assertThrows(layout([{ path: ["a"], content }], { name: ".." }), TypeError, "no name of a folder");
  assertThrows(
    layout([{ path: ["a"], content }, { path: ["a"], content }], named),
    TypeError,
    "is there twice",
  );
  assertThrows(
    layout([{ path: ["a", "b"], content }, { path: ["a"], content }], named),
    TypeError,
    "a file and a folder",
  );
  assertThrows(layout([{ path: ["a"] }]), TypeError, 'the length of "a" is not known');
  assertThrows(layout([{ path: ["a"], length: -1 }]), TypeError);
  assertThrows(layout([{ path: ["a"], length: 0 }]), RangeError, "nothing to download");
  assertThrows(
    layout([{ path: ["a"], content }], { pieceLength: 16385, version: "2" }),
    RangeError,
    "no power of two",
  );
  assertThrows(
    layout([{ path: ["a"], content }], { version: "1", pieceLength: 0 }),
    RangeError,
    "no length of a piece",
  );
  assertThrows(
    layout([{ path: ["a"], length: 2 ** 40 }], { pieceLength: 16384 }),
    RangeError,
    "pieces, more than",
  );
  assertEquals(
    layout([{ path: ["a"], content }], { version: "1", pieceLength: 10000 })().info.pieceLength,
    10000,
  );
});

Deno.test("createTorrent() takes another hasher, which needs no content", async () => {
  const asked: string[] = [];
  const hasher: ContentHasher = (layout, { signal }) => {
    asked.push(...layout.sources.map((source) => source?.path.join("/") ?? "pad"));
    signal?.throwIfAborted();
    const { pieceCount } = layout.info;
    return Promise.resolve({
      sha1: new Uint8Array(pieceCount * 20),
      merkle: new Uint8Array(pieceCount * 32).fill(7),
    });
  };
  const files = [{ path: ["a"], length: 5 }, { path: ["b"], length: 20_000 }];
  const metainfo = await create(files, { name: "n", version: "hybrid", pieceLength: 16384, hasher });
  assertEquals(asked, ["a", "pad", "b", "pad"]);
  assertEquals(metainfo.info.files[0]?.piecesRoot, new Uint8Array(32).fill(7));
  assertEquals([...metainfo.pieceLayers.values()], [new Uint8Array(64).fill(7)]);
  const short: ContentHasher = () => Promise.resolve({ sha1: new Uint8Array(20) });
  await assertRejects(
    () => createTorrent(files, { name: "n", hasher: short }),
    TypeError,
    "did not give 2 hashes of 20 bytes",
  );
});

Deno.test("pieceHash() says what workers need to check a piece without the torrent", async () => {
  const content = bytesOf(50_000), small = bytesOf(5);
  const metainfo = await create([{ path: ["a"], content }, { path: ["b"], content: small }], {
    name: "n",
    version: "hybrid",
    pieceLength: 32768,
  });
  const last = pieceHash(metainfo, 1), padded = new Uint8Array(32768);
  padded.set(content.subarray(32768));
  assertEquals([last.merkle?.layer, last.merkle?.length], [1, 50_000 - 32768]);
  assertEquals(last.sha1, await sha1(padded));
  assert(await matchesHash(padded, last));
  assertEquals(pieceHash(metainfo, 2).merkle, {
    hash: metainfo.info.files[2]!.piecesRoot!,
    layer: 0,
    length: 5,
  });
  const tail = new Uint8Array(32768);
  tail.set(small);
  assert(await matchesHash(tail, pieceHash(metainfo, 2)));
  assertEquals(await matchesHash(small, {}), false);
  assertThrows(() => pieceHash(metainfo, 3), RangeError);
});

Deno.test("verifyPiece() wants both hashes of a hybrid, and some hash at all", async () => {
  const content = bytesOf(40_000), files = [{ path: ["a"], content }], options = { pieceLength: 16384 };
  const metainfo = await create(files, { ...options, version: "hybrid" }),
    piece = content.subarray(0, 16384),
    { info } = metainfo;
  assert(await verifyPiece(metainfo, 0, piece));
  assert(await verifyPiece({ info }, 0, piece), "the v1 hash is enough while the layer is not known");
  assertEquals(
    await verifyPiece({ ...metainfo, info: { ...info, pieces: new Uint8Array(60) } }, 0, piece),
    false,
  );
  const wrong = new Map([...metainfo.pieceLayers.keys()].map((root) => [root, new Uint8Array(96)]));
  assertEquals(await verifyPiece({ info, pieceLayers: wrong }, 0, piece), false);
  assertEquals(await verifyPiece(metainfo, 0, content.subarray(0, 16383)), false);
  const v2 = await create(files, { ...options, version: "2" });
  await assertRejects(() => verifyPiece({ info: v2.info }, 0, piece), StateError, "not known yet");
});

Deno.test("editTorrent() changes what is outside the info dictionary and no byte inside", async () => {
  const info = `d6:lengthi5e4:name1:x12:piece lengthi16384e6:pieces20:${"p".repeat(20)}3:odd1:k1:zle1:ai07ee`;
  const before = encodeUtf8(`d8:announce9:http://o/13:comment.utf-81:c4:info${info}5:otherd1:bi02eee\n`);
  const after = editTorrent(before, {
    announce: [["http://a/", "http://b/"]],
    comment: "new",
    webSeeds: ["http://w/", "http://v/"],
    nodes: [{ host: "::1", port: 5 }],
    creationDate: 5,
  });
  const metainfo = await readMetainfo(after), root = decodeDictionary(after, { tolerant: true });
  assertEquals(metainfo.rawInfo, encodeUtf8(info));
  assertEquals(encodeHex(metainfo.infoHash), encodeHex(await sha1(encodeUtf8(info))));
  assertEquals([metainfo.announce, metainfo.comment, metainfo.creationDate], [
    [["http://a/", "http://b/"]],
    "new",
    5,
  ]);
  assertEquals([metainfo.webSeeds, metainfo.nodes], [["http://w/", "http://v/"], [{ host: "::1", port: 5 }]]);
  assertEquals(root.dictionary("other")?.raw, encodeUtf8("d1:bi02ee"));
  const bare = editTorrent(after, {
    announce: [],
    webSeeds: [],
    httpSeeds: [],
    nodes: [],
    comment: null,
    createdBy: null,
    creationDate: null,
  });
  assertEquals(decodeDictionary(bare, { tolerant: true }).keys(), ["info", "other"]);
  assertEquals(editTorrent(bare, {}), bare);
  assertThrows(() => editTorrent(encode({ a: 1 }), {}), Error, '"info": missing');
});

Deno.test("webSeedUrl() follows the slash rule and the torrent's own spelling (BEP 19)", async () => {
  const bare = (await create([{ path: ["a b.txt"], content: bytesOf(5) }])).info;
  assertEquals(webSeedUrl("http://w/file.exe", bare, bare.files[0]!), "http://w/file.exe");
  assertEquals(webSeedUrl("http://w/pub/", bare, bare.files[0]!), "http://w/pub/a%20b.txt");
  const folder = (await create([{ path: ["d", "é?.txt"], content: bytesOf(5) }], { name: "n:1" })).info;
  const url = "http://w/pub/n%3A1/d/%C3%A9%3F.txt";
  assertEquals(webSeedUrl("http://w/pub/", folder, folder.files[0]!), url);
  assertEquals(webSeedUrl("http://w/pub", folder, folder.files[0]!), url);
});
