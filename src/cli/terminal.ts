/** Where a command writes to, and how it hears Ctrl-C: the real one, with an interface so that tests need none. */

/** Standard output, standard error and signals, as commands use them. */
export interface Terminal {
  /** Writes to standard output: what was asked for. */
  write(content: string | Uint8Array): void;
  /** Writes to standard error: what is said about it, progress included. */
  writeError(text: string): void;
  /** Columns of the terminal that standard error is; `undefined` if it is none. Asked anew for every picture. */
  columns(): number | undefined;
  /** Whether standard output may carry colours. */
  readonly hasColours: boolean;
  /** Whether standard error may carry colours. */
  readonly hasErrorColours: boolean;
  /** From now until `release()`, Ctrl-C and the like abort a signal instead of ending the program. */
  interruption(): Interruption;
}

/** Signals that were taken over. */
export interface Interruption {
  /** Aborted by the first signal; the reason is an {@linkcode Interrupted}. A second one ends the program at once. */
  readonly signal: AbortSignal;
  /** Gives signals back to the system. Safe to call twice. */
  release(): void;
}

/** Thrown when the user or the system asked the program to stop. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  /** What shells expect of a program that a signal ended: 128 and the signal's number. */
  readonly exitCode: number;

  /** Names the signal. */
  constructor(signal: Deno.Signal) {
    super(`Interrupted by ${signal}`);
    this.exitCode = SIGNALS[signal] ?? 130;
  }
}

/** Thrown when the program that reads our output went away; nothing is said about it. */
export class BrokenPipe extends Error {
  override readonly name = "BrokenPipe";
  /** As if SIGPIPE had ended us, which is what shells expect. */
  readonly exitCode = 141;
}

/** The signals that ask a program to stop, with the exit codes that shells give them. */
const SIGNALS: Partial<Record<Deno.Signal, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

const SHOW_CURSOR = "\x1b[?25h";

/** The process's own terminal. */
export function systemTerminal(): Terminal {
  const isCapable = !isDumb();
  const errorIsTerminal = isCapable && Deno.stderr.isTerminal();
  return {
    write: (content) => writeAll(Deno.stdout, content),
    writeError: (text) => writeAll(Deno.stderr, text),
    columns: () => errorIsTerminal ? consoleColumns() : undefined,
    hasColours: isCapable && Deno.stdout.isTerminal() && !Deno.noColor,
    hasErrorColours: errorIsTerminal && !Deno.noColor,
    interruption: () => takeSignals(errorIsTerminal),
  };
}

/** Whether the terminal says that it can neither move its cursor nor show colours. Asks for no permission. */
function isDumb(): boolean {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "TERM" });
  return state === "granted" && Deno.env.get("TERM") === "dumb";
}

/** How long to wait for a reader that is slower than we are, in milliseconds. */
const FULL_PIPE_PAUSE = 5;

/** Writes everything, also into pipes that take it in parts. @throws {BrokenPipe} If nobody reads any more. */
function writeAll(stream: { writeSync(bytes: Uint8Array): number }, content: string | Uint8Array): void {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  for (let at = 0; at < bytes.length;) {
    try {
      at += stream.writeSync(bytes.subarray(at));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw new BrokenPipe("", { cause: error });
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_PAUSE);
    }
  }
}

function consoleColumns(): number {
  try {
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}

function takeSignals(restoreCursor: boolean): Interruption {
  const controller = new AbortController();
  const listeners = new Map<Deno.Signal, () => void>();
  for (const name of Object.keys(SIGNALS) as Deno.Signal[]) {
    const listener = () => {
      if (!controller.signal.aborted) return controller.abort(new Interrupted(name));
      if (restoreCursor) Deno.stderr.writeSync(new TextEncoder().encode(SHOW_CURSOR));
      Deno.exit(SIGNALS[name]);
    };
    try {
      Deno.addSignalListener(name, listener);
      listeners.set(name, listener);
    } catch (error) {
      // Windows knows SIGINT alone.
      if (!(error instanceof TypeError)) throw error;
    }
  }
  return {
    signal: controller.signal,
    release: () => {
      for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
      listeners.clear();
    },
  };
}
