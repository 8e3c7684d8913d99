import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  createPalette,
  drawBar,
  drawCurve,
  drawPieces,
  drawTable,
  shorten,
  spread,
  textWidth,
} from "../../src/cli/render.ts";

Deno.test("createPalette() paints, or leaves text alone", () => {
  assertEquals(createPalette(true).red("x"), "\x1b[31mx\x1b[39m");
  assertEquals(createPalette(true).bold(""), "");
  const plain = createPalette(false);
  assertEquals(Object.values(plain).map((paint) => paint("x")), Object.keys(plain).map(() => "x"));
});

Deno.test("textWidth() counts columns: wide characters two, marks and colours none", () => {
  assertEquals(["", "abc", "日本", "e\u0301", "🎬", createPalette(true).green("ok")].map(textWidth), [
    0,
    3,
    4,
    1,
    2,
    2,
  ]);
});

Deno.test("shorten() keeps both ends", () => {
  assertEquals(shorten("abcdefghij.iso", 9), "abcd….iso");
  assertEquals(shorten("short", 9), "short");
  assertEquals(shorten("long", 1), "…");
  assertEquals(shorten("long", 0), "");
});

Deno.test("shorten() and spread() keep to the width", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.nat(40), (text, width) => {
    assert(textWidth(shorten(text, width)) <= width);
    assertEquals(textWidth(spread(text, "right", width + 5)), width + 5);
  }));
});

Deno.test("drawBar() grows by eighths of a column", () => {
  assertEquals(drawBar(0, 4), "    ");
  assertEquals(drawBar(0.5, 4), "██  ");
  assertEquals(drawBar(0.53125, 4), "██▏ ");
  assertEquals(drawBar(0.72, 4), "██▉ ");
  assertEquals(drawBar(1, 4), "████");
  assertEquals(drawBar(7, 2), "██");
  assertEquals(drawBar(NaN, 2).length, 2);
});

Deno.test("drawBar() always fills its width", () => {
  fc.assert(
    fc.property(
      fc.double({ noNaN: true }),
      fc.nat(80),
      (share, width) => drawBar(share, width).length === width,
    ),
  );
});

Deno.test("drawPieces() squeezes the map into the width", () => {
  const has = (piece: number) => piece < 4;
  assertEquals(drawPieces(has, 8, 8), "████    ");
  assertEquals(drawPieces(has, 8, 4), "██  ");
  assertEquals(drawPieces((piece) => piece === 0, 8, 1), "▁");
  assertEquals(drawPieces((piece) => piece !== 0, 8, 1), "▇");
  assertEquals(drawPieces(has, 3, 80), "███");
  assertEquals(drawPieces(has, 0, 80), "");
});

Deno.test("drawPieces() shows a full block only where every piece is there", () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 300 }),
      fc.integer({ min: 1, max: 60 }),
      (map, width) => {
        const strip = drawPieces((piece) => map[piece]!, map.length, width);
        const columns = Math.min(width, map.length);
        assertEquals([...strip].length, columns);
        [...strip].forEach((char, column) => {
          const part = map.slice(
            Math.floor(column * map.length / columns),
            Math.floor((column + 1) * map.length / columns),
          );
          assertEquals(char === "█", part.every(Boolean));
          assertEquals(char === " ", !part.some(Boolean));
        });
      },
    ),
  );
});

Deno.test("drawCurve() scales to the highest value", () => {
  assertEquals(drawCurve([0, 5, 10], 5), "  ▁▅█");
  assertEquals(drawCurve([1, 2, 3, 4], 2), "▆█");
  assertEquals(drawCurve([0, 0], 2), "▁▁");
  assertEquals(drawCurve([], 3), "   ");
});

Deno.test("drawTable() aligns columns", () => {
  assertEquals(drawTable([["a", "1", "x"], ["long", "200", ""]], [1]), ["a       1  x", "long  200"]);
});
