import { assert, assertEquals, assertThrows } from "@std/assert";
import { encode } from "../../src/bencode/encode.ts";
import { encodeUtf8 } from "../../src/bytes/text.ts";
import type { MutableItem } from "../../src/dht/item.ts";
import { infoHashOf, TorrentFeed, type TorrentFeedEffect, torrentValue } from "../../src/dht/torrent_feed.ts";
import { globalAddress, VirtualDht, type VirtualNode } from "./virtual_dht.ts";

const PUBLIC_KEY = new Uint8Array(32).fill(4), MINUTE = 60_000, HOUR = 60 * MINUTE;

function version(
  seq: bigint,
  value: Uint8Array = encode(torrentValue(new Uint8Array(20).fill(Number(seq)))),
): MutableItem {
  return { type: "mutable", publicKey: PUBLIC_KEY, signature: new Uint8Array(64).fill(1), seq, value };
}

Deno.test("torrentValue() and infoHashOf() name a torrent as BEP 46 does", () => {
  const infoHash = encodeUtf8("abcdefghij0123456789");
  assertEquals(encode(torrentValue(infoHash)), encodeUtf8("d2:ih20:abcdefghij0123456789e"));
  assertEquals(infoHashOf(version(1n, encode(torrentValue(infoHash)))), infoHash);
  for (const value of ["i1e", "de", "d2:ih3:abce", "d2:ihi1ee", "garbage"]) {
    assertEquals(infoHashOf(version(1n, encodeUtf8(value))), undefined, value);
  }
  assertThrows(() => torrentValue(new Uint8Array(32)), RangeError);
});

Deno.test("TorrentFeed refuses a time between looks that is none: nothing would keep it from asking all the time", () => {
  assertThrows(() => new TorrentFeed({ publicKey: PUBLIC_KEY, pollMs: NaN }, 0), RangeError);
});

Deno.test("TorrentFeed looks at once and then every quarter of an hour", () => {
  const feed = new TorrentFeed({ publicKey: PUBLIC_KEY }, 0);
  assertEquals(feed.deadline(), 0);
  const name = { type: "mutable", publicKey: PUBLIC_KEY, salt: undefined } as const;
  assertEquals(feed.handle({ type: "tick" }, 0), [{ type: "get", name, newerThan: undefined }]);
  assertEquals(feed.deadline(), undefined);
  assertEquals(feed.handle({ type: "tick" }, 20 * MINUTE), [], "one operation at a time");
  assertEquals(feed.handle({ type: "ended" }, 3000), []);
  assertEquals(feed.deadline(), 15 * MINUTE);
  assertEquals(feed.handle({ type: "tick" }, 15 * MINUTE).map(({ type }) => type), ["get"]);
});

Deno.test("TorrentFeed tells each newer version once, and asks for newer ones only", () => {
  const feed = new TorrentFeed({ publicKey: PUBLIC_KEY }, 0);
  feed.handle({ type: "tick" }, 0);
  const infoHash = (byte: number) => new Uint8Array(20).fill(byte);
  assertEquals(feed.handle({ type: "found", item: version(2n) }, 1), [{
    type: "torrent",
    infoHash: infoHash(2),
    seq: 2n,
  }]);
  assertEquals(feed.handle({ type: "found", item: version(1n) }, 2), []);
  assertEquals(feed.handle({ type: "found", item: version(2n) }, 3), []);
  assertEquals(feed.handle({ type: "found", item: version(3n) }, 4), [{
    type: "torrent",
    infoHash: infoHash(3),
    seq: 3n,
  }]);
  assertEquals(feed.latest, version(3n));
});

Deno.test("TorrentFeed does not tell a torrent again that a newer version names as well", () => {
  const feed = new TorrentFeed({ publicKey: PUBLIC_KEY, latest: version(1n) }, 0), same = version(1n).value;
  assertEquals(feed.handle({ type: "found", item: version(2n, same) }, 1), []);
  assertEquals(feed.handle({ type: "found", item: version(3n) }, 2).map(({ type }) => type), ["torrent"]);
  assertEquals(feed.handle({ type: "found", item: version(4n, encode(1)) }, 3), [], "no torrent at all");
  assertEquals(feed.latest?.seq, 4n);
});

Deno.test("TorrentFeed tries again in a minute if nobody was there to ask", () => {
  const feed = new TorrentFeed({ publicKey: PUBLIC_KEY }, 0);
  feed.handle({ type: "tick" }, 0);
  feed.handle({ type: "ended", isInVain: true }, 3000);
  assertEquals(feed.deadline(), MINUTE + 3000);
  const keeper = new TorrentFeed({ publicKey: PUBLIC_KEY, latest: version(1n), pollMs: Infinity }, 0);
  for (const now of [0, MINUTE, 2 * MINUTE]) {
    assertEquals(keeper.handle({ type: "tick" }, now).map(({ type }) => type), ["put"]);
    keeper.handle({ type: "ended", isInVain: now < 2 * MINUTE }, now);
  }
  assertEquals(keeper.deadline(), HOUR + 2 * MINUTE);
});

Deno.test("TorrentFeed leaves alone for an hour what was stored just now", () => {
  const feed = new TorrentFeed(
    { publicKey: PUBLIC_KEY, latest: version(1n), storedAt: 500, pollMs: Infinity },
    500,
  );
  assertEquals(feed.deadline(), HOUR + 500);
  assertEquals(feed.handle({ type: "tick" }, HOUR + 500), [{
    type: "put",
    item: version(1n),
    republish: true,
  }]);
});

Deno.test("TorrentFeed republishes what it follows, once an hour", () => {
  const feed = new TorrentFeed({ publicKey: PUBLIC_KEY, latest: version(1n) }, 0), put: number[] = [];
  for (let now = 0; now < 10 * HOUR; now += MINUTE) {
    const effects = feed.handle({ type: "tick" }, now);
    if (effects.length > 0) feed.handle({ type: "ended" }, now);
    for (const effect of effects) {
      if (effect.type !== "put") continue;
      assert(effect.republish);
      put.push(now / HOUR);
    }
  }
  assertEquals(put, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("TorrentFeed publishes at once, and keeps news until the operation before it has ended", () => {
  const feed = new TorrentFeed({ publicKey: PUBLIC_KEY }, 0), item = version(1n), next = version(2n);
  const [told, put] = feed.handle({ type: "publish", item }, 0);
  assertEquals([told?.type, put], ["torrent", { type: "put", item, republish: false }]);
  assertEquals(feed.handle({ type: "publish", item: next }, 1).map(({ type }) => type), ["torrent"]);
  assertEquals(feed.handle({ type: "ended" }, 2), [{ type: "put", item: next, republish: false }]);
  assertEquals(feed.handle({ type: "publish", item }, 3), [], "older than what is known");
});

/** Carries out what a feed wants. */
function drive(
  dht: VirtualDht,
  node: VirtualNode,
  feed: TorrentFeed,
  effects: readonly TorrentFeedEffect[],
): void {
  for (const effect of effects) {
    const id = dht.now;
    if (effect.type === "get") {
      const newer = effect.newerThan === undefined ? {} : { newerThan: effect.newerThan };
      dht.put(node, { type: "getItem", id, name: effect.name, ...newer });
    } else if (effect.type === "put") {
      dht.put(node, { type: "putItem", id, item: effect.item, republish: effect.republish });
    } else {
      continue;
    }
    for (const told of dht.finish(node, id)) {
      if (told.type === "item" && told.item.type === "mutable") {
        feed.handle({ type: "found", item: told.item }, dht.now);
      }
    }
    drive(dht, node, feed, feed.handle({ type: "ended" }, dht.now));
  }
}

Deno.test("a follower sees what a publisher publishes, as long as either is there", () => {
  const dht = new VirtualDht(), router = dht.add({ host: "192.0.2.1", port: 1 });
  const nodes = Array.from(
    { length: 20 },
    (_, i) => dht.add(globalAddress(i), { routers: [router.address] }),
  );
  dht.run(60_000);
  const publisher = new TorrentFeed({ publicKey: PUBLIC_KEY }, dht.now);
  const follower = new TorrentFeed({ publicKey: PUBLIC_KEY }, dht.now);
  for (const seq of [1n, 2n]) {
    drive(dht, nodes[1]!, publisher, publisher.handle({ type: "publish", item: version(seq) }, dht.now));
    dht.run(16 * MINUTE);
    drive(dht, nodes[2]!, follower, follower.handle({ type: "tick" }, dht.now));
    assertEquals(follower.latest?.seq, seq);
  }
  // The publisher is gone; items live two hours; the follower keeps this one alive for five.
  for (let i = 0; i < 20; i++) {
    dht.run(15 * MINUTE);
    drive(dht, nodes[2]!, follower, follower.handle({ type: "tick" }, dht.now));
  }
  const late = new TorrentFeed({ publicKey: PUBLIC_KEY }, dht.now);
  drive(dht, nodes[3]!, late, late.handle({ type: "tick" }, dht.now));
  assertEquals(late.latest?.seq, 2n);
});
