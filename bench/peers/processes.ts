/** Processes of a comparison: built, started, measured from outside, ended. */

const HERE = import.meta.dirname!;

/** What a process took. */
export interface Cost {
  /** Seconds from start to end. */
  readonly wall: number;
  /** Seconds of all its threads, user and system. */
  readonly cpu: number;
  /** Peak of resident memory, in MiB. */
  readonly memory: number;
}

/** Builds the native programs into a folder, once. */
export async function buildNative(folder: string): Promise<void> {
  for (const [name, ...libraries] of [["seed"], ["leech", "-lcrypto", "-lpthread"], ["measure"]]) {
    await succeed("cc", ["-O2", "-o", `${folder}/${name}`, `${HERE}/native/${name}.c`, ...libraries]);
  }
}

/** Runs a command to its end. @throws If it fails. */
export async function succeed(command: string, args: readonly string[], cwd?: string): Promise<void> {
  const options = { args: [...args], stdout: "null", stderr: "piped", ...(cwd && { cwd }) };
  const { success, stderr } = await new Deno.Command(command, options as Deno.CommandOptions).output();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
}

/** Runs a command to its end and measures it; `undefined` if it fails or takes too long. */
export async function measure(native: string, command: readonly string[]): Promise<Cost | undefined> {
  const { stdout } = await new Deno.Command(`${native}/measure`, { args: ["120", ...command] }).output();
  const { code, wall, cpu, rss } = JSON.parse(new TextDecoder().decode(stdout));
  return code === 0 ? { wall, cpu, memory: rss / 1024 } : undefined;
}

/** A process that serves until it is ended. */
export class Server {
  readonly #process: Deno.ChildProcess;
  #lines = 0;

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
  }

  /** Starts it and waits until it says READY, or for a fixed time if it never does. */
  static async start(command: readonly string[], quietMs?: number): Promise<Server> {
    const [program, ...args] = command;
    const server = new Server(
      new Deno.Command(program!, { args, stdout: "piped", stderr: "null" }).spawn(),
    );
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    void server.#listen(resolve).then(() => reject(new Error(`${program} ended before it was ready`)));
    if (quietMs !== undefined) setTimeout(resolve, quietMs);
    await ready;
    return server;
  }

  /** Lines it has said since it was ready. */
  get lines(): number {
    return this.#lines;
  }

  /** Resident memory now, in MiB. */
  get resident(): number {
    return this.#memory("VmRSS");
  }

  /** Peak of resident memory, in MiB. */
  get memory(): number {
    return this.#memory("VmHWM");
  }

  /** CPU seconds so far. */
  get cpu(): number {
    const fields = Deno.readTextFileSync(`/proc/${this.#process.pid}/stat`).split(") ").at(-1)!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
  }

  #memory(key: string): number {
    const status = Deno.readTextFileSync(`/proc/${this.#process.pid}/status`);
    return Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)![1]) / 1024;
  }

  async #listen(onReady: () => void): Promise<void> {
    let isReady = false;
    for await (const chunk of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      if (isReady) this.#lines += chunk.split("\n").length - 1;
      else if (chunk.includes("READY")) {
        isReady = true;
        onReady();
      }
    }
  }
}
