import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Random } from "../../src/bytes/random.ts";
import { formatPeerAddress } from "../../src/peer/address.ts";
import {
  MemorySwarmStore,
  type MemorySwarmStoreOptions,
  type SwarmAnnounce,
  type SwarmPeer,
  type SwarmReply,
} from "../../src/server/swarm_store.ts";

const INFO_HASH = new Uint8Array(20).fill(1);
const HOUR = 3_600_000;

function seededRandom(seed: number): Random {
  let state = seed;
  return () => (state = (state * 16_807 + 11) % 2_147_483_647) / 2_147_483_647;
}

function makeStore(options: Partial<MemorySwarmStoreOptions> = {}) {
  const time = { now: 0 };
  const store = new MemorySwarmStore({
    now: () => time.now,
    random: seededRandom(7),
    expiryMs: HOUR,
    ...options,
  });
  return { store, time };
}

function announce(port: number, parts: Partial<SwarmAnnounce> = {}): SwarmAnnounce {
  return {
    infoHash: INFO_HASH,
    peer: { host: "10.0.0.1", port, peerId: new Uint8Array(20).fill(port) },
    event: "started",
    left: 100,
    numWant: 50,
    ...parts,
  };
}

function listOf(reply: SwarmReply | undefined): readonly SwarmPeer[] {
  const { peers } = reply!;
  assert(!("ipv4" in peers), "the announce was not compact");
  return peers;
}

const portsOf = (reply: SwarmReply | undefined) =>
  listOf(reply).map(({ port }) => port).sort((a, b) => a - b);

Deno.test("MemorySwarmStore.announce() tells of the others, never of the asker", async () => {
  const { store } = makeStore();
  assertEquals(portsOf(await store.announce(announce(1))), []);
  assertEquals(portsOf(await store.announce(announce(2))), [1]);
  assertEquals(portsOf(await store.announce(announce(3))), [1, 2]);
  assertEquals(portsOf(await store.announce(announce(1, { event: undefined }))), [2, 3]);
});

Deno.test("MemorySwarmStore.announce() counts seeds, leechers, partial seeds and completions", async () => {
  const { store } = makeStore();
  await store.announce(announce(1, { left: 0 }));
  await store.announce(announce(2));
  const reply = await store.announce(announce(3, { event: "paused" }));
  assertEquals({ ...reply!, peers: 0 }, {
    complete: 1,
    incomplete: 2,
    downloaders: 1,
    downloaded: 0,
    peers: 0,
  });
  await store.announce(announce(2, { event: "completed", left: 0 }));
  await store.announce(announce(2, { event: "completed", left: 0 }));
  assertEquals(await store.scrape([INFO_HASH, new Uint8Array(20)]), [
    { complete: 2, incomplete: 1, downloaders: 0, downloaded: 1 },
    undefined,
  ]);
});

Deno.test("MemorySwarmStore.announce() counts no completion of a peer that still lacks something", async () => {
  const { store } = makeStore();
  for (let i = 0; i < 3; i++) await store.announce(announce(1, { event: "completed", left: 1 }));
  assertEquals((await store.scrape([INFO_HASH]))[0]!.downloaded, 0);
  await store.announce(announce(1, { event: "completed", left: 0 }));
  assertEquals((await store.scrape([INFO_HASH]))[0]!.downloaded, 1);
});

Deno.test("MemorySwarmStore.announce() gives seeds no seeds", async () => {
  const { store } = makeStore();
  await store.announce(announce(1, { left: 0 }));
  await store.announce(announce(2));
  assertEquals(portsOf(await store.announce(announce(3, { left: 0 }))), [2]);
  assertEquals(portsOf(await store.announce(announce(4))), [1, 2, 3]);
});

Deno.test("MemorySwarmStore.announce() takes a stopped peer out", async () => {
  const { store } = makeStore();
  for (const port of [1, 2, 3]) await store.announce(announce(port));
  const goodbye = await store.announce(announce(1, { event: "stopped" }));
  assertEquals([goodbye!.incomplete, goodbye!.peers], [2, []]);
  assertEquals(portsOf(await store.announce(announce(4))), [2, 3]);
});

Deno.test("MemorySwarmStore.announce() makes no swarm for a peer that only says goodbye", async () => {
  const { store } = makeStore();
  await store.announce(announce(1, { event: "stopped" }));
  assertEquals(store.swarmCount, 0);
});

Deno.test("MemorySwarmStore forgets silent peers and empty swarms", async () => {
  const { store, time } = makeStore();
  await store.announce(announce(1));
  time.now = HOUR / 2;
  await store.announce(announce(2));
  time.now = HOUR;
  assertEquals(portsOf(await store.announce(announce(3))), [2]);
  time.now = 3 * HOUR;
  assertEquals(await store.scrape([INFO_HASH]), [undefined]);
  assertEquals(store.swarmCount, 0);
});

Deno.test("MemorySwarmStore.announce() refuses swarms beyond the bound", async () => {
  const { store } = makeStore({ maxSwarms: 1 });
  await store.announce(announce(1));
  assertEquals(await store.announce(announce(1, { infoHash: new Uint8Array(20) })), undefined);
  assertEquals(portsOf(await store.announce(announce(2))), [1]);
});

Deno.test("MemorySwarmStore.announce() keeps a swarm below its bound by replacing a peer", async () => {
  const { store } = makeStore({ maxPeersPerSwarm: 3 });
  let reply;
  for (let port = 1; port <= 10; port++) reply = await store.announce(announce(port));
  assertEquals(reply!.incomplete, 3);
  assertEquals(listOf(reply).length, 2);
});

Deno.test("MemorySwarmStore holds no more peers than it may, however many torrents they name", async () => {
  const { store, time } = makeStore({ maxPeers: 20, maxPeersPerSwarm: 15 });
  const hashOf = (torrent: number) => new Uint8Array(20).fill(torrent);
  for (let i = 0; i < 500; i++) {
    const reply = await store.announce(announce(1 + i % 40, { infoHash: hashOf(i % 9) }));
    assertEquals(reply!.incomplete <= 15, true);
    assert(store.peerCount <= 20);
  }
  assertEquals([store.peerCount, store.swarmCount], [20, 9]);
  // Who is known may stay; a torrent more does not fit.
  assertEquals(await store.announce(announce(1, { infoHash: hashOf(50) })), undefined);
  time.now = 2 * HOUR;
  assertEquals(portsOf(await store.announce(announce(1, { infoHash: hashOf(50) }))), []);
  assertEquals([store.peerCount, store.swarmCount], [1, 1]);
});

Deno.test("MemorySwarmStore refuses a peer of a torrent that all have left, if it is full", async () => {
  const { store } = makeStore({ maxPeers: 1 });
  await store.announce(announce(1));
  await store.announce(announce(1, { event: "stopped" }));
  await store.announce(announce(1, { infoHash: new Uint8Array(20) }));
  assertEquals([await store.announce(announce(2)), store.peerCount], [undefined, 1]);
});

Deno.test("MemorySwarmStore.announce() answers a compact announce in compact form", async () => {
  const { store } = makeStore();
  const peerId = new Uint8Array(20);
  await store.announce(announce(0x102));
  await store.announce(announce(1, { peer: { host: "2001:db8::1", port: 0x304, peerId } }));
  const reply = await store.announce(announce(5, { compact: true }));
  assertEquals(reply!.peers, {
    ipv4: Uint8Array.of(10, 0, 0, 1, 1, 2),
    ipv6: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 4),
  });
});

Deno.test("MemorySwarmStore.announce() knows one client at two addresses as two, and a mapped one as IPv4", async () => {
  const { store } = makeStore(), peerId = new Uint8Array(20).fill(1);
  for (const host of ["10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1"]) {
    await store.announce(announce(1, { peer: { host, port: 1, peerId } }));
  }
  assertEquals(store.peerCount, 2);
  const reply = await store.announce(announce(2));
  assertEquals(listOf(reply).map(({ host }) => host).sort(), ["10.0.0.1", "2001:db8::1"]);
});

Deno.test("MemorySwarmStore.announce() draws different peers from a large swarm, each once", async () => {
  const { store } = makeStore();
  for (let port = 1; port <= 200; port++) await store.announce(announce(port));
  const seen = new Set<number>();
  for (let round = 0; round < 60; round++) {
    const ports = portsOf(await store.announce(announce(1, { numWant: 10 })));
    assertEquals(new Set(ports).size, 10);
    assert(!ports.includes(1));
    for (const port of ports) seen.add(port);
  }
  assert(seen.size > 150, `only ${seen.size} of 199 peers were ever told`);
});

Deno.test("MemorySwarmStore agrees with a plain list, whatever happens", async () => {
  const step = fc.record({
    port: fc.integer({ min: 1, max: 6 }),
    left: fc.constantFrom(0, 5),
    event: fc.constantFrom<SwarmAnnounce["event"]>("started", "completed", "stopped", "paused", undefined),
  });
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const { store } = makeStore();
    const model = new Map<string, { left: number }>();
    for (const { port, left, event } of steps) {
      const reply = await store.announce(announce(port, { left, event, numWant: 100 }));
      const key = formatPeerAddress({ host: "10.0.0.1", port });
      model.delete(key);
      const others = [...model].filter(([, other]) => left > 0 || other.left > 0).map(([other]) => other);
      if (event !== "stopped") model.set(key, { left });
      const expected = event === "stopped" ? [] : others.sort();
      assertEquals(listOf(reply).map(formatPeerAddress).sort(), expected);
      const seeds = [...model.values()].filter((peer) => peer.left === 0).length;
      assertEquals([reply!.complete, reply!.incomplete], [seeds, model.size - seeds]);
    }
  }));
});
