import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { createTorrent } from "../../src/metainfo/create.ts";
import { withFolder } from "../with_folder.ts";
import { withDht } from "./loopback_dht.ts";
import { withSwarm } from "./loopback_swarm.ts";

const ROOT = new URL("../../", import.meta.url);

/** The path of a file of the project. */
function placeOf(name: string): string {
  return fileURLToPath(new URL(name, ROOT));
}

/** The command line as users start it, in a process of its own. */
function start(
  args: readonly string[],
  options: { readonly env?: Record<string, string>; readonly cwd?: string } = {},
): Deno.ChildProcess {
  const flags = [
    "--no-check",
    "-A",
    "--unstable-net",
    `--config=${placeOf("deno.json")}`,
    `--env-file=${placeOf(".env.jsr")}`,
  ];
  return new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, placeOf("src/cli/main.ts"), ...args],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...options,
  }).spawn();
}

async function finish(child: Deno.ChildProcess): Promise<{ code: number; out: string; error: string }> {
  const { code, stdout, stderr } = await child.output();
  return { code, out: new TextDecoder().decode(stdout), error: new TextDecoder().decode(stderr) };
}

Deno.test("the program writes plain text into pipes, with and without NO_COLOR", async () => {
  for (const env of [{}, { NO_COLOR: "1" }]) {
    const help = await finish(start(["--help"], { env }));
    assertEquals([help.code, help.error], [0, ""]);
    assert(help.out.startsWith("BitTorrent: make,"));
    const wrong = await finish(start(["nothing"], { env }));
    assertEquals(wrong, {
      code: 2,
      out: "",
      error: `error: Unknown command: "nothing"\nTry 'bittorrent --help'\n`,
    });
  }
});

Deno.test("create makes the same torrent of the working folder again, although the first one lies in it", () =>
  withFolder(async (folder) => {
    const cwd = `${folder}/data`, output = `${cwd}/data.torrent`;
    await Deno.mkdir(cwd);
    await Deno.writeTextFile(`${cwd}/a`, "a");
    const first = await finish(start(["create", ".", "--no-date"], { cwd })),
      bytes = await Deno.readFile(output);
    assertEquals(first.code, 0);
    assertEquals(await finish(start(["create", ".", "--no-date"], { cwd })), first);
    assertEquals(await Deno.readFile(output), bytes);
  }));

Deno.test("the program ends quietly when the reader of its output goes away", () =>
  withFolder(async (folder) => {
    const files = Array.from({ length: 5000 }, (_, index) => ({
      path: [`a file with a long name, number ${index}`],
      content: new Uint8Array(1),
    }));
    const path = `${folder}/x.torrent`;
    await Deno.writeFile(path, await createTorrent(files, { name: "many", version: "1" }));
    const child = start(["info", path, "--json"]);
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    const [{ code }, error] = await Promise.all([child.status, new Response(child.stderr).text()]);
    assertEquals([code, error], [141, ""]);
  }));

/** Reads standard output until it matches; the rest is read to its end by the answer. */
async function readUntil(child: Deno.ChildProcess, pattern: RegExp): Promise<() => Promise<string>> {
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!pattern.test(text)) {
    const { value, done } = await reader.read();
    assert(!done, `ended before ${pattern}: ${text}`);
    text += value;
  }
  return async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    return text;
  };
}

/** Waits for something that another process brings about. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`seed says goodbye to its tracker and ends with 0 on ${signal}`, () =>
    withSwarm(async ({ torrent, source, events }) => {
      const child = start(["seed", torrent, source, "--host", "127.0.0.1", "--no-dht"]);
      const readRest = await readUntil(child, /\n/);
      await until(() => events.length > 0);
      child.kill(signal);
      const [out, error, { code }] = await Promise.all([
        readRest(),
        new Response(child.stderr).text(),
        child.status,
      ]);
      assertEquals([code, error, events], [0, "", ["started", "stopped"]]);
      assertMatch(out, /^Seeding data \(440 KiB\) on 127\.0\.0\.1:\d+\nSent 0 B\n$/);
    }));
}

Deno.test("download ends with 130 on SIGINT", () =>
  withSwarm(async ({ torrent, folder }) => {
    const args = [
      "download",
      torrent,
      "-o",
      `${folder}/target`,
      "--no-announce",
      "--no-dht",
      "--json",
      "--host",
      "127.0.0.1",
    ];
    const child = start(args), readRest = await readUntil(child, /"state":"downloading"/);
    child.kill("SIGINT");
    const [out, error, { code }] = await Promise.all([
      readRest(),
      new Response(child.stderr).text(),
      child.status,
    ]);
    assertEquals([code, error], [130, ""]);
    assertMatch(out, /"state":"closed"\}\n$/);
  }));

Deno.test("a second Ctrl-C ends the program at once", () =>
  withSwarm(async ({ folder, source }) => {
    // A tracker that never answers keeps a polite client waiting for its goodbye.
    const asked: string[] = [], closing = new AbortController();
    const tracker = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {}, signal: closing.signal },
      (request) => {
        asked.push(request.url);
        return new Promise<Response>(() => {});
      },
    );
    const torrent = `${folder}/silent.torrent`, film = await Deno.readFile(`${source}/data/film.bin`);
    await Deno.writeFile(`${folder}/film.bin`, film);
    await Deno.writeFile(
      torrent,
      await createTorrent([{ path: ["film.bin"], content: film }], {
        announce: [[`http://127.0.0.1:${tracker.addr.port}/announce`]],
      }),
    );
    const child = start(["seed", torrent, folder, "--host", "127.0.0.1", "--no-dht"]);
    await until(() => asked.some((url) => url.includes("event=started")));
    child.kill("SIGINT");
    await until(() => asked.some((url) => url.includes("event=stopped")));
    child.kill("SIGINT");
    assertEquals((await finish(child)).code, 130);
    closing.abort();
    await tracker.finished;
  }));

Deno.test("the program keeps DHT nodes below the user's cache folder", () =>
  withFolder(async (folder) =>
    await withDht(async ({ place }) => {
      // Deno's own cache would move along.
      const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"], cwd: ROOT }).output();
      const { denoDir } = JSON.parse(new TextDecoder().decode(info.stdout));
      const env = { DENO_DIR: denoDir, XDG_CACHE_HOME: folder };
      const args = ["dht", "find", "0123456789abcdef0123456789abcdef01234567", "--node", place];
      const { code, error } = await finish(start([...args, "--host", "127.0.0.1"], { env }));
      assertEquals([code, error], [0, ""]);
      const kept = await Array.fromAsync(Deno.readDir(`${folder}/network-bittorrent`), ({ name }) => name);
      assertEquals(kept, ["dht.snapshot"]);
    })
  ));

Deno.test({
  name: "dht key leaves nothing behind if the key cannot be written",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      const path = `${folder}/key`, program = placeOf("src/cli/main.ts");
      // The shell lets no file grow; where that would end a program, it is an error instead.
      const script = `trap '' XFSZ; ulimit -f 0; exec "$@"`;
      const command = [
        Deno.execPath(),
        "run",
        "--no-check",
        "-A",
        "--env-file=.env.jsr",
        program,
        "dht",
        "key",
        path,
      ];
      const { code, stderr } = await new Deno.Command("sh", {
        args: ["-c", script, "sh", ...command],
        cwd: ROOT,
      }).output();
      const error = new TextDecoder().decode(stderr);
      assertEquals([code, error.includes(`error: Cannot write "${path}": `)], [1, true], error);
      assertEquals(await Array.fromAsync(Deno.readDir(folder)), []);
    }),
});
