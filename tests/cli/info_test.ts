import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encode } from "../../src/bencode/encode.ts";
import { createTorrent } from "../../src/metainfo/create.ts";
import { formatMagnet, magnetLink } from "../../src/metainfo/magnet.ts";
import { readMetainfo } from "../../src/metainfo/metainfo.ts";
import { withFolder } from "../with_folder.ts";
import { run } from "./fake_terminal.ts";

const FILES = [
  { path: ["a.bin"], content: new Uint8Array(20_000) },
  { path: ["sub", "b.bin"], content: new Uint8Array(5) },
];

const KEYS = [
  "name",
  "version",
  "infoHash",
  "infoHashV2",
  "pieceLength",
  "pieceCount",
  "length",
  "private",
  "files",
  "announce",
  "webSeeds",
  "httpSeeds",
  "nodes",
  "comment",
  "createdBy",
  "creationDate",
  "source",
  "similar",
  "collections",
  "updateUrl",
  "key",
  "salt",
  "peers",
  "selectOnly",
  "sources",
];

async function writeTorrent(folder: string, options: Parameters<typeof createTorrent>[1] = {}) {
  const bytes = await createTorrent(FILES, { name: "data", version: "hybrid", ...options }),
    path = `${folder}/x.torrent`;
  await Deno.writeFile(path, bytes);
  return { path, bytes, metainfo: await readMetainfo(bytes) };
}

async function readJson(...args: string[]): Promise<Record<string, unknown>> {
  const { exitCode, out, error } = await run("info", ...args, "--json");
  assertEquals([exitCode, error], [0, ""]);
  return JSON.parse(out);
}

Deno.test("info --json prints every key of a torrent", () =>
  withFolder(async (folder) => {
    const { path, metainfo } = await writeTorrent(folder, {
      announce: [["http://a.test/announce", "udp://b.test:1"], ["http://c.test/announce"]],
      webSeeds: ["http://w.test/"],
      httpSeeds: ["http://h.test/seed.php"],
      nodes: [{ host: "::1", port: 6881 }],
      comment: "why",
      createdBy: "me",
      creationDate: 1_600_000_000,
      private: true,
      source: "SRC",
      similar: [new Uint8Array(20).fill(7)],
      collections: ["all of it"],
    });
    const report = await readJson(path), plain = { executable: false, symlink: null };
    assertEquals(Object.keys(report), KEYS);
    assertEquals(report, {
      name: "data",
      version: "hybrid",
      infoHash: metainfo.infoHashV1!.toHex(),
      infoHashV2: metainfo.infoHashV2!.toHex(),
      pieceLength: 16384,
      pieceCount: 3,
      length: 20_005,
      private: true,
      files: [
        { path: ["data", "a.bin"], length: 20_000, pad: false, ...plain },
        { path: metainfo.info.files[1]!.path, length: 12_768, pad: true, ...plain },
        { path: ["data", "sub", "b.bin"], length: 5, pad: false, ...plain },
        { path: metainfo.info.files[3]!.path, length: 16_379, pad: true, ...plain },
      ],
      announce: [["http://a.test/announce", "udp://b.test:1"], ["http://c.test/announce"]],
      webSeeds: ["http://w.test/"],
      httpSeeds: ["http://h.test/seed.php"],
      nodes: [{ host: "::1", port: 6881 }],
      comment: "why",
      createdBy: "me",
      creationDate: 1_600_000_000,
      source: "SRC",
      similar: ["07".repeat(20)],
      collections: ["all of it"],
      updateUrl: null,
      key: null,
      salt: null,
      peers: [],
      selectOnly: null,
      sources: [],
    });
  }));

Deno.test("info --json says null for what a torrent does not say", () =>
  withFolder(async (folder) => {
    const v1 = await readJson((await writeTorrent(folder, { version: "1" })).path);
    assertEquals([v1.version, v1.infoHashV2, v1.comment, v1.createdBy, v1.creationDate], [
      "1",
      null,
      null,
      null,
      null,
    ]);
    assertEquals([v1.private, v1.announce, v1.nodes], [false, [], []]);
    const v2 = await readJson((await writeTorrent(folder, { version: "2" })).path);
    assertEquals([v2.version, v2.infoHash, (v2.infoHashV2 as string).length], ["2", null, 64]);
  }));

Deno.test("info --json prints the same keys for a magnet link", () =>
  withFolder(async (folder) => {
    const { metainfo } = await writeTorrent(folder, { announce: [["http://a.test/announce"]] });
    const report = await readJson(formatMagnet(magnetLink(metainfo)));
    assertEquals(Object.keys(report), KEYS);
    assertEquals(report.infoHash, metainfo.infoHashV1!.toHex());
    assertEquals(report.infoHashV2, metainfo.infoHashV2!.toHex());
    assertEquals([report.name, report.version, report.files, report.pieceCount], [
      "data",
      "hybrid",
      [],
      null,
    ]);
    assertEquals(report.announce, [["http://a.test/announce"]]);
  }));

Deno.test("info shows all that a magnet link says", async () => {
  const key = "ab".repeat(32),
    link = `magnet:?xs=urn:btpk:${key}&s=6e&xs=http://x.test/t&x.pe=1.2.3.4:5&so=0,2-4&dn=n&xl=5`;
  assertEquals((await run("info", link)).out.split("\n"), [
    "Name          n",
    `Key           ${key}`,
    "Salt          6e",
    "Length        5 B",
    "Chosen files  0,2-4",
    "Torrent file  http://x.test/t",
    "Peers         1.2.3.4:5",
    "",
  ]);
  const { key: theKey, salt, peers, selectOnly, sources } = await readJson(link);
  assertEquals([theKey, salt, peers, selectOnly, sources], [
    key,
    "6e",
    [{ host: "1.2.3.4", port: 5 }],
    [0, 2, 3, 4],
    ["http://x.test/t"],
  ]);
});

Deno.test("info shows where links lead, and tells programs", () =>
  withFolder(async (folder) => {
    const path = `${folder}/x.torrent`, content = new Uint8Array(5);
    const files = [{ path: ["run"], content, executable: true }, { path: ["link"], symlink: ["run"] }];
    await Deno.writeFile(path, await createTorrent(files, { name: "data" }));
    const { out } = await run("info", path);
    assertEquals(out.split("\n").slice(-3), ["0 B  data/link → data/run", "5 B  data/run", ""]);
    const told = (await readJson(path)).files as { executable: boolean; symlink: string[] | null }[];
    assertEquals(told.map(({ executable, symlink }) => [executable, symlink]), [
      [false, ["data", "run"]],
      [true, null],
    ]);
  }));

Deno.test("info shows what a torrent says of other torrents", () =>
  withFolder(async (folder) => {
    const info = { length: 1, name: "n", "piece length": 16384, pieces: new Uint8Array(20) };
    const path = `${folder}/x.torrent`, hints = { collections: ["c"], similar: [new Uint8Array(20)] };
    await Deno.writeFile(
      path,
      encode({ info: { ...info, ...hints, "update-url": "http://u.test/", source: "S" } }),
    );
    const { out } = await run("info", path);
    assertEquals(out.split("\n").slice(5), [
      "Source        S",
      `Similar       ${"00".repeat(20)}`,
      "Collections   c",
      "Updates from  http://u.test/",
      "",
    ]);
  }));

Deno.test("info --json lets no control character of a torrent through to the terminal", () =>
  withFolder(async (folder) => {
    const comment = "\x9b2Jboo\u202e", { path } = await writeTorrent(folder, { comment });
    const { out } = await run("info", path, "--json");
    assert(!/[\x7f-\x9f\u202e]/.test(out));
    assertEquals(JSON.parse(out).comment, comment);
  }));

Deno.test("info shows a torrent to a person, padding left out", () =>
  withFolder(async (folder) => {
    const { path, metainfo } = await writeTorrent(folder, { creationDate: 1_600_000_000, private: true });
    const { exitCode, out, error } = await run("info", path);
    assertEquals([exitCode, error], [0, ""]);
    assertEquals(out.split("\n"), [
      "Name          data",
      "Version       hybrid",
      `Info hash     ${metainfo.infoHashV1!.toHex()}`,
      `Info hash v2  ${metainfo.infoHashV2!.toHex()}`,
      "Length        19.5 KiB (20,005 bytes)",
      "Pieces        3 of 16.0 KiB",
      "Private       yes",
      "Created       2020-09-13T12:26:40Z",
      "",
      "2 files",
      "19.5 KiB  data/a.bin",
      "     5 B  data/sub/b.bin",
      "",
    ]);
  }));

Deno.test("info lets no control character of a torrent through to the terminal", () =>
  withFolder(async (folder) => {
    const { path } = await writeTorrent(folder, { comment: "\x1b[2Jboo\u202e\nInfo hash  0000" });
    const { out } = await run("info", path);
    assertStringIncludes(out, "Comment       \ufffd[2Jboo\ufffd Info hash  0000\n");
  }));

Deno.test("magnet prints the link of a torrent", () =>
  withFolder(async (folder) => {
    const { path, metainfo } = await writeTorrent(folder, { announce: [["http://a.test/announce"]] });
    const { exitCode, out, error } = await run("magnet", path);
    assertEquals([exitCode, out, error], [0, formatMagnet(magnetLink(metainfo)) + "\n", ""]);
    assertStringIncludes(out, "tr=http%3A%2F%2Fa.test%2Fannounce");
  }));

Deno.test("info refuses what is no torrent, in one line", () =>
  withFolder(async (folder) => {
    const path = `${folder}/x`;
    const contents: Uint8Array[] = [
      new Uint8Array(),
      new TextEncoder().encode("<html>"),
      new Uint8Array(100_000).fill(0x6c),
      encode({ announce: "x" }),
      (await writeTorrent(folder)).bytes.subarray(0, 100),
    ];
    for (const bytes of contents) {
      await Deno.writeFile(path, bytes);
      const { exitCode, out, error } = await run("info", path);
      assertEquals([exitCode, out], [1, ""]);
      assert(error.startsWith(`error: "${path}" is no torrent: Cannot decode`), error);
      assertEquals(error.trim().split("\n").length, 1);
    }
  }));

Deno.test("info refuses a file that is too long for a torrent without reading it", () =>
  withFolder(async (folder) => {
    const path = `${folder}/x`;
    await Deno.writeFile(path, new Uint8Array());
    await Deno.truncate(path, 2 ** 40);
    const { exitCode, error } = await run("info", path);
    assertEquals(exitCode, 1);
    assertEquals(error, `error: Cannot read "${path}": longer than 128 MiB, which no torrent is\n`);
  }));

Deno.test("info refuses a magnet link that is none as wrong usage", async () => {
  const { exitCode, out, error } = await run("info", "magnet:?dn=x");
  assertEquals([exitCode, out], [2, ""]);
  assertStringIncludes(error, "error: Cannot decode magnet link: no info hash");
});
