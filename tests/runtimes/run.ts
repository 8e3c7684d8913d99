/**
 * Proves that the pure floors run everywhere: bundles `vectors.ts` for no runtime in particular and checks it on Deno,
 * Node, Bun and workerd, whose binaries come from the npm registry (`deno task runtimes`).
 */

/** The npm packages that ship the binaries themselves, so that no install script is needed. */
const VERSIONS = { node: "24.21.0", bun: "1.4.5", workerd: "1.20261117.1" } as const;

interface Binary {
  readonly name: string;
  readonly packageName: string;
  readonly version: string;
  readonly path: string;
}

function binaries(): Binary[] {
  const { os } = Deno.build;
  const isArm = Deno.build.arch === "aarch64";
  const [nodeArch, bunArch, workerdArch] = isArm ? ["arm64", "aarch64", "arm64"] : ["x64", "x64", "64"];
  return [
    { name: "Node", packageName: `node-${os}-${nodeArch}`, version: VERSIONS.node, path: "bin/node" },
    { name: "Bun", packageName: `@oven/bun-${os}-${bunArch}`, version: VERSIONS.bun, path: "bin/bun" },
    {
      name: "workerd",
      packageName: `@cloudflare/workerd-${os}-${workerdArch}`,
      version: VERSIONS.workerd,
      path: "bin/workerd",
    },
  ];
}

const RUN = `import { checkVectors } from "./vectors.mjs";
console.log(await checkVectors());
`;

/** workerd prints nothing of a test that passes. */
const WORKER = `import { checkVectors } from "./vectors.mjs";
export default { async test() { await checkVectors(); } };
`;

const WORKERD_CONFIG = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = ( services = [ (name = "vectors", worker = .worker) ] );
const worker :Workerd.Worker = (
  modules = [
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "vectors.mjs", esModule = embed "vectors.mjs"),
  ],
  compatibilityDate = "2026-01-01",
);
`;

const decoder = new TextDecoder();

async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  if (code !== 0) throw new Error(`${decoder.decode(stderr)}${decoder.decode(stdout)}`.trim());
  return decoder.decode(stdout).trim();
}

/** Bundles the vectors; `--platform browser` refuses what only one runtime has. */
async function bundle(folder: string): Promise<void> {
  const root = new URL("../../", import.meta.url).pathname;
  const entry = new URL("./vectors.ts", import.meta.url).pathname;
  const flags = ["--quiet", "--platform", "browser", "-o", `${folder}/vectors.mjs`];
  await run(Deno.execPath(), ["bundle", ...flags, entry], root);
  const code = await Deno.readTextFile(`${folder}/vectors.mjs`);
  const foreign = /\bDeno\s*\.|["']node:|\bprocess\s*\./.exec(code)?.[0];
  if (foreign !== undefined) throw new Error(`the pure floors mention ${foreign}`);
}

async function install(folder: string): Promise<void> {
  const dependencies = Object.fromEntries(binaries().map((binary) => [binary.packageName, binary.version]));
  await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify({ private: true, dependencies }));
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ nodeModulesDir: "auto", lock: false }));
  await run(Deno.execPath(), ["install", "--quiet"], folder);
}

async function prepare(folder: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/run.mjs`, RUN);
  await Deno.writeTextFile(`${folder}/worker.mjs`, WORKER);
  await Deno.writeTextFile(`${folder}/config.capnp`, WORKERD_CONFIG);
  await Promise.all([bundle(folder), install(folder)]);
}

/** Runs the vectors on one runtime and answers what it is and what it said. */
async function check(folder: string, name: string, program: string): Promise<string> {
  if (name === "workerd") {
    await run(program, ["test", "config.capnp"], folder);
    return `${await run(program, ["--version"], folder)}: all vectors right`;
  }
  const version = /\d+\.\d+\.\d+/.exec(await run(program, ["--version"], folder))?.[0];
  const args = name === "Deno" ? ["run", "--no-config", "run.mjs"] : ["run.mjs"];
  return `${name} ${version}: ${await run(program, args, folder)} vectors right`;
}

async function main(): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "network-bittorrent-runtimes-" });
  try {
    await prepare(folder);
    const modules = `${folder}/node_modules`;
    const programs = binaries().map((
      { name, packageName, path },
    ) => [name, `${modules}/${packageName}/${path}`]);
    let failed = 0;
    for (const [name = "", program = ""] of [["Deno", Deno.execPath()], ...programs]) {
      try {
        console.log(`ok      ${await check(folder, name, program)}`);
      } catch (error) {
        failed++;
        console.log(`FAILED  ${name}: ${error instanceof Error ? error.message : error}`);
      }
    }
    return failed;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main() === 0 ? 0 : 1);
