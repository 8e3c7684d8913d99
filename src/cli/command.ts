/** What a command is to main.ts: its operands and options, what it says in its help, and what it does. */

import { type OperandValues, type OptionTable, type OptionValues, parseArguments } from "./arguments.ts";
import type { Terminal } from "./terminal.ts";

/** One command as main.ts runs it. */
export interface Command {
  /**
   * Names of the operands in order, as the help shows them; a name that ends in "…" takes one or more, and one in
   * brackets, which stands last, may be left out.
   */
  readonly operands: readonly string[];
  /** Long names to what they mean. */
  readonly options: OptionTable;
  /** What the help says below the options. */
  readonly notes: string;
  /**
   * Does it and answers the exit code.
   *
   * @throws {UsageError} If the arguments make no sense.
   */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}

/** What the body of a command is given. */
export interface Input<Operands extends readonly string[], Table extends OptionTable> {
  /** The operands, in order. */
  readonly operands: OperandValues<Operands>;
  /** What the last operand took beyond its first value, if its name ends in "…". */
  readonly rest: readonly string[];
  /** The options, by long name. */
  readonly options: OptionValues<Table>;
}

/** A command with the types of its own operands and options. */
export interface CommandParts<Operands extends readonly string[], Table extends OptionTable> {
  readonly operands: Operands;
  readonly options: Table;
  readonly notes?: string;
  run(input: Input<Operands, Table>, terminal: Terminal): Promise<number>;
}

/** Makes a command whose body gets its arguments parsed and typed. */
export function defineCommand<const Operands extends readonly string[], const Table extends OptionTable>(
  parts: CommandParts<Operands, Table>,
): Command {
  return {
    operands: parts.operands,
    options: parts.options,
    notes: parts.notes ?? "",
    run: (args, terminal) => parts.run(parseArguments(parts.operands, parts.options, args), terminal),
  };
}
