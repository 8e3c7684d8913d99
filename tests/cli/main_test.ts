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

const DHT_COMMANDS = [
  "ping",
  "find",
  "get-peers",
  "announce",
  "scrape",
  "get",
  "put",
  "sample",
  "crawl",
  "node",
];

Deno.test("runCli() shows the help of the program, which names every command", async () => {
  for (const args of [["--help"], ["-h"], ["help"]]) {
    const { exitCode, out, error } = await run(...args);
    assertEquals([exitCode, error], [0, ""]);
    for (const command of [...COMMANDS, "dht"]) assertMatch(out, new RegExp(`^  ${command} +[A-Z]`, "m"));
  }
});

Deno.test("runCli() shows the help of a group, which names its commands", async () => {
  for (const args of [["dht", "--help"], ["dht", "-h"], ["help", "dht"]]) {
    const { exitCode, out, error } = await run(...args);
    assertEquals([exitCode, error], [0, ""]);
    assertStringIncludes(out, "Usage: bittorrent dht COMMAND");
    for (const command of DHT_COMMANDS) assertMatch(out, new RegExp(`^  ${command} +[A-Z]`, "m"));
  }
});

for (const command of [...COMMANDS, ...DHT_COMMANDS.map((command) => `dht ${command}`)]) {
  Deno.test(`runCli() shows the help of ${command} on standard output`, async () => {
    const words = command.split(" "), { exitCode, out, error } = await run(...words, "--help");
    assertEquals([exitCode, error], [0, ""]);
    assertStringIncludes(out, `Usage: bittorrent ${command}`);
    assertStringIncludes(out, "-h, --help");
    assert(out.split("\n").every((line) => line.length <= 120), "a line is longer than 120 columns");
    assertEquals(await run("help", ...words), { exitCode, out, error });
    assertEquals(await run(...words, "operand", "--unknown", "-h"), { exitCode, out, error });
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
    [["edit", "a", "--json"], `error: Unknown option: "--json"\nTry 'bittorrent edit --help'\n`],
    [
      ["magnet", "magnet:?xt=urn:btih:" + "ab".repeat(20), "--json", "-o", "-"],
      "error: Cannot use --json and -o - together\nTry 'bittorrent magnet --help'\n",
    ],
    [
      ["download", "magnet:?xs=urn:btpk:" + "ab".repeat(32), "--no-dht"],
      "error: Cannot use --no-dht with this link: only the DHT knows which torrent its key stands for\n" +
      "Try 'bittorrent download --help'\n",
    ],
    [
      ["magnet", "magnet:?xs=urn:btpk:" + "ab".repeat(32), "--proxy", "http://127.0.0.1:9"],
      "error: Cannot use an HTTP --proxy with this link: only the DHT knows which torrent its key stands for\n" +
      "Try 'bittorrent magnet --help'\n",
    ],
    [["dht"], "error: Missing command\nTry 'bittorrent dht --help'\n"],
    [["dht", "frobnicate"], `error: Unknown command: "frobnicate"\nTry 'bittorrent dht --help'\n`],
    [["dht", "--json"], `error: Unknown option: "--json"\nTry 'bittorrent dht --help'\n`],
    [["dht", "ping"], "error: Missing argument: HOST:PORT\nTry 'bittorrent dht ping --help'\n"],
    [["dht", "ping", "x"], `error: "x" is not HOST:PORT\nTry 'bittorrent dht ping --help'\n`],
    [
      ["dht", "find", "12"],
      `error: "12" is neither 40 hex digits nor a magnet link\nTry 'bittorrent dht find --help'\n`,
    ],
    [
      ["dht", "find", "magnet:?xs=urn:btpk:" + "ab".repeat(32)],
      "error: The magnet link names no info hash\nTry 'bittorrent dht find --help'\n",
    ],
    [
      ["dht", "announce", "ab".repeat(20)],
      "error: Missing port: give the --port of the peer\nTry 'bittorrent dht announce --help'\n",
    ],
    [["dht", "get"], "error: Give either a hash or --key\nTry 'bittorrent dht get --help'\n"],
    [
      ["dht", "get", "ab".repeat(20), "--salt", "x"],
      "error: Cannot use --salt without --key\nTry 'bittorrent dht get --help'\n",
    ],
    [
      ["dht", "get", "--key", "ab"],
      `error: Cannot use --key: "ab" is not 64 hex digits\nTry 'bittorrent dht get --help'\n`,
    ],
    [["dht", "put"], "error: Give either a text or --file\nTry 'bittorrent dht put --help'\n"],
    [
      ["dht", "put", "x", "--seq", "1"],
      "error: Cannot use --seq without --key-file\nTry 'bittorrent dht put --help'\n",
    ],
    [
      ["dht", "put", "x".repeat(997)],
      "error: Cannot store the text: it has 997 bytes, more than 996\nTry 'bittorrent dht put --help'\n",
    ],
    [
      ["dht", "sample", "127.0.0.1:1", "--target", "12"],
      `error: Cannot use --target: "12" is not 40 hex digits\nTry 'bittorrent dht sample --help'\n`,
    ],
    [
      ["dht", "crawl", "--count", "0"],
      "error: Cannot use --count: it is no number from 1 to 1000000\nTry 'bittorrent dht crawl --help'\n",
    ],
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
