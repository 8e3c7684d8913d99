/**
 * The command line: `deno run -A jsr:@network/bittorrent/cli --help`.
 *
 * Every command is a function of its arguments and a {@linkcode Terminal}, so that a program (or a test) can run one
 * without a process of its own. Commands are loaded when they are asked for, so that `--help` loads nothing heavy.
 *
 * Exit codes: 0 done, 1 failed (with one line on standard error), 2 wrong usage; after Ctrl-C 130, as shells expect.
 *
 * @example Run a command and catch what it writes
 * ```ts
 * import { runCli } from "@network/bittorrent/cli";
 * import { assertEquals, assertStringIncludes } from "@std/assert";
 *
 * let text = "";
 * const exitCode = await runCli(["create", "--help"], {
 *   write: (content) => text += content,
 *   writeError: () => {},
 *   columns: () => undefined,
 *   hasColours: false,
 *   hasErrorColours: false,
 *   interruption: () => ({ signal: new AbortController().signal, release: () => {} }),
 * });
 *
 * assertEquals(exitCode, 0);
 * assertStringIncludes(text, "bittorrent create PATH");
 * ```
 *
 * @module
 */

import { UsageError } from "./arguments.ts";
import type { Command } from "./command.ts";
import { judge } from "./failure.ts";
import { commandHelp, PROGRAM, programHelp } from "./help.ts";
import { createPalette } from "./render.ts";
import { BrokenPipe, systemTerminal, type Terminal } from "./terminal.ts";
import { VERSION } from "../version.ts";

export type { Interruption, Terminal } from "./terminal.ts";

/** A command that is not loaded yet. */
interface CommandEntry {
  readonly summary: string;
  load(): Promise<{ readonly command: Command }>;
}

/** Every command, in the order of the help. */
const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  create: { summary: "Make a torrent of a file or folder", load: () => import("./commands/create.ts") },
  info: { summary: "Show what a torrent or magnet link says", load: () => import("./commands/info.ts") },
  magnet: { summary: "Print the magnet link of a torrent", load: () => import("./commands/magnet.ts") },
  edit: {
    summary: "Change what a torrent says besides its content",
    load: () => import("./commands/edit.ts"),
  },
  verify: { summary: "Check content on disk against a torrent", load: () => import("./commands/verify.ts") },
  download: { summary: "Fetch the content of a torrent", load: () => import("./commands/download.ts") },
  seed: { summary: "Serve content that is there", load: () => import("./commands/seed.ts") },
  announce: {
    summary: "Ask trackers for the peers of a torrent",
    load: () => import("./commands/announce.ts"),
  },
  scrape: {
    summary: "Ask trackers for the numbers of a torrent",
    load: () => import("./commands/scrape.ts"),
  },
  demo: {
    summary: "Make, track, seed, fetch and verify on this machine",
    load: () => import("./commands/demo.ts"),
  },
};

/** Runs the command line with the arguments behind the program's name and answers the exit code. Never throws. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await dispatch(args, terminal);
  } catch (error) {
    return report(error, args[0] ?? "", terminal);
  }
}

async function dispatch(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined) throw new UsageError("Missing command");
  if (name === "--help" || name === "-h" || name === "help" && rest.length === 0) {
    terminal.write(programHelp(COMMANDS, terminal.hasColours));
    return 0;
  }
  if (name === "--version" || name === "-V") {
    terminal.write(`${PROGRAM} ${VERSION}\n`);
    return 0;
  }
  if (name === "help") return await dispatch([...rest, "--help"], terminal);
  if (!Object.hasOwn(COMMANDS, name)) {
    throw new UsageError(`Unknown ${name.startsWith("-") ? "option" : "command"}: "${name}"`);
  }
  return await runCommand(name, rest, terminal);
}

async function runCommand(name: string, args: readonly string[], terminal: Terminal): Promise<number> {
  const { summary, load } = COMMANDS[name]!;
  const { command } = await load();
  if (!asksForHelp(args)) return await command.run(args, terminal);
  terminal.write(commandHelp(name, summary, command, terminal.hasColours));
  return 0;
}

/** Whether `--help` stands anywhere before `--`. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? args.length : end).some((arg) => arg === "--help" || arg === "-h");
}

/** Says what went wrong: exactly one line, and for wrong usage a second one that leads to the help. */
function report(error: unknown, name: string, terminal: Terminal): number {
  const { exitCode, message } = judge(error);
  if (message === undefined) return exitCode;
  const palette = createPalette(terminal.hasErrorColours);
  const command = Object.hasOwn(COMMANDS, name) ? ` ${name}` : "";
  const hint = exitCode === 2 ? `Try '${PROGRAM}${command} --help'\n` : "";
  try {
    terminal.writeError(`${palette.red("error:")} ${message}\n${hint}`);
  } catch (failure) {
    if (!(failure instanceof BrokenPipe)) throw failure;
  }
  return exitCode;
}

if (import.meta.main) Deno.exit(await runCli(Deno.args, systemTerminal()));
