/**
 * Everything that is checked without running the library: format, lint, types, documentation, its examples and README's,
 * and what would be published. Prints one line a step and all of a failed step's output; exits 1 if any failed.
 */

const config = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
const doors = Object.values<string>(config.exports);
const env = "--env-file=.env.jsr";

/** An import map in which this folder is what README's examples import. */
function readmeImports(): string {
  const entries = (record: Record<string, string>) => Object.entries(record);
  const below = entries(config.imports).map(([name, place]) => [`${name}/`, `${place.replace(":", ":/")}/`]);
  const ours = entries(config.exports).map(([door, path]) => [
    `jsr:${config.name}${door.slice(1)}`,
    new URL(`../${path}`, import.meta.url).href,
  ]);
  const imports = Object.fromEntries([...entries(config.imports), ...below, ...ours]);
  return `data:application/json,${encodeURIComponent(JSON.stringify({ imports }))}`;
}

const STEPS: readonly (readonly [name: string, args: readonly string[]])[] = [
  ["format", ["fmt", "--check"]],
  ["lint", ["lint", env]],
  ["types", ["check", env, "mod.ts", "src", "tests", "bench", "tools"]],
  ["documentation", ["doc", "--lint", env, ...doors]],
  ["examples", ["test", "--doc", "-A", "--unstable-net", env, ...doors]],
  ["readme", ["check", "--doc-only", env, "--import-map", readmeImports(), "README.md"]],
  ["publish", ["publish", "--dry-run", "--allow-dirty", env]],
];

let failed = 0;
for (const [name, args] of STEPS) {
  const started = performance.now();
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args] }).output();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${success ? "ok    " : "FAILED"} ${name} (deno ${args.slice(0, 2).join(" ")}, ${seconds} s)`);
  if (success) continue;
  failed++;
  await Deno.stdout.write(stdout);
  await Deno.stderr.write(stderr);
}
Deno.exit(failed > 0 ? 1 : 0);
