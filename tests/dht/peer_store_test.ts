import { assert, assertEquals } from "@std/assert";
import { decode } from "../../src/bencode/decode.ts";
import { randomBytes } from "../../src/bytes/random.ts";
import { encodeHex } from "../../src/bytes/text.ts";
import { BloomFilter } from "../../src/dht/bloom_filter.ts";
import {
  filtersOf,
  MAX_INFO_HASHES,
  MAX_INFO_HASHES_PER_NETWORK,
  MAX_PEERS,
  MAX_PEERS_PER_INFO_HASH,
  MAX_PEERS_PER_NETWORK,
  PeerStore,
} from "../../src/dht/peer_store.ts";
import { decodeCompactPeer, encodeCompactPeer } from "../../src/peer/compact_peer.ts";
import { globalAddress, seeded } from "./virtual_dht.ts";

const HASH = new Uint8Array(20).fill(1), NEAR = new Uint8Array(20), MINUTE = 60_000;

function draw(store: PeerStore, count: number, noSeed: boolean): Uint8Array[] {
  return decode(store.draw(store.find(HASH)!, count, noSeed)) as Uint8Array[];
}

function filled(count: number, seeds = 0): PeerStore {
  const store = new PeerStore(seeded(1), 4);
  for (let i = 0; i < count; i++) {
    store.announce(HASH, { compact: encodeCompactPeer(globalAddress(i)), seed: i < seeds }, NEAR, 0);
  }
  return store;
}

Deno.test("PeerStore.draw() gives what was announced, each peer once", () => {
  const store = filled(30), drawn = draw(store, 100, false).map(decodeCompactPeer);
  assertEquals(
    drawn.map(({ host }) => host).sort(),
    Array.from({ length: 30 }, (_, i) => globalAddress(i).host).sort(),
  );
});

Deno.test("PeerStore.draw() gives no more than asked, and not always the same", () => {
  const store = filled(100),
    draws = Array.from({ length: 20 }, () => draw(store, 10, false));
  for (const drawn of draws) assertEquals(new Set(drawn.map(encodeHex)).size, 10);
  assert(new Set(draws.flat().map(encodeHex)).size > 50);
});

Deno.test("PeerStore.draw() prefers downloaders when told so", () => {
  const store = filled(20, 15), drawn = draw(store, 5, true).map(decodeCompactPeer);
  const downloaders = Array.from({ length: 5 }, (_, i) => globalAddress(15 + i).host);
  assertEquals(drawn.map(({ host }) => host).sort(), downloaders.sort());
  assertEquals(draw(store, 8, true).length, 8, "seeds are better than nobody");
});

Deno.test("PeerStore.announce() counts an address once, whatever its port", () => {
  const store = new PeerStore(seeded(1), 4);
  for (const port of [1000, 2000]) {
    store.announce(
      HASH,
      { compact: encodeCompactPeer({ host: "1.2.3.4", port }), seed: port === 2000 },
      NEAR,
      0,
    );
  }
  assertEquals(draw(store, 9, false).map(decodeCompactPeer), [{
    host: "1.2.3.4",
    port: 2000,
  }]);
  assertEquals(store.peerCount, 1);
});

Deno.test("PeerStore.announce() tells peers of this machine apart by port", () => {
  const store = new PeerStore(seeded(1), 4);
  for (const port of [1000, 2000]) {
    store.announce(HASH, { compact: encodeCompactPeer({ host: "127.0.0.1", port }), seed: false }, NEAR, 0);
  }
  assertEquals(store.peerCount, 2);
});

Deno.test("PeerStore.expire() forgets who has been silent for 45 minutes", () => {
  const store = filled(10);
  store.announce(HASH, { compact: encodeCompactPeer(globalAddress(3)), seed: false }, NEAR, 30 * MINUTE);
  store.expire(44 * MINUTE);
  assertEquals(store.peerCount, 10);
  store.expire(46 * MINUTE);
  assertEquals(draw(store, 9, false).map(decodeCompactPeer), [globalAddress(3)]);
  store.expire(80 * MINUTE);
  assertEquals([store.peerCount, store.infoHashCount], [0, 0]);
});

Deno.test("filtersOf() holds seeds and downloaders apart", () => {
  const store = filled(50, 20), filters = filtersOf(store.find(HASH)!);
  const seeds = new BloomFilter(), downloaders = new BloomFilter();
  for (let i = 0; i < 50; i++) {
    const ip = Uint8Array.from(globalAddress(i).host.split("."), Number);
    (i < 20 ? seeds : downloaders).add(ip);
  }
  assertEquals([filters.seeds, filters.downloaders], [seeds.toBytes(), downloaders.toBytes()]);
  assertEquals(store.find(NEAR), undefined);
});

Deno.test("PeerStore.isFull() stops a torrent at its limit", () => {
  const store = filled(MAX_PEERS_PER_INFO_HASH + 10);
  assert(store.isFull(store.find(HASH), encodeCompactPeer(globalAddress(1))));
  assertEquals(store.peerCount, MAX_PEERS_PER_INFO_HASH);
  store.announce(HASH, { compact: encodeCompactPeer(globalAddress(0)), seed: true }, NEAR, 0);
  assertEquals(store.peerCount, MAX_PEERS_PER_INFO_HASH, "who is known may renew");
});

Deno.test("PeerStore.announce() takes few peers of one network for a torrent, and others still come in", () => {
  for (
    const [family, hostOf] of [[4, (i: number) => `66.6.6.${i}`], [
      6,
      (i: number) => `2a00:1:2:3::${i}`,
    ]] as const
  ) {
    const store = new PeerStore(seeded(1), family);
    const announce = (host: string, infoHash = HASH) =>
      store.announce(infoHash, { compact: encodeCompactPeer({ host, port: 1 }), seed: false }, NEAR, 0);
    for (let i = 1; i < 250; i++) announce(hostOf(i));
    assertEquals(store.peerCount, MAX_PEERS_PER_NETWORK);
    for (let again = 0; again < 2; again++) announce(family === 4 ? "66.6.7.1" : "2a00:1:2:4::1");
    announce(hostOf(1));
    assertEquals(store.peerCount, MAX_PEERS_PER_NETWORK + 1, "the next network; who is known renews");
    announce(hostOf(249), new Uint8Array(20));
    assertEquals(store.peerCount, MAX_PEERS_PER_NETWORK + 2, "another torrent");
  }
});

Deno.test("PeerStore.announce() takes any number of peers of a local network", () => {
  for (
    const [family, hostOf] of [[4, (i: number) => `10.0.0.${i}`], [6, (i: number) => `fd00::${i}`]] as const
  ) {
    const store = new PeerStore(seeded(1), family);
    for (let i = 1; i < 100; i++) {
      const compact = encodeCompactPeer({ host: hostOf(i), port: 1 });
      store.announce(HASH, { compact, seed: false }, NEAR, 0);
    }
    assertEquals(store.peerCount, 99);
  }
});

Deno.test("PeerStore.announce() takes few torrents of one network, until they are forgotten", () => {
  const store = new PeerStore(seeded(1), 4), random = seeded(2);
  const from = (host: string) => encodeCompactPeer({ host, port: 1 });
  const announce = (host: string, now: number, infoHash: Uint8Array = randomBytes(random, 20)) =>
    store.announce(infoHash, { compact: from(host), seed: false }, NEAR, now);
  for (let i = 0; i < 2 * MAX_INFO_HASHES_PER_NETWORK; i++) announce(`66.6.6.${i % 250}`, 0);
  assertEquals(store.infoHashCount, MAX_INFO_HASHES_PER_NETWORK);
  assert(store.isFull(undefined, from("66.6.6.1")) && !store.isFull(undefined, from("66.6.7.1")));
  announce("66.6.7.1", 0, HASH);
  announce("66.6.6.1", 0, HASH);
  assertEquals(store.find(HASH)?.peers.size, 2, "torrents of others do not count");
  store.expire(46 * MINUTE);
  announce("66.6.6.1", 46 * MINUTE);
  assertEquals(store.infoHashCount, 1);
});

Deno.test("PeerStore.announce() forgets torrents far from our id when there are too many peers", () => {
  const store = new PeerStore(seeded(1), 4), torrents = 2 * MAX_PEERS / MAX_PEERS_PER_INFO_HASH;
  const compactOf = (i: number) => Uint8Array.of(11 + (i >> 16), i >> 8, i, 1, 0, 9);
  const hashOf = (i: number) => new Uint8Array(20).fill(i + 1);
  for (let i = 0; i < MAX_PEERS + 1; i++) {
    store.announce(hashOf(i % torrents), { compact: compactOf(i), seed: false }, NEAR, 0);
  }
  assert(store.peerCount <= MAX_PEERS && store.peerCount > MAX_PEERS * 3 / 4);
  assert(store.find(hashOf(0)) !== undefined && store.find(hashOf(torrents - 1)) === undefined);
  const counted = Array.from({ length: torrents }, (_, i) => store.find(hashOf(i))?.peers.size ?? 0);
  assertEquals(counted.reduce((a, b) => a + b), store.peerCount);
});

Deno.test("PeerStore.announce() keeps the limit of info hashes and the count of peers", () => {
  const store = new PeerStore(seeded(1), 4), random = seeded(2);
  for (let i = 0; i < MAX_INFO_HASHES + 500; i++) {
    store.announce(
      randomBytes(random, 20),
      { compact: encodeCompactPeer(globalAddress(i)), seed: false },
      NEAR,
      0,
    );
  }
  assert(store.infoHashCount <= MAX_INFO_HASHES && store.infoHashCount > MAX_INFO_HASHES / 2);
  assertEquals(store.peerCount, store.infoHashCount);
});

Deno.test("PeerStore.sample() draws info hashes anew every five minutes", () => {
  const store = new PeerStore(seeded(1), 4), random = seeded(2), all = new Set<string>();
  for (let i = 0; i < 100; i++) {
    const infoHash = randomBytes(random, 20);
    all.add(encodeHex(infoHash));
    store.announce(infoHash, { compact: encodeCompactPeer(globalAddress(i)), seed: false }, NEAR, 0);
  }
  const split = (bytes: Uint8Array) =>
    Array.from({ length: bytes.length / 20 }, (_, i) => encodeHex(bytes.subarray(i * 20, i * 20 + 20)));
  const first = store.sample(0), seen = new Set<string>();
  assertEquals(split(first.bytes).length, 20);
  assertEquals(store.sample(first.until - 1), first);
  for (let i = 0; i < 40; i++) for (const hash of split(store.sample(i * 5 * MINUTE).bytes)) seen.add(hash);
  assert(seen.size > 90 && [...seen].every((hash) => all.has(hash)));
});

Deno.test("PeerStore.sample() is empty when nothing is stored", () => {
  assertEquals(new PeerStore(seeded(1), 4).sample(0).bytes.length, 0);
});

Deno.test("PeerStore gives a network its share of torrents back when they make room for others", () => {
  const store = new PeerStore(seeded(1), 4), compact = encodeCompactPeer({ host: "66.6.6.6", port: 1 });
  const far = Array.from({ length: MAX_INFO_HASHES_PER_NETWORK }, (_, i) => {
    const infoHash = new Uint8Array(20).fill(0xff);
    infoHash[19] = i;
    return infoHash;
  });
  for (const infoHash of far) store.announce(infoHash, { compact, seed: false }, NEAR, 0);
  assert(store.isFull(undefined, compact));
  for (let i = 0; i <= MAX_INFO_HASHES - far.length; i++) {
    const infoHash = new Uint8Array(20);
    infoHash.set([i >>> 8, i], 18);
    const other = { compact: encodeCompactPeer(globalAddress(i)), seed: false };
    store.announce(infoHash, other, NEAR, 0);
  }
  assertEquals(far.filter((infoHash) => store.find(infoHash) !== undefined), []);
  assert(!store.isFull(undefined, compact));
});
