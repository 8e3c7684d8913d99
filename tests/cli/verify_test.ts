import { assertEquals, assertStringIncludes } from "@std/assert";
import { runCli } from "../../src/cli/main.ts";
import { createTorrent } from "../../src/metainfo/create.ts";
import type { TorrentVersion } from "../../src/metainfo/info.ts";
import { withFolder } from "../with_folder.ts";
import { FakeTerminal, run } from "./fake_terminal.ts";

const KIB = 1024;

/** Lies over pieces of 16 KiB: a is pieces 0 to 2 in part, b (v1) shares piece 2, c is piece 3 and on. */
const FILES: readonly { path: string[]; content: Uint8Array<ArrayBuffer> }[] = [
  { path: ["a.bin"], content: Uint8Array.from({ length: 40 * KIB }, (_, index) => index % 251) },
  { path: ["b.bin"], content: new Uint8Array(8 * KIB).fill(1) },
  { path: ["c.bin"], content: new Uint8Array(20 * KIB).fill(2) },
  { path: ["empty"], content: new Uint8Array() },
];

interface Laid {
  readonly torrent: string;
  readonly folder: string;
  readonly verify: () => Promise<
    { exitCode: number; error: string; verdict: Record<string, unknown>; states: string }
  >;
}

async function withContent(version: TorrentVersion, body: (laid: Laid) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const torrent = `${folder}/x.torrent`;
    await Deno.writeFile(
      torrent,
      await createTorrent(FILES, { name: "data", version, pieceLength: 16 * KIB }),
    );
    await Deno.mkdir(`${folder}/data`);
    for (const { path, content } of FILES) await Deno.writeFile(`${folder}/data/${path[0]}`, content);
    const verify = async () => {
      const { exitCode, out, error } = await run("verify", torrent, folder, "--json");
      const verdict = JSON.parse(out);
      const states = verdict.files.map(({ state }: { state: string }) => state).join(" ");
      return { exitCode, error, verdict, states };
    };
    await body({ torrent, folder, verify });
  });
}

for (const version of ["1", "2", "hybrid"] as const) {
  Deno.test(`verify finds nothing wrong with whole content, version ${version}`, () =>
    withContent(version, async ({ torrent, folder, verify }) => {
      const before = await Array.fromAsync(Deno.readDir(folder));
      const { exitCode, error, verdict } = await verify();
      assertEquals([exitCode, error], [0, ""]);
      assertEquals(Object.keys(verdict), ["complete", "pieceCount", "bad", "missing", "files"]);
      assertEquals([verdict.complete, verdict.bad, verdict.missing], [true, [], []]);
      assertEquals(
        verdict.files,
        FILES.map(({ path, content }) => ({
          path: ["data", ...path],
          length: content.length,
          state: "complete",
        })),
      );
      const { out } = await run("verify", torrent, folder);
      assertStringIncludes(out, "data: complete, 68.0 KiB in 4 files");
      assertEquals(await Array.fromAsync(Deno.readDir(folder)), before);
    }));
}

Deno.test("verify tells missing, short, damaged, long and unverified files apart (v1)", () =>
  withContent("1", async ({ folder, verify }) => {
    const path = (name: string) => `${folder}/data/${name}`;
    const original = FILES.map(({ content }) => content);
    const restore = async () => {
      for (const { path: [name], content } of FILES) await Deno.writeFile(path(name!), content);
    };

    await Deno.remove(path("b.bin"));
    let { exitCode, error, verdict, states } = await verify();
    assertEquals([exitCode, states], [1, "unverified missing complete complete"]);
    assertEquals([verdict.bad, verdict.missing], [[], [2]]);
    assertEquals(
      error,
      `error: "data" is not complete in "${folder}": 1 missing of 5 pieces, 2 of 4 files wrong\n`,
    );

    await restore();
    await Deno.truncate(path("c.bin"), 17 * KIB);
    ({ exitCode, verdict, states } = await verify());
    assertEquals([exitCode, states], [1, "complete complete short complete"]);
    assertEquals([verdict.bad, verdict.missing], [[], [4]]);

    await restore();
    await Deno.writeFile(path("a.bin"), original[0]!.with(20 * KIB, 255));
    ({ exitCode, verdict, states } = await verify());
    assertEquals([exitCode, states], [1, "damaged complete complete complete"]);
    assertEquals([verdict.bad, verdict.missing], [[1], []]);

    await restore();
    await Deno.writeFile(path("c.bin"), new Uint8Array(100), { append: true });
    ({ exitCode, verdict, states } = await verify());
    assertEquals([exitCode, states, verdict.complete], [1, "complete complete long complete", false]);
    assertEquals([verdict.bad, verdict.missing], [[], []]);

    await restore();
    await Deno.remove(path("empty"));
    ({ exitCode, states } = await verify());
    assertEquals([exitCode, states], [1, "complete complete complete missing"]);

    await restore();
    await Deno.rename(path("c.bin"), `${path("c.bin")}.part`);
    ({ exitCode, states } = await verify());
    assertEquals([exitCode, states], [1, "complete complete partial complete"]);
  }));

Deno.test("verify lists what is wrong for a person, and says it in one line", () =>
  withContent("1", async ({ torrent, folder }) => {
    await Deno.remove(`${folder}/data/c.bin`);
    await Deno.writeFile(`${folder}/data/a.bin`, FILES[0]!.content.with(0, 255));
    const { exitCode, out, error } = await run("verify", torrent, folder);
    assertEquals(exitCode, 1);
    assertEquals(out.split("\n"), [
      "bad pieces      0",
      "missing pieces  3-4",
      "damaged         data/a.bin",
      "missing         data/c.bin",
      "",
    ]);
    assertEquals(
      error,
      `error: "data" is not complete in "${folder}": 1 bad and 2 missing of 5 pieces, 2 of 4 files wrong\n`,
    );
  }));

Deno.test("verify finds everything missing in an empty folder, and makes nothing there", () =>
  withContent("hybrid", async ({ torrent, folder }) => {
    await Deno.mkdir(`${folder}/other`);
    const { exitCode, out } = await run("verify", torrent, `${folder}/other`, "--json");
    assertEquals(exitCode, 1);
    assertEquals(JSON.parse(out).missing, [0, 1, 2, 3, 4, 5]);
    assertEquals(await Array.fromAsync(Deno.readDir(`${folder}/other`)), []);
  }));

Deno.test("verify needs a folder that is there", () =>
  withContent("1", async ({ torrent, folder }) => {
    const missing = await run("verify", torrent, `${folder}/no`);
    assertEquals(missing, {
      exitCode: 1,
      out: "",
      error: `error: Cannot read "${folder}/no": no such file or folder\n`,
    });
    const file = await run("verify", torrent, torrent);
    assertEquals([file.exitCode, file.out], [1, ""]);
    assertStringIncludes(file.error, `Cannot read "${torrent}": `);
  }));

Deno.test("verify that is interrupted ends with 130 and judges nothing", () =>
  withContent("1", async ({ torrent, folder }) => {
    const terminal = new FakeTerminal();
    terminal.interrupt();
    assertEquals(await runCli(["verify", torrent, folder], terminal), 130);
    assertEquals([terminal.out, terminal.error], ["", ""]);
  }));

Deno.test("verify tells who names the content itself that the folder above is meant", () =>
  withContent("1", async ({ torrent, folder }) => {
    const own = await run("verify", torrent, `${folder}/data`);
    assertStringIncludes(own.error, '; DIR is the folder that contains "data"\n');
    const file = await run("verify", torrent, `${folder}/data/a.bin`);
    assertEquals([file.exitCode, file.error], [
      1,
      `error: Cannot read "${folder}/data/a.bin": it is no folder\n`,
    ]);
    await Deno.rename(`${folder}/data`, `${folder}/elsewhere`);
    const empty = await run("verify", torrent, folder);
    assertEquals([empty.exitCode, empty.error.includes("DIR is")], [1, false]);
  }));
