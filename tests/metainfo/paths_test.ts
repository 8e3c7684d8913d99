import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { encodeUtf8 } from "../../src/bytes/text.ts";
import { numberedSegment, safeSegment } from "../../src/metainfo/paths.ts";
import { safePath } from "../../src/metainfo/safe_paths.ts";

function safe(text: string, portableNames = true): string | undefined {
  return safeSegment(encodeUtf8(text), { portableNames });
}

const SEGMENTS:
  readonly (readonly [name: string, given: string, portable: string | undefined, posix?: string])[] = [
    ["plain", "photo.jpg", "photo.jpg"],
    ["letters of any script", "Ünïcödé 文字 🙂", "Ünïcödé 文字 🙂"],
    ["nothing", "", "_"],
    ["here", ".", undefined],
    ["parent", "..", undefined],
    ["slashes", "//", undefined],
    ["a hidden parent", "foo/../../../bar", "foo......bar"],
    ["backslashes", "a\\b", "ab"],
    ["a parent behind invisible characters", "\u200b.\u2060.", undefined],
    ["three dots", "...", "_", "..."],
    ["control characters", "a\x00b\x1fc\x7fd\u0085e", "a_b_c_d_e"],
    ["reordered text", "gpj.\u202eexe", "gpj.exe"],
    ["every bidirectional mark", "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u2066\u2067\u2068\u2069x", "x"],
    ["every invisible character", "\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeffx", "x"],
    ["characters of Windows", 'a<b>c:d"e|f?g*h', "a_b_c_d_e_f_g_h", 'a<b>c:d"e|f?g*h'],
    ["trailing dots and spaces", "name. . ", "name", "name. . "],
    ["a device", "CON", "CON_", "CON"],
    ["a device with an extension", "aux.tar.gz", "aux_.tar.gz", "aux.tar.gz"],
    ["a device with a space", "nul .txt", "nul _.txt", "nul .txt"],
    ["a port", "Com7.log", "Com7_.log", "Com7.log"],
    ["a port with a superscript", "lpt¹", "lpt¹_", "lpt¹"],
    ["no device", "console", "console"],
    ["no device either", "com10", "com10"],
  ];

for (const [name, given, portable, posix = portable] of SEGMENTS) {
  Deno.test(`safeSegment() makes ${name} safe`, () => {
    assertEquals(safe(given), portable);
    assertEquals(safe(given, false), posix);
  });
}

Deno.test("safeSegment() replaces invalid UTF-8 byte by byte", () => {
  const cases: [number[], string][] = [
    [[0x61, 0xff, 0x62], "a_b"],
    [[0xc3], "_"],
    [[0xe2, 0x82], "__"],
    [[0xc0, 0xaf], "__"], // an overlong slash
    [[0xe0, 0x80, 0xaf], "___"],
    [[0xed, 0xa0, 0x80], "___"], // a surrogate
    [[0xf4, 0x90, 0x80, 0x80], "____"], // beyond Unicode
    [[0xf8, 0x88, 0x80, 0x80, 0x80], "_____"],
  ];
  for (const [bytes, expected] of cases) assertEquals(safeSegment(Uint8Array.from(bytes)), expected);
});

Deno.test("safeSegment() cuts to 240 bytes and keeps the extension", () => {
  assertEquals(safe(`${"a".repeat(300)}.torrent`), `${"a".repeat(232)}.torrent`);
  assertEquals(safe("b".repeat(241)), "b".repeat(240));
  assertEquals(safe(`${"é".repeat(150)}.ogg`), `${"é".repeat(118)}.ogg`);
  assertEquals(safe(`${"c".repeat(300)}.${"d".repeat(20)}`), "c".repeat(240));
});

Deno.test("safeSegment() leaves no device name behind when it cuts", () => {
  assertEquals(safe(`con${" ".repeat(300)}x`), "con_");
});

Deno.test("safePath() drops what says nothing and never is empty", () => {
  const path = (...segments: string[]) => safePath(segments.map(encodeUtf8));
  assertEquals(path("a", ".", "b", "..", "c"), ["a", "b", "c"]);
  assertEquals(path("..", "/"), ["_"]);
  assertEquals(path("", ""), ["_", "_"]);
});

Deno.test("numberedSegment() counts before the extension, within the length", () => {
  assertEquals(numberedSegment("a.txt", 1), "a.1.txt");
  assertEquals(numberedSegment("a", 12), "a.12");
  assertEquals(numberedSegment(".hidden", 2), ".hidden.2");
  assertEquals(numberedSegment(`${"a".repeat(236)}.txt`, 3), `${"a".repeat(234)}.3.txt`);
});

// deno-lint-ignore no-control-regex
const UNSAFE = /[/\\\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/;

Deno.test("safeSegment() gives safe names whatever comes", () => {
  const nasty = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.string({ unit: "grapheme", maxLength: 300 }).map(encodeUtf8),
    fc.array(fc.constantFrom(..."./\\ \u202e\u200b_con:é\x00"), { maxLength: 20 }).map((c) =>
      encodeUtf8(c.join(""))
    ),
  );
  fc.assert(fc.property(nasty, fc.boolean(), (bytes, portableNames) => {
    const segment = safeSegment(bytes, { portableNames });
    if (segment === undefined) return;
    assert(segment !== "" && segment !== "." && segment !== "..");
    assert(encodeUtf8(segment).length <= 240);
    assert(!UNSAFE.test(segment));
    if (portableNames) assert(!/[<>:"|?*]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d) *(\.|$)/i.test(segment));
    assertEquals(safeSegment(encodeUtf8(segment), { portableNames }), segment);
  }));
});

Deno.test("safeSegment() cuts a name of a great many dots", () => {
  const name = `${".".repeat(300_000)}a`;
  assertEquals(safe(name), `${".".repeat(239)}a`);
});
