import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { distinctPaths } from "../../src/metainfo/distinct_paths.ts";
import type { TorrentFile } from "../../src/metainfo/info.ts";
import { foldCase, PathMarks } from "../../src/metainfo/path_marks.ts";

function filesAt(paths: readonly (readonly string[])[], pads: readonly boolean[] = []): TorrentFile[] {
  return paths.map((path, index) => {
    const pad = pads[index] ?? false;
    return { index, path, pad, length: 1, offset: index, executable: false, hidden: false };
  });
}

/** What is in the way of each path, told by comparing all with all. */
function isTaken(paths: readonly string[]): boolean {
  const keys = paths.map(foldCase);
  return keys.some((key, i) =>
    keys.some((other, j) => i !== j && (key === other || other.startsWith(`${key}/`)))
  );
}

function addAll(paths: readonly string[]): boolean {
  const marks = new PathMarks(paths.length);
  return paths.every((path) => marks.add(path));
}

const SEGMENT = fc.oneof(
  fc.constantFrom(
    "a",
    "A",
    "b",
    "ab",
    "K",
    "\u212a",
    "k",
    "ß",
    "SS",
    "ſ",
    "s",
    "é",
    "e\u0301",
    "Σ",
    "ς",
    "a.1",
  ),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 3 }).map((text) => text.replaceAll("/", "_")),
);
const PATH = fc.array(SEGMENT, { minLength: 1, maxLength: 3 });
const PATHS = fc.array(PATH, { minLength: 1, maxLength: 12 });

Deno.test("PathMarks.add() never takes two paths to be distinct that are one place, or a file and its folder", () => {
  fc.assert(fc.property(PATHS, (paths) => {
    const texts = paths.map((path) => path.join("/"));
    if (isTaken(texts)) assert(!addAll(texts));
  }));
});

Deno.test("PathMarks.add() sees pairs that differ in case and composition", () => {
  const pairs = [["a/b", "A/B"], ["k", "\u212a"], ["ß", "ss"], ["ſ/x", "S/X"], ["é", "E\u0301"], ["Σ", "ς"]];
  for (const pair of pairs) assert(!addAll(pair), pair.join(" "));
  for (const pair of [["a", "A/b"], ["a/b/c", "a/B"], ["é/b", "É"], ["a", "\u212a", "K/x"]]) {
    assert(!addAll(pair), pair.join(" "));
    assert(!addAll(pair.toReversed()), pair.join(" "));
  }
});

Deno.test("PathMarks.add() takes distinct paths for distinct, however many", () => {
  const paths = Array.from(
    { length: 30_000 },
    (_, i) => `torrent/dir${i % 500}/sub${i % 7}/some file name ${i}.dat`,
  );
  assert(addAll(paths));
  assert(addAll(Array.from({ length: 30_000 }, (_, i) => `é${i}/${"x".repeat(i % 90)}`)));
  assert(addAll(["a/b", "A/c", "ab", "a.b", "é/b", "É/c"]));
});

Deno.test("PathMarks.add() gives up on names that were made to meet in one slot", () => {
  const slotOf = (text: string) => {
    let a = 0x811c9dc5 | 0;
    for (const char of text) a = Math.imul(a ^ char.charCodeAt(0), 0x01000193);
    return (a ^ a >>> 15) & 1023;
  };
  const names: string[] = [];
  for (let i = 0; names.length < 200; i++) if (slotOf(`${i}`) === 7) names.push(`${i}`);
  assert(!addAll(names));
  assertEquals(distinctPaths(filesAt(names.map((name) => [name]))), new Map());
});

Deno.test("distinctPaths() leaves no two files in one place, and renames only those in the way of others", () => {
  fc.assert(fc.property(PATHS, fc.array(fc.boolean(), { maxLength: 4 }), (paths, pads) => {
    const files = filesAt(paths, pads), renamed = distinctPaths(files);
    const stored = files.filter((file) => !file.pad);
    assert(!isTaken(stored.map((file) => (renamed.get(file.index) ?? file.path).join("/"))));
    for (const index of renamed.keys()) assert(!files[index]!.pad);
    if (!isTaken(stored.map((file) => file.path.join("/")))) assertEquals(renamed.size, 0);
  }));
});

Deno.test("distinctPaths() says the same of few files among many that are distinct", () => {
  const others = Array.from({ length: 2000 }, (_, i) => [`other ${i}`]);
  fc.assert(
    fc.property(PATHS, (paths) => {
      assertEquals(distinctPaths(filesAt([...paths, ...others])), distinctPaths(filesAt(paths)));
    }),
    { numRuns: 50 },
  );
});
