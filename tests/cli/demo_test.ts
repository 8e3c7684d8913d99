import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { runCli } from "../../src/cli/main.ts";
import { FakeTerminal, run } from "./fake_terminal.ts";

const QUICK = ["demo", "--size", "2M", "--seed-rate", "0"];

/** Runs `body`, and sees that the one folder that was made meanwhile is gone. Others may show a demo at the same time. */
async function leavingNothing(body: () => Promise<void>): Promise<void> {
  const { makeTempDir } = Deno, made: string[] = [];
  Deno.makeTempDir = async (options) => {
    made.push(await makeTempDir(options));
    return made.at(-1)!;
  };
  try {
    await body();
  } finally {
    Deno.makeTempDir = makeTempDir;
  }
  assertEquals(made.length, 1);
  await assertRejects(() => Deno.stat(made[0]!), Deno.errors.NotFound);
}

Deno.test("demo makes, tracks, seeds, downloads, verifies and cleans up, in plain lines into a pipe", () =>
  leavingNothing(async () => {
    const { exitCode, out, error } = await run(...QUICK);
    assertEquals([exitCode, error], [0, ""]);
    assert(!out.includes("\x1b"));
    for (
      const line of [
        /^Payload +5 files, 2\.00 MiB/m,
        /^Info hash +[0-9a-f]{40}$/m,
        /^Leecher 1 +\S+ MiB from \d+ peers? in /m,
        /^Leecher 2 +\S+ MiB from \d+ peers? in /m,
        /^Verified +10 files byte by byte, \d+ pieces by hash/m,
        // Three clients, each under both names of the hybrid torrent.
        /^Goodbye +the tracker heard 6 started, 4 completed, 6 stopped; /m,
      ]
    ) assertMatch(out, line);
  }));

Deno.test("demo cleans up when it is interrupted", () =>
  leavingNothing(async () => {
    const terminal = new FakeTerminal();
    const running = runCli(["demo", "--size", "2M", "--seed-rate", "100K", "--leechers", "1"], terminal);
    await terminal.waitFor(/^Seed /m);
    terminal.interrupt();
    assertEquals([await running, terminal.error], [130, ""]);
  }));
