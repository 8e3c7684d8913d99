import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCli } from "../../src/cli/main.ts";
import { encodeHex } from "../../src/bytes/text.ts";
import { readMetainfo } from "../../src/metainfo/metainfo.ts";
import { FakeTerminal, run } from "./fake_terminal.ts";
import { withDht } from "./loopback_dht.ts";
import { FILES, type Swarm, whileSeeding, withSwarm } from "./loopback_swarm.ts";

const LOCAL = ["--host", "127.0.0.1", "--no-dht"];
const ROOT = new URL("../../", import.meta.url).pathname;

/** A link with nothing but the info hash. */
function bareLink({ metainfo }: Swarm): string {
  return `magnet:?xt=urn:btih:${encodeHex(metainfo.infoHash)}`;
}

/** Runs `seed` with nothing but the DHT to be found by, while something else happens. */
async function whileSeedingInDht(
  { torrent, source, metainfo }: Swarm,
  body: (entry: readonly string[]) => Promise<void>,
): Promise<void> {
  await withDht(async ({ place, dht }) => {
    const entry = ["--host", "127.0.0.1", "--dht-node", place, "--no-cache"], terminal = new FakeTerminal();
    // The tracker of the torrent would do, but nobody else is told of it.
    const running = runCli(["seed", torrent, source, ...entry], terminal);
    try {
      await terminal.waitFor(/^Seeding .*\n/m);
      while ((await dht("get-peers", encodeHex(metainfo.infoHash))).out === "") {
        await new Promise((resolve) => setTimeout(resolve, 20)); // until it has announced itself
      }
      await body(entry);
    } finally {
      terminal.interrupt();
      await running;
    }
  });
}

async function assertContent(folder: string): Promise<void> {
  for (const { path, content } of FILES) {
    assertEquals(await Deno.readFile(`${folder}/data/${path.join("/")}`), content);
  }
}

Deno.test("magnet makes a torrent file of a link, with what the link says around the metadata", () =>
  withSwarm(async (swarm) => {
    const link = (await run("magnet", swarm.torrent)).out.trim(), output = `${swarm.folder}/copy.torrent`;
    const seedUrl = "http://127.0.0.1:1/data";
    await whileSeeding(swarm, [], async () => {
      const { exitCode, out, error } = await run("magnet", `${link}&ws=${seedUrl}`, "-o", output, ...LOCAL);
      assertEquals([exitCode, error], [0, ""]);
      assertMatch(out, /^Torrent +.*copy\.torrent\nInfo hash +[0-9a-f]{40}\nMagnet +magnet:/);
    });
    const copy = await readMetainfo(await Deno.readFile(output));
    assertEquals(copy.rawInfo, swarm.metainfo.rawInfo);
    assertEquals([copy.announce, copy.webSeeds], [[[swarm.announceUrl]], [seedUrl]]);
    assertEquals(copy.creationDate, undefined);
    assertEquals(swarm.events.toSorted(), ["started", "started", "stopped", "stopped"]);
  }));

Deno.test("magnet asks a peer that is named, and writes to standard output", () =>
  withSwarm(async (swarm) => {
    await whileSeeding(swarm, ["--no-announce"], async (peer) => {
      const terminal = new FakeTerminal({ columns: 80 });
      const args = ["magnet", bareLink(swarm), "-o", "-", "--peer", peer, ...LOCAL];
      assertEquals(await runCli(args, terminal), 0);
      assertEquals((await readMetainfo(terminal.outBytes)).rawInfo, swarm.metainfo.rawInfo);
      assertStringIncludes(terminal.error, "looking for peers");
      assert(terminal.error.endsWith("\x1b[J\x1b[?25h"), "the picture is wiped away");
    });
  }));

Deno.test("magnet --json prints events, none of them with raw bytes", () =>
  withSwarm(async (swarm) => {
    const output = `${swarm.folder}/copy.torrent`;
    await whileSeeding(swarm, ["--no-announce"], async (peer) => {
      const terminal = new FakeTerminal();
      const args = ["magnet", bareLink(swarm), "-o", output, "--json", "--peer", peer, ...LOCAL];
      assertEquals(await runCli(args, terminal), 0);
      const { metainfo } = terminal.jsonLines.find(({ type }) => type === "metadata") as {
        metainfo: { name: string; files: readonly { path: readonly string[] }[] };
      };
      assertEquals(metainfo.name, "data");
      assertEquals(metainfo.files.map(({ path }) => path), FILES.map(({ path }) => ["data", ...path]));
      assert(!terminal.out.includes("rawInfo") && !terminal.out.includes('"pieces"'), terminal.out);
    });
    assertEquals((await readMetainfo(await Deno.readFile(output))).infoHash, swarm.metainfo.infoHash);
  }));

Deno.test("magnet does not pretend to write a file where it prints a link", () =>
  withSwarm(async ({ torrent, folder }) => {
    const { exitCode, out, error } = await run("magnet", torrent, "-o", `${folder}/x.torrent`);
    assertEquals([exitCode, out], [2, ""]);
    assertEquals(
      error,
      "error: Cannot use --output with a torrent: its link is printed\nTry 'bittorrent magnet --help'\n",
    );
  }));

Deno.test("magnet names the file like the torrent, and replaces none of its own accord", () =>
  withSwarm(async (swarm) => {
    const target = `${swarm.folder}/target`;
    await Deno.mkdir(target);
    await whileSeeding(swarm, ["--no-announce"], async (peer) => {
      const magnet = async () => {
        const { code, stderr } = await new Deno.Command(Deno.execPath(), {
          args: [
            ...["run", "--no-check", "-A", "--unstable-net", `--config=${ROOT}deno.json`],
            ...[`--env-file=${ROOT}.env.jsr`, `${ROOT}src/cli/main.ts`],
            ...["magnet", bareLink(swarm), "--peer", peer, ...LOCAL],
          ],
          cwd: target,
        }).output();
        return { code, error: new TextDecoder().decode(stderr) };
      };
      assertEquals(await magnet(), { code: 0, error: "" });
      assertEquals(await Array.fromAsync(Deno.readDir(target), ({ name }) => name), ["data.torrent"]);
      const error = `error: Cannot write "data.torrent": it exists already; choose a file with -o\n`;
      assertEquals(await magnet(), { code: 1, error });
    });
  }));

Deno.test("magnet gives up when its time is over or the user has enough, and leaves nothing", () =>
  withSwarm(async (swarm) => {
    const output = `${swarm.folder}/copy.torrent`, args = ["magnet", bareLink(swarm), "-o", output, ...LOCAL];
    const impatient = await run(...args, "--timeout", "0");
    assertEquals(impatient, { exitCode: 1, out: "", error: "error: No metadata in 0 seconds\n" });
    const terminal = new FakeTerminal(), running = runCli(args, terminal);
    terminal.interrupt();
    assertEquals([await running, terminal.error], [130, ""]);
    assertEquals(await Deno.stat(output).catch(() => "none"), "none");
  }));

Deno.test("download and magnet find a seed by its info hash through the DHT alone", () =>
  withSwarm((swarm) =>
    whileSeedingInDht(swarm, async (entry) => {
      const output = `${swarm.folder}/copy.torrent`, target = `${swarm.folder}/target`;
      assertEquals((await run("magnet", bareLink(swarm), "-o", output, ...entry)).exitCode, 0);
      assertEquals((await readMetainfo(await Deno.readFile(output))).rawInfo, swarm.metainfo.rawInfo);
      const terminal = new FakeTerminal({ columns: 100 });
      assertEquals(await runCli(["download", bareLink(swarm), "-o", target, ...entry], terminal), 0);
      await assertContent(target);
      assertMatch(terminal.out, /^data: 440 KiB, /);
      assertStringIncludes(terminal.error, "looking for peers");
    })
  ));

Deno.test("download --json tells how the DHT stands", () =>
  withSwarm((swarm) =>
    whileSeedingInDht(swarm, async (entry) => {
      const terminal = new FakeTerminal(), target = `${swarm.folder}/target`;
      assertEquals(
        await runCli(["download", bareLink(swarm), "-o", target, "--json", ...entry], terminal),
        0,
      );
      const states = terminal.jsonLines.filter(({ type }) => type === "dht").map(({ state }) => state);
      assert(states.includes("ready"), JSON.stringify(states));
      const metadata = terminal.jsonLines.findIndex(({ type }) => type === "metadata");
      assert(metadata > terminal.jsonLines.findIndex(({ type }) => type === "peerConnected"));
      assert(metadata < terminal.jsonLines.findIndex(({ type }) => type === "piece"));
    })
  ));
