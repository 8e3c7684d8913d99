/** A terminal for tests: keeps what is written, and can be interrupted. */

import { runCli } from "../../src/cli/main.ts";
import { Interrupted, type Interruption, type Terminal } from "../../src/cli/terminal.ts";

/** Columns, where standard error shall be a terminal. */
export interface FakeTerminalOptions {
  readonly columns?: number;
}

export class FakeTerminal implements Terminal {
  readonly hasColours: boolean = false;
  readonly hasErrorColours: boolean = false;
  readonly #columns: number | undefined;
  readonly #out: Uint8Array[] = [];
  readonly #interruption = new AbortController();
  readonly #waiting: { readonly pattern: RegExp; readonly resolve: () => void }[] = [];
  /** What was written to standard error. */
  error = "";

  constructor(options: FakeTerminalOptions = {}) {
    this.#columns = options.columns;
  }

  write(content: string | Uint8Array): void {
    this.#out.push(typeof content === "string" ? new TextEncoder().encode(content) : content.slice());
    for (const { pattern, resolve } of this.#waiting) if (pattern.test(this.out)) resolve();
  }

  writeError(text: string): void {
    this.error += text;
  }

  columns(): number | undefined {
    return this.#columns;
  }

  interruption(): Interruption {
    return { signal: this.#interruption.signal, release: () => {} };
  }

  /** What was written to standard output. */
  get out(): string {
    return new TextDecoder().decode(this.outBytes);
  }

  get outBytes(): Uint8Array {
    const bytes = new Uint8Array(this.#out.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of this.#out) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** Lines of standard output, parsed as JSON. */
  get jsonLines(): Record<string, unknown>[] {
    return this.out.trim().split("\n").map((line) => JSON.parse(line));
  }

  /** Presses Ctrl-C. */
  interrupt(): void {
    this.#interruption.abort(new Interrupted("SIGINT"));
  }

  /** Settles once standard output matches. */
  waitFor(pattern: RegExp): Promise<void> {
    if (pattern.test(this.out)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ pattern, resolve }));
  }
}

/** What a run of the command line left behind. */
export interface Outcome {
  readonly exitCode: number;
  readonly out: string;
  readonly error: string;
}

/** Runs the command line to its end. */
export async function run(...args: string[]): Promise<Outcome> {
  const terminal = new FakeTerminal();
  const exitCode = await runCli(args, terminal);
  return { exitCode, out: terminal.out, error: terminal.error };
}
