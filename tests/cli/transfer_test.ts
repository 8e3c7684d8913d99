import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCli } from "../../src/cli/main.ts";
import { FakeTerminal, run } from "./fake_terminal.ts";
import { FILES, type Swarm, whileSeeding, withSwarm } from "./loopback_swarm.ts";

const LOCAL = ["--host", "127.0.0.1", "--no-dht"];

async function assertSame(folder: string, files: typeof FILES = FILES): Promise<void> {
  for (const { path, content } of files) {
    assertEquals(await Deno.readFile(`${folder}/data/${path.join("/")}`), content);
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), (entry) => entry.name)).sort();
}

Deno.test("download finds a seed through the tracker, and both say goodbye", () =>
  withSwarm(async (swarm) => {
    const target = `${swarm.folder}/target`;
    const { exitCode, terminal } = await whileSeeding(swarm, [], async () => {
      const outcome = await run("download", swarm.torrent, "-o", target, ...LOCAL);
      assertEquals([outcome.exitCode, outcome.error], [0, ""]);
      assertMatch(outcome.out, /^data: 440 KiB, \d+ KiB in \S+ m?s, \S+ [KM]iB\/s\n$/);
    });
    await assertSame(target);
    assertEquals(await namesIn(target), ["data"]);
    assertEquals([exitCode, terminal.error], [0, ""]);
    assertMatch(terminal.out, /^Seeding data \(440 KiB\) on 127\.0\.0\.1:\d+\nSent \d+ KiB\n$/);
    assertEquals(swarm.events.toSorted(), ["completed", "started", "started", "stopped", "stopped"]);
    assertEquals(await namesIn(swarm.source), ["data"]);
  }));

Deno.test("download --json prints events, from a peer named on the command line alone", () =>
  withSwarm(async (swarm) => {
    const target = `${swarm.folder}/target`;
    await whileSeeding(swarm, ["--no-announce"], async (peer) => {
      const terminal = new FakeTerminal({ columns: 80 });
      const args = [
        "download",
        swarm.torrent,
        "-o",
        target,
        "--json",
        "--peer",
        peer,
        "--no-announce",
        ...LOCAL,
      ];
      assertEquals(await runCli(args, terminal), 0);
      assertEquals(terminal.error, "");
      const types = terminal.jsonLines.map(({ type }) => type);
      assertEquals(types[0], "listening");
      for (
        const type of ["added", "checked", "peerConnected", "piece", "fileCompleted", "completed", "removed"]
      ) {
        assert(types.includes(type), `no ${type} in ${types}`);
      }
      const added = terminal.jsonLines.find(({ type }) => type === "added")!;
      assertEquals(added.infoHash, swarm.metainfo.infoHash.toHex());
    });
    await assertSame(target);
    assertEquals(swarm.events, []);
  }));

Deno.test("download --file fetches what matches and nothing else", () =>
  withSwarm(async (swarm) => {
    const target = `${swarm.folder}/target`;
    await whileSeeding(swarm, [], async () => {
      const { exitCode, out } = await run(
        "download",
        swarm.torrent,
        "-o",
        target,
        "--file",
        "music/*",
        "--sequential",
        ...LOCAL,
      );
      assertEquals(exitCode, 0);
      assertStringIncludes(out, "data: 140 KiB, ");
    });
    await assertSame(target, FILES.slice(1));
    // The piece where the two meet has bytes of the other file: they are kept beside it.
    assertEquals(await namesIn(`${target}/data`), ["film.bin.part", "music"]);
    const none = await run("download", swarm.torrent, "--file", "*.mkv");
    assertEquals(none, { exitCode: 1, out: "", error: `error: No file of "data" matches "*.mkv"\n` });
  }));

Deno.test("download of a magnet link asks peers for the metadata first", () =>
  withSwarm(async (swarm) => {
    const magnet = (await run("magnet", swarm.torrent)).out.trim();
    await whileSeeding(swarm, [], async () => {
      const terminal = new FakeTerminal();
      const target = `${swarm.folder}/target`;
      assertEquals(await runCli(["download", magnet, "-o", target, "--json", ...LOCAL], terminal), 0);
      const { metainfo } = terminal.jsonLines.find(({ type }) => type === "metadata") as {
        metainfo: unknown;
      };
      const { out } = await run("info", swarm.torrent, "--json"), told = metainfo as Record<string, unknown>;
      assertEquals({ ...told, createdBy: null, creationDate: null }, JSON.parse(out));
      await assertSame(target);
    });
  }));

Deno.test("download of a magnet link fetches the files that match", () =>
  withSwarm(async (swarm) => {
    const magnet = (await run("magnet", swarm.torrent)).out.trim(), target = `${swarm.folder}/target`;
    await whileSeeding(swarm, ["--up-limit", "400K"], async () => {
      const args = ["download", magnet, "-o", target, "--file", "music/*", ...LOCAL];
      const { exitCode, out } = await run(...args);
      assertEquals(exitCode, 0);
      assertStringIncludes(out, "data: 140 KiB, ");
      await assertSame(target, FILES.slice(1));
      const none = await run(...args, "--file", "*.mkv");
      assertEquals(none, { exitCode: 1, out: "", error: `error: No file of "data" matches "*.mkv"\n` });
    });
  }));

Deno.test("download that is interrupted ends with 130 and is resumed", () =>
  withSwarm(async (swarm) => {
    const target = `${swarm.folder}/target`, args = ["download", swarm.torrent, "-o", target, ...LOCAL];
    await whileSeeding(swarm, [], async () => {
      const terminal = new FakeTerminal();
      const running = runCli([...args, "--json", "--down-limit", "200K"], terminal);
      await terminal.waitFor(/"type":"piece"(.|\n)*"type":"piece"/);
      terminal.interrupt();
      assertEquals([await running, terminal.error], [130, ""]);
      assertEquals(await namesIn(target), [".bittorrent", "data"]);
      const second = new FakeTerminal();
      assertEquals(await runCli([...args, "--json"], second), 0);
      const checked = second.jsonLines.find(({ type }) => type === "checked")!;
      assert(checked.completedPieces as number >= 2, `${checked.completedPieces} pieces were kept`);
    });
    await assertSame(target);
    assertEquals(await namesIn(target), ["data"]);
  }));

Deno.test("download of what is there already needs nobody", () =>
  withSwarm(async (swarm) => {
    const { exitCode, out, error } = await run(
      "download",
      swarm.torrent,
      "-o",
      swarm.source,
      "--no-announce",
      ...LOCAL,
    );
    assertEquals([exitCode, out, error], [0, "data: 440 KiB, complete already\n", ""]);
    assertEquals(await namesIn(swarm.source), ["data"]);
  }));

Deno.test("download --seed serves until interrupted, then ends with 0", () =>
  withSwarm(async (swarm) => {
    const terminal = new FakeTerminal();
    const running = runCli(["download", swarm.torrent, "-o", swarm.source, "--seed", ...LOCAL], terminal);
    await terminal.waitFor(/complete already/);
    const { exitCode } = await run("download", swarm.torrent, "-o", `${swarm.folder}/target`, ...LOCAL);
    assertEquals(exitCode, 0);
    terminal.interrupt();
    assertEquals(await running, 0);
    await assertSame(`${swarm.folder}/target`);
  }));

Deno.test("download shows a picture on a terminal and leaves its last state", () =>
  withSwarm(async (swarm) => {
    const terminal = new FakeTerminal({ columns: 80 });
    await whileSeeding(swarm, [], async () => {
      assertEquals(
        await runCli(["download", swarm.torrent, "-o", `${swarm.folder}/target`, ...LOCAL], terminal),
        0,
      );
    });
    assertStringIncludes(terminal.error, "\x1b[?25l");
    const drawn = terminal.error.replaceAll("\x1b", "^");
    assertMatch(drawn, /100\.0%\^\[K\n█+\^\[K\n.*\^\[K\n\^\[J\^\[\?7h\^\[\?25h$/);
    assert(!terminal.out.includes("\x1b"));
  }));

Deno.test("download fails with one line where it cannot begin", () =>
  withSwarm(async (swarm) => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr as Deno.NetAddr;
    const cases: [string[], number, RegExp][] = [
      [[swarm.torrent, "--port", `${port}`, ...LOCAL], 1, /^error: .*in use.*\n$/],
      [[swarm.torrent, "--peer", "nobody"], 2, /^error: "nobody" is not HOST:PORT\n/],
      [["magnet:?xt=1"], 2, /^error: Cannot decode magnet link: .*\n/],
    ];
    for (const [args, code, message] of cases) {
      const { exitCode, out, error } = await run("download", "-o", `${swarm.folder}/target`, ...args);
      assertEquals([exitCode, out], [code, ""]);
      assertMatch(error, message);
    }
  }));

Deno.test("download says at once, not when the first piece comes, that there can be no folder", () =>
  withSwarm(async ({ torrent, folder }) => {
    const file = `${folder}/file`;
    await Deno.writeTextFile(file, "mine");
    for (
      const [target, reason] of [[file, "it is no folder"], [`${file}/x`, "a part of the path is no folder"]]
    ) {
      // Nobody has it: a download that began would wait for ever.
      const outcome = await run("download", torrent, "-o", target!, "--no-announce", ...LOCAL);
      assertEquals([outcome.exitCode, outcome.out], [1, ""]);
      assertEquals(outcome.error, `error: Cannot download to "${target}": ${reason}\n`);
    }
    assertEquals(await Deno.readTextFile(file), "mine");
  }));

Deno.test("download does not touch another file that stands in the way, unless told to", () =>
  withSwarm(async (swarm) => {
    const target = `${swarm.folder}/target`, mine = new TextEncoder().encode("mine");
    await Deno.mkdir(`${target}/data`, { recursive: true });
    await Deno.writeFile(`${target}/data/film.bin`, mine);
    await whileSeeding(swarm, [], async () => {
      const refused = await run("download", swarm.torrent, "-o", target, ...LOCAL);
      assertEquals([refused.exitCode, refused.out], [1, ""]);
      assertMatch(refused.error, /^error: .*film\.bin.*\n$/);
      assertEquals(await Deno.readFile(`${target}/data/film.bin`), mine);
      assertEquals((await run("download", swarm.torrent, "-o", target, "--overwrite", ...LOCAL)).exitCode, 0);
    });
    await assertSame(target);
  }));

Deno.test("seed says so if there is no such folder", () =>
  withSwarm(async (swarm) => {
    const folder = `${swarm.folder}/nowhere`,
      { exitCode, error } = await run("seed", swarm.torrent, folder, ...LOCAL);
    assertEquals([exitCode, error], [1, `error: Cannot read "${folder}": no such file or folder\n`]);
  }));

Deno.test("seed refuses content that is not whole, and changes nothing", () =>
  withSwarm(async (swarm) => {
    await Deno.truncate(`${swarm.source}/data/film.bin`, 100_000);
    const { exitCode, out, error } = await run("seed", swarm.torrent, swarm.source, ...LOCAL);
    assertEquals([exitCode, out], [1, ""]);
    assertMatch(
      error,
      /^error: Cannot seed "data": 13 pieces of 28 missing or wrong in ".*"; see 'verify'\n$/,
    );
    assertEquals((await Deno.stat(`${swarm.source}/data/film.bin`)).size, 100_000);
    assertEquals(await namesIn(swarm.source), ["data"]);
    assertEquals(swarm.events, []);
  }));

async function jsonOf(...args: string[]): Promise<Record<string, unknown>[]> {
  const { exitCode, out, error } = await run(...args, "--json");
  assertEquals([exitCode, error], [0, ""]);
  return out.trim().split("\n").map((line) => JSON.parse(line));
}

Deno.test("announce and scrape ask the trackers of a torrent", () =>
  withSwarm(async (swarm) => {
    const { torrent, announceUrl: tracker, metainfo } = swarm, infoHash = metainfo.infoHash.toHex();
    const unknown = await jsonOf("scrape", torrent);
    assertEquals(unknown, [{ tracker, infoHash, seeds: null, leechers: null, downloaded: null }]);
    await whileSeeding(swarm, [], async (peer) => {
      const [host, port] = peer.split(":");
      const [answer] = await jsonOf("announce", torrent, "--port", "1234");
      assertEquals(answer, {
        tracker,
        infoHash,
        seeds: 1,
        leechers: 1,
        interval: 60,
        externalIp: "127.0.0.1",
        warning: null,
        peers: [{ host, port: Number(port) }],
      });
      const known = await jsonOf("scrape", tracker, "--info-hash", infoHash);
      assertEquals(known, [{ tracker, infoHash, seeds: 1, leechers: 0, downloaded: 0 }]);
      const text = await run("scrape", torrent);
      assertEquals(text.out, `${new URL(tracker).origin}\n  ${infoHash}  1 seed, 0 leechers, 0 downloads\n`);
      assertEquals(
        (await run("announce", torrent)).out,
        [
          new URL(tracker).origin,
          `  ${infoHash}  1 seed, 1 leecher, 1 peer told, again in 1:00`,
          `    ${peer}`,
          "",
        ].join("\n"),
      );
    });
  }));

Deno.test("announce and scrape fail with one line if no tracker answers, and pass over one that does not", () =>
  withSwarm(async (swarm: Swarm) => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const dead = `http://127.0.0.1:${(taken.addr as Deno.NetAddr).port}/announce`;
    taken.close();
    for (const command of ["announce", "scrape"]) {
      const silent = await run(command, dead, swarm.torrent);
      assertEquals([silent.exitCode, silent.out], [1, ""]);
      assertMatch(silent.error, /^error: No tracker answered: Cannot ask tracker http:.*: .*\n$/);
      const rows = await jsonOf(command, dead, swarm.announceUrl, swarm.torrent);
      assertEquals(rows.map(({ tracker }) => tracker), [dead, swarm.announceUrl]);
      assertEquals(Object.keys(rows[0]!), ["tracker", "error"]);
      const refused = await run(command, `${swarm.announceUrl}/none`, swarm.torrent);
      assertEquals([refused.exitCode, refused.out], [1, ""]);
    }
    const none = await run("announce", "ws://127.0.0.1:1/announce", swarm.torrent);
    assertStringIncludes(none.error, "WebSocket trackers need WebRTC");
  }));

Deno.test("announce and scrape print no passkey, unless it is data", () =>
  withSwarm(async (swarm: Swarm) => {
    const { host } = new URL(swarm.announceUrl), url = `http://${host}/secret/announce`;
    await using unwilling = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response("d14:failure reason2:noe"),
    );
    const refusing = `http://127.0.0.1:${unwilling.addr.port}/announce?passkey=secret`;
    for (const command of ["announce", "scrape"]) {
      const one = await run(command, refusing, swarm.torrent);
      assertEquals(one.error, `error: No tracker answered: ${new URL(refusing).origin}: no\n`);
      const both = await run(command, refusing, swarm.announceUrl, swarm.torrent);
      assertStringIncludes(both.out, `${new URL(refusing).origin}\n  no\n`);
      const lost = await run(command, url, "--info-hash", "a".repeat(40));
      for (const text of [one.error, both.out, lost.error, lost.out]) assert(!text.includes("secret"), text);
      const [row] = await jsonOf(command, refusing, swarm.announceUrl, swarm.torrent);
      assertEquals(row?.tracker, refusing);
    }
    const options = await run("create", swarm.torrent, "--announce", "ftp://host/secret");
    assertMatch(options.error, /^error: "ftp:..host" is no URL/);
  }));
