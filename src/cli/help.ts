/** What `--help` says, drawn from the tables that the arguments are parsed by. */

import type { Option, OptionTable } from "./arguments.ts";
import type { Command } from "./command.ts";
import { createPalette, drawTable, type Palette } from "./render.ts";

/** The name that users type. */
export const PROGRAM = "bittorrent";

/** What is known of a command or group without loading it. */
export interface CommandRow {
  /** What it does, in one line. */
  readonly summary: string;
}

/** Commands and groups by name. */
type CommandRows = Readonly<Record<string, CommandRow>>;

/** Options that every command has. */
const COMMON: OptionTable = {
  help: { kind: "flag", short: "h", help: "show this help" },
};

/** The help of the program: its commands. */
export function programHelp(commands: CommandRows, hasColours: boolean): string {
  const palette = createPalette(hasColours);
  return joinLines([
    `${palette.bold("BitTorrent")}: make, read, check, share and fetch torrents`,
    "",
    ...commandLines(
      "",
      commands,
      { ...COMMON, version: { kind: "flag", help: "show the version" } },
      palette,
    ),
    "",
    `'${PROGRAM} COMMAND --help' tells more. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped.`,
  ]);
}

/** The help of a group of commands, all of which begin with `name`. */
export function groupHelp(name: string, summary: string, commands: CommandRows, hasColours: boolean): string {
  const palette = createPalette(hasColours);
  return joinLines([
    summary,
    "",
    ...commandLines(` ${name}`, commands, COMMON, palette),
    "",
    `'${PROGRAM} ${name} COMMAND --help' tells more.`,
  ]);
}

function commandLines(
  prefix: string,
  commands: CommandRows,
  options: OptionTable,
  palette: Palette,
): string[] {
  const rows = Object.entries(commands).map(([name, { summary }]) => [`  ${palette.cyan(name)}`, summary]);
  return [
    `${palette.bold("Usage:")} ${PROGRAM}${prefix} COMMAND [arguments]`,
    "",
    palette.bold("Commands:"),
    ...drawTable(rows),
    "",
    palette.bold("Options:"),
    ...optionLines(options, palette),
  ];
}

/** The help of one command. */
export function commandHelp(name: string, summary: string, command: Command, hasColours: boolean): string {
  const palette = createPalette(hasColours);
  const operands = command.operands.map((operand) => ` ${operand}`).join("");
  const options = Object.keys(command.options).length > 0 ? " [options]" : "";
  return joinLines([
    summary,
    "",
    `${palette.bold("Usage:")} ${PROGRAM} ${name}${operands}${options}`,
    "",
    palette.bold("Options:"),
    ...optionLines({ ...command.options, ...COMMON }, palette),
    ...(command.notes === "" ? [] : ["", command.notes]),
  ]);
}

function optionLines(table: OptionTable, palette: Palette): string[] {
  const rows = Object.entries(table).map(([name, option]) => [
    `  ${option.short === undefined ? "    " : palette.cyan(`-${option.short}`) + ", "}` +
    palette.cyan(`--${name}`) + valueName(option),
    option.help,
  ]);
  return drawTable(rows);
}

function valueName(option: Option): string {
  if (option.kind === "flag") return "";
  return ` ${option.value ?? option.kind.toUpperCase()}${option.many ? " …" : ""}`;
}

function joinLines(lines: readonly string[]): string {
  return lines.join("\n") + "\n";
}
