/** A program that a lab started: its log, its end, and how to wait for either. */

const POLL_MS = 40;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What a program was waited for did not come. */
export class WaitedInVain extends Error {}

/** Polls until `isSo` holds, or throws `WaitedInVain` with `what` once `timeoutMs` have passed. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!await isSo()) {
    if (performance.now() > end) throw new WaitedInVain(`Waited ${timeoutMs} ms in vain: ${what}`);
    await pause(POLL_MS);
  }
}

function readLog(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

/** One running program and the two log files that its output goes to. */
export class Running {
  readonly name: string;
  readonly pid: number;
  readonly log: string;
  readonly #child: Deno.ChildProcess;
  #status: Deno.CommandStatus | undefined;

  constructor(name: string, child: Deno.ChildProcess, log: string) {
    this.name = name;
    this.pid = child.pid;
    this.log = log;
    this.#child = child;
    child.status.then((status) => this.#status = status);
  }

  get isOver(): boolean {
    return this.#status !== undefined;
  }

  stdout(): string {
    return readLog(this.log);
  }

  stderr(): string {
    return readLog(`${this.log}.err`);
  }

  /** What it printed on stdout as JSON, one object per line; other lines and a half-written last one are left out. */
  events(): Record<string, unknown>[] {
    return this.stdout().split("\n").flatMap((line) => {
      try {
        const value: unknown = JSON.parse(line);
        return typeof value === "object" && value !== null ? [value as Record<string, unknown>] : [];
      } catch {
        return [];
      }
    });
  }

  tail(lines = 25): string {
    const isTelling = (line: string) => !line.startsWith('{"type":"progress"');
    const last = (content: string) =>
      content.trimEnd().split("\n").filter(isTelling).slice(-lines).join("\n");
    return `${last(this.stdout())}\n${last(this.stderr())}\n(${
      this.isOver ? `exit code ${this.#status?.code}` : "running"
    })`;
  }

  kill(signal: Deno.Signal): void {
    if (this.isOver) return;
    try {
      this.#child.kill(signal);
    } catch { /* it ended meanwhile */ }
  }

  /** Its exit code, once it has ended by itself or by a signal. */
  async ended(): Promise<number> {
    return (await this.#child.status).code;
  }

  /** Its exit code; throws if it has not ended in time. */
  async exitCode(timeoutMs: number): Promise<number> {
    await until(`${this.name} ends`, () => this.isOver, timeoutMs);
    return await this.ended();
  }

  /** Asks it to stop and waits for that; gets rougher when it does not obey in time. Returns its exit code. */
  async stop(signal: Deno.Signal = "SIGTERM", timeoutMs = 10_000): Promise<number> {
    this.kill(signal);
    await until(`${this.name} obeys ${signal}`, () => this.isOver, timeoutMs).catch(() =>
      this.kill("SIGKILL")
    );
    return await this.ended();
  }
}
