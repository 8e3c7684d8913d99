import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { decode } from "../../src/bencode/decode.ts";
import { encodeHex } from "../../src/bytes/text.ts";
import { bloomBits } from "../../src/dht/bloom_filter.ts";
import { PackedPeers } from "../../src/dht/packed_peers.ts";
import { decodeCompactPeer, encodeCompactPeer } from "../../src/peer/compact_peer.ts";

const V4 = encodeCompactPeer({ host: "1.2.3.4", port: 5 }),
  V6 = encodeCompactPeer({ host: "2001:db8::1", port: 5 });

function listed(peers: PackedPeers, start = 0, count = 1000, noSeed = false): Uint8Array[] {
  return decode(peers.list(start, count, noSeed)) as Uint8Array[];
}

Deno.test("PackedPeers.list() is the bencoded list that `values` is, for either family", () => {
  for (const [family, compact] of [[4, V4], [6, V6]] as const) {
    const peers = new PackedPeers(family);
    assertEquals(listed(peers), []);
    peers.add(compact, { seed: false, expiresAt: 0 });
    assertEquals(listed(peers), [compact]);
    assertEquals([peers.find(compact), peers.find(compact.subarray(0, -2)), peers.find(V4.slice(1))], [
      0,
      0,
      -1,
    ]);
  }
});

Deno.test("PackedPeers.list() begins where it is told and goes round", () => {
  const peers = new PackedPeers(4);
  for (let port = 1; port <= 5; port++) {
    peers.add(encodeCompactPeer({ host: `1.2.3.${port}`, port }), { seed: port % 2 === 0, expiresAt: 0 });
  }
  const ports = (...args: [number, number, boolean]) =>
    listed(peers, ...args).map((v) => decodeCompactPeer(v).port);
  assertEquals(ports(3, 4, false), [4, 5, 1, 2]);
  assertEquals(ports(3, 4, true), [5, 1, 3, 4]);
  assertEquals(ports(1, 2, true), [3, 5]);
});

Deno.test("PackedPeers.bloom() keeps its bits through renewals, and not for the next in the row", () => {
  const peers = new PackedPeers(4), other = encodeCompactPeer({ host: "9.8.7.6", port: 5 });
  peers.add(V4, { seed: false, expiresAt: 1000 });
  assertEquals(peers.bloom(0), { seed: false, bits: bloomBits(V4.subarray(0, 4)) });
  peers.renew(0, V4, { seed: true, expiresAt: 2000 });
  assertEquals(peers.bloom(0), { seed: true, bits: bloomBits(V4.subarray(0, 4)) });
  assertEquals(peers.expire(2000), 1);
  peers.add(other, { seed: false, expiresAt: 5000 });
  assertEquals(peers.bloom(0), { seed: false, bits: bloomBits(other.subarray(0, 4)) });
});

Deno.test("PackedPeers holds what a map would hold", () => {
  const step = fc.oneof(
    fc.record({ ip: fc.nat(60), port: fc.integer({ min: 1, max: 9 }), seed: fc.boolean() }),
    fc.constant("expire" as const),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const peers = new PackedPeers(4), model = new Map<number, { hex: string; expiresAt: number }>();
    steps.forEach((step, second) => {
      const now = second * 1000;
      if (step === "expire") {
        for (const [ip, { expiresAt }] of model) if (expiresAt <= now) model.delete(ip);
        peers.expire(now);
        return;
      }
      const compact = encodeCompactPeer({ host: `1.2.3.${step.ip}`, port: step.port });
      const marks = { seed: step.seed, expiresAt: now + 50_000 }, row = peers.find(compact.subarray(0, 4));
      if (row < 0) peers.add(compact, marks);
      else peers.renew(row, compact, marks);
      model.set(step.ip, { hex: encodeHex(compact), expiresAt: marks.expiresAt });
    });
    const wanted = [...model.values()].map(({ hex }) => hex).sort();
    assertEquals(listed(peers).map(encodeHex).sort(), wanted);
    assertEquals(listed(peers, 0, 1000, true).map(encodeHex).sort(), wanted);
  }));
});
