/** Command-line arguments: a table of options per command, parsed with types, and the help drawn from the same table. */

import { parseArgs } from "node:util";
import { parseSize } from "./format.ts";

/** Thrown when the command line itself is wrong; the program ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What an option's value is read as. */
const KINDS = {
  text: (text: string): string => text,
  count: (text: string): number => readInteger(text, 0, Number.MAX_SAFE_INTEGER),
  port: (text: string): number => readInteger(text, 0, 65_535),
  // Timers count milliseconds in 31 bits; a longer one would go off at once.
  seconds: (text: string): number => readInteger(text, 0, 2_147_483),
  size: (text: string): number =>
    parseSize(text) ?? refuse(`"${text}" is no size such as 65536, 64K or 1.5M`),
} as const;

type Kind = keyof typeof KINDS;

/** One option of a command. */
export interface Option {
  /** What it takes: nothing, text, a whole number, a port, seconds, or bytes with K, M, G. */
  readonly kind: "flag" | Kind;
  /** One letter, for `-o`. */
  readonly short?: string;
  /** What the help calls its value. */
  readonly value?: string;
  /** May be given several times. */
  readonly many?: boolean;
  /** What the help says. */
  readonly help: string;
}

/** The options of a command, by long name. */
export type OptionTable = Readonly<Record<string, Option>>;

type OneValue<O extends Option> = O["kind"] extends Kind ? ReturnType<typeof KINDS[O["kind"]]> : boolean;

/** What the options of a table are parsed to: flags are booleans, absent options `undefined`, repeated ones arrays. */
export type OptionValues<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name]["kind"] extends "flag" ? boolean
    : Table[Name] extends { readonly many: true } ? readonly OneValue<Table[Name]>[]
    : OneValue<Table[Name]> | undefined;
};

/** One text per operand; one that may be left out, named in brackets, is `undefined` then. */
export type OperandValues<Operands extends readonly string[]> = {
  readonly [Index in keyof Operands]: Operands[Index] extends `[${string}` ? string | undefined : string;
};

/** What {@linkcode parseArguments} finds. */
export interface Parsed<Operands extends readonly string[], Table extends OptionTable> {
  readonly operands: OperandValues<Operands>;
  readonly rest: readonly string[];
  readonly options: OptionValues<Table>;
}

/**
 * Reads the arguments of one command.
 *
 * @throws {UsageError} If an option is unknown or its value makes no sense, or operands are missing or too many.
 */
export function parseArguments<Operands extends readonly string[], Table extends OptionTable>(
  operands: Operands,
  table: Table,
  args: readonly string[],
): Parsed<Operands, Table> {
  const { values, positionals } = split(table, args);
  checkOperands(operands, positionals);
  const options: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(table)) options[name] = readOption(name, option, values[name]);
  return {
    operands: positionals.slice(0, operands.length) as readonly string[] as OperandValues<Operands>,
    rest: positionals.slice(operands.length),
    options: options as OptionValues<Table>,
  };
}

type RawValue = string | boolean | (string | boolean)[] | undefined;

function split(
  table: OptionTable,
  args: readonly string[],
): { values: Readonly<Record<string, RawValue>>; positionals: readonly string[] } {
  const options = Object.fromEntries(
    Object.entries(table).map(([name, { kind, short, many }]) => [name, {
      type: kind === "flag" ? "boolean" as const : "string" as const,
      multiple: many ?? false,
      ...(short === undefined ? {} : { short }),
    }]),
  );
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(inOneSentence(error.message));
    throw error;
  }
}

/** Node's messages go on with advice over several sentences and lines. */
function inOneSentence(message: string): string {
  const missing = /^Option '([^']+?)(?: <value>)?' argument (?:missing|is ambiguous)/.exec(message);
  if (missing !== null) return `Missing value: ${missing[1]}`;
  const unknown = /^Unknown option '([^']+)'/.exec(message);
  if (unknown !== null) return `Unknown option: "${unknown[1]}"`;
  return message.split("\n")[0]!.replace(/\.( .*)?$/, "");
}

function checkOperands(operands: readonly string[], given: readonly string[]): void {
  const missing = operands[given.length];
  if (missing !== undefined && !missing.startsWith("[")) throw new UsageError(`Missing argument: ${missing}`);
  const many = operands.at(-1)?.endsWith("…") ?? false;
  if (!many && given.length > operands.length) {
    throw new UsageError(`Unexpected argument: "${given[operands.length]}"`);
  }
}

function readOption(name: string, option: Option, value: RawValue): unknown {
  if (option.kind === "flag") return value === true;
  const read = (raw: string | boolean) => {
    try {
      return KINDS[option.kind as Kind](String(raw));
    } catch (error) {
      if (error instanceof RangeError) throw new UsageError(`Cannot use --${name}: ${error.message}`);
      throw error;
    }
  };
  if (Array.isArray(value)) return value.map(read);
  if (value === undefined) return option.many ? [] : undefined;
  return read(value);
}

function readInteger(text: string, least: number, most: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) refuse(`"${text}" is no whole number from ${least} to ${most}`);
  return value;
}

function refuse(message: string): never {
  throw new RangeError(message);
}
