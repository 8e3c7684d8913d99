import { assert, assertEquals } from "@std/assert";
import { Bitfield } from "../../src/bytes/bitfield.ts";
import { Swarm, type SwarmNode } from "./swarm.ts";

const KIB = 1024;
const MIB = 1024 * 1024;

function isDone(node: SwarmNode): boolean {
  return node.torrent.isComplete;
}

for (const fast of [true, false]) {
  Deno.test(`Torrent downloads everything from one seed (fast extension: ${fast})`, () => {
    const swarm = new Swarm({ length: 3 * MIB + 12345, pieceLength: 256 * KIB });
    const seed = swarm.add({ have: "all", fast });
    const leecher = swarm.add();
    swarm.connect(leecher, seed);
    assert(swarm.run(() => isDone(leecher), 60_000));
    assertEquals(leecher.content, swarm.content);
    const stats = leecher.torrent.stats(swarm.now);
    assertEquals([stats.wasted, stats.corrupt, stats.left, stats.downloaded], [
      0,
      0,
      0,
      swarm.content.length,
    ]);
    assertEquals(leecher.effects("completed").length, 1);
    assertEquals(leecher.effects("pieceCompleted").length, 13);
    assertEquals(leecher.buffers.lent, 0);
    assertEquals(seed.torrent.stats(swarm.now).uploaded, swarm.content.length);
  });
}

Deno.test("Torrent closes a connection between two complete peers", () => {
  const swarm = new Swarm({ length: MIB, pieceLength: 256 * KIB });
  const seed = swarm.add({ have: "all" });
  const leecher = swarm.add();
  swarm.connect(leecher, seed);
  assert(swarm.run(() => leecher.links.size === 0 && seed.links.size === 0, 60_000));
  assertEquals(leecher.effects("close").map((effect) => effect.reason), ["both complete"]);
});

Deno.test("Torrent fills a fast line with a long delay", () => {
  // 5 MB/s over 200 ms there and back: 1 MB is under way at a time.
  const swarm = new Swarm({ length: 24 * MIB, pieceLength: 512 * KIB, latencyMs: 100 });
  const seed = swarm.add({ have: "all", upRate: 5_000_000 });
  const leecher = swarm.add();
  swarm.connect(leecher, seed);
  assert(swarm.run(() => isDone(leecher), 60_000));
  assert(swarm.now < 1.3 * swarm.content.length / 5_000, `took ${swarm.now} ms`);
});

for (const count of [4, 16, 48]) {
  Deno.test(`Torrent has all of ${count} seeds at work although memory is short`, () => {
    // 4 MB/s together; three seconds of that would be 12 MB of requests, and there is room for 2.
    const swarm = new Swarm({ length: 24 * MIB, pieceLength: 64 * KIB, latencyMs: 20 });
    const leecher = swarm.add({ limits: { maxOpenBytes: 2 * MIB } });
    for (let i = 0; i < count; i++) {
      swarm.connect(leecher, swarm.add({ have: "all", upRate: 4_000_000 / count }));
    }
    assert(swarm.run(() => isDone(leecher), 60_000));
    assert(swarm.now < 1.5 * swarm.content.length / 4_000, `took ${swarm.now} ms`);
  });
}

Deno.test("Torrent leechers feed each other", () => {
  const swarm = new Swarm({ length: 4 * MIB, pieceLength: 64 * KIB });
  const seed = swarm.add({ have: "all", upRate: 200_000 });
  const leechers = [1, 2, 3].map(() => swarm.add({ upRate: 1_000_000 }));
  for (const leecher of leechers) swarm.connect(leecher, seed);
  swarm.connect(leechers[0]!, leechers[1]!);
  swarm.connect(leechers[1]!, leechers[2]!);
  swarm.connect(leechers[2]!, leechers[0]!);
  assert(swarm.run(() => leechers.every(isDone), 300_000));
  for (const leecher of leechers) assertEquals(leecher.content, swarm.content);
  // Alone the seed would need 63 s for three copies; what it sends is little more than one.
  assert(seed.torrent.stats(swarm.now).uploaded < 1.5 * swarm.content.length);
  assert(swarm.now < 35_000, `took ${swarm.now} ms`);
});

Deno.test("Torrent peers with halves complete each other", () => {
  const swarm = new Swarm({ length: 2 * MIB, pieceLength: 64 * KIB });
  const [even, odd] = [new Bitfield(32), new Bitfield(32)];
  for (let piece = 0; piece < 32; piece++) (piece % 2 === 0 ? even : odd).set(piece);
  const [a, b] = [swarm.add({ have: even }), swarm.add({ have: odd })];
  swarm.connect(a, b);
  assert(swarm.run(() => isDone(a) && isDone(b), 60_000));
  assertEquals([a.content, b.content], [swarm.content, swarm.content]);
});

Deno.test("Torrent finds its peers by dialling candidates", () => {
  const swarm = new Swarm({ length: MIB, pieceLength: 256 * KIB });
  const seed = swarm.add({ have: "all" });
  const leecher = swarm.add();
  const dead = { host: "10.0.0.99", port: 1 };
  swarm.input(leecher, {
    type: "candidates",
    source: "tracker",
    addresses: [dead, seed.address, seed.address],
  });
  assert(swarm.run(() => isDone(leecher), 60_000));
  assertEquals(leecher.effects("dial").length, 2);
});

Deno.test("Torrent does not wait for a slow peer at the end, and wastes little", () => {
  const swarm = new Swarm({ length: 4 * MIB, pieceLength: 256 * KIB });
  const fast = swarm.add({ have: "all", upRate: 1_000_000 });
  const slow = swarm.add({ have: "all", upRate: 4_000 });
  const leecher = swarm.add();
  swarm.connect(leecher, slow);
  swarm.connect(leecher, fast);
  assert(swarm.run(() => isDone(leecher), 60_000));
  assert(swarm.now < 8_000, `took ${swarm.now} ms`);
  assert(leecher.sent("cancel").length > 0);
  assert(leecher.torrent.stats(swarm.now).wasted <= 8 * 16 * KIB);
});

Deno.test("Torrent completes although a peer takes requests and never answers", () => {
  const swarm = new Swarm({ length: 4 * MIB, pieceLength: 256 * KIB });
  const silent = swarm.add({ have: "all", silentFrom: 0 });
  const slow = swarm.add({ have: "all", upRate: 30_000 });
  const leecher = swarm.add();
  swarm.connect(leecher, silent);
  swarm.connect(leecher, slow);
  assert(swarm.run(() => isDone(leecher), 400_000));
  assert(swarm.now < 150_000, `took ${swarm.now} ms`);
  assertEquals(leecher.content, swarm.content);
});

for (const share of ["every block", "one block in ten"] as const) {
  Deno.test(`Torrent bans exactly the peer that lies (${share}) and completes`, () => {
    const swarm = new Swarm({ length: 4 * MIB, pieceLength: 128 * KIB, seed: 5 });
    const lies = (piece: number, begin: number) =>
      share === "every block" || (piece * 8 + begin / 16384) % 10 === 3;
    const liar = swarm.add({ have: "all", lies, upRate: 1_000_000 });
    const honest = [swarm.add({ have: "all", upRate: 500_000 }), swarm.add({ have: "all", upRate: 500_000 })];
    const leecher = swarm.add();
    swarm.connect(leecher, liar);
    for (const node of honest) swarm.connect(leecher, node);
    assert(swarm.run(() => isDone(leecher), 120_000));
    assertEquals(leecher.content, swarm.content);
    assertEquals(leecher.effects("ban").map((effect) => effect.host), [liar.address.host]);
  });
}

Deno.test("Torrent downloads to the end when a peer leaves in the middle", () => {
  const swarm = new Swarm({ length: 4 * MIB, pieceLength: 256 * KIB });
  const leaver = swarm.add({ have: "all", upRate: 1_000_000 });
  const stayer = swarm.add({ have: "all", upRate: 1_000_000 });
  const leecher = swarm.add();
  swarm.connect(leecher, leaver);
  swarm.connect(leecher, stayer);
  swarm.run(() => leecher.torrent.stats(swarm.now).downloaded > 2 * MIB, 60_000);
  swarm.input(leaver, { type: "pause" });
  assert(swarm.run(() => isDone(leecher), 60_000));
  assertEquals(leecher.content, swarm.content);
});

Deno.test("Torrent goes on after pause and resume", () => {
  const swarm = new Swarm({ length: 4 * MIB, pieceLength: 256 * KIB });
  const seed = swarm.add({ have: "all", upRate: 1_000_000 });
  const leecher = swarm.add();
  swarm.input(leecher, { type: "candidates", source: "user", addresses: [seed.address] });
  swarm.run(() => leecher.torrent.stats(swarm.now).downloaded > 2 * MIB, 60_000);
  swarm.input(leecher, { type: "pause" });
  assertEquals(swarm.run(() => isDone(leecher), 60_000), false);
  assertEquals(leecher.buffers.lent, 0);
  swarm.input(leecher, { type: "resume" });
  assert(swarm.run(() => isDone(leecher), 60_000));
  assertEquals(leecher.content, swarm.content);
});

Deno.test("Torrent in a crowd: twenty leechers, one seed, two connections each", () => {
  const swarm = new Swarm({ length: 2 * MIB, pieceLength: 64 * KIB, latencyMs: 30 });
  const seed = swarm.add({ have: "all", upRate: 500_000 });
  const leechers = Array.from(
    { length: 20 },
    () => swarm.add({ upRate: 250_000, limits: { uploadSlots: 4 } }),
  );
  leechers.forEach((leecher, i) => {
    if (i % 4 === 0) swarm.connect(leecher, seed);
    swarm.connect(leecher, leechers[(i + 1) % 20]!);
    swarm.connect(leecher, leechers[(i + 7) % 20]!);
  });
  assert(swarm.run(() => leechers.every(isDone), 600_000));
  for (const leecher of leechers) {
    assertEquals(leecher.effects("ban"), []);
    assertEquals(leecher.effects("close").filter(({ reason }) => reason === "invalid message"), []);
  }
  const wasted = leechers.reduce((sum, leecher) => sum + leecher.torrent.stats(swarm.now).wasted, 0);
  assert(wasted < 20 * 0.1 * swarm.content.length);
  assert(swarm.now < 20_000, `took ${swarm.now} ms`);
});

Deno.test("Torrent brings the pieces that a reader waits for first, one after the other", () => {
  const swarm = new Swarm({ length: 16 * MIB, pieceLength: 256 * KIB });
  const seeds = [swarm.add({ have: "all", upRate: 300_000 }), swarm.add({ have: "all", upRate: 40_000 })];
  const leecher = swarm.add();
  for (const seed of seeds) swarm.connect(leecher, seed);
  swarm.run(() => false, 10_000);
  const from = swarm.now;
  const window = (first: number) =>
    Array.from({ length: 6 }, (_, i) => first + i).filter((piece) => piece < 64);
  const stalls: number[] = [];
  for (let piece = 40; piece < 50; piece++) {
    const before = swarm.now;
    swarm.input(leecher, { type: "urgent", reader: 1, pieces: window(piece) });
    assert(swarm.run(() => leecher.torrent.hasPiece(piece), 60_000));
    stalls.push(swarm.now - before);
  }
  // Ten pieces of 256 KiB at 340 kB/s are 7.7 s; the first one is 0.8 s and does not wait for what was asked before.
  assert(swarm.now - from < 11_000, `took ${swarm.now - from} ms`);
  assert(stalls[0]! < 2_000, `first piece after ${stalls[0]} ms`);
});
