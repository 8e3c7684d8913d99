import { assertEquals } from "@std/assert";
import { VirtualClock } from "../../src/io/memory/virtual_clock.ts";
import { WakeTimer } from "../../src/io/wake_timer.ts";

/** A machine that wants to be called at certain times, and when it was. */
class Machine {
  readonly clock = new VirtualClock();
  readonly wokenAt: number[] = [];
  readonly timer: WakeTimer = new WakeTimer({
    clock: this.clock,
    machine: this,
    onDue: () => {
      this.wokenAt.push(this.clock.now());
      this.wanted.shift();
      this.timer.update();
    },
  });
  wanted: number[] = [];

  deadline(): number | undefined {
    return this.wanted[0];
  }

  want(...wanted: number[]): void {
    this.wanted = wanted;
    this.timer.update();
  }
}

Deno.test("WakeTimer wakes at each deadline, and is content with none", async () => {
  const machine = new Machine(), start = machine.clock.now();
  machine.want(start + 10, start + 30);
  await machine.clock.advance(100);
  assertEquals(machine.wokenAt, [start + 10, start + 30]);
  assertEquals(machine.clock.nextAt, undefined);
});

Deno.test("WakeTimer wakes sooner if the machine wants it, and not before a deadline that was put off", async () => {
  const machine = new Machine(), start = machine.clock.now();
  machine.want(start + 50);
  machine.want(start + 20);
  await machine.clock.advance(30);
  assertEquals(machine.wokenAt, [start + 20]);
  machine.want(start + 40);
  machine.want(start + 70);
  await machine.clock.advance(100);
  assertEquals(machine.wokenAt, [start + 20, start + 70]);
});

Deno.test("WakeTimer wakes nobody after close()", async () => {
  const machine = new Machine();
  machine.want(machine.clock.now() + 10);
  machine.timer.close();
  machine.timer.update();
  await machine.clock.advance(100);
  assertEquals(machine.wokenAt, []);
});
