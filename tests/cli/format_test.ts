import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatElapsed,
  formatPercent,
  formatRate,
  parseSize,
  printable,
} from "../../src/cli/format.ts";

Deno.test("formatBytes() shows three digits and a binary unit", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "0.98 KiB"],
    [1024, "1.00 KiB"],
    [1536, "1.50 KiB"],
    [10_235, "10.0 KiB"],
    [102_400, "100 KiB"],
    [1_048_575, "1.00 MiB"],
    [734_003_200, "700 MiB"],
    [5_033_164_800, "4.69 GiB"],
    [2 ** 60, "1024 PiB"],
  ];
  for (const [bytes, text] of cases) assertEquals(formatBytes(bytes), text);
  assertEquals(formatRate(2048), "2.00 KiB/s");
});

Deno.test("formatBytes() never needs more than eight columns below an exbibyte", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 52 }), (bytes) => formatBytes(bytes).length <= 8));
});

Deno.test("formatDuration() reads like a clock, then like a calendar", () => {
  const cases: [number, string][] = [
    [-1, "0:00"],
    [0.4, "0:00"],
    [7, "0:07"],
    [59.6, "1:00"],
    [754, "12:34"],
    [3723, "1:02:03"],
    [47 * 3600, "47:00:00"],
    [76 * 3600, "3 d 4 h"],
  ];
  for (const [seconds, text] of cases) assertEquals(formatDuration(seconds), text);
});

Deno.test("formatElapsed() suits what it measures", () => {
  assertEquals([85.4, 1240, 12_340, 59_949, 65_000].map(formatElapsed), [
    "85 ms",
    "1.24 s",
    "12.3 s",
    "59.9 s",
    "1:05",
  ]);
});

Deno.test("formatPercent() is never 100 before it is whole", () => {
  assertEquals([-1, 0, 0.5, 0.99999, 1, 2].map(formatPercent), [
    "0.0%",
    "0.0%",
    "50.0%",
    "99.9%",
    "100.0%",
    "100.0%",
  ]);
});

Deno.test("formatCount() groups digits and knows the plural", () => {
  assertEquals([0, 1, 1234567].map((count) => formatCount(count, "piece")), [
    "0 pieces",
    "1 piece",
    "1,234,567 pieces",
  ]);
});

Deno.test("parseSize() reads sizes typed by hand", () => {
  const cases: [string, number | undefined][] = [
    ["0", 0],
    ["65536", 65536],
    ["64K", 65536],
    ["64k", 65536],
    ["1.5M", 1572864],
    ["2GiB", 2 ** 31],
    ["16KB", 16384],
    ["3 m", 3 << 20],
    ["", undefined],
    ["K", undefined],
    ["-1", undefined],
    ["1e9", undefined],
    ["1X", undefined],
    ["9007199254740992", undefined],
  ];
  for (const [text, size] of cases) assertEquals(parseSize(text), size, text);
});

Deno.test("printable() lets no control or reordering character through", () => {
  assertEquals(printable("a\x1b[31mb\u202egpj\nline\u0085"), "a\ufffd[31mb\ufffdgpj line\ufffd");
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert(!/[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069]/u.test(printable(text)));
  }));
});
