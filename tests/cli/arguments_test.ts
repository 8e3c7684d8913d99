import { assertEquals, assertThrows } from "@std/assert";
import { parseArguments, UsageError } from "../../src/cli/arguments.ts";

const TABLE = {
  output: { kind: "text", short: "o", value: "FILE", help: "where to" },
  announce: { kind: "text", value: "URL", many: true, help: "tracker" },
  port: { kind: "port", help: "port" },
  limit: { kind: "size", help: "limit" },
  count: { kind: "count", help: "count" },
  seconds: { kind: "seconds", help: "seconds" },
  private: { kind: "flag", short: "p", help: "private" },
} as const;

const parse = (...args: string[]) => parseArguments(["PATH"] as const, TABLE, args);

Deno.test("parseArguments() reads options of every kind, wherever they stand", () => {
  const { operands, options } = parse(
    "-o",
    "x",
    "folder",
    "--announce=a",
    "--announce",
    "b",
    "-p",
    "--port=80",
    "--limit",
    "1.5K",
    "--count=3",
    "--seconds=2147483",
  );
  assertEquals(operands, ["folder"]);
  assertEquals(options, {
    output: "x",
    announce: ["a", "b"],
    port: 80,
    limit: 1536,
    count: 3,
    seconds: 2_147_483,
    private: true,
  });
});

Deno.test("parseArguments() answers absent options: undefined, an empty list, false", () => {
  assertEquals(parse("x").options, {
    output: undefined,
    announce: [],
    port: undefined,
    limit: undefined,
    count: undefined,
    seconds: undefined,
    private: false,
  });
});

Deno.test("parseArguments() takes everything behind -- as operands", () => {
  assertEquals(parse("--", "--private").operands, ["--private"]);
});

Deno.test("parseArguments() gives the last operand the rest if its name says so", () => {
  const { operands, rest } = parseArguments(["URL…"] as const, {}, ["a", "b", "c"]);
  assertEquals([operands, rest], [["a"], ["b", "c"]]);
});

Deno.test("parseArguments() refuses what makes no sense, in one short sentence", () => {
  const cases: [string[], string][] = [
    [[], "Missing argument: PATH"],
    [["a", "b"], 'Unexpected argument: "b"'],
    [["a", "--wrong"], 'Unknown option: "--wrong"'],
    [["a", "--output"], "Missing value: -o, --output"],
    [["a", "--output", "--private"], "Missing value: --output"],
    [["a", "--private=1"], "Option '-p, --private' does not take an argument"],
    [["a", "--port=65536"], 'Cannot use --port: "65536" is no whole number from 0 to 65535'],
    [["a", "--port=-1"], 'Cannot use --port: "-1" is no whole number from 0 to 65535'],
    [["a", "--limit=much"], 'Cannot use --limit: "much" is no size such as 65536, 64K or 1.5M'],
    [["a", "--seconds=2147484"], 'Cannot use --seconds: "2147484" is no whole number from 0 to 2147483'],
    [["a", "--count=1e3"], 'Cannot use --count: "1e3" is no whole number from 0 to 9007199254740991'],
  ];
  for (const [args, message] of cases) {
    assertEquals(assertThrows(() => parse(...args), UsageError).message, message);
  }
});

Deno.test("parseArguments() takes an operand in brackets or does without", () => {
  assertEquals(parseArguments(["A", "[B]"], {}, ["a", "b"]).operands, ["a", "b"]);
  const { operands } = parseArguments(["A", "[B]"], {}, ["a"]), second: string | undefined = operands[1];
  assertEquals([operands[0], second], ["a", undefined]);
  assertThrows(() => parseArguments(["A", "[B]"], {}, []), UsageError, "Missing argument: A");
  assertThrows(() => parseArguments(["[A]"], {}, ["a", "b"]), UsageError, `Unexpected argument: "b"`);
});
