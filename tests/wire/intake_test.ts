import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Intake } from "../../src/wire/intake.ts";

Deno.test("Intake.release() hands out what was held, part by part", () => {
  const part = fc.uint8Array({ maxLength: 50 });
  fc.assert(fc.property(fc.array(fc.array(part, { maxLength: 6 }), { maxLength: 6 }), (units) => {
    const intake = new Intake();
    for (const parts of units) {
      for (const bytes of parts) intake.hold(bytes, 0, bytes.length);
      const expected = parts.flatMap((bytes) => [...bytes]);
      assertEquals(intake.held, expected.length);
      assertEquals([...intake.release()], expected);
      assertEquals(intake.held, 0);
    }
  }));
});

Deno.test("Intake.hold() takes a part of bytes and leaves what was handed out last alone", () => {
  const intake = new Intake();
  intake.hold(Uint8Array.of(1, 2, 3, 4, 5), 1, 4);
  const first = intake.release();
  intake.hold(Uint8Array.of(9, 9, 9, 9), 0, 4);
  assertEquals(first, Uint8Array.of(2, 3, 4));
  assertEquals(intake.release(), Uint8Array.of(9, 9, 9, 9));
});

Deno.test("Intake.hold() takes memory for what came and at most as much again", () => {
  const intake = new Intake();
  for (let held = 1; held <= 100_000; held += 997) {
    intake.hold(new Uint8Array(997), 0, 997);
    assert(intake.bytes.length <= 2 * intake.held);
  }
});

Deno.test("Intake.forget() lets go of all memory", () => {
  const intake = new Intake();
  intake.hold(new Uint8Array(100), 0, 100);
  intake.forget();
  assertEquals([intake.held, intake.bytes.length], [0, 0]);
});
