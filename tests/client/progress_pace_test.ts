import { assertEquals } from "@std/assert";
import { ProgressPace } from "../../src/client/progress_pace.ts";
import { VirtualClock } from "../../src/testing/mod.ts";

Deno.test("ProgressPace calls every reporter by one timer, which ends with the last of them", async () => {
  const clock = new VirtualClock(), pace = new ProgressPace(clock), calls: string[] = [];
  let timers = 0;
  const { schedule } = clock;
  clock.schedule = (at, callback) => (timers++, schedule.call(clock, at, callback));
  const ends = ["a", "b"].map((name) => pace.add(() => void calls.push(name)));
  await clock.advance(1000);
  assertEquals([calls.join(""), timers], ["abababab", 5]);
  ends[0]!();
  ends[0]!();
  await clock.advance(500);
  assertEquals(calls.slice(8), ["b", "b"]);
  ends[1]!();
  assertEquals(clock.nextAt, undefined);
  // One that ends itself, and one that comes later.
  const end = pace.add(() => end());
  await clock.advance(250);
  assertEquals(clock.nextAt, undefined);
  pace.add(() => {});
  assertEquals(clock.nextAt, clock.now() + 250);
});
