import { assertEquals, assertThrows } from "@std/assert";
import { Failure } from "../../src/cli/failure.ts";
import { chooseFiles } from "../../src/cli/file_patterns.ts";
import { layoutContent } from "../../src/metainfo/layout.ts";

const PATHS = [
  "[Group] Show - 01.mkv",
  "[Group] Show - 02.mkv",
  "extras/cover.jpg",
  "extras/deep/notes.txt",
  "read me.txt",
];

const { info } = layoutContent(
  PATHS.map((path) => ({ path: path.split("/"), content: new Uint8Array(10) })),
  { name: "Show", version: "hybrid" },
);

/** What is chosen, as paths below the torrent's folder. */
const choose = (...patterns: string[]) =>
  chooseFiles(info, patterns).map((index) => info.files[index]!.path.slice(1).join("/"));

Deno.test("chooseFiles() matches names, paths, and paths with the torrent's name in front", () => {
  const cases: [string[], string[]][] = [
    [["*.mkv"], PATHS.slice(0, 2)],
    [["*01*"], PATHS.slice(0, 1)],
    [["*.txt"], ["extras/deep/notes.txt", "read me.txt"]],
    [["extras/*"], ["extras/cover.jpg"]],
    [["extras/**"], ["extras/cover.jpg", "extras/deep/notes.txt"]],
    [["./extras/cover.jpg"], ["extras/cover.jpg"]],
    [["Show/extras/cover.jpg"], ["extras/cover.jpg"]],
    [["Show/*.{mkv,txt}"], [...PATHS.slice(0, 2), "read me.txt"]],
    [["read me.txt", "*.jpg", "read*"], ["extras/cover.jpg", "read me.txt"]],
    [["**"], PATHS],
  ];
  for (const [patterns, paths] of cases) assertEquals(choose(...patterns), paths, `${patterns}`);
});

Deno.test("chooseFiles() takes a file's own path literally, whatever signs are in it", () => {
  assertEquals(choose("[Group] Show - 01.mkv"), PATHS.slice(0, 1));
});

Deno.test("chooseFiles() never chooses padding, and says which pattern matches nothing", () => {
  assertEquals(choose("**").length, info.files.filter(({ pad }) => !pad).length);
  const error = assertThrows(() => choose("*.mkv", "*.avi"), Failure);
  assertEquals(error.message, 'No file of "Show" matches "*.avi"');
});
