import { assert, assertEquals, assertMatch } from "@std/assert";
import { editTorrent } from "../../src/metainfo/edit.ts";
import { serveSite, type Visit } from "../client/web_seed_server.ts";
import { run } from "./fake_terminal.ts";
import { FILES, whileSeeding, withSwarm } from "./loopback_swarm.ts";

const LOCAL = ["--host", "127.0.0.1", "--no-dht", "--no-announce"];

/** A torrent with a web seed, and what the web server saw. */
function withWebSeed(
  run: (
    torrent: string,
    folder: string,
    visits: Visit[],
    seed: Parameters<typeof whileSeeding>[0],
  ) => Promise<void>,
): Promise<void> {
  const visits: Visit[] = [];
  const site = new Map(FILES.map(({ path, content }) => [`/data/${path.join("/")}`, content]));
  return withSwarm(async (swarm) => {
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      serveSite(site, visits),
    );
    const torrent = `${swarm.folder}/web.torrent`, webSeeds = [`http://127.0.0.1:${server.addr.port}/`];
    await Deno.writeFile(torrent, editTorrent(await Deno.readFile(swarm.torrent), { webSeeds }));
    await run(torrent, swarm.folder, visits, swarm);
  });
}

async function assertSame(folder: string): Promise<void> {
  for (const { path, content } of FILES) {
    assertEquals(await Deno.readFile(`${folder}/data/${path.join("/")}`), content);
  }
}

Deno.test("download needs no peer where there is a web seed", () =>
  withWebSeed(async (torrent, folder) => {
    const outcome = await run("download", torrent, "-o", `${folder}/target`, ...LOCAL);
    assertEquals([outcome.exitCode, outcome.error], [0, ""]);
    assertMatch(outcome.out, /^data: 440 KiB, 440 KiB in /);
    await assertSame(`${folder}/target`);
  }));

Deno.test("download --json tells how much web seeds gave", () =>
  withWebSeed(async (torrent, folder) => {
    const outcome = await run(
      "download",
      torrent,
      "-o",
      `${folder}/target`,
      "--json",
      "--down-limit",
      "300K",
      ...LOCAL,
    );
    assertEquals(outcome.exitCode, 0);
    const progress = outcome.out.trim().split("\n").map((line) => JSON.parse(line))
      .findLast(({ type }) => type === "progress");
    assertEquals(progress.status.webSeeds, 1);
    assert(progress.status.webSeedDownloaded > 0);
  }));

Deno.test("download --no-web-seeds asks peers only", () =>
  withWebSeed(async (torrent, folder, visits, swarm) => {
    await whileSeeding(swarm, ["--no-announce"], async (peer) => {
      const args = ["-o", `${folder}/target`, "--peer", peer, "--no-web-seeds", ...LOCAL];
      assertEquals((await run("download", torrent, ...args)).exitCode, 0);
    });
    await assertSame(`${folder}/target`);
    assert(visits.length === 0);
  }));
