import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { HeldBytes } from "../../src/mse/held_bytes.ts";

Deno.test("HeldBytes gives back what it was given, in order, and nothing before it is there", () => {
  const step = fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.nat(40));
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const held = new HeldBytes();
    let model: number[] = [];
    for (const step of steps) {
      if (typeof step !== "number") {
        held.add(step);
        model.push(...step);
      } else if (step > model.length) {
        assertEquals(held.take(step), undefined);
      } else {
        assertEquals(held.take(step), Uint8Array.from(model.slice(0, step)));
        model = model.slice(step);
      }
      assertEquals([held.length, [...held.bytes]], [model.length, model]);
    }
  }));
});
