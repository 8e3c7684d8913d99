import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { encodeHex, encodeUtf8 } from "../../src/bytes/text.ts";
import { LsdBeacon, type LsdBeaconOptions, type LsdEffect, type LsdInput } from "../../src/lsd/beacon.ts";
import { decodeLsdAnnounce, encodeLsdAnnounce, LSD_GROUPS } from "../../src/lsd/messages/announce.ts";

const MINUTE = 60_000;
/** Times are sums of fractions. */
const ROUNDING = 0.001;
const NEIGHBOUR = { host: "192.168.1.5", port: 6771 };

function hashOf(n: number): Uint8Array {
  return new Uint8Array(20).fill(n >> 8).fill(n & 255, 10);
}

interface Announced {
  readonly at: number;
  readonly hashes: readonly string[];
}

/** A beacon in virtual time. */
class World {
  readonly beacon: LsdBeacon;
  readonly sent: { readonly at: number; readonly effect: Extract<LsdEffect, { type: "send" }> }[] = [];
  now = 0;

  constructor(options: Partial<LsdBeaconOptions> = {}) {
    this.beacon = new LsdBeacon({ random: () => 0.5, port: 6881, families: [4], ...options });
  }

  tell(input: LsdInput): readonly LsdEffect[] {
    const effects = this.beacon.handle(input, this.now);
    for (const effect of effects) if (effect.type === "send") this.sent.push({ at: this.now, effect });
    return effects;
  }

  join(...numbers: number[]): void {
    for (const n of numbers) this.tell({ type: "join", infoHash: hashOf(n) });
  }

  wait(ms: number): void {
    const end = this.now + ms;
    for (let at = this.beacon.deadline(); at !== undefined && at <= end; at = this.beacon.deadline()) {
      this.now = Math.max(this.now, at);
      this.tell({ type: "tick" });
      assert((this.beacon.deadline() ?? Infinity) > this.now, "a deadline that a tick does not move");
    }
    this.now = end;
  }

  hear(numbers: readonly number[], options: { host?: string; port?: number; cookie?: string } = {}) {
    const { host = NEIGHBOUR.host, port = 7000, cookie } = options;
    const bytes = encodeLsdAnnounce({ infoHashes: numbers.map(hashOf), port, ...(cookie && { cookie }) }, 4);
    return this.tell({ type: "datagram", from: { host, port: 6771 }, bytes });
  }

  /** What was announced to IPv4. */
  get announced(): Announced[] {
    return this.sent.filter(({ effect }) => effect.to.host === LSD_GROUPS[4].host).map(({ at, effect }) => ({
      at,
      hashes: decodeLsdAnnounce(effect.bytes).infoHashes.map(encodeHex),
    }));
  }
}

Deno.test("LsdBeacon announces a torrent within two seconds to every group, with port and cookie", () => {
  const world = new World({ families: [4, 6] });
  world.join(1);
  world.wait(2000);
  assertEquals(world.sent.map(({ effect }) => effect.to), [LSD_GROUPS[4], LSD_GROUPS[6]]);
  const [first, second] = world.sent.map(({ effect }) => decodeLsdAnnounce(effect.bytes));
  assertEquals(first, second);
  assertEquals([first!.infoHashes, first!.port], [[hashOf(1)], 6881]);
  assertEquals(first!.cookie?.length, 16);
});

Deno.test("LsdBeacon announces again every five minutes and a little", () => {
  const world = new World();
  world.join(1);
  world.wait(60 * MINUTE);
  const gaps = world.announced.slice(1).map(({ at }, i) => at - world.announced[i]!.at);
  assertEquals(gaps.length, 11);
  assert(gaps.every((gap) => gap >= 5 * MINUTE - ROUNDING && gap <= 5 * MINUTE + 10_000));
});

Deno.test("LsdBeacon gathers torrents that come together, and lets a later one wait for its minute", () => {
  const world = new World({ random: chance(5) });
  world.join(1, 2, 3);
  world.wait(5000);
  world.join(4);
  world.wait(3 * MINUTE);
  const [first, second] = world.announced;
  assertEquals(first!.hashes.length, 3);
  assertEquals(second!.hashes, [encodeHex(hashOf(4))]);
  assertEquals(second!.at - first!.at, MINUTE);
});

Deno.test("LsdBeacon sends one announce a minute at most, and every torrent gets its turn", () => {
  const world = new World({ random: chance(7) });
  const numbers = Array.from({ length: 100 }, (_, i) => i);
  world.join(...numbers);
  world.wait(30 * MINUTE);
  const times = world.announced.map(({ at }) => at);
  assert(times.every((at, i) => i === 0 || at - times[i - 1]! >= MINUTE - ROUNDING));
  assert(world.announced.every(({ hashes }) => hashes.length <= 24));
  for (const n of numbers) {
    const turns = world.announced.filter(({ hashes }) => hashes.includes(encodeHex(hashOf(n))));
    assert(turns.length >= 4, `torrent ${n}: ${turns.length} turns`);
    assert(turns.every(({ at }, i) => i === 0 || at - turns[i - 1]!.at >= 5 * MINUTE - ROUNDING));
  }
});

/** A seeded source of chance. */
function chance(seed: number): () => number {
  let state = seed;
  return () => (state = state * 48271 % 0x7fffffff) / 0x7fffffff;
}

Deno.test("LsdBeacon drifts apart torrents that began together, as old clients read one hash only", () => {
  const world = new World({ random: chance(3) });
  world.join(1, 2);
  world.wait(60 * MINUTE);
  assert(world.announced.some(({ hashes }) => hashes.length === 1));
});

Deno.test("LsdBeacon leaves swarms, and is silent without torrents or port", () => {
  const world = new World();
  world.join(1);
  world.tell({ type: "leave", infoHash: hashOf(1) });
  assertEquals(world.beacon.deadline(), undefined);
  world.join(2);
  world.tell({ type: "port", port: undefined });
  assertEquals(world.beacon.deadline(), undefined);
  world.wait(10 * MINUTE);
  assertEquals(world.sent, []);
  world.tell({ type: "port", port: 1234 });
  world.wait(1);
  assertEquals(world.sent.map(({ effect }) => decodeLsdAnnounce(effect.bytes).port), [1234]);
});

Deno.test("LsdBeacon takes a second join for none, and refuses hashes that are not 20 bytes", () => {
  const world = new World();
  world.join(1);
  world.wait(MINUTE);
  world.join(1);
  world.wait(MINUTE);
  assertEquals(world.sent.length, 1);
  assertThrows(
    () => world.tell({ type: "join", infoHash: new Uint8Array(32) }),
    RangeError,
    "Cannot join swarm",
  );
});

Deno.test("LsdBeacon tells of a neighbour in our swarms: the source of the datagram and the port in it", () => {
  const world = new World();
  world.join(1, 2);
  assertEquals(
    world.hear([3, 2, 1]),
    [2, 1].map((n) => ({
      type: "peer",
      infoHash: hashOf(n),
      address: { host: NEIGHBOUR.host, port: 7000 },
    })),
  );
  assertEquals(world.hear([3]), []);
  world.tell({ type: "leave", infoHash: hashOf(2) });
  assertEquals(world.hear([2]), []);
});

Deno.test("LsdBeacon hears others while it says nothing itself", () => {
  const world = new World({ families: [] });
  world.join(1);
  assertEquals(world.hear([1]).length, 1);
  world.wait(10 * MINUTE);
  assertEquals(world.sent, []);
});

Deno.test("LsdBeacon ignores itself by its cookie, not others", () => {
  const world = new World({ random: chance(1) }), other = new World({ random: chance(2) });
  for (const each of [world, other]) {
    each.join(1);
    each.wait(2000);
  }
  const from = NEIGHBOUR;
  assertEquals(world.tell({ type: "datagram", from, bytes: world.sent[0]!.effect.bytes }), []);
  assertEquals(world.tell({ type: "datagram", from, bytes: other.sent[0]!.effect.bytes }).length, 1);
});

for (
  const [host, isHeeded] of [
    ["192.168.1.5", true],
    ["127.0.0.1", true],
    ["169.254.9.9", true],
    ["130.83.1.1", true],
    ["fd00::5", true],
    ["2001:db8::5", true],
    ["fe80::5", false],
    ["239.1.1.1", false],
    ["0.0.0.0", false],
    ["fe80::5%eth0", false],
  ] as const
) {
  Deno.test(`LsdBeacon ${isHeeded ? "heeds" : "ignores"} ${host}`, () => {
    const world = new World();
    world.join(1);
    assertEquals(world.hear([1], { host }).length, isHeeded ? 1 : 0);
  });
}

Deno.test("LsdBeacon heeds a hundred announces of a host and a thousand hosts in a minute", () => {
  const world = new World();
  world.join(1);
  const heard = (host: string) => world.hear([1], { host }).length;
  assertEquals(Array.from({ length: 150 }, () => heard("10.0.0.1")).filter(Boolean).length, 100);
  assertEquals(heard("10.0.0.2"), 1);
  const hosts = Array.from({ length: 2000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
  assertEquals(hosts.map(heard).filter(Boolean).length, 998);
  assertEquals(heard("10.0.0.2"), 1);
  world.wait(MINUTE);
  assertEquals([heard("10.0.0.1"), heard(hosts[1999]!)], [1, 1]);
});

Deno.test("LsdBeacon never throws on what comes in", () => {
  const from = fc.record({ host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), port: fc.nat(65535) });
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.string().map((text) => encodeUtf8(`BT-SEARCH * HTTP/1.1\r\nPort: 7\r\nInfohash: ${text}`)),
  );
  fc.assert(fc.property(fc.array(fc.tuple(from, bytes)), (datagrams) => {
    const world = new World();
    world.join(1);
    for (const [from, bytes] of datagrams) assertEquals(world.tell({ type: "datagram", from, bytes }), []);
  }));
});
