import { assert, assertEquals } from "@std/assert";
import { Swarm, type SwarmNode } from "./swarm.ts";

const MIB = 1024 * 1024;

function isDone(node: SwarmNode): boolean {
  return node.torrent.isComplete;
}

for (const fast of [true, false]) {
  Deno.test(`Torrent downloads everything from one seed (fast extension: ${fast})`, () => {
    const swarm = new Swarm({ length: 3 * MIB + 12345, pieceLength: 256 * 1024 });
    const seed = swarm.add({ have: "all", fast });
    const leecher = swarm.add();
    swarm.connect(leecher, seed);
    assert(swarm.run(() => isDone(leecher), 60_000));
    assertEquals(leecher.content, swarm.content);
    assertEquals(leecher.torrent.stats(swarm.now).wasted, 0);
    assertEquals(leecher.torrent.stats(swarm.now).left, 0);
    assertEquals(leecher.effects("completed").length, 1);
    assertEquals(leecher.effects("pieceCompleted").length, 13);
    assertEquals(leecher.buffers.lent, 0);
    assertEquals(seed.torrent.stats(swarm.now).uploaded, 3 * MIB + 12345);
  });
}

Deno.test("Torrent closes a connection between two complete peers", () => {
  const swarm = new Swarm({ length: MIB, pieceLength: 256 * 1024 });
  const seed = swarm.add({ have: "all" });
  const leecher = swarm.add();
  swarm.connect(leecher, seed);
  assert(swarm.run(() => leecher.links.size === 0 && seed.links.size === 0, 60_000));
  assertEquals(leecher.effects("close").map((effect) => effect.reason), ["both complete"]);
});

Deno.test("Torrent leechers feed each other", () => {
  const swarm = new Swarm({ length: 4 * MIB, pieceLength: 64 * 1024 });
  const seed = swarm.add({ have: "all", upRate: 200_000 });
  const leechers = [
    swarm.add({ upRate: 1_000_000 }),
    swarm.add({ upRate: 1_000_000 }),
    swarm.add({ upRate: 1_000_000 }),
  ];
  for (const leecher of leechers) swarm.connect(leecher, seed);
  swarm.connect(leechers[0]!, leechers[1]!);
  swarm.connect(leechers[1]!, leechers[2]!);
  swarm.connect(leechers[2]!, leechers[0]!);
  assert(swarm.run(() => leechers.every(isDone), 300_000));
  for (const leecher of leechers) assertEquals(leecher.content, swarm.content);
  // Alone the seed would need 60 s for three copies; what it sends is little more than one.
  assert(seed.torrent.stats(swarm.now).uploaded < 2 * swarm.content.length);
  assert(swarm.now < 45_000, `took ${swarm.now} ms`);
});

Deno.test("Torrent finds its peers by dialling candidates", () => {
  const swarm = new Swarm({ length: MIB, pieceLength: 256 * 1024 });
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
