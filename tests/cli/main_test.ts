import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCli } from "../../src/cli/main.ts";
import { BrokenPipe } from "../../src/cli/terminal.ts";
import { FakeTerminal, run } from "./fake_terminal.ts";

const COMMANDS = [
  "create",
  "info",
  "magnet",
  "edit",
  "verify",
  "download",
  "seed",
  "announce",
  "scrape",
  "demo",
];

Deno.test("runCli() shows the help of the program, which names every command", async () => {
  for (const args of [["--help"], ["-h"], ["help"]]) {
    const { exitCode, out, error } = await run(...args);
    assertEquals([exitCode, error], [0, ""]);
    for (const command of COMMANDS) assertMatch(out, new RegExp(`^  ${command} +[A-Z]`, "m"));
  }
});

for (const command of COMMANDS) {
  Deno.test(`runCli() shows the help of ${command} on standard output`, async () => {
    const { exitCode, out, error } = await run(command, "--help");
    assertEquals([exitCode, error], [0, ""]);
    assertStringIncludes(out, `Usage: bittorrent ${command}`);
    assertStringIncludes(out, "-h, --help");
    assert(out.split("\n").every((line) => line.length <= 120), "a line is longer than 120 columns");
    assertEquals(await run("help", command), { exitCode, out, error });
    assertEquals(await run(command, "operand", "--unknown", "-h"), { exitCode, out, error });
  });
}

Deno.test("runCli() shows the version of deno.json", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  assertEquals(await run("--version"), { exitCode: 0, out: `bittorrent ${version}\n`, error: "" });
});

Deno.test("runCli() answers wrong usage with exit code 2 and the way to the help, on standard error alone", async () => {
  const cases: [string[], string][] = [
    [[], "error: Missing command\nTry 'bittorrent --help'\n"],
    [["frobnicate"], `error: Unknown command: "frobnicate"\nTry 'bittorrent --help'\n`],
    [["--frobnicate"], `error: Unknown option: "--frobnicate"\nTry 'bittorrent --help'\n`],
    [["toString"], `error: Unknown command: "toString"\nTry 'bittorrent --help'\n`],
    [["create"], "error: Missing argument: PATH\nTry 'bittorrent create --help'\n"],
    [["info", "a", "b"], `error: Unexpected argument: "b"\nTry 'bittorrent info --help'\n`],
    [["magnet", "a", "--json"], "error: Unknown option '--json'\nTry 'bittorrent magnet --help'\n"],
    [["edit", "a"], "error: Nothing to change: give an option\nTry 'bittorrent edit --help'\n"],
    [["verify", "a"], "error: Missing argument: DIR\nTry 'bittorrent verify --help'\n"],
    [["seed", "a"], "error: Missing argument: DIR\nTry 'bittorrent seed --help'\n"],
    [
      ["announce", "http://t/announce"],
      "error: Missing torrent: give a torrent file or --info-hash\n" +
      "Try 'bittorrent announce --help'\n",
    ],
    [
      ["scrape", "http://t/announce", "--info-hash=12"],
      `error: Cannot use --info-hash: "12" is not 40 hex digits\n` +
      "Try 'bittorrent scrape --help'\n",
    ],
    [
      ["demo", "--leechers=0"],
      "error: Cannot use --leechers: it is no number from 1 to 20\n" +
      "Try 'bittorrent demo --help'\n",
    ],
    [
      ["demo", "--size=0"],
      "error: Cannot use --size: there must be something to download\n" +
      "Try 'bittorrent demo --help'\n",
    ],
  ];
  for (const [args, error] of cases) assertEquals(await run(...args), { exitCode: 2, out: "", error });
});

Deno.test("runCli() answers a failure with exit code 1 and one line on standard error", async () => {
  const missing = `error: Cannot read "/no/such": no such file or folder\n`;
  const cases: [string[], string][] = [
    [["create", "/no/such"], missing],
    [["info", "/no/such"], missing],
    [["magnet", "/no/such"], missing],
    [["edit", "/no/such", "--no-date"], missing],
    [["verify", "/no/such", "/tmp"], missing],
    [["download", "/no/such"], missing],
    [["seed", "/no/such", "/tmp"], missing],
    [["announce", "/no/such"], missing],
    [["scrape", "/no/such"], missing],
    [["info", "/"], `error: Cannot read "/": it is a folder\n`],
  ];
  for (const [args, error] of cases) assertEquals(await run(...args), { exitCode: 1, out: "", error });
});

Deno.test("runCli() says nothing when the reader of its output went away", async () => {
  class DeafTerminal extends FakeTerminal {
    override write(): void {
      throw new BrokenPipe();
    }
  }
  const terminal = new DeafTerminal();
  assertEquals(await runCli(["--help"], terminal), 141);
  assertEquals(terminal.error, "");
});

Deno.test("runCli() colours its words where the terminal has colours", async () => {
  class ColourTerminal extends FakeTerminal {
    override readonly hasColours = true;
    override readonly hasErrorColours = true;
  }
  const terminal = new ColourTerminal();
  await runCli(["--help"], terminal);
  await runCli(["nothing"], terminal);
  assertStringIncludes(terminal.out, "\x1b[36mcreate\x1b[39m");
  assertStringIncludes(terminal.error, "\x1b[31merror:\x1b[39m Unknown");
});
