import { assert, assertEquals } from "@std/assert";
import { Patience } from "../../src/dht/patience.ts";

Deno.test("Patience waits a second before anything is measured", () => {
  assertEquals(new Patience().lateMs, 1000);
});

Deno.test("Patience follows the round trips, within bounds", () => {
  const patience = new Patience();
  for (let i = 0; i < 200; i++) patience.observe(20);
  assertEquals(patience.lateMs, 300);
  for (let i = 0; i < 200; i++) patience.observe(i % 2 === 0 ? 200 : 400);
  assert(patience.lateMs > 400 && patience.lateMs < 900, `${patience.lateMs}`);
  for (let i = 0; i < 200; i++) patience.observe(30_000);
  assertEquals(patience.lateMs, 2000);
});

Deno.test("Patience gives up later than it goes on without", () => {
  const patience = new Patience();
  assert(patience.failMs > patience.lateMs);
});
