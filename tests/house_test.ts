/** Proves what ARCHITECTURE.md promises: floors, no cycles, pure floors, true tables (design rules as tests). */

import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/** Floor of a file below `src/`, most particular prefix first. Rooms on the ground and of nouns are stacked. */
const FLOORS: readonly (readonly [prefix: string, floor: number])[] = [
  ["errors.ts", 0.0],
  ["version.ts", 0.0],
  ["bytes/", 0.1],
  ["bencode/", 0.2],
  ["peer/", 1.0],
  ["metainfo/", 1.1],
  ["wire/messages/", 2],
  ["tracker/messages/", 2],
  ["dht/messages/", 2],
  ["utp/messages/", 2],
  ["lsd/messages/", 2],
  ["wire/", 3],
  ["mse/", 3],
  ["utp/", 3],
  ["tracker/", 3],
  ["dht/", 3],
  ["lsd/", 3],
  ["torrent/", 3],
  ["io/", 4],
  ["testing/", 4.5],
  ["client/", 5],
  ["server/", 5],
  ["cli/", 6],
];

/** Rooms that a file may not reach although they lie on a lower floor. */
const CLOSED_TO_TERMINAL = ["wire/", "mse/", "utp/", "torrent/", "dht/", "lsd/"];

/** What floors 0 to 3 must not say: no runtime, no clock, no chance, no logging. */
const FORBIDDEN: readonly RegExp[] = [
  /\bDeno\b/,
  /["']node:/,
  /\bprocess\b\./,
  /\bfetch\(/,
  /\bset(Timeout|Interval)\b/,
  /\bqueueMicrotask\b/,
  /\bDate\b\s*(\.now|\()/,
  /\bperformance\b\s*\./,
  /\bMath\.random\b/,
  /\bgetRandomValues\b/,
  /\bconsole\b\./,
  /\bWebAssembly\b/,
];

interface Source {
  readonly path: string;
  readonly text: string;
  /** Code without comments and text literals' doc examples. */
  readonly code: string;
  /** Paths below `src/` that it imports. */
  readonly imports: readonly string[];
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`])\/\/.*$/gm, "$1");
}

function importsOf(path: string, code: string): string[] {
  const found = [...code.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((match) => match[1]!);
  const base = new URL(path, "file:///src/");
  return found.map((specifier) => new URL(specifier, base).pathname.slice("/src/".length));
}

async function* walk(folder: URL, prefix: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isDirectory) yield* walk(new URL(`${entry.name}/`, folder), `${prefix}${entry.name}/`);
    else if (entry.name.endsWith(".ts")) yield `${prefix}${entry.name}`;
  }
}

async function readSources(): Promise<Source[]> {
  const sources: Source[] = [];
  for await (const path of walk(new URL("src/", ROOT), "")) {
    const text = await Deno.readTextFile(new URL(`src/${path}`, ROOT));
    const code = withoutComments(text);
    sources.push({ path, text, code, imports: importsOf(path, code) });
  }
  return sources.sort((a, b) => a.path < b.path ? -1 : 1);
}

function floorOf(path: string): number {
  const row = FLOORS.find(([prefix]) => path.startsWith(prefix));
  assert(row !== undefined, `src/${path} lies on no floor: give its room one in FLOORS`);
  return row[1];
}

function roomOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : path;
}

const sources = await readSources();
const isDoor = (path: string) => path.endsWith("mod.ts");

Deno.test("every file imports its own room or lower floors only", () => {
  const wrong: string[] = [];
  for (const { path, imports } of sources) {
    for (const target of imports) {
      const sameRoom = roomOf(path) === roomOf(target);
      if (sameRoom ? floorOf(target) <= floorOf(path) : floorOf(target) < floorOf(path)) continue;
      wrong.push(`src/${path} (floor ${floorOf(path)}) imports src/${target} (floor ${floorOf(target)})`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("the terminal knows the session, not the conversations", () => {
  const wrong = sources.filter(({ path }) => path.startsWith("cli/")).flatMap(({ path, imports }) =>
    imports.filter((target) => CLOSED_TO_TERMINAL.some((room) => target.startsWith(room)))
      .map((target) => `src/${path} imports src/${target}`)
  );
  assertEquals(wrong, []);
});

Deno.test("there are no import cycles, types included", () => {
  const graph = new Map(sources.map(({ path, imports }) => [path, imports]));
  const state = new Map<string, "open" | "done">();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      return;
    }
    state.set(path, "open");
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    state.set(path, "done");
  };
  for (const path of graph.keys()) visit(path, []);
  assertEquals(cycles, []);
});

Deno.test("every relative import leads to a file", () => {
  const known = new Set(sources.map(({ path }) => path));
  const broken = sources.flatMap(({ path, imports }) =>
    imports.filter((target) => !known.has(target)).map((target) => `src/${path} imports src/${target}`)
  );
  assertEquals(broken, []);
});

Deno.test("nobody inside src imports a door (mod.ts)", () => {
  const wrong = sources.flatMap(({ path, imports }) =>
    imports.filter(isDoor).map((target) => `src/${path} imports src/${target}`)
  );
  assertEquals(wrong, []);
});

Deno.test("floors 0 to 3 know no runtime, clock, chance, timers or logging", () => {
  const wrong: string[] = [];
  for (const { path, code } of sources) {
    if (floorOf(path) >= 4) continue;
    for (const word of FORBIDDEN) {
      const found = code.match(word);
      if (found) wrong.push(`src/${path} says ${found[0]}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("file names are snake_case and none is a drawer for everything", () => {
  const wrong = sources.map(({ path }) => path).filter((path) =>
    !/^[a-z0-9_/]+\.ts$/.test(path) || /(^|\/)(utils?|helpers?|common|misc|types)\.ts$/.test(path)
  );
  assertEquals(wrong, []);
});

Deno.test("no file is longer than 400 lines", () => {
  const long = sources.map(({ path, text }) => `${path}: ${text.split("\n").length - 1}`)
    .filter((row) => Number(row.split(": ")[1]) > 400);
  assertEquals(long, []);
});

Deno.test("every file opens with a sentence about itself", () => {
  const silent = sources.filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text)).map(({ path }) => path);
  assertEquals(silent, []);
});

Deno.test("no private keyword, enum, namespace, TODO or silenced check in src", () => {
  const wrong: string[] = [];
  for (const { path, code, text } of sources) {
    const found = code.match(/\bprivate\s+\w+[(:;=]|\benum\s+\w+\s*\{|\bnamespace\s+\w+\s*\{/) ??
      text.match(/TODO|FIXME|@ts-ignore|@ts-expect-error|deno-lint-ignore/);
    if (found) wrong.push(`src/${path}: ${found[0]}`);
  }
  assertEquals(wrong, []);
});

Deno.test("every door of deno.json exists, has module documentation and an example", async () => {
  const config = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const wrong: string[] = [];
  for (const [name, path] of Object.entries<string>(config.exports)) {
    const text = await Deno.readTextFile(new URL(path, ROOT)).catch(() => "");
    if (!text.includes("@module")) wrong.push(`${name}: no module documentation`);
    if (!text.includes("```")) wrong.push(`${name}: no example`);
  }
  assertEquals(wrong, []);
});

/** One row of README's BEP table. */
interface BepRow {
  readonly number: number;
  readonly status: string;
  readonly files: readonly string[];
  readonly tests: readonly string[];
}

const LIFE_CYCLE = ["Want", "Implemented", "Tested", "Integrated", "Done"];

async function bepRows(): Promise<BepRow[]> {
  const readme = await Deno.readTextFile(new URL("README.md", ROOT));
  return [...readme.matchAll(/^\|\s*(\d+)\s*\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|/gm)].map((match) => ({
    number: Number(match[1]),
    files: [...match[3]!.matchAll(/`([^`]+)`/g)].map((file) => file[1]!),
    tests: [...match[4]!.matchAll(/`([^`]+)`/g)].map((file) => file[1]!),
    status: match[5]!.trim(),
  }));
}

Deno.test("README's BEP table is true: files exist and cite the BEP, tests exist from Tested on, with others from Done on", async () => {
  const rows = await bepRows();
  assert(rows.length >= 20, `only ${rows.length} rows found`);
  const wrong: string[] = [];
  for (const row of rows) {
    const stage = LIFE_CYCLE.indexOf(row.status);
    if (stage < 0) {
      wrong.push(`BEP ${row.number}: status "${row.status}" is none of ${LIFE_CYCLE.join(", ")}`);
    }
    if (stage >= 1 && row.files.length === 0) wrong.push(`BEP ${row.number}: ${row.status} but no files`);
    if (stage >= 2 && row.tests.length === 0) wrong.push(`BEP ${row.number}: ${row.status} but no tests`);
    for (const file of row.files) {
      const text = await readRoot(file);
      if (text === "") wrong.push(`BEP ${row.number}: ${file} does not exist`);
      else if (!citesBep(text, row.number)) wrong.push(`BEP ${row.number}: ${file} does not cite it`);
    }
    const shown = await Promise.all(
      row.tests.filter((file) => file.startsWith("tests/interop/")).map(readRoot),
    );
    if (stage >= 4 && !shown.some((text) => citesBep(text, row.number))) {
      wrong.push(`BEP ${row.number}: ${row.status}, but no interop test cites it`);
    }
    for (const file of row.tests) {
      const found = await Deno.stat(new URL(file, ROOT)).catch(() => undefined);
      if (found === undefined) wrong.push(`BEP ${row.number}: ${file} does not exist`);
    }
  }
  assertEquals(wrong, []);
});

/** The text of a file of the project, empty if there is none. */
function readRoot(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT)).catch(() => "");
}

/** Whether a text names BEP `number`, alone or in a list such as "BEP 3, 7 and 23". */
function citesBep(text: string, number: number): boolean {
  return [...text.matchAll(/BEPs? ((?:\d+(?:, | and |,? ?)?)+)/g)]
    .some((match) => match[1]!.split(/\D+/).includes(String(number)));
}
