import { assert, assertEquals } from "@std/assert";
import { cryptoRandom } from "../../src/io/chance.ts";
import { systemClock } from "../../src/io/clock.ts";

Deno.test("systemClock.schedule() calls back at or after its time, in order of times", async () => {
  const order: number[] = [];
  const start = systemClock.now();
  await new Promise<void>((resolve) => {
    // Timers do not hold the process: this one stands in for a program that does other things.
    const hold = setInterval(() => {}, 1000);
    systemClock.schedule(start + 40, () => {
      assert(systemClock.now() >= start + 40);
      order.push(2);
      clearInterval(hold);
      resolve();
    });
    systemClock.schedule(start + 10, () => order.push(1));
    systemClock.schedule(start - 5, () => order.push(0));
  });
  assertEquals(order, [0, 1, 2]);
});

Deno.test("systemClock.schedule() answers a cancel, which may be called twice, also for times far away", async () => {
  let rang = false;
  const cancel = systemClock.schedule(systemClock.now() + 1, () => rang = true);
  const cancelFar = systemClock.schedule(systemClock.now() + 1e12, () => rang = true);
  cancel();
  cancel();
  await new Promise((resolve) => setTimeout(resolve, 5));
  cancelFar();
  assertEquals(rang, false);
});

Deno.test("cryptoRandom() draws different numbers from 0 to below 1", () => {
  const drawn = Array.from({ length: 2000 }, cryptoRandom);
  assert(drawn.every((number) => number >= 0 && number < 1));
  assertEquals(new Set(drawn).size, drawn.length);
  const mean = drawn.reduce((sum, number) => sum + number) / drawn.length;
  assert(mean > 0.4 && mean < 0.6);
});
