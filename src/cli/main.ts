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
import { type CommandEntry, type CommandGroup, COMMANDS, findCommand } from "./command_table.ts";
import { judge } from "./failure.ts";
import { commandHelp, groupHelp, PROGRAM, programHelp } from "./help.ts";
import { createPalette } from "./render.ts";
import { BrokenPipe, systemTerminal, type Terminal } from "./terminal.ts";
import { VERSION } from "../version.ts";

export type { Interruption, Terminal } from "./terminal.ts";

/** Runs the command line with the arguments behind the program's name and answers the exit code. Never throws. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await dispatch(args, terminal);
  } catch (error) {
    return report(error, findCommand(args).words, terminal);
  }
}

async function dispatch(args: readonly string[], terminal: Terminal): Promise<number> {
  const { words, entry, rest } = findCommand(args);
  if (entry === undefined) return await dispatchTop(args, terminal);
  return "commands" in entry
    ? showGroup(words, entry, rest, terminal)
    : await runCommand(words, entry, rest, terminal);
}

/** What no command's name stands in front of. */
async function dispatchTop(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined) throw new UsageError("Missing command");
  if (isHelp(name) || name === "help" && rest.length === 0) {
    terminal.write(programHelp(COMMANDS, terminal.hasColours));
    return 0;
  }
  if (name === "--version" || name === "-V") {
    terminal.write(`${PROGRAM} ${VERSION}\n`);
    return 0;
  }
  if (name === "help") return await dispatch([...rest, "--help"], terminal);
  refuseWord(name);
}

/** A group's name without one of its commands behind it. */
function showGroup(
  words: readonly string[],
  { summary, commands }: CommandGroup,
  rest: readonly string[],
  terminal: Terminal,
): number {
  const [word] = rest;
  if (word === undefined) throw new UsageError("Missing command");
  if (!isHelp(word)) refuseWord(word);
  terminal.write(groupHelp(words.join(" "), summary, commands, terminal.hasColours));
  return 0;
}

function refuseWord(word: string): never {
  throw new UsageError(`Unknown ${word.startsWith("-") ? "option" : "command"}: "${word}"`);
}

async function runCommand(
  words: readonly string[],
  { summary, load }: CommandEntry,
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const { command } = await load();
  if (!asksForHelp(args)) return await command.run(args, terminal);
  terminal.write(commandHelp(words.join(" "), summary, command, terminal.hasColours));
  return 0;
}

/** Whether `--help` stands anywhere before `--`. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? args.length : end).some(isHelp);
}

function isHelp(word: string): boolean {
  return word === "--help" || word === "-h";
}

/** Says what went wrong: exactly one line, and for wrong usage a second one that leads to the help. */
function report(error: unknown, words: readonly string[], terminal: Terminal): number {
  const { exitCode, message } = judge(error);
  if (message === undefined) return exitCode;
  const palette = createPalette(terminal.hasErrorColours);
  const hint = exitCode === 2 ? `Try '${[PROGRAM, ...words].join(" ")} --help'\n` : "";
  try {
    terminal.writeError(`${palette.red("error:")} ${message}\n${hint}`);
  } catch (failure) {
    if (!(failure instanceof BrokenPipe)) throw failure;
  }
  return exitCode;
}

if (import.meta.main) Deno.exit(await runCli(Deno.args, systemTerminal()));
