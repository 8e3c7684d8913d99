import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Random } from "../../src/bytes/random.ts";
import { formatPeerAddress } from "../../src/peer/address.ts";
import { decodeCompactPeers, writeMappedPeer } from "../../src/peer/compact_peer.ts";
import { Slabs } from "../../src/server/slabs.ts";
import { type PeerNote, Swarm } from "../../src/server/swarm.ts";

const HOSTS = ["192.0.2.1", "198.51.100.255", "2001:db8::1", "::2"] as const;

function seededRandom(seed: number): Random {
  let state = seed + 1;
  return () => (state = (state * 16_807 + 11) % 2_147_483_647) / 2_147_483_647;
}

/** The peer of a number: different hosts, some of IPv6, and ports. */
function peerOf(number: number) {
  const peer = { host: HOSTS[number % HOSTS.length]!, port: 1 + number }, address = new Uint8Array(18);
  return { peer, address, family: writeMappedPeer(peer, address), peerId: new Uint8Array(20).fill(number) };
}

function put(swarm: Swarm, number: number, note: Partial<PeerNote> = {}): number {
  const { address, family, peerId } = peerOf(number);
  return swarm.put(address, { peerId, family, role: "downloader", seenAt: 0, ...note });
}

const everybody = (swarm: Swarm, asker: number, since = 0) =>
  swarm.list(swarm.draw(asker, Infinity, since, seededRandom(1))).map(formatPeerAddress).sort();

Deno.test("Swarm agrees with a map, whatever happens", () => {
  const step = fc.record({
    type: fc.constantFrom("put", "put", "put", "remove", "expire"),
    number: fc.nat(40),
    role: fc.constantFrom<PeerNote["role"]>("downloader", "partialSeed", "seed"),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), fc.nat(), (steps, seed) => {
    const swarm = new Swarm(new Slabs(), seed), model = new Map<number, Pick<PeerNote, "role" | "seenAt">>();
    for (const [i, { type, number, role }] of steps.entries()) {
      const { address } = peerOf(number), row = swarm.find(address);
      assertEquals(row >= 0, model.has(number));
      if (type === "put") {
        put(swarm, number, { role, seenAt: i });
        model.set(number, { role, seenAt: i });
      } else if (type === "remove" && row >= 0) {
        swarm.remove(row);
        model.delete(number);
      } else if (type === "expire") {
        swarm.expire(i - 20);
        for (const [one, { seenAt }] of model) if (seenAt < i - 20) model.delete(one);
      }
      const count = (wanted: string) => [...model.values()].filter((one) => one.role === wanted).length;
      const downloaders = count("downloader"), incomplete = downloaders + count("partialSeed");
      assertEquals(swarm.counts, { complete: count("seed"), incomplete, downloaded: 0, downloaders });
      for (const one of model.keys()) assert(swarm.find(peerOf(one).address) >= 0, `${one} is lost`);
    }
    for (const [asker, { role }] of model) {
      const others = [...model].filter(([one, other]) =>
        one !== asker && (role !== "seed" || other.role !== "seed")
      );
      const told = others.map(([one]) => formatPeerAddress(peerOf(one).peer)).sort();
      assertEquals(everybody(swarm, swarm.find(peerOf(asker).address)), told);
    }
  }));
});

Deno.test("Swarm.list() and Swarm.compact() tell the same peers, each with its id", () => {
  const swarm = new Swarm(new Slabs(), 5);
  for (let number = 0; number < 50; number++) put(swarm, number);
  const asker = swarm.find(peerOf(7).address), rows = swarm.draw(asker, 30, 0, seededRandom(2));
  const listed = swarm.list(rows), { ipv4, ipv6 } = swarm.compact(rows);
  const compact = [...decodeCompactPeers(ipv4, 4), ...decodeCompactPeers(ipv6, 6)];
  assertEquals(rows.length, 30);
  assertEquals(compact.map(formatPeerAddress).sort(), listed.map(formatPeerAddress).sort());
  for (const { peerId, port } of listed) assertEquals(peerId, new Uint8Array(20).fill(port - 1));
});

Deno.test("Swarm.draw() passes over the silent, and those who have nothing for the asker", () => {
  const swarm = new Swarm(new Slabs(), 5);
  for (let number = 0; number < 10; number++) put(swarm, number, { role: "seed", seenAt: number });
  assertEquals(everybody(swarm, swarm.find(peerOf(3).address)), []);
  put(swarm, 20, { seenAt: 10 });
  put(swarm, 21, { role: "partialSeed", seenAt: 4 });
  assertEquals(everybody(swarm, swarm.find(peerOf(3).address), 5), [formatPeerAddress(peerOf(20).peer)]);
  assertEquals(everybody(swarm, swarm.find(peerOf(20).address), 5).length, 5);
});

Deno.test("Swarm.removeAny() takes out whoever it meets, down to nobody", () => {
  const swarm = new Swarm(new Slabs(), 5), random = seededRandom(3);
  for (let number = 0; number < 100; number++) put(swarm, number);
  for (let left = 99; left >= 0; left--) {
    swarm.removeAny(random);
    assertEquals(swarm.size, left);
  }
});

Deno.test("Swarm.expire() gives memory back when most peers are gone", () => {
  const slabs = new Slabs(), swarm = new Swarm(slabs, 5);
  for (let number = 0; number < 1000; number++) put(swarm, number, { seenAt: number });
  const before = slabs.take(43).slab;
  swarm.expire(999);
  assertEquals(swarm.size, 1);
  assert(swarm.find(peerOf(999).address) >= 0);
  // The only peer is in a short run again, beside the one that was taken meanwhile.
  swarm.release();
  assertEquals(slabs.take(43).slab, before);
});
