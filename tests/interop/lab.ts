/**
 * A laboratory of isolated hosts: Linux network namespaces on a bridge of their own, with no route out.
 *
 * Every lab uses the same addresses (10.55.0.N and fd55::N) under names of its own, so labs run side by side.
 * Closing a lab ends the processes started in it, by pid, and takes the namespaces and the folder away.
 */
import { command } from "./command.ts";
import {
  FOLDER_PREFIX,
  NAMESPACE_PREFIX,
  namespaces,
  removeFolder,
  removeLeftovers,
  removeNamespace,
} from "./leftovers.ts";
import { Running, until } from "./running.ts";

export { command } from "./command.ts";
export { Running, until, WaitedInVain } from "./running.ts";

/** What a program that ran to its end left behind. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const text = new TextDecoder();

/** Runs a list of `ip` commands in one go. */
async function ip(lines: readonly string[]): Promise<void> {
  const child = new Deno.Command("ip", { args: ["-batch", "-"], stdin: "piped", stderr: "piped" }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(lines.join("\n") + "\n"));
  await input.close();
  const { code, stderr } = await child.output();
  if (code !== 0) throw new Error(`Cannot build the network: ${text.decode(stderr)}`);
}

/** One host of the lab: a network namespace with addresses of its own. */
export class Host {
  readonly namespace: string;
  readonly address: string;
  readonly address6: string;
  readonly #lab: Lab;

  constructor(lab: Lab, namespace: string, number: number) {
    this.#lab = lab;
    this.namespace = namespace;
    this.address = `10.55.0.${number}`;
    this.address6 = `fd55::${number.toString(16)}`;
  }

  /** A fresh folder for this host's own files, readable by everybody. */
  folder(name: string): string {
    const path = `${this.#lab.folder}/${this.namespace.replace(/^.*h/, "h")}-${name}`;
    Deno.mkdirSync(path, { recursive: true });
    return path;
  }

  /** Gives this host one more address, such as `52.10.1.7/8`: all that have one of that network reach each other. */
  async addAddress(address: string): Promise<void> {
    const { code, stderr } = await this.run(["ip", "addr", "add", address, "dev", "eth0"]);
    if (code !== 0) throw new Error(`Cannot add an address: ${stderr}`);
  }

  /** Starts a program on this host; its output goes to a log file. The lab ends it if nobody else does. */
  spawn(name: string, args: readonly string[], options: { cwd?: string } = {}): Running {
    const log = `${this.#lab.folder}/${name}-${this.#lab.running.length}.log`;
    const redirected = ["sh", "-c", 'log=$1; shift; exec "$@" >"$log" 2>"$log.err"', "sh", log, ...args];
    const child = new Deno.Command("ip", {
      args: ["netns", "exec", this.namespace, ...redirected],
      cwd: options.cwd ?? this.#lab.folder,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const running = new Running(name, child, log);
    this.#lab.running.push(running);
    return running;
  }

  /** Runs a program on this host to its end. */
  async run(args: readonly string[], options: { cwd?: string } = {}): Promise<Outcome> {
    const { code, stdout, stderr } = await new Deno.Command("ip", {
      args: ["netns", "exec", this.namespace, ...args],
      cwd: options.cwd ?? this.#lab.folder,
      stdin: "null",
    }).output();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  }
}

let leftovers: Promise<void> | undefined;

/** A set of hosts and the processes that run on them. */
export class Lab implements AsyncDisposable {
  readonly folder: string;
  readonly hosts: readonly Host[];
  /** Everything that was ever started here. */
  readonly running: Running[] = [];
  readonly #prefix: string;

  private constructor(folder: string, prefix: string, hosts: number) {
    this.folder = folder;
    this.#prefix = prefix;
    this.hosts = Array.from(
      { length: hosts },
      (_, index) => new Host(this, `${prefix}h${index + 1}`, index + 1),
    );
  }

  /** Builds a lab of so many hosts, each of which can reach all others and nothing else. */
  static async open(hosts: number): Promise<Lab> {
    await (leftovers ??= removeLeftovers());
    const prefix = `${NAMESPACE_PREFIX}${Deno.pid}x${crypto.randomUUID().slice(0, 6)}`;
    const folder = await Deno.makeTempDir({ prefix: `${FOLDER_PREFIX}${Deno.pid}-` });
    await Deno.chmod(folder, 0o755);
    const lab = new Lab(folder, prefix, hosts);
    try {
      await lab.#wire();
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
    return lab;
  }

  async #wire(): Promise<void> {
    const bridge = `${this.#prefix}bridge`;
    await ip([bridge, ...this.hosts.map((host) => host.namespace)].map((name) => `netns add ${name}`));
    const cables = this.hosts.map((host, index) =>
      `link add name p${index} type veth peer name eth0 netns ${host.namespace}`
    );
    const ports = this.hosts.map((_, index) => `link set p${index} master br0 up`);
    await inNamespace(bridge, [
      "link add br0 type bridge mcast_snooping 0",
      "link set br0 up",
      ...cables,
      ...ports,
    ]);
    await Promise.all(this.hosts.map((host) =>
      inNamespace(host.namespace, [
        "link set lo up",
        "link set eth0 up",
        `addr add ${host.address}/24 dev eth0`,
        `addr add ${host.address6}/64 dev eth0 nodad`,
        "route add 224.0.0.0/4 dev eth0",
      ])
    ));
  }

  /** Host number `number`, counted from one. */
  host(number: number): Host {
    const host = this.hosts[number - 1];
    if (host === undefined) {
      throw new RangeError(`Cannot use host ${number}: the lab has ${this.hosts.length}`);
    }
    return host;
  }

  /** Mounts a small memory file system of its own: a disk that can be full or read-only. */
  async mountDisk(name: string, options: string): Promise<string> {
    const path = `${this.folder}/${name}`;
    await Deno.mkdir(path);
    await command("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]);
    return path;
  }

  /** The last lines of every log, for the report of a failure. */
  logs(): string {
    return this.running.map((running) => `--- ${running.name}\n${running.tail()}`).join("\n");
  }

  /** Ends what still runs, then takes hosts, disks and folder away. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.running) running.kill("SIGKILL");
    await Promise.all(this.running.map((running) => running.ended()));
    const own = (await namespaces()).filter((name) => name.startsWith(this.#prefix));
    await Promise.all(own.map(removeNamespace));
    await removeFolder(this.folder);
  }
}

async function inNamespace(name: string, lines: readonly string[]): Promise<void> {
  const script = lines.map((line) => `ip -n ${name} ${line}`).join(" && ");
  await command("sh", ["-c", script]);
}

/** Waits until a port of a process's host is open for connections. */
export async function untilListening(running: Running, port: number, timeoutMs = 20_000): Promise<void> {
  const hexPort = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const isOpen = async () => {
    const tables = await Promise.all(
      ["tcp", "tcp6"].map((table) => Deno.readTextFile(`/proc/${running.pid}/net/${table}`).catch(() => "")),
    );
    // Columns: slot, local address, remote address, state; 0A is LISTEN.
    return tables.join("\n").split("\n").some((row) => {
      const [, local, , state] = row.trim().split(/\s+/);
      return state === "0A" && local?.endsWith(hexPort) === true;
    });
  };
  await until(`${running.name} listens on port ${port}`, () => running.isOver || isOpen(), timeoutMs);
  if (running.isOver) throw new Error(`${running.name} ended before it listened on port ${port}`);
}
