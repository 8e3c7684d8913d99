import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { TransportError } from "../../src/errors.ts";
import { VirtualClock } from "../../src/io/memory/virtual_clock.ts";
import { VirtualNetwork } from "../../src/io/memory/virtual_network.ts";
import { limitRate, RateLimiter } from "../../src/io/rate_limit.ts";
import type { ByteConnection } from "../../src/io/transport.ts";

const RATE = 100_000;

async function connect(clock: VirtualClock, count: number): Promise<[ByteConnection, ByteConnection][]> {
  const network = new VirtualNetwork({ clock }),
    listener = await network.host("10.0.0.1").listen({ port: 1 });
  const accepted = listener[Symbol.asyncIterator]();
  const pairs: [ByteConnection, ByteConnection][] = [];
  for (let i = 0; i < count; i++) {
    const dial = network.host("10.0.0.2").dial({ host: "10.0.0.1", port: 1 });
    const [client, { value: server }] = (await clock.runUntil(Promise.all([dial, accepted.next()])))!;
    pairs.push([client, server as ByteConnection]);
  }
  listener.close();
  return pairs;
}

async function countRead(connection: ByteConnection, onRead: (count: number) => void): Promise<void> {
  const into = new Uint8Array(1 << 16);
  for (let count = await connection.read(into); count !== null; count = await connection.read(into)) {
    onRead(count);
  }
}

Deno.test("limitRate() lets many writers have the rate together, each an equal part", async () => {
  const clock = new VirtualClock(), upload = new RateLimiter(clock, RATE), download = new RateLimiter(clock);
  const pairs = await connect(clock, 4), got = [0, 0, 0, 0];
  const writes = pairs.map(([client]) => {
    const limited = limitRate(client, { upload, download });
    return limited.write(new Uint8Array(1_000_000)).catch(() => {});
  });
  const reads = pairs.map(([, server], i) => countRead(server, (count) => got[i]! += count));
  await clock.advance(10_000);
  const total = got.reduce((sum, each) => sum + each);
  assert(total > 9.8 * RATE && total < 10.5 * RATE, `${total}`);
  for (const each of got) assert(each > total / 4 - RATE / 5 && each < total / 4 + RATE / 5, got.join());
  upload.close();
  await clock.runUntil(Promise.all(writes));
  pairs.forEach(([client]) => client.close());
  await clock.runUntil(Promise.all(reads));
  assertEquals(got, [1e6, 1e6, 1e6, 1e6]);
});

Deno.test("limitRate() slows reading down", async () => {
  const clock = new VirtualClock(), download = new RateLimiter(clock, RATE), upload = new RateLimiter(clock);
  const [[client, server]] = await connect(clock, 1) as [[ByteConnection, ByteConnection]];
  let got = 0;
  const write = client.write(new Uint8Array(2_000_000)), limited = limitRate(server, { upload, download });
  const read = countRead(limited, (count) => got += count);
  await clock.advance(5_000);
  assert(got > 4.7 * RATE && got < 5.5 * RATE, `${got}`);
  download.setRate(10 * RATE);
  await clock.advance(1_000);
  assert(got > 14 * RATE && got < 16.5 * RATE, `${got}`);
  download.setRate(0);
  await clock.runUntil(write);
  client.close();
  await clock.runUntil(read);
  assertEquals(got, 2_000_000);
  assertEquals(clock.nextAt, undefined);
});

Deno.test("close() of a limited connection ends what waits for its turn, and others get the rate", async () => {
  const clock = new VirtualClock(), upload = new RateLimiter(clock, 1000), download = new RateLimiter(clock);
  const [first, second] = await connect(clock, 2) as [
    [ByteConnection, ByteConnection],
    [ByteConnection, ByteConnection],
  ];
  const limited = limitRate(first[0], { upload, download }),
    other = limitRate(second[0], { upload, download });
  const write = limited.write(new Uint8Array(100_000));
  await clock.advance(1_000);
  const otherWrite = other.write(new Uint8Array(1448));
  limited.close();
  await assertRejects(() => clock.runUntil(write), TransportError);
  await clock.runUntil(otherWrite, { limitMs: 3_000 });
});

Deno.test("spend() is free when there is no limit, and pays debts back after one large spending", async () => {
  const clock = new VirtualClock(), limiter = new RateLimiter(clock);
  assertEquals(limiter.spend(1e9), undefined);
  limiter.setRate(1000);
  await clock.advance(1_000);
  assertEquals(limiter.spend(2_250), undefined);
  const next = limiter.spend(1)!;
  await clock.runUntil(next.done);
  assertEquals(Math.round(clock.now()), 3_001);
  next.cancel();
});

Deno.test("setRate() refuses what is no rate", () => {
  const limiter = new RateLimiter(new VirtualClock());
  for (const rate of [-1, NaN, Infinity]) {
    assertThrows(() => limiter.setRate(rate), RangeError, "Cannot limit");
    assertThrows(() => new RateLimiter(new VirtualClock(), rate), RangeError);
  }
});
