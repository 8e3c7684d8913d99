import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Announcer } from "../../src/tracker/announcer.ts";
import type {
  AnnouncerEffect,
  AnnouncerInput,
  AnnouncerOptions,
} from "../../src/tracker/announcer_vocabulary.ts";
import type { Announced } from "../../src/tracker/messages/announce.ts";

const A = "http://a.example/announce", B = "http://b.example/announce", C = "udp://c.example:6969";
const PEER = { host: "192.0.2.1", port: 6881 };
const ANNOUNCED: Announced = { type: "announced", intervalMs: 1_800_000, peers: [] };
const INTERVAL = ANNOUNCED.intervalMs;

/** A machine whose shuffles change nothing: Fisher–Yates leaves every item where it is. */
function create(tiers: readonly (readonly string[])[], options: Partial<AnnouncerOptions> = {}): Announcer {
  return new Announcer({ tiers, random: () => 0.999999, ...options });
}

/** What the effects say in short: `announce a started`, or `announce a6 started` over IPv6. */
function brief(effects: readonly AnnouncerEffect[]): string[] {
  return effects.map((effect) => {
    if (effect.type === "stopped") return "stopped";
    const name = /\/\/(.)/.exec(effect.tracker)![1];
    if (effect.type !== "announce") return `${effect.type} ${name}`;
    return `announce ${name}${effect.family ?? ""}${effect.event ? ` ${effect.event}` : ""}`;
  });
}

function run(announcer: Announcer, input: AnnouncerInput, now: number): string[] {
  return brief(announcer.handle(input, now));
}

const reply = (tracker: string, more: Partial<Announced> = {}): AnnouncerInput => ({
  type: "reply",
  tracker,
  response: { ...ANNOUNCED, ...more },
});
const failed = (tracker: string, retry?: number | "never"): AnnouncerInput => ({
  type: "failed",
  tracker,
  reason: "no answer",
  retry,
});
const START = { type: "start" } as const, STOP = { type: "stop" } as const, TICK = { type: "tick" } as const;
const COMPLETED = { type: "completed" } as const, REANNOUNCE = { type: "reannounce" } as const;

/** Ticks at the deadline. */
function tick(announcer: Announcer): { now: number; effects: string[] } {
  const now = announcer.deadline();
  assert(now !== undefined);
  return { now, effects: run(announcer, TICK, now) };
}

Deno.test("Announcer announces started, then without event at the interval, then stopped", () => {
  const announcer = create([[A]]);
  assertEquals(announcer.deadline(), undefined);
  assertEquals(announcer.handle(START, 0), [
    { type: "announce", tracker: A, family: undefined, event: "started", trackerId: undefined, numWant: 200 },
  ]);
  assertEquals(announcer.deadline(), undefined);
  assertEquals(announcer.handle(reply(A, { peers: [PEER] }), 1000), [
    { type: "peers", tracker: A, peers: [PEER], namedPeers: [] },
  ]);
  assertEquals(tick(announcer), { now: 1000 + INTERVAL, effects: ["announce a"] });
  assertEquals(run(announcer, reply(A), 1000 + INTERVAL), []);
  assertEquals(announcer.handle(STOP, 2 * INTERVAL), [
    { type: "announce", tracker: A, family: undefined, event: "stopped", trackerId: undefined, numWant: 0 },
  ]);
  assertEquals(run(announcer, reply(A), 2 * INTERVAL + 1), ["stopped"]);
  assertEquals(announcer.deadline(), undefined);
});

Deno.test("Announcer sends the tracker id back and keeps the old one when there is no new one", () => {
  const announcer = create([[A]]),
    idOf = (effects: readonly AnnouncerEffect[]) =>
      effects[0]?.type === "announce" ? effects[0].trackerId : undefined;
  announcer.handle(START, 0);
  const memory = Uint8Array.of(1, 2);
  announcer.handle(reply(A, { trackerId: memory }), 0);
  memory.fill(9);
  assertEquals(idOf(announcer.handle(TICK, INTERVAL)), Uint8Array.of(1, 2));
  announcer.handle(reply(A), INTERVAL);
  assertEquals(idOf(announcer.handle(TICK, 2 * INTERVAL)), Uint8Array.of(1, 2));
});

Deno.test("Announcer says completed once, at once, and not for a torrent that began complete", () => {
  const announcer = create([[A]]);
  announcer.handle(START, 0);
  announcer.handle(reply(A), 0);
  assertEquals(run(announcer, COMPLETED, 5000), ["announce a completed"]);
  assertEquals(run(announcer, reply(A), 5000), []);
  assertEquals(announcer.deadline(), 5000 + INTERVAL);
  assertEquals(run(announcer, COMPLETED, 6000), []);
  assertEquals(tick(announcer).effects, ["announce a"]);
  const seed = create([[A]], { complete: true });
  assertEquals(run(seed, START, 0), ["announce a started"]);
  seed.handle(reply(A), 0);
  assertEquals(run(seed, COMPLETED, 1), []);
});

Deno.test("Announcer says completed after the announce that is out, and again until a tracker took it", () => {
  const announcer = create([[A], [B]]);
  announcer.handle(START, 0);
  assertEquals(run(announcer, COMPLETED, 10), []);
  assertEquals(run(announcer, reply(A), 20), ["announce a completed"]);
  assertEquals(run(announcer, failed(A), 30), ["failure a", "announce b started"]);
  assertEquals(run(announcer, reply(B), 40), ["announce b completed"]);
  assertEquals(run(announcer, reply(B), 50), []);
  announcer.handle(TICK, 50 + INTERVAL);
  assertEquals(run(announcer, reply(A), 50 + INTERVAL), []);
});

Deno.test("Announcer does not say completed of what completed while it was idle", () => {
  const announcer = create([[A]]);
  assertEquals(run(announcer, COMPLETED, 0), []);
  assertEquals(run(announcer, START, 1), ["announce a started"]);
  assertEquals(run(announcer, reply(A), 2), []);
});

Deno.test('Announcer walks the first example of BEP 12 "Order of Processing": backups one after another', () => {
  const announcer = create([[A], [B], [C]]);
  assertEquals(run(announcer, START, 0), ["announce a started"]);
  assertEquals(run(announcer, failed(A), 1), ["failure a", "announce b started"]);
  assertEquals(run(announcer, failed(B), 2), ["failure b", "announce c started"]);
  assertEquals(run(announcer, reply(C), 3), []);
  // "On the next announce, repeat in the same order."
  assertEquals(tick(announcer), { now: 3 + INTERVAL, effects: ["announce a started"] });
  assertEquals(run(announcer, reply(A), 3 + INTERVAL), []);
  assertEquals(tick(announcer).effects, ["announce a"]);
});

Deno.test('Announcer walks the second example of BEP 12 "Order of Processing": the one that answers moves up', () => {
  const announcer = create([[A, B, C]]), order = () => announcer.trackers().map(({ tracker }) => tracker);
  announcer.handle(START, 0);
  assertEquals(run(announcer, failed(A), 1), ["failure a", "announce b started"]);
  announcer.handle(reply(B), 2);
  assertEquals(order(), [B, A, C]);
  assertEquals(tick(announcer).effects, ["announce b"]);
  assertEquals(run(announcer, failed(B), INTERVAL), ["failure b", "announce a started"]);
  assertEquals(run(announcer, failed(A), INTERVAL), ["failure a", "announce c started"]);
  announcer.handle(reply(C), INTERVAL);
  assertEquals(order(), [C, B, A]);
});

Deno.test('Announcer walks the third example of BEP 12 "Order of Processing": a whole tier before the next', () => {
  const announcer = create([[A, B], [C]]);
  const log = [run(announcer, START, 0), run(announcer, failed(A), 1), run(announcer, failed(B), 2)];
  assertEquals(log.flat(), [
    "announce a started",
    "failure a",
    "announce b started",
    "failure b",
    "announce c started",
  ]);
});

Deno.test("Announcer shuffles inside tiers, never their order", () => {
  const one = ["http://1.x/announce", "http://2.x/announce", "http://3.x/announce"];
  const two = ["http://4.x/announce", "http://5.x/announce"];
  const orders = new Set<string>();
  let seed = 1;
  const random = () => (seed = seed * 16807 % 2147483647) / 2147483647;
  for (let i = 0; i < 300; i++) {
    const status = new Announcer({ tiers: [one, two], random }).trackers();
    assertEquals(status.map(({ tier }) => tier), [0, 0, 0, 1, 1]);
    orders.add(status.map(({ tracker }) => tracker[7]).join(""));
  }
  assertEquals(orders.size, 12);
});

Deno.test("Announcer drops what is no tracker, what stands twice, and what is too much", () => {
  const many = Array.from({ length: 500 }, (_, i) => [`http://${i}.example/announce`]);
  assertEquals(create([[A, "ftp://x/"], [A, B], []]).trackers().map(({ tracker }) => tracker), [A, B]);
  assertEquals(create(many).trackers().length, 200);
});

Deno.test("Announcer waits longer after each failure, up to an hour, and begins anew after a success", () => {
  const announcer = create([[A]]), pauses: number[] = [];
  let now = 0;
  announcer.handle(START, now);
  for (let i = 0; i < 9; i++) {
    announcer.handle(failed(A), now);
    pauses.push((announcer.deadline()! - now) / 1000);
    now = tick(announcer).now;
  }
  const expected = [30, 60, 120, 240, 480, 960, 1920, 3600, 3600];
  pauses.forEach((pause, i) =>
    assert(pause >= expected[i]! && pause <= expected[i]! * 1.1, `${i}: ${pause}`)
  );
  announcer.handle(reply(A), now);
  now = tick(announcer).now;
  announcer.handle(failed(A), now);
  assert(announcer.deadline()! - now <= 33_000);
});

Deno.test("Announcer obeys retry in and never (BEP 31)", () => {
  const announcer = create([[A], [B]]),
    refusal = (tracker: string, retryInMs: number | "never"): AnnouncerInput => ({
      type: "reply",
      tracker,
      response: { type: "failure", reason: "full", retryInMs },
    });
  announcer.handle(START, 0);
  assertEquals(announcer.handle(refusal(A, 600_000), 1000), [
    { type: "failure", tracker: A, reason: "full", retryAt: 601_000 },
    { type: "announce", tracker: B, family: undefined, event: "started", trackerId: undefined, numWant: 200 },
  ]);
  assertEquals(announcer.handle(refusal(B, "never"), 1000), [
    { type: "failure", tracker: B, reason: "full", retryAt: undefined },
  ]);
  assertEquals(announcer.deadline(), 601_000);
  assertEquals(run(announcer, REANNOUNCE, 300_000), []);
  assertEquals(tick(announcer), { now: 601_000, effects: ["announce a started"] });
  assertEquals(run(announcer, refusal(A, "never"), 601_000), ["failure a"]);
  assertEquals(announcer.deadline(), undefined);
  assertEquals(run(announcer, REANNOUNCE, 10 ** 9), []);
  assertEquals(announcer.trackers().map(({ state }) => state), ["refused", "refused"]);
  assertEquals(run(announcer, STOP, 10 ** 9), ["stopped"]);
});

Deno.test("Announcer never retries at once, whatever the pause", () => {
  const announcer = create([[A]]);
  announcer.handle(START, 0);
  assertEquals(run(announcer, failed(A, 0), 0), ["failure a"]);
  assertEquals(announcer.deadline(), 15_000);
});

Deno.test("Announcer holds intervals above its own minimum and the tracker's", () => {
  const announcer = create([[A]]);
  announcer.handle(START, 0);
  announcer.handle(reply(A, { intervalMs: 1000 }), 0);
  assertEquals(announcer.deadline(), 60_000);
  announcer.handle(TICK, 60_000);
  announcer.handle(reply(A, { intervalMs: 1000, minIntervalMs: 90_000 }), 60_000);
  assertEquals(announcer.deadline(), 150_000);
});

Deno.test("Announcer brings an announce forward on a user's wish, but not below min interval", () => {
  const announcer = create([[A]]);
  assertEquals(run(announcer, REANNOUNCE, 0), []);
  announcer.handle(START, 0);
  assertEquals(run(announcer, REANNOUNCE, 1), []);
  announcer.handle(reply(A, { minIntervalMs: 600_000 }), 0);
  assertEquals(run(announcer, REANNOUNCE, 1000), []);
  assertEquals(tick(announcer), { now: 600_000, effects: ["announce a"] });
  announcer.handle(reply(A, { minIntervalMs: 600_000 }), 600_000);
  assertEquals(run(announcer, REANNOUNCE, 1_300_000), ["announce a"]);
});

Deno.test("Announcer lets a user's wish cut its own pauses short", () => {
  const announcer = create([[A]]);
  announcer.handle(START, 0);
  for (let i = 0; i < 8; i++) {
    announcer.handle(failed(A), announcer.deadline() ?? 0);
    announcer.handle(TICK, announcer.deadline()!);
  }
  announcer.handle(failed(A), 10 ** 8);
  assertEquals(run(announcer, REANNOUNCE, 10 ** 8 + 1000), []);
  assertEquals(tick(announcer), {
    now: 10 ** 8 + 15_000,
    effects: ["announce a"].map(() => "announce a started"),
  });
});

Deno.test("Announcer surfaces warnings", () => {
  const announcer = create([[A]]);
  announcer.handle(START, 0);
  assertEquals(announcer.handle(reply(A, { warning: "old client" }), 1), [
    { type: "warning", tracker: A, message: "old client" },
  ]);
  assertEquals(announcer.trackers()[0]!.message, "old client");
});

Deno.test("Announcer says paused in every announce of a partial seed (BEP 21)", () => {
  const announcer = create([[A]]);
  announcer.handle({ type: "partialSeed", partialSeed: true }, 0);
  assertEquals(run(announcer, START, 0), ["announce a paused"]);
  announcer.handle(reply(A), 0);
  assertEquals(tick(announcer).effects, ["announce a paused"]);
  announcer.handle(reply(A), INTERVAL);
  assertEquals(run(announcer, COMPLETED, INTERVAL + 1), ["announce a completed"]);
  announcer.handle(reply(A), INTERVAL + 2);
  assertEquals(tick(announcer).effects, ["announce a"]);
  assertEquals(run(announcer, STOP, 3 * INTERVAL), ["announce a stopped"]);
});

Deno.test("Announcer of a private torrent stays with its tracker and announces a switch (BEP 27)", () => {
  const announcer = create([[A], [B]], { private: true, strategy: "everyTracker" });
  assertEquals(run(announcer, START, 0), ["announce a started"]);
  assertEquals(run(announcer, failed(A), 0), ["failure a", "announce b started"]);
  // The first tracker that answers is no switch.
  assertEquals(run(announcer, reply(B, { peers: [PEER] }), 0), ["peers b"]);
  assertEquals(tick(announcer).effects, ["announce b"]);
  announcer.handle(reply(B), INTERVAL);
  assertEquals(tick(announcer).effects, ["announce b"]);
  assertEquals(run(announcer, failed(B), 2 * INTERVAL), ["failure b", "announce a started"]);
  assertEquals(run(announcer, reply(A, { peers: [PEER] }), 2 * INTERVAL), ["trackerSwitched a", "peers a"]);
  assertEquals(tick(announcer).effects, ["announce a"]);
  announcer.handle(reply(A), 3 * INTERVAL);
  assertEquals(run(announcer, STOP, 3 * INTERVAL), ["announce a stopped"]);
});

Deno.test("Announcer of a torrent that turns out to be private keeps to the same from then on (BEP 27)", () => {
  const announcer = create([[A], [B]]);
  run(announcer, START, 0);
  run(announcer, reply(A), 0);
  assertEquals(run(announcer, { type: "private" }, 1), []);
  tick(announcer);
  assertEquals(run(announcer, failed(A), INTERVAL), ["failure a", "announce b started"]);
  assertEquals(run(announcer, reply(B, { peers: [PEER] }), INTERVAL), ["trackerSwitched b", "peers b"]);
});

Deno.test("Announcer of a private torrent that comes back to its tracker while others fail has not switched", () => {
  const announcer = create([[A], [B]], { private: true });
  announcer.handle(START, 0);
  announcer.handle(reply(A), 0);
  announcer.handle(TICK, INTERVAL);
  assertEquals(run(announcer, failed(A), INTERVAL), ["failure a", "announce b started"]);
  assertEquals(run(announcer, failed(B), INTERVAL), ["failure b"]);
  assertEquals(tick(announcer).effects, ["announce a"]);
  assertEquals(run(announcer, reply(A, { peers: [PEER] }), 2 * INTERVAL), ["peers a"]);
});

Deno.test("Announcer announces to one tracker of every tier, or to every tracker, if told to", () => {
  const tiers = create([[A, B], [C]], { strategy: "everyTier" });
  assertEquals(run(tiers, START, 0), ["announce a started", "announce c started"]);
  assertEquals(run(tiers, failed(A), 1), ["failure a", "announce b started"]);
  const all = create([[A, B], [C]], { strategy: "everyTracker" });
  assertEquals(run(all, START, 0), ["announce a started", "announce b started", "announce c started"]);
  assertEquals(run(all, failed(A), 1), ["failure a"]);
  all.handle(reply(B), 2);
  all.handle(reply(C, { intervalMs: 60_000 }), 3);
  assertEquals(run(all, COMPLETED, 10), ["announce b completed", "announce c completed"]);
  all.handle(reply(B), 11);
  assertEquals(tick(all).effects, ["announce a started"]);
  assertEquals(run(all, STOP, 40_000), ["announce a stopped", "announce b stopped", "announce c stopped"]);
});

Deno.test("Announcer stops with a tracker that an announce is out to, and without those that never answered", () => {
  const announcer = create([[A], [B]]);
  announcer.handle(START, 0);
  announcer.handle(failed(A), 0);
  assertEquals(run(announcer, STOP, 1), ["announce b stopped"]);
  assertEquals(run(announcer, failed(B), 2), ["stopped"]);
});

Deno.test("Announcer waits for answers to stopped for a while only", () => {
  const announcer = create([[A], [B]], { strategy: "everyTracker", stopTimeoutMs: 3000 });
  announcer.handle(START, 0);
  announcer.handle(reply(A), 0);
  announcer.handle(reply(B), 0);
  assertEquals(run(announcer, STOP, 100), ["announce a stopped", "announce b stopped"]);
  assertEquals(run(announcer, STOP, 101), []);
  assertEquals(run(announcer, reply(A, { peers: [PEER] }), 102), []);
  assertEquals(run(announcer, TICK, 3099), []);
  assertEquals(tick(announcer), { now: 3100, effects: ["stopped"] });
  assertEquals(run(announcer, reply(B), 3200), []);
});

Deno.test("Announcer starts again after stopping, also in the middle of it", () => {
  const announcer = create([[A]]);
  announcer.handle(START, 0);
  announcer.handle(reply(A), 0);
  announcer.handle(STOP, 1);
  assertEquals(run(announcer, START, 2), ["announce a started"]);
  assertEquals(run(announcer, START, 3), []);
  announcer.handle(reply(A), 4);
  announcer.handle(STOP, 5);
  assertEquals(run(announcer, reply(A), 6), ["stopped"]);
  assertEquals(run(announcer, START, 7), ["announce a started"]);
});

Deno.test("Announcer takes more trackers: at once if it has none that works", () => {
  const announcer = create([]);
  assertEquals(run(announcer, START, 0), []);
  assertEquals(announcer.deadline(), undefined);
  assertEquals(run(announcer, { type: "addTracker", tracker: A }, 1), ["announce a started"]);
  assertEquals(run(announcer, { type: "addTracker", tracker: B }, 2), []);
  assertEquals(run(announcer, { type: "addTracker", tracker: B }, 2), []);
  assertEquals(run(announcer, { type: "addTracker", tracker: "nonsense" }, 2), []);
  assertEquals(announcer.trackers().map(({ tracker, tier }) => [tracker, tier]), [[A, 0], [B, 1]]);
  assertEquals(run(announcer, failed(A), 3), ["failure a", "announce b started"]);
  const all = create([[A]], { strategy: "everyTracker" });
  all.handle(START, 0);
  assertEquals(run(all, { type: "addTracker", tracker: C }, 1), ["announce c started"]);
});

Deno.test("Announcer.trackers() tells how each tracker fares", () => {
  const announcer = create([[A], [B], [C]]);
  announcer.handle(START, 0);
  announcer.handle(failed(A), 0);
  const counts = { complete: 1, incomplete: 2, downloaded: 3 };
  assertEquals(announcer.trackers().map(({ state }) => state), ["failing", "announcing", "idle"]);
  announcer.handle(reply(B, counts), 0);
  assertEquals(announcer.trackers()[1], {
    tracker: B,
    tier: 1,
    state: "working",
    message: undefined,
    nextAnnounceAt: INTERVAL,
    ...counts,
  });
  assertEquals(announcer.trackers()[0]!.message, "no answer");
});

const FAMILIES = [4, 6] as const;
const BOTH: Partial<AnnouncerOptions> = { families: FAMILIES };

/** An answer over one family. */
const replyOver = (family: 4 | 6, tracker: string, more: Partial<Announced> = {}): AnnouncerInput => ({
  ...reply(tracker, more) as Extract<AnnouncerInput, { type: "reply" }>,
  family,
});
/** A failure over one family, by default because of the network. */
const failedOver = (family: 4 | 6, tracker: string, more: object = {}): AnnouncerInput => ({
  type: "failed",
  tracker,
  family,
  reason: `no answer over IPv${family}`,
  ...more,
});
const ABSENT = { isAbsent: true, reason: "no address" };

Deno.test("Announcer announces over each family of addresses at its own interval (BEP 7)", () => {
  const announcer = create([[A]], BOTH);
  assertEquals(run(announcer, START, 0), ["announce a4 started", "announce a6 started"]);
  assertEquals(announcer.deadline(), undefined);
  assertEquals(run(announcer, replyOver(6, A, { intervalMs: 600_000, peers: [PEER] }), 10), ["peers a"]);
  assertEquals(announcer.deadline(), 600_010);
  assertEquals(run(announcer, replyOver(4, A, { intervalMs: 900_000, peers: [PEER] }), 20), ["peers a"]);
  assertEquals(tick(announcer), { now: 600_010, effects: ["announce a6"] });
  assertEquals(announcer.deadline(), 900_020);
  assertEquals(run(announcer, replyOver(6, A, { intervalMs: 600_000 }), 600_020), []);
  assertEquals(tick(announcer), { now: 900_020, effects: ["announce a4"] });
  assertEquals(run(announcer, STOP, 900_030), ["announce a4 stopped", "announce a6 stopped"]);
  assertEquals(run(announcer, replyOver(6, A), 900_040), []);
  assertEquals(run(announcer, replyOver(6, A), 900_041), []);
  assertEquals(run(announcer, replyOver(4, A), 900_050), ["stopped"]);
});

Deno.test("Announcer tries a family that fails again and stays with the tracker that works over the other (BEP 7)", () => {
  const announcer = create([[A], [B]], BOTH), states = () => announcer.trackers().map(({ state }) => state);
  announcer.handle(START, 0);
  assertEquals(run(announcer, failedOver(6, A), 1), []);
  assertEquals(run(announcer, replyOver(4, A), 2), []);
  assertEquals(states(), ["working", "idle"]);
  const first = tick(announcer);
  assertEquals(first.effects, ["announce a6 started"]);
  assert(first.now >= 30_000 && first.now <= 33_001);
  assertEquals(run(announcer, failedOver(6, A), first.now), []);
  const second = tick(announcer);
  assertEquals(second.effects, ["announce a6 started"]);
  assert(second.now - first.now >= 60_000);
  assertEquals(run(announcer, replyOver(6, A), second.now), []);
  assertEquals(tick(announcer), { now: 2 + INTERVAL, effects: ["announce a4"] });
  // It worked a while ago, and the other still does.
  assertEquals(run(announcer, failedOver(4, A), 2 + INTERVAL), []);
  assertEquals(states(), ["working", "idle"]);
  assertEquals(run(announcer, STOP, 3 + INTERVAL), ["announce a4 stopped", "announce a6 stopped"]);
});

Deno.test("Announcer leaves a tracker that fails over all families, and tries it again over all at once (BEP 7)", () => {
  const announcer = create([[A], [B]], { ...BOTH, random: () => 0.5 });
  announcer.handle(START, 0);
  assertEquals(run(announcer, failedOver(4, A), 0), []);
  assertEquals(announcer.handle(failedOver(6, A), 5000), [
    { type: "failure", tracker: A, reason: "no answer over IPv6", retryAt: 31_500 },
    ...FAMILIES.map((family): AnnouncerEffect => (
      { type: "announce", tracker: B, family, event: "started", trackerId: undefined, numWant: 200 }
    )),
  ]);
  run(announcer, failedOver(4, B), 6000);
  assertEquals(run(announcer, failedOver(6, B), 6000), ["failure b"]);
  assertEquals(tick(announcer), { now: 31_500, effects: ["announce a4 started", "announce a6 started"] });
  assertEquals(run(announcer, replyOver(6, A), 31_500), []);
  assertEquals(run(announcer, failedOver(4, A), 31_600), []);
});

Deno.test("Announcer turns to the next tracker after the one that worked over one family fails over it, too", () => {
  const announcer = create([[A], [B]], BOTH);
  announcer.handle(START, 0);
  announcer.handle(replyOver(4, A), 0);
  announcer.handle(failedOver(6, A, ABSENT), 0);
  assertEquals(announcer.deadline(), INTERVAL);
  assertEquals(run(announcer, TICK, INTERVAL), ["announce a4"]);
  assertEquals(announcer.handle(failedOver(4, A), INTERVAL)[0], {
    type: "failure",
    tracker: A,
    reason: "no answer over IPv4",
    retryAt: INTERVAL + 33_000,
  });
  assertEquals(announcer.trackers().map(({ state }) => state), ["failing", "announcing"]);
});

Deno.test("Announcer looks for a family that a tracker has not once an hour, and says what is wrong with the other", () => {
  const announcer = create([[A]], BOTH);
  announcer.handle(START, 0);
  assertEquals(run(announcer, failedOver(4, A), 0), []);
  const [failure] = announcer.handle(failedOver(6, A, ABSENT), 1);
  assert(failure?.type === "failure");
  assertEquals(failure.reason, "no answer over IPv4");
  const { now } = tick(announcer);
  announcer.handle(replyOver(4, A, { intervalMs: 7_200_000 }), now);
  const looks = create([[A]], BOTH);
  looks.handle(START, 0);
  looks.handle(failedOver(6, A, ABSENT), 0);
  looks.handle(replyOver(4, A, { intervalMs: 7_200_000 }), 0);
  assertEquals(tick(looks), { now: 3_600_000, effects: ["announce a6 started"] });
  looks.handle(failedOver(6, A, ABSENT), 3_600_000);
  assertEquals(tick(looks), { now: 7_200_000, effects: ["announce a4", "announce a6 started"] });
  const neither = create([[A]], BOTH);
  neither.handle(START, 0);
  neither.handle(failedOver(4, A, ABSENT), 0);
  assertEquals(run(neither, failedOver(6, A, ABSENT), 0), ["failure a"]);
  assert(neither.deadline()! <= 33_000);
});

Deno.test("Announcer does not look for a family that a tracker has not whenever it tries the other again", () => {
  const announcer = create([[A]], BOTH);
  announcer.handle(START, 0);
  announcer.handle(failedOver(6, A, ABSENT), 0);
  assertEquals(run(announcer, failedOver(4, A), 1), ["failure a"]);
  assertEquals(tick(announcer).effects, ["announce a4 started"]);
});

Deno.test("Announcer takes a tracker's word over one family for the families that never answered (BEP 7, 31)", () => {
  for (const more of [{}, ABSENT]) {
    for (const isLast of [false, true]) {
      const refusals = [replyOver(4, A), failedOver(6, A, more)].map((input, i): AnnouncerInput =>
        i > 0 || input.type !== "reply"
          ? input
          : { ...input, response: { type: "failure", reason: "go away", retryInMs: "never" } }
      );
      const announcer = create([[A]], BOTH), inputs = isLast ? refusals.toReversed() : refusals;
      announcer.handle(START, 0);
      assertEquals(inputs.flatMap((input) => run(announcer, input, 0)), ["failure a"]);
      assertEquals(announcer.deadline(), undefined);
      assertEquals(announcer.trackers()[0]!.state, "refused");
      assertEquals(run(announcer, REANNOUNCE, 10 ** 9), []);
    }
  }
  const announcer = create([[A]], BOTH), retry = { retry: 600_000 };
  announcer.handle(START, 0);
  announcer.handle(replyOver(6, A), 0);
  announcer.handle(failedOver(4, A, retry), 0);
  assertEquals(tick(announcer), { now: 600_000, effects: ["announce a4 started"] });
  announcer.handle(failedOver(4, A, { retry: "never" }), 600_000);
  assertEquals(tick(announcer), { now: INTERVAL, effects: ["announce a6"] });
  // What has worked is not given up for good.
  assertEquals(run(announcer, failedOver(6, A), INTERVAL), ["failure a"]);
  assertEquals(tick(announcer).effects, ["announce a6"]);
});

Deno.test("Announcer does not tell a family that keeps failing that we stop, if the tracker works over the other", () => {
  const announcer = create([[A]], BOTH);
  announcer.handle(START, 0);
  announcer.handle(replyOver(4, A), 0);
  announcer.handle(failedOver(6, A), 0);
  assertEquals(tick(announcer).effects, ["announce a6 started"]);
  assertEquals(run(announcer, STOP, 40_000), ["announce a4 stopped"]);
  assertEquals(run(announcer, replyOver(4, A), 40_001), ["stopped"]);
});

Deno.test("Announcer says completed to no tracker that comes after the one that has heard it", () => {
  const announcer = create([[A], [B]], BOTH);
  announcer.handle(START, 0);
  announcer.handle(replyOver(4, A), 0);
  announcer.handle(failedOver(6, A, ABSENT), 0);
  assertEquals(run(announcer, COMPLETED, 10), ["announce a4 completed"]);
  announcer.handle(replyOver(4, A), 20);
  assertEquals(tick(announcer).effects, ["announce a4"]);
  const effects = run(announcer, failedOver(4, A), 20 + INTERVAL);
  assertEquals(effects, ["failure a", "announce b4 started", "announce b6 started"]);
  announcer.handle(replyOver(4, B), 30 + INTERVAL);
  assertEquals(run(announcer, replyOver(6, B), 30 + INTERVAL), []);
});

Deno.test("Announcer says completed once over each family that knows us, and at once (BEP 7)", () => {
  const announcer = create([[A]], BOTH);
  announcer.handle(START, 0);
  announcer.handle(replyOver(4, A), 0);
  assertEquals(run(announcer, COMPLETED, 10), ["announce a4 completed"]);
  assertEquals(run(announcer, replyOver(4, A), 20), []);
  assertEquals(run(announcer, replyOver(6, A), 30), ["announce a6 completed"]);
  assertEquals(run(announcer, replyOver(6, A), 40), []);
  assertEquals(tick(announcer), { now: 20 + INTERVAL, effects: ["announce a4"] });
  announcer.handle(replyOver(4, A), 20 + INTERVAL);
  assertEquals(tick(announcer), { now: 40 + INTERVAL, effects: ["announce a6"] });
});

Deno.test("Announcer of a private torrent drops peers once when its tracker changes over two families (BEP 7, 27)", () => {
  const announcer = create([[A], [B]], { ...BOTH, private: true });
  announcer.handle(START, 0);
  announcer.handle(replyOver(4, A), 0);
  announcer.handle(replyOver(6, A), 0);
  assertEquals(tick(announcer).effects, ["announce a4", "announce a6"]);
  assertEquals(run(announcer, failedOver(4, A), INTERVAL), []);
  const effects = run(announcer, failedOver(6, A), INTERVAL);
  assertEquals(effects, ["failure a", "announce b4 started", "announce b6 started"]);
  assertEquals(run(announcer, replyOver(6, B, { peers: [PEER] }), INTERVAL), [
    "trackerSwitched b",
    "peers b",
  ]);
  assertEquals(run(announcer, replyOver(4, B, { peers: [PEER] }), INTERVAL), ["peers b"]);
  assertEquals(tick(announcer).effects, ["announce b4", "announce b6"]);
});

Deno.test("Announcer asks again on a user's wish over the families that nothing is out over", () => {
  const announcer = create([[A]], BOTH);
  announcer.handle(START, 0);
  announcer.handle(replyOver(4, A), 0);
  assertEquals(run(announcer, REANNOUNCE, 20_000), ["announce a4"]);
  assertEquals(run(announcer, REANNOUNCE, 20_001), []);
  announcer.handle(replyOver(4, A), 20_002);
  announcer.handle(failedOver(6, A), 30_000);
  assertEquals(run(announcer, REANNOUNCE, 30_001), []);
  assertEquals(tick(announcer), { now: 35_002, effects: ["announce a4"] });
  assertEquals(tick(announcer), { now: 45_000, effects: ["announce a6 started"] });
});

Deno.test("Announcer.trackers() tells the larger numbers of those that a tracker says over two families", () => {
  const announcer = create([[A]], BOTH);
  announcer.handle(START, 0);
  announcer.handle(replyOver(4, A, { complete: 9, incomplete: 2 }), 0);
  announcer.handle(replyOver(6, A, { complete: 1, incomplete: 3 }), 0);
  const [{ complete, incomplete, downloaded } = {}] = announcer.trackers();
  assertEquals([complete, incomplete, downloaded], [9, 3, undefined]);
});

Deno.test("Announcer keeps its promises whatever happens", () => {
  const urls = [A, B, C], ways = [undefined, ...FAMILIES];
  const way = fc.tuple(fc.constantFrom(...urls), fc.constantFrom(...ways));
  const step = fc.oneof(
    fc.constantFrom<AnnouncerInput>(START, STOP, COMPLETED, REANNOUNCE, TICK),
    fc.boolean().map((partialSeed): AnnouncerInput => ({ type: "partialSeed", partialSeed })),
    way.map(([tracker, family]): AnnouncerInput => ({
      type: "reply",
      tracker,
      family,
      response: ANNOUNCED,
    })),
    fc.tuple(way, fc.constantFrom(undefined, 60_000), fc.boolean()).map((
      [[tracker, family], retry, isAbsent],
    ): AnnouncerInput => ({ type: "failed", tracker, family, reason: "no answer", retry, isAbsent })),
  );
  const steps = fc.array(fc.tuple(step, fc.nat(100_000)), { maxLength: 60 });
  fc.assert(
    fc.property(fc.boolean(), fc.boolean(), steps, (isPrivate, hasFamilies, inputs) => {
      const families = hasFamilies ? FAMILIES : undefined;
      const announcer = create([[A, B], [C]], { private: isPrivate, families });
      /** Trackers that announces are out to, each by the family; and those that say `completed`. */
      const out = new Map<string, string>(), completing = new Set<string>(), told = new Set<string>();
      let now = 0, running = false, wasComplete = false;
      const take = (input: AnnouncerInput) => {
        for (const effect of announcer.handle(input, now)) {
          if (effect.type !== "announce") continue;
          const { tracker, event } = effect, family = String(effect.family), key = `${tracker} ${family}`;
          assertEquals(event === "stopped", !running);
          if (event === "stopped") continue;
          assert(!out.has(key), `two announces are out to ${key}`);
          for (const other of out.values()) assertEquals(tracker, other);
          if (event === "completed") assert(wasComplete && !told.has(family)), completing.add(key);
          out.set(key, tracker);
        }
      };
      for (const [input, wait] of inputs) {
        now += wait;
        if (input.type === "start") running = true;
        if (input.type === "stop") running = false, out.clear(), completing.clear();
        if (input.type === "completed") wasComplete = true;
        if (input.type === "reply" || input.type === "failed") {
          const key = `${input.tracker} ${input.family}`;
          out.delete(key);
          if (completing.delete(key) && input.type === "reply") told.add(String(input.family));
        }
        take(input);
        // While it runs there is always something to wait for.
        assert(!running || out.size > 0 || announcer.deadline() !== undefined);
        if ((announcer.deadline() ?? Infinity) > now) continue;
        take(TICK);
        assert((announcer.deadline() ?? Infinity) > now);
      }
    }),
    { numRuns: 500 },
  );
});
