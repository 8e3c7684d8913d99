import { assertEquals, assertRejects } from "@std/assert";
import { EventStream } from "../../src/client/event_stream.ts";
import { Waiters } from "../../src/client/waiters.ts";

Deno.test("EventStream gives every reader every event from when it began to read", async () => {
  const stream = new EventStream<number>(), first = stream.read();
  stream.push(1);
  const second = stream.read();
  stream.push(2);
  stream.end();
  stream.push(3);
  assertEquals(await Array.fromAsync(first), [1, 2]);
  assertEquals(await Array.fromAsync(second), [2]);
  assertEquals(await Array.fromAsync(stream.read()), []);
});

Deno.test("EventStream wakes a reader that waits, and forgets one that broke off", async () => {
  const stream = new EventStream<number>(), reader = stream.read();
  const next = reader.next();
  stream.push(7);
  assertEquals(await next, { value: 7, done: false });
  const pending = reader.next();
  await reader.return!();
  assertEquals(await pending, { value: undefined, done: true });
  assertEquals(stream.isRead, false);
});

Deno.test("EventStream drops the oldest events of a reader that is far behind", async () => {
  const stream = new EventStream<number>(), reader = stream.read();
  for (let i = 0; i < 10_005; i++) stream.push(i);
  assertEquals(await reader.next(), { value: 5, done: false });
});

Deno.test("Waiters settle by key, end by signal, and are rejected all at once", async () => {
  const waiters = new Waiters<string>(), abort = new AbortController();
  const settled = waiters.wait("a"), aborted = waiters.wait("a", abort.signal);
  abort.abort(new RangeError("enough"));
  await assertRejects(() => aborted, RangeError, "enough");
  waiters.settle("a");
  await settled;
  const rejected = waiters.wait("b");
  waiters.rejectAll(new TypeError("over"));
  await assertRejects(() => rejected, TypeError, "over");
  await assertRejects(() => waiters.wait("c", abort.signal), RangeError, "enough");
});
