import { assertEquals, assertStringIncludes } from "@std/assert";
import { createTorrent } from "../../src/metainfo/create.ts";
import { readMetainfo } from "../../src/metainfo/metainfo.ts";
import { withFolder } from "../with_folder.ts";
import { run } from "./fake_terminal.ts";

async function writeTorrent(folder: string): Promise<string> {
  const path = `${folder}/x.torrent`;
  await Deno.writeFile(
    path,
    await createTorrent([{ path: ["a.bin"], content: new Uint8Array(100) }], {
      announce: [["http://a.test/announce"]],
      webSeeds: ["http://w.test/"],
      nodes: [{ host: "n.test", port: 1 }],
      comment: "old",
      createdBy: "me",
      creationDate: 1_600_000_000,
    }),
  );
  return path;
}

const read = async (path: string) => await readMetainfo(await Deno.readFile(path));

Deno.test("edit replaces what is given and keeps the rest and the info hash", () =>
  withFolder(async (folder) => {
    const path = await writeTorrent(folder), before = await read(path);
    const { exitCode, out, error } = await run(
      ...["edit", path, "--announce", "http://b.test/announce", "-a", "udp://c.test:1", "--comment", "new"],
    );
    assertEquals([exitCode, error], [0, ""]);
    assertStringIncludes(out, before.infoHash.toHex());
    const after = await read(path);
    assertEquals(after.infoHash, before.infoHash);
    assertEquals(after.announce, [["http://b.test/announce"], ["udp://c.test:1"]]);
    assertEquals([after.comment, after.createdBy, after.creationDate], ["new", "me", 1_600_000_000]);
    assertEquals([after.webSeeds, after.nodes], [before.webSeeds, before.nodes]);
  }));

Deno.test("edit removes what it is told to", () =>
  withFolder(async (folder) => {
    const path = await writeTorrent(folder), before = await read(path);
    const flags = [
      "--no-announce",
      "--no-web-seed",
      "--no-node",
      "--no-comment",
      "--no-created-by",
      "--no-date",
    ];
    assertEquals((await run("edit", path, ...flags)).exitCode, 0);
    const after = await read(path);
    assertEquals(after.infoHash, before.infoHash);
    assertEquals([after.announce, after.webSeeds, after.nodes], [[], [], []]);
    assertEquals([after.comment, after.createdBy, after.creationDate], [undefined, undefined, undefined]);
  }));

Deno.test("edit writes elsewhere with -o", () =>
  withFolder(async (folder) => {
    const path = await writeTorrent(folder), bytes = await Deno.readFile(path), other = `${folder}/y.torrent`;
    assertEquals((await run("edit", path, "-o", other, "--comment", "new")).exitCode, 0);
    assertEquals(await Deno.readFile(path), bytes);
    assertEquals((await read(other)).comment, "new");
  }));

Deno.test("edit that fails leaves the torrent as it was", () =>
  withFolder(async (folder) => {
    const path = await writeTorrent(folder), bytes = await Deno.readFile(path);
    const cases: [string[], number, string][] = [
      [
        ["--comment", "x", "-o", `${folder}/no/y`],
        1,
        `error: Cannot write "${folder}/no/y": no such file or folder\n`,
      ],
      [["--comment", "x", "--no-comment"], 2, "error: Cannot use --comment and --no-comment together\n"],
      [["--announce", "nonsense"], 2, `error: "nonsense" is no URL`],
    ];
    for (const [args, code, message] of cases) {
      const { exitCode, out, error } = await run("edit", path, ...args);
      assertEquals([exitCode, out], [code, ""]);
      assertStringIncludes(error, message);
      assertEquals(await Deno.readFile(path), bytes);
    }
    assertEquals((await Array.fromAsync(Deno.readDir(folder))).length, 1);
  }));
