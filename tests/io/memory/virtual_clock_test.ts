import { assertEquals, assertRejects } from "@std/assert";
import { StateError } from "../../../src/errors.ts";
import { VirtualClock } from "../../../src/io/memory/virtual_clock.ts";

Deno.test("advance() runs timers in the order of their times, equal ones in the order of their making", async () => {
  const clock = new VirtualClock(), ran: string[] = [];
  for (const [name, at] of [["c", 30], ["a", 10], ["b", 20], ["b2", 20], ["late", 41]] as const) {
    clock.schedule(at, () => ran.push(`${name}@${clock.now()}`));
  }
  await clock.advance(40);
  assertEquals(ran, ["a@10", "b@20", "b2@20", "c@30"]);
  assertEquals(clock.now(), 40);
  assertEquals(clock.nextAt, 41);
});

Deno.test("advance() runs many timers in order and leaves out the cancelled", async () => {
  const clock = new VirtualClock(100), ran: number[] = [];
  const times = Array.from({ length: 200 }, (_, i) => 100 + (i * 73) % 200);
  const cancels = times.map((at) => clock.schedule(at, () => ran.push(at)));
  cancels.forEach((cancel, i) => i % 3 === 0 && cancel());
  await clock.advance(1000);
  assertEquals(ran, times.filter((_, i) => i % 3 !== 0).sort((a, b) => a - b));
});

Deno.test("advance() lets promises settle between timers", async () => {
  const clock = new VirtualClock(), ran: string[] = [];
  clock.schedule(1, async () => {
    for (let i = 0; i < 100; i++) await undefined;
    ran.push("first");
    clock.schedule(clock.now(), () => ran.push("scheduled in passing"));
  });
  clock.schedule(2, () => ran.push("second"));
  await clock.advance(2);
  assertEquals(ran, ["first", "scheduled in passing", "second"]);
});

Deno.test("schedule() never calls back within the call, however late it is", async () => {
  const clock = new VirtualClock(50);
  let isCalled = false;
  clock.schedule(10, () => isCalled = true);
  assertEquals(isCalled, false);
  await clock.advance(0);
  assertEquals([isCalled, clock.now()], [true, 50]);
});

Deno.test("runUntil() answers what the promise does and stops the time there", async () => {
  const clock = new VirtualClock();
  const sleep = (ms: number) => new Promise<void>((resolve) => clock.schedule(clock.now() + ms, resolve));
  const work = (async () => {
    await sleep(10);
    await sleep(20);
    return "done";
  })();
  clock.schedule(1000, () => {});
  assertEquals(await clock.runUntil(work), "done");
  assertEquals(clock.now(), 30);
  await clock.runUntil(() => clock.now() > 500);
  assertEquals(clock.now(), 1000);
  await assertRejects(() => clock.runUntil(Promise.reject(new TypeError("bad"))), TypeError, "bad");
});

Deno.test("runUntil() rejects when nothing is left to happen or the limit is over", async () => {
  const clock = new VirtualClock();
  await assertRejects(() => clock.runUntil(() => false), StateError, "nothing is left");
  clock.schedule(100, () => {});
  await assertRejects(() => clock.runUntil(() => false, { limitMs: 50 }), StateError, "50 ms are over");
});

Deno.test("hold() keeps the clock still while real work is under way", async () => {
  const clock = new VirtualClock(), ran: string[] = [];
  clock.schedule(1, () => {
    void clock.hold(crypto.subtle.digest("SHA-1", new Uint8Array(1 << 20))).then(() =>
      ran.push(`hashed@${clock.now()}`)
    );
  });
  clock.schedule(2, () => ran.push("second"));
  await clock.advance(5);
  assertEquals(ran, ["hashed@1", "second"]);
});

Deno.test("advance() rejects while the clock is being moved", async () => {
  const clock = new VirtualClock();
  const first = clock.advance(10);
  await assertRejects(() => clock.advance(10), StateError);
  await first;
});
