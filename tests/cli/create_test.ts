import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readMetainfo } from "../../src/metainfo/metainfo.ts";
import { runCli } from "../../src/cli/main.ts";
import { withFolder } from "../with_folder.ts";
import { FakeTerminal, run } from "./fake_terminal.ts";

/** A folder "data" with three files, one of them empty. */
async function makeData(folder: string): Promise<string> {
  const data = `${folder}/data`;
  await Deno.mkdir(`${data}/sub`, { recursive: true });
  await Deno.writeFile(`${data}/a.bin`, Uint8Array.from({ length: 70_000 }, (_, index) => index % 251));
  await Deno.writeFile(`${data}/sub/b.bin`, new Uint8Array(20_000).fill(7));
  await Deno.writeFile(`${data}/empty`, new Uint8Array());
  return data;
}

const read = async (path: string) => await readMetainfo(await Deno.readFile(path));
const namesIn = async (folder: string) =>
  (await Array.fromAsync(Deno.readDir(folder), (entry) => entry.name)).sort();

Deno.test("create writes what its options say", () =>
  withFolder(async (folder) => {
    const data = await makeData(folder), path = `${folder}/x.torrent`;
    const before = Math.floor(Date.now() / 1000);
    const { exitCode, out, error } = await run(
      ...["create", data, "-o", path, "--version", "1", "--piece-length", "32K", "--name", "other"],
      ...["--announce", "http://a.test/announce,udp://b.test:80", "-a", "https://c.test/x/announce?k=1,2"],
      ...["--web-seed", "http://w.test/", "--node", "router.test:6881", "--comment", "why", "--private"],
      ...["--source", "S"],
    );
    assertEquals([exitCode, error], [0, ""]);
    const metainfo = await read(path), { info } = metainfo;
    assertEquals([info.version, info.pieceLength, info.name, info.private, info.source], [
      "1",
      32768,
      "other",
      true,
      "S",
    ]);
    assertEquals(info.files.map(({ path }) => path.join("/")), [
      "other/a.bin",
      "other/empty",
      "other/sub/b.bin",
    ]);
    assertEquals(metainfo.announce, [["http://a.test/announce", "udp://b.test:80"], [
      "https://c.test/x/announce?k=1,2",
    ]]);
    assertEquals(metainfo.webSeeds, ["http://w.test/"]);
    assertEquals(metainfo.nodes, [{ host: "router.test", port: 6881 }]);
    assertEquals(metainfo.comment, "why");
    assert(metainfo.createdBy!.startsWith("network-bittorrent "));
    assert(metainfo.creationDate! >= before);
    assertStringIncludes(out, path);
    assertStringIncludes(out, metainfo.infoHash.toHex());
    assertStringIncludes(out, `magnet:?xt=urn:btih:${metainfo.infoHash.toHex()}`);
  }));

Deno.test("create makes every version, and the same bytes again without a date", () =>
  withFolder(async (folder) => {
    const data = await makeData(folder), hashes: string[] = [];
    for (const version of ["1", "2", "hybrid"]) {
      const path = `${folder}/${version}.torrent`, again = `${folder}/again.torrent`;
      assertEquals((await run("create", data, "-o", path, "--version", version, "--no-date")).exitCode, 0);
      assertEquals((await run("create", data, "-o", again, "--version", version, "--no-date")).exitCode, 0);
      assertEquals(await Deno.readFile(path), await Deno.readFile(again));
      const metainfo = await read(path);
      assertEquals([metainfo.version, metainfo.creationDate], [version, undefined]);
      hashes.push(metainfo.infoHash.toHex());
    }
    assertEquals(new Set(hashes).size, 3);
  }));

Deno.test("create makes a torrent of one file, under another name if wanted", () =>
  withFolder(async (folder) => {
    const data = await makeData(folder), path = `${folder}/x.torrent`;
    await run("create", `${data}/a.bin`, "-o", path);
    const { info } = await read(path);
    assertEquals([info.name, info.multiFile, info.contentLength], ["a.bin", false, 70_000]);
    await run("create", `${data}/a.bin`, "-o", path, "--name", "b.bin");
    assertEquals((await read(path)).info.files.map((file) => file.path), [["b.bin"]]);
  }));

Deno.test("create writes the torrent to standard output for -o -", () =>
  withFolder(async (folder) => {
    const data = await makeData(folder), terminal = new FakeTerminal();
    assertEquals(await runCli(["create", data, "-o", "-"], terminal), 0);
    assertEquals((await readMetainfo(terminal.outBytes)).info.name, "data");
    assertEquals(terminal.error, "");
  }));

Deno.test("create leaves its own output out of the torrent", () =>
  withFolder(async (folder) => {
    const data = await makeData(folder), path = `${data}/x.torrent`;
    await run("create", data, "-o", path, "--no-date");
    const first = await Deno.readFile(path);
    await run("create", `${data}/../data/`, "-o", path, "--no-date");
    assertEquals(await Deno.readFile(path), first);
    assertEquals(await namesIn(data), ["a.bin", "empty", "sub", "x.torrent"]);
  }));

Deno.test("create follows symbolic links, but not in a circle", () =>
  withFolder(async (folder) => {
    const data = await makeData(folder), path = `${folder}/x.torrent`;
    await Deno.symlink("../data/sub", `${data}/link`);
    await run("create", data, "-o", path, "--version=1");
    assertEquals((await read(path)).info.files.map((file) => file.path.join("/")), [
      "data/a.bin",
      "data/empty",
      "data/link/b.bin",
      "data/sub/b.bin",
    ]);
    await Deno.symlink("..", `${data}/sub/up`);
    const { exitCode, error } = await run("create", data, "-o", path);
    assertEquals([exitCode, error], [
      1,
      `error: Cannot read "${data}/link/up": the link leads in a circle\n`,
    ]);
  }));

Deno.test("create that fails says one line and leaves nothing, or the old torrent", () =>
  withFolder(async (folder) => {
    const data = await makeData(folder), path = `${folder}/out/x.torrent`;
    await Deno.mkdir(`${folder}/out`);
    await Deno.mkdir(`${folder}/nothing`);
    const cases: [string[], string][] = [
      [[`${folder}/nothing`, "-o", path], "error: Cannot create torrent: no files\n"],
      [
        [data, "-o", `${folder}/no/x.torrent`],
        `error: Cannot write "${folder}/no/x.torrent": no such file or folder\n`,
      ],
      [[data, "-o", `${folder}/out`], `error: Cannot write "${folder}/out": it is a folder\n`],
    ];
    for (const [args, message] of cases) {
      const { exitCode, out, error } = await run("create", ...args);
      assertEquals([exitCode, out], [1, ""]);
      assertStringIncludes(error, message);
      assertEquals(error.trim().split("\n").length, 1);
      assertEquals(await namesIn(`${folder}/out`), []);
    }
  }));

Deno.test("create refuses values that make no sense, before it reads anything", async () => {
  const cases: [string[], string][] = [
    [["--version", "3"], `error: Cannot use --version: "3" is none of 1, 2, hybrid`],
    [["--announce", "tracker"], `error: "tracker" is no URL that starts with http:// or https:// or udp://`],
    [["--web-seed", "udp://x"], `error: "udp://x" is no URL that starts with http://`],
    [["--node", "host"], `error: "host" is not HOST:PORT`],
    [["--piece-length", "big"], `error: Cannot use --piece-length: "big" is no size`],
    [["--piece-length", "0"], "error: Cannot use --piece-length: 0 is no length of a piece"],
    [["--piece-length", "18"], "error: Cannot use --piece-length: 18 bytes are less than a block has, 16K"],
    [
      ["--version", "2", "--piece-length", "20K"],
      "error: Cannot use --piece-length: 20480 is no power of two",
    ],
  ];
  for (const [args, message] of cases) {
    const { exitCode, out, error } = await run("create", "/no/such", ...args);
    assertEquals([exitCode, out], [2, ""]);
    assertStringIncludes(error, message);
  }
});

Deno.test("create shows a bar on a terminal, and wipes it away", () =>
  withFolder(async (folder) => {
    const data = await makeData(folder), terminal = new FakeTerminal({ columns: 60 });
    assertEquals(await runCli(["create", data, "-o", `${folder}/x.torrent`], terminal), 0);
    assertStringIncludes(terminal.error, "Hashing data");
    assert(terminal.error.endsWith("\r\x1b[J\x1b[?25h"));
    assert(!terminal.out.includes("\x1b"));
  }));

Deno.test("create that is interrupted ends with 130 and writes nothing", () =>
  withFolder(async (folder) => {
    const data = await makeData(folder), terminal = new FakeTerminal({ columns: 60 });
    terminal.interrupt();
    assertEquals(await runCli(["create", data, "-o", `${folder}/x.torrent`], terminal), 130);
    assertEquals([terminal.out, await namesIn(folder)], ["", ["data"]]);
    assert(terminal.error.endsWith("\x1b[?25h"));
  }));
