/**
 * Lets every task run on machines that reach the npm registry but not JSR.
 *
 * If JSR answers, `.env.jsr` is left empty. If not, the real `@std` sources (npm package `deno-std`, plain
 * JavaScript) are laid out as a local JSR registry beside Deno's caches, and `.env.jsr` points `JSR_URL` there.
 * Run it as `deno run -A --no-config tools/std.ts`; every task does.
 */

/** The npm package that carries the standard library's sources. */
const STD_SOURCE = "npm:deno-std@1.4.0";

/** What the project imports: the package's folders, the exports used, and their type declarations. */
const PACKAGES = [
  { name: "assert", version: "1.0.19", folders: ["assert", "internal"], entries: { ".": "assert/mod" } },
  {
    name: "bytes",
    version: "1.0.6",
    folders: ["bytes"],
    entries: {
      "./concat": "bytes/concat",
      "./equals": "bytes/equals",
      "./index-of-needle": "bytes/index_of_needle",
    },
  },
  {
    name: "crypto",
    version: "1.1.0",
    folders: ["crypto/timing_safe_equal.js"],
    entries: { "./timing-safe-equal": "crypto/timing_safe_equal" },
  },
] as const;

const root = new URL("../", import.meta.url);
// Beside Deno's own caches: modules below the project's folder would count as part of the package.
const registry = new URL(`file://${await denoDirectory()}/network-bittorrent-std/`);
const envFile = new URL(".env.jsr", root);

async function denoDirectory(): Promise<string> {
  const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", "--no-config"] }).output();
  return JSON.parse(new TextDecoder().decode(info.stdout)).denoDir.replaceAll("\\", "/").replace(
    /^(?!\/)/,
    "/",
  );
}

async function reachesJsr(): Promise<boolean> {
  const probe = new Deno.Command(Deno.execPath(), {
    args: ["cache", "--no-config", "--reload=jsr:", "jsr:@std/bytes@^1.0.0/concat"],
    env: { JSR_URL: "" },
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(10_000),
  });
  return (await probe.output()).success;
}

async function locateStd(): Promise<URL> {
  await import(`${STD_SOURCE}/bytes/concat.js`);
  const file = import.meta.resolve(`${STD_SOURCE}/bytes/concat.js`);
  return new URL("../", file);
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function* sources(std: URL, folder: string): AsyncGenerator<string> {
  if (folder.endsWith(".js")) return yield folder;
  for await (const entry of Deno.readDir(new URL(`${folder}/`, std))) {
    if (entry.isFile && entry.name.endsWith(".js")) yield `${folder}/${entry.name}`;
  }
}

async function layOut(std: URL, item: typeof PACKAGES[number]): Promise<void> {
  const base = new URL(`@std/${item.name}/`, registry);
  const manifest: Record<string, { size: number; checksum: string }> = {};
  const put = async (path: string, text: string) => {
    const target = new URL(`${item.version}/${path}`, base);
    await Deno.mkdir(new URL("./", target), { recursive: true });
    const bytes = new TextEncoder().encode(text);
    await Deno.writeFile(target, bytes);
    manifest[`/${path}`] = { size: bytes.length, checksum: `sha256-${await sha256(bytes)}` };
  };
  const typed = new Set<string>();
  for (const entry of Object.values(item.entries) as string[]) {
    const types = new URL(`tools/std_types/${entry.replace("/", "_")}.d.ts`, root);
    await put(`${entry}.d.ts`, await Deno.readTextFile(types));
    typed.add(`${entry}.js`);
  }
  for (const folder of item.folders) {
    for await (const path of sources(std, folder)) {
      const text = await Deno.readTextFile(new URL(path, std));
      const own = path.split("/").at(-1)!.replace(".js", ".d.ts");
      await put(path, typed.has(path) ? `// @ts-self-types="./${own}"\n${text}` : text);
    }
  }
  const exports = Object.fromEntries(
    Object.entries(item.entries).map(([name, path]) => [name, `./${path}.js`]),
  );
  await Deno.writeTextFile(
    new URL("meta.json", base),
    JSON.stringify({ scope: "std", name: item.name, latest: item.version, versions: { [item.version]: {} } }),
  );
  await Deno.writeTextFile(new URL(`${item.version}_meta.json`, base), JSON.stringify({ manifest, exports }));
}

async function main(): Promise<void> {
  try {
    const decided = await Deno.readTextFile(envFile);
    if (decided === "") return; // delete the file to decide again
    await Deno.lstat(new URL("@std/", registry));
    if (decided.includes(registry.href)) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (await reachesJsr()) return await Deno.writeTextFile(envFile, "");
  const std = await locateStd();
  for (const item of PACKAGES) await layOut(std, item);
  await Deno.writeTextFile(envFile, `JSR_URL=${registry.href}\n`);
}

await main();
