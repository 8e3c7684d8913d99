import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { jsonLine, jsonText } from "../../src/cli/json.ts";

Deno.test("jsonLine() and jsonText() are JSON of the same value", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.nat(), (text, number) => {
    const record = { [text]: [text, { number }] };
    assertEquals(JSON.parse(jsonLine(record)), record);
    assertEquals(JSON.parse(jsonText(record)), record);
  }));
});

Deno.test("jsonLine() is one line, and spells out what would steer a terminal", () => {
  assertEquals(
    jsonLine({ a: "\x9b2J\x7f\u202e\u{e0001}\n" }),
    '{"a":"\\u009b2J\\u007f\\u202e\\udb40\\udc01\\n"}\n',
  );
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(jsonLine({ text }).slice(0, -1)));
  }));
});

Deno.test("jsonText() has a line for each member", () => {
  assertEquals(jsonText({ a: 1, b: ["\u0085"] }), '{\n  "a": 1,\n  "b": [\n    "\\u0085"\n  ]\n}\n');
});
