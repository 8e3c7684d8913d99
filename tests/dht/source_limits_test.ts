import { assert, assertEquals } from "@std/assert";
import { ANSWER_LIMITS, MAX_SOURCES, SourceLimits } from "../../src/dht/source_limits.ts";
import { globalAddress } from "./virtual_dht.ts";

const FROM = { host: "1.2.3.4", port: 5 };

function admitted(limits: SourceLimits, count: number, now: number, from: typeof FROM = FROM): number {
  return Array.from({ length: count }, () => limits.admit(from, now)).filter((source) => source !== undefined)
    .length;
}

Deno.test("SourceLimits.admit() lets a burst through, then blocks for five minutes", () => {
  const limits = new SourceLimits(ANSWER_LIMITS, 0);
  assertEquals(admitted(limits, 100, 0), 50);
  assertEquals(admitted(limits, 1, 299_999), 0);
  assertEquals(admitted(limits, 100, 300_000), 50);
});

Deno.test("SourceLimits.admit() lets five a second through for ever", () => {
  const limits = new SourceLimits(ANSWER_LIMITS, 0);
  for (let second = 0; second < 100; second++) assertEquals(admitted(limits, 5, second * 1000), 5);
});

Deno.test("SourceLimits.admit() counts a host with all its ports, and an IPv6 /64, as one", () => {
  const limits = new SourceLimits(ANSWER_LIMITS, 0);
  const v4 = Array.from({ length: 100 }, (_, i) => limits.admit({ host: "1.2.3.4", port: 1 + i }, 0));
  const v6 = Array.from({ length: 100 }, (_, i) => limits.admit({ host: `2001:db8::${i + 1}`, port: 1 }, 0));
  assertEquals([v4, v6].map((sources) => sources.filter(Boolean).length), [50, 50]);
  assertEquals([v6[3], limits.size], [v6[49], 2], "one entry for all");
});

Deno.test("SourceLimits.admit() tells nodes of this machine apart by port", () => {
  const limits = new SourceLimits(ANSWER_LIMITS, 0);
  for (let port = 1; port < 200; port++) assert(limits.admit({ host: "127.0.0.1", port }, 0));
});

Deno.test("SourceLimits.admit() remembers no more sources than its limit", () => {
  const limits = new SourceLimits(ANSWER_LIMITS, 0);
  for (let i = 0; i < MAX_SOURCES; i++) limits.admit(globalAddress(i), 0);
  assertEquals(limits.size, MAX_SOURCES);
  const late = globalAddress(MAX_SOURCES - 1);
  assertEquals(admitted(limits, 60, 0, late), 49);
  for (let i = MAX_SOURCES; i < 1.5 * MAX_SOURCES; i++) {
    limits.admit(globalAddress(i), 0);
    assert(limits.size <= MAX_SOURCES && limits.size > MAX_SOURCES / 2);
  }
  assertEquals(admitted(limits, 60, 0, late), 0, "who came last is still known, and blocked");
});

Deno.test("SourceLimits.spend() limits the bytes of all replies together", () => {
  const limits = new SourceLimits({ ...ANSWER_LIMITS, replyBytesPerSecond: 100 }, 0);
  assert(limits.spend(1000, 0));
  assert(!limits.spend(1, 0));
  assert(limits.spend(100, 1000));
  assert(!limits.spend(100, 1500));
  assert(limits.spend(1000, 60_000) && !limits.spend(1, 60_000), "not saved up for ever");
});
