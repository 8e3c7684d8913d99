import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Bencodable, encode } from "../../src/bencode/encode.ts";
import { sha1, sha256 } from "../../src/bytes/digest.ts";
import { encodeByteString, encodeHex, encodeUtf8 } from "../../src/bytes/text.ts";
import { DecodeError } from "../../src/errors.ts";
import type { TorrentFile } from "../../src/metainfo/info.ts";
import { type Metainfo, readMetainfo } from "../../src/metainfo/metainfo.ts";
import { readInfo } from "../../src/metainfo/read_info.ts";

type Entries = { readonly [key: string]: Bencodable | undefined };

const PIECES = new Uint8Array(20).fill(1), ROOT = new Uint8Array(32).fill(2);
const BARE: Entries = { length: 100, name: "bare", "piece length": 16384, pieces: PIECES };

/** A v1 torrent of one bare file, with other keys in or around the info dictionary. */
function read(info: Entries, root: Entries = {}): Promise<Metainfo> {
  return readMetainfo(encode({ ...root, info: { ...BARE, ...info } }));
}

/** A v1 torrent of a folder. */
function readFiles(files: readonly Entries[], info: Entries = {}): Promise<Metainfo> {
  return read({ length: undefined, files, name: "folder", ...info });
}

/** A v2 torrent of a folder. */
function readTree(tree: Bencodable, info: Entries = {}, root: Entries = {}): Promise<Metainfo> {
  const v2 = { length: undefined, pieces: undefined, "meta version": 2, "file tree": tree };
  return read({ ...v2, name: "folder", ...info }, root);
}

function leaf(entry: Entries): Bencodable {
  return { "": { length: 10, "pieces root": ROOT, ...entry } };
}

function paths(metainfo: Metainfo): string[] {
  return metainfo.info.files.map((file) => file.path.join("/"));
}

async function assertFault(promise: Promise<Metainfo>, text: string): Promise<void> {
  await assertRejects(() => promise, DecodeError, text);
}

Deno.test("readMetainfo() reads a bare file", async () => {
  const { info, version, infoHash, infoHashV1, infoHashV2, rawInfo } = await read({});
  assertEquals([info.name, info.multiFile, version, infoHashV2], ["bare", false, "1", undefined]);
  assertEquals([info.pieceCount, info.length, info.contentLength, info.pieceLength], [1, 100, 100, 16384]);
  assertEquals(info.pieces, PIECES);
  assertEquals(rawInfo, encode(BARE));
  assertEquals(infoHashV1, await sha1(rawInfo));
  assertEquals(infoHash, infoHashV1);
  assertEquals(info.files, [
    { index: 0, path: ["bare"], length: 100, offset: 0, pad: false, executable: false, hidden: false },
  ]);
});

Deno.test("readMetainfo() hashes the bytes that stand in the file, canonical or not", async () => {
  for (const name of ["4:name4:bare", "4:name004:bare"]) {
    const info = `d12:piece lengthi16384e6:lengthi0100e${name}6:pieces20:${"x".repeat(20)}e`;
    const metainfo = await readMetainfo(encodeUtf8(`d4:info${info}7:comment1:ce\n`));
    assertEquals(metainfo.infoHashV1, await sha1(encodeUtf8(info)));
    assertEquals([metainfo.info.contentLength, metainfo.comment], [100, "c"]);
  }
});

Deno.test("readMetainfo() hashes a large info dictionary as it does a small one", async () => {
  const metainfo = await read({ source: "s".repeat(5000) });
  assertEquals(metainfo.infoHashV1, await sha1(metainfo.rawInfo));
});

Deno.test("readMetainfo() reads a folder with attributes, pads and a hint", async () => {
  const sha1 = new Uint8Array(20).fill(9);
  const { info } = await readFiles([
    { path: ["a"], length: 3, attr: "xh", sha1 },
    { path: [".pad", "16381"], length: 16381, attr: "?p" },
    { path: ["_____padding_file_1_if you see this"], length: 1 },
    { attr: "p", length: 1 },
    { path: ["d", "b"], length: 5 },
  ], { pieces: new Uint8Array(40) });
  assertEquals(info.files.map((file) => file.pad), [false, true, true, true, false]);
  assertEquals(info.files.map((file) => file.offset), [0, 3, 16384, 16385, 16386]);
  assertEquals([info.length, info.contentLength, info.pieceCount], [16391, 8, 2]);
  const [a] = info.files;
  assertEquals([a?.executable, a?.hidden, a?.sha1], [true, true, sha1]);
  assertEquals(info.files[4]?.path, ["folder", "d", "b"]);
});

Deno.test("readMetainfo() prefers the UTF-8 spellings and keeps the original path of what it had to change", async () => {
  const metainfo = await readFiles([{ path: ["x"], "path.utf-8": ["é:1"], length: 10 }, {
    path: ["b"],
    length: 1,
  }], {
    "name.utf-8": "näme",
  });
  assertEquals(paths(metainfo), ["näme/é_1", "näme/b"]);
  assertEquals(metainfo.info.files[0]?.originalPath, ["näme", "é:1"].map(encodeUtf8));
  assertEquals(metainfo.info.files[1]?.originalPath, undefined);
});

Deno.test("readMetainfo() takes names as they are when asked to", async () => {
  const bytes = encode({ info: { ...BARE, name: "what? " } });
  assertEquals((await readMetainfo(bytes)).info.files[0]?.path, ["what_"]);
  assertEquals((await readMetainfo(bytes, { portableNames: false })).info.files[0]?.path, ["what? "]);
});

Deno.test("readMetainfo() falls back to the info hash when the name says nothing", async () => {
  for (const name of [undefined, "", "..", "/"]) {
    const { info, infoHash } = await read({ name });
    assertEquals([info.name, info.files[0]?.path], [encodeHex(infoHash), [encodeHex(infoHash)]]);
  }
  assertEquals(readInfo(encode({ ...BARE, name: ".." })).name, "torrent");
  assertEquals(readInfo(encode({ ...BARE, name: ".." }), { fallbackName: "x/y" }).name, "xy");
});

Deno.test("readMetainfo() numbers files whose paths clash", async () => {
  const names = ["a/B.txt", "A/b.TXT", "a/b.1.txt", "a", "é", "e\u0301", "_", ":", "a/b.txt"];
  const metainfo = await readFiles(names.map((name) => ({ path: name.split("/"), length: 1 })));
  assertEquals(paths(metainfo), [
    "folder/a/B.txt",
    "folder/A/b.1.TXT",
    "folder/a/b.1.1.txt",
    "folder/a.1",
    "folder/é",
    "folder/e\u0301.1",
    "folder/_",
    "folder/_.1",
    "folder/a/b.2.txt",
  ]);
});

Deno.test("readMetainfo() numbers files whose letters have one capital", async () => {
  const names = ["ΟΔΟΣ", "οδος", "οδοσ", "\u017fet", "Set", "İ", "i\u0307", "\u212a", "k"];
  const metainfo = await readFiles(names.map((name) => ({ path: [name], length: 1 })));
  assertEquals(paths(metainfo), [
    "folder/ΟΔΟΣ",
    "folder/οδος.1",
    "folder/οδοσ.2",
    "folder/\u017fet",
    "folder/Set.1",
    "folder/İ",
    "folder/i\u0307.1",
    "folder/\u212a",
    "folder/k.1",
  ]);
});

Deno.test("readMetainfo() gives every file a place of its own", async () => {
  const segment = fc.constantFrom("a", "A", "b", "a.1", "..", "", "é", "e\u0301", "con", "a.", "\u200ba");
  const list = fc.array(fc.array(segment, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 12 });
  await fc.assert(fc.asyncProperty(list, async (files) => {
    const keys = paths(await readFiles(files.map((path) => ({ path, length: 1 }))))
      .map((path) => path.normalize("NFC").toLowerCase());
    assertEquals(new Set(keys).size, files.length);
    for (const key of keys) assert(!keys.some((other) => other.startsWith(`${key}/`)));
  }));
});

Deno.test("readMetainfo() gives up on a tree that spells out gigabytes of paths", async () => {
  const names = Array.from({ length: 300 }, (_, i) => `${i}`);
  const folder = Object.fromEntries(names.map((name) => [name, leaf({})]));
  await assertFault(readTree({ ["x".repeat(1_000_000)]: folder }), "paths of more than 268435456 bytes");
});

Deno.test("readMetainfo() gives up on paths that no system takes", async () => {
  const path = (length: number) => [...new Array<string>(15).fill("x".repeat(255)), "y".repeat(length)];
  const [file] = (await readFiles([{ path: path(240), length: 1 }])).info.files;
  assertEquals(file!.path.length, 17);
  const deep = [...path(240), ...path(240)];
  await assertFault(readFiles([{ path: deep, length: 1 }]), "a path has more than 4096 characters");
});

Deno.test("readMetainfo() gives up on names made to clash forever", async () => {
  const stem = "x".repeat(236), files: Entries[] = [];
  for (let i = 0; i < 400; i++) {
    const path = [`${stem}${i.toString(36).padStart(4, "0")}`];
    files.push({ path, length: 1 }, { path, length: 1 });
  }
  await assertFault(readFiles(files), "too many names clash");
});

Deno.test("readMetainfo() numbers thousands of equal names", async () => {
  const metainfo = await readFiles(Array.from({ length: 5000 }, () => ({ path: ["same.bin"], length: 1 })));
  assertEquals(paths(metainfo)[4999], "folder/same.4999.bin");
});

const LINKS: readonly (readonly [name: string, target: string[], expected: string[] | undefined])[] = [
  ["to a file", ["d", "file"], ["folder", "d", "file"]],
  ["to a folder", ["d"], ["folder", "d"]],
  ["through another link", ["other", "file"], ["folder", "other", "file"]],
  ["with slashes to drop", ["d", "/", "file"], ["folder", "d", "file"]],
  ["from its own folder", ["neighbour"], ["folder", "links", "neighbour"]],
  ["to nowhere", ["d", "missing"], undefined],
  ["upward", ["..", "d", "file"], ["folder", "d", "file"]],
  ["upward, from where there is another of that name", ["..", "links", "neighbour"], [
    "folder",
    "links",
    "neighbour",
  ]],
  ["upward to nowhere", ["..", "neighbour"], undefined],
  ["down and upward", ["x", "..", "neighbour"], ["folder", "links", "neighbour"]],
  ["to the folder of the torrent", [".."], ["folder"]],
  ["out of the torrent", ["..", "..", "etc", "passwd"], undefined],
  ["out of the torrent and in again", ["..", "..", "folder", "d", "file"], undefined],
  ["to itself", ["links", "link"], undefined],
  ["in a circle", ["circle"], undefined],
  ["below a file", ["d", "file", "x"], undefined],
];

for (const [name, target, expected] of LINKS) {
  Deno.test(`readMetainfo() judges a link ${name}`, async () => {
    const { info } = await readFiles([
      { path: ["d", "file"], length: 7 },
      { path: ["links", "neighbour"], length: 1 },
      { path: ["links", "link"], attr: "l", length: 99, "symlink path": target },
      { path: ["other"], attr: "l", "symlink path": ["d"] },
      { path: ["circle"], attr: "l", "symlink path": ["links", "link"] },
    ]);
    const link = info.files[2]!;
    assertEquals([link.symlink, link.length], [expected, 0]);
    assertEquals(info.contentLength, 8);
  });
}

Deno.test("readMetainfo() gives up on links that take too long to follow", async () => {
  const far = Array.from({ length: 90 }, (_, i) => `${i}`.padEnd(200, "-"));
  const { info } = await readFiles([
    { path: ["file"], length: 7 },
    { path: ["first"], attr: "l", "symlink path": ["file"] },
    ...Array.from({ length: 400 }, (_, i) => ({ path: [`${i}`], attr: "l", "symlink path": far })),
    { path: ["last"], attr: "l", "symlink path": ["file"] },
  ]);
  assertEquals([info.files[1]!.symlink, info.files.at(-1)!.symlink], [["folder", "file"], undefined]);
});

Deno.test("readMetainfo() reads a tree: files start at pieces", async () => {
  const { info, version, infoHash, infoHashV1, infoHashV2, rawInfo } = await readTree({
    b: leaf({ length: 16384 }),
    a: { z: leaf({ length: 0, "pieces root": undefined }), y: leaf({ attr: "x" }) },
  });
  assertEquals([version, info.multiFile, infoHashV1], ["2", true, undefined]);
  assertEquals(infoHashV2, await sha256(rawInfo));
  assertEquals(infoHash, infoHashV2?.subarray(0, 20));
  const summary = (
    file: TorrentFile,
  ) => [file.path.join("/"), file.length, file.offset, file.piecesRoot?.length];
  assertEquals(info.files.map(summary), [
    ["folder/a/y", 10, 0, 32],
    ["folder/a/z", 0, 16384, undefined],
    ["folder/b", 16384, 16384, 32],
  ]);
  assertEquals([info.pieceCount, info.length, info.contentLength], [2, 32768, 16394]);
});

Deno.test("readMetainfo() reads a tree of one file as a bare file, and cleans its names", async () => {
  const { info } = await readTree({ "f:1": leaf({}) });
  assertEquals([info.multiFile, info.name, info.files[0]?.path], [false, "folder", ["f_1"]]);
  assertEquals(info.files[0]?.originalPath, [encodeUtf8("f:1")]);
  assertEquals(paths(await readTree({ "..": leaf({}), "\xff": leaf({}), "a/b": leaf({}) })), [
    "folder/_",
    "folder/ab",
    "folder/_.1",
  ]);
});

Deno.test("readMetainfo() does not look at a file tree of version 1", async () => {
  const { version, info } = await read({ "file tree": 7, "meta version": 1 });
  assertEquals([version, info.files.length], ["1", 1]);
});

Deno.test("readMetainfo() reads a hybrid: v1 files with v2 roots", async () => {
  const metainfo = await hybrid();
  assertEquals([metainfo.version, metainfo.infoHash], ["hybrid", metainfo.infoHashV1]);
  assertEquals(metainfo.infoHashV1, await sha1(metainfo.rawInfo));
  assertEquals(metainfo.infoHashV2, await sha256(metainfo.rawInfo));
  assertEquals(metainfo.info.files.map((file) => [file.pad, file.piecesRoot]), [
    [false, ROOT],
    [true, undefined],
    [false, undefined],
    [false, ROOT],
    [true, undefined],
  ]);
  assertEquals(metainfo.info.pieceCount, 2);
});

const HYBRID_FILES: readonly Entries[] = [
  { path: ["a"], length: 10 },
  { path: [".pad", "16374"], length: 16374, attr: "p" },
  { path: ["b"], length: 0 },
  { path: ["c", "d"], length: 20 },
  { path: [".pad", "16364"], length: 16364, attr: "p" },
];
const HYBRID_TREE = {
  a: leaf({}),
  b: leaf({ length: 0, "pieces root": undefined }),
  c: { d: leaf({ length: 20 }) },
};

function hybrid(files = HYBRID_FILES, tree: Bencodable = HYBRID_TREE, pieces = 2): Promise<Metainfo> {
  return readTree(tree, { files, pieces: new Uint8Array(20 * pieces) });
}

Deno.test("readMetainfo() refuses a hybrid whose halves differ", async () => {
  const [a, pad, b, c, tail] = HYBRID_FILES as [Entries, Entries, Entries, Entries, Entries];
  assertEquals((await hybrid([a, pad, b, c])).info.pieceCount, 2);
  await assertFault(hybrid([a, b, c], HYBRID_TREE, 1), '"info.files": file 3 does not start at a piece');
  await assertFault(hybrid([b, a, pad, c]), '"info.file tree": file 1 is another');
  await assertFault(hybrid([a, pad, b]), '"info.file tree": 3 files, but 2');
  await assertFault(hybrid([a, pad, b, c, { path: ["e"], length: 1 }]), "file 4 is another");
  await assertFault(hybrid([a, pad, b, { ...c, length: 21 }]), "file 3 is another");
  await assertFault(hybrid([a, pad, b, { ...c, path: ["c", "e"] }]), "file 3 is another");
  await assertFault(hybrid([a, pad, b, c, tail, { ...tail, length: 1 }]), "padding beyond the last piece");
  await assertFault(
    hybrid([a, pad, { ...pad, length: 16384 }, b, c], HYBRID_TREE, 3),
    "does not start at a piece",
  );
});

const FAULTS: readonly (readonly [text: string, promise: () => Promise<Metainfo>])[] = [
  ['"info": missing', () => readMetainfo(encode({ a: 1 }))],
  ['"info": the value is not a dictionary', () => readMetainfo(encode({ info: 1 }))],
  ["not a dictionary", () => readMetainfo(encode([1]))],
  ["the input ends", () => readMetainfo(new Uint8Array())],
  ['"info.piece length": missing', () => read({ "piece length": undefined })],
  ['"info.piece length": the value is not an integer', () => read({ "piece length": "1" })],
  ['"info.piece length": 0 is no length of a piece', () => read({ "piece length": 0 })],
  ['"info.piece length": -5 is no', () => read({ "piece length": -5 })],
  ['"info.piece length": 1073741824 is no', () => read({ "piece length": 2 ** 30 })],
  ['"info.piece length": 8192 is no power of two', () => readTree({ a: leaf({}) }, { "piece length": 8192 })],
  [
    '"info.piece length": 49152 is no power of two',
    () => readTree({ a: leaf({}) }, { "piece length": 49152 }),
  ],
  ['"info.pieces": missing', () => read({ pieces: undefined })],
  ['"info.pieces": 19 bytes, but 1 pieces need 20', () => read({ pieces: new Uint8Array(19) })],
  ['"info.pieces": 20 bytes, but 2 pieces need 40', () => read({ length: 16385 })],
  ['"info.length": -1 is no length', () => read({ length: -1 })],
  ['"info.length": 9007199254740992 is beyond', () => read({ length: 2n ** 53n })],
  ['"info.length": nothing to download', () => read({ length: 0, pieces: "" })],
  ['"info.length": 4194304 pieces, more than 2097152', () => read({ length: 2 ** 36, pieces: "" })],
  ['"info.length": stands beside "files"', () => read({ files: [] })],
  ['"info.files": missing, and so is "length"', () => read({ length: undefined })],
  ['"info.files": no files', () => readFiles([])],
  [
    '"info.files[1]": not a dictionary',
    () => read({ length: undefined, files: [{ path: ["a"], length: 1 }, 1] }),
  ],
  ['"info.files[0].path": missing', () => readFiles([{ length: 1 }])],
  ['"info.files[0].path": a path without segments', () => readFiles([{ path: [], length: 1 }])],
  [
    '"info.files[0].path": more than 100 levels',
    () => readFiles([{ path: new Array(101).fill("a"), length: 1 }]),
  ],
  ['"info.files[0].path[1]": not a byte string', () => readFiles([{ path: ["a", 1], length: 1 }])],
  ['"info.files[0].length": missing', () => readFiles([{ path: ["a"] }])],
  ['"info.name": the value is not a byte string', () => read({ name: 5 })],
  [
    '"info.meta version": 3 is newer',
    () => readTree({ a: leaf({}) }, { "meta version": 3, "piece length": "?" }),
  ],
  ['"info.file tree": missing', () => read({ "meta version": 2 })],
  ['"info.file tree": no files', () => readTree({ a: { b: {} } })],
  ['"info.file tree": is itself a file', () => readTree(leaf({}))],
  ['"info.file tree.a": not a dictionary', () => readTree({ a: 5 })],
  [
    '"info.file tree.a.b": a file and a folder at once',
    () => readTree({ a: { b: { "": { length: 1 }, c: {} } } }),
  ],
  ['"info.file tree.a.length": missing', () => readTree({ a: leaf({ length: undefined }) })],
  ['"info.file tree.a.pieces root": missing', () => readTree({ a: leaf({ "pieces root": undefined }) })],
  [
    '"info.file tree.a.pieces root": 31 bytes',
    () => readTree({ a: leaf({ "pieces root": new Uint8Array(31) }) }),
  ],
  [
    '"info.file tree.a.pieces root": all zeros',
    () => readTree({ a: leaf({ "pieces root": new Uint8Array(32) }) }),
  ],
  ['"info.file tree.a.attr": padding', () => readTree({ a: leaf({ attr: "xp" }) })],
  [
    '"piece layers": the value is not a dictionary',
    () => readTree({ a: leaf({}) }, {}, { "piece layers": [] }),
  ],
];

for (const [text, promise] of FAULTS) {
  Deno.test(`readMetainfo() complains: ${text}`, () => assertFault(promise(), text));
}

Deno.test("readMetainfo() is strict about the bencoding of v2 alone", async () => {
  const tree = "9:file treed1:ad0:d6:lengthi0e5:extrai07eeee",
    rest = "12:piece lengthi16384e12:meta versioni2e";
  await assertFault(readMetainfo(encodeUtf8(`d4:infod${tree}${rest}ee`)), "Cannot decode bencode");
});

Deno.test("readMetainfo() wants piece layers to hash into their roots, and only those", async () => {
  const key = encodeByteString(ROOT), layer = new Uint8Array(64);
  const big = { a: leaf({ length: 20000 }) },
    withLayer = (value: Bencodable) => ({ "piece layers": { [key]: value } });
  assertEquals((await readTree(big)).pieceLayers.size, 0);
  await assertFault(
    readTree(big, {}, withLayer(layer)),
    `"piece layers.${encodeHex(ROOT)}": the hashes do not belong`,
  );
  await assertFault(readTree(big, {}, withLayer(layer.subarray(1))), "do not belong");
  await assertFault(readTree(big, {}, withLayer(5)), "not a byte string");
  await assertFault(
    readTree({ a: leaf({}) }, {}, withLayer(layer)),
    "the root of no file longer than a piece",
  );
  await assertFault(readTree(big, {}, { "piece layers": { short: layer } }), "the root of no file");
});

Deno.test("readMetainfo() refuses a file beyond its limit", async () => {
  await assertRejects(
    () => readMetainfo(encode({ info: BARE }), { maxLength: 50 }),
    DecodeError,
    "more than 50",
  );
});

Deno.test("readInfo() reads what readMetainfo() reads, and nothing behind it", async () => {
  const metainfo = await hybrid();
  assertEquals(readInfo(metainfo.rawInfo), metainfo.info);
  assertThrows(
    () => readInfo(new Uint8Array([...metainfo.rawInfo, 0x65])),
    DecodeError,
    "bytes after the value",
  );
  assertThrows(() => readInfo(encode([])), DecodeError);
});

Deno.test("readMetainfo() takes any sign of privacy for privacy", async () => {
  const values: [Bencodable | undefined, boolean][] = [
    [undefined, false],
    [0, false],
    [1, true],
    [2, true],
    [-1, true],
    [2n ** 70n, true],
    ["1", true],
    ["0", false],
    ["", false],
    [[1], false],
  ];
  for (const [value, expected] of values) {
    assertEquals((await read({ private: value })).info.private, expected);
  }
});

Deno.test("readMetainfo() reads the hints of the info dictionary and merges those outside (BEP 38)", async () => {
  const hash = (fill: number) => new Uint8Array(20).fill(fill),
    hints = { source: "s", "update-url": "http://u/" };
  const metainfo = await read({ ...hints, similar: [hash(1), "short", 5], collections: ["a", 1, "b"] }, {
    similar: [hash(2), hash(1), new Uint8Array(32)],
    collections: ["c", "b"],
  });
  assertEquals([metainfo.info.source, metainfo.info.updateUrl], ["s", "http://u/"]);
  assertEquals(metainfo.info.similar, [hash(1)]);
  assertEquals(metainfo.similar, [hash(1), hash(2), new Uint8Array(32)]);
  assertEquals(metainfo.collections, ["a", "b", "c"]);
});

Deno.test("readMetainfo() reads trackers in any shape (BEP 12)", async () => {
  const cases: [Entries, string[][]][] = [
    [{}, []],
    [{ announce: "http://a/" }, [["http://a/"]]],
    [{ announce: "\t http://a/\n" }, [["http://a/"]]],
    [{ announce: "" }, []],
    [{ announce: 5, "announce-list": "http://a/" }, []],
    [
      {
        announce: "http://z/",
        "announce-list": [["http://a/", "http://b/"], [], ["http://c/", "http://a/"]],
      },
      [
        ["http://a/", "http://b/"],
        ["http://c/"],
      ],
    ],
    [{ announce: "http://z/", "announce-list": [[""], [[5]]] }, [["http://z/"]]],
    [{ "announce-list": ["http://a/", 5, ["http://b/", 6]] }, [["http://a/"], ["http://b/"]]],
  ];
  for (const [root, expected] of cases) assertEquals((await read({}, root)).announce, expected);
});

Deno.test("readMetainfo() reads URLs of seeds in any shape (BEP 17, 19)", async () => {
  const cases: [Bencodable | undefined, string[]][] = [
    [undefined, []],
    ["", []],
    ["http://a/ b", ["http://a/%20b"]],
    [["", "http://a/", " http://a/", [], 5, "ftp://b/"], ["http://a/", "ftp://b/"]],
    [5, []],
    [{ a: 1 }, []],
  ];
  for (const [value, expected] of cases) {
    const metainfo = await read({}, { "url-list": value, httpseeds: value });
    assertEquals([metainfo.webSeeds, metainfo.httpSeeds], [expected, expected]);
  }
});

Deno.test("readMetainfo() reads nodes, dates and texts that make sense, and leaves out the rest", async () => {
  const good = await read({}, {
    nodes: [["router.example", 6881], ["::1", 1], ["x", 0], ["", 5], ["y"], "z", [5, 5], ["w", 65536]],
    comment: "old",
    "comment.utf-8": "né",
    "created by": "me",
    "creation date": 1234567,
  });
  assertEquals(good.nodes, [{ host: "router.example", port: 6881 }, { host: "::1", port: 1 }]);
  assertEquals([good.comment, good.createdBy, good.creationDate], ["né", "me", 1234567]);
  for (const date of ["2020", -1, 0, 2n ** 80n]) {
    const bad = await read({}, { nodes: 5, comment: 5, "created by": [], "creation date": date });
    assertEquals([bad.nodes, bad.comment, bad.createdBy, bad.creationDate], [
      [],
      undefined,
      undefined,
      undefined,
    ]);
  }
});

Deno.test("readMetainfo() keeps no more hints than anybody needs", async () => {
  const many = Array.from({ length: 3000 }, (_, i) => i);
  const url = (i: number) => `http://${i}/`,
    hash = (i: number) => new Uint8Array(20).fill(i >> 8).fill(i, 10);
  const metainfo = await read({ similar: many.map(hash), collections: many.map(String) }, {
    "announce-list": many.map((i) => [url(i), url(i + 5000)]),
    "url-list": many.map(url),
    httpseeds: many.map(url),
    nodes: many.map((i) => [`host${i}`, 1]),
    similar: many.map((i) => hash(i + 1)),
    collections: many.map((i) => `more ${i}`),
  });
  const { announce, webSeeds, httpSeeds, nodes, similar, collections } = metainfo;
  assertEquals([announce.flat(), webSeeds, httpSeeds, nodes].map((list) => list.length), [
    1000,
    1000,
    1000,
    100,
  ]);
  assertEquals([announce[0], announce.length], [[url(0), url(5000)], 500]);
  assert(similar.length <= 2000 && collections.length <= 2000);
});
