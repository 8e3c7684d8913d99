import { assert, assertEquals } from "@std/assert";
import { cryptoRandom } from "../../src/io/chance.ts";
import { systemClock } from "../../src/io/clock.ts";

Deno.test("systemClock.schedule() calls back at or after its time, also for times gone by", async () => {
  // Timers do not hold the process: this one stands in for a program that does other things.
  const hold = setInterval(() => {}, 1000), start = systemClock.now();
  for (const at of [start - 5, start, start + 1.5, start + 20]) {
    let isCalled = false;
    const called = new Promise<number>((resolve) => {
      systemClock.schedule(at, () => {
        isCalled = true;
        resolve(systemClock.now());
      });
    });
    assertEquals(isCalled, false);
    assert(await called >= at);
  }
  clearInterval(hold);
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
