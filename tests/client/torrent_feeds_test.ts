import { assertEquals, assertRejects } from "@std/assert";
import { encode } from "../../src/bencode/encode.ts";
import { createSigner } from "../../src/bytes/ed25519.ts";
import { encodeUtf8 } from "../../src/bytes/text.ts";
import type { Client } from "../../src/client/client.ts";
import { createMutableItem } from "../../src/dht/item.ts";
import { findValue, keepItem, storeItem, storeValue } from "../../src/client/dht_values.ts";
import type { CurrentTorrent } from "../../src/client/torrent_feeds.ts";
import { DecodeError, StateError, TransportError } from "../../src/errors.ts";
import { formatMagnet, type MagnetLink } from "../../src/metainfo/magnet.ts";
import { VirtualSwarm } from "./virtual_swarm.ts";

const MINUTE = 60_000, HOUR = 60 * MINUTE;
const SALT = encodeUtf8("weekly");
const signer = await createSigner(new Uint8Array(32).fill(7));
const LINK: MagnetLink = {
  publicKey: signer.publicKey,
  salt: SALT,
  trackers: [],
  webSeeds: [],
  peers: [],
  nodes: [],
  sources: [],
};

/** A DHT of ten nodes, which every client made here begins with. */
class VirtualDhtSwarm extends VirtualSwarm {
  readonly nodes: Client[] = [];
  readonly entry = { routers: [], nodes: [{ host: "20.0.0.1", port: 7000 }] };

  async start(): Promise<this> {
    for (let i = 1; i <= 10; i++) {
      this.nodes.push(await this.node(`${19 + i}.0.0.1`, { port: 7000, ...this.entry }));
    }
    await this.clock.advance(2 * MINUTE);
    return this;
  }

  /** A client that has joined the DHT. */
  async node(host: string, dht: object = this.entry): Promise<Client> {
    const client = await this.client(host, { dht }), isFirst = this.nodes.length === 0;
    const node = await this.clock.runUntil(client.dht());
    if (!isFirst) await this.clock.runUntil(node!.ready());
    await this.clock.advance(10_000);
    return client;
  }

  /** Runs virtual time until the promise is settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => {});
    await this.clock.runUntil(promise.then(() => {}, () => {}));
    return await promise;
  }
}

async function publish(swarm: VirtualDhtSwarm, client: Client, infoHashV1: Uint8Array, options: object = {}) {
  return await swarm.until(
    client.publishTorrent({ ...LINK, infoHashV1 }, { signer, salt: SALT, ...options }),
  );
}

const hash = (byte: number) => new Uint8Array(20).fill(byte);

Deno.test("add() of a link with a key downloads what its publisher names at the time, and a follower gets the next one", async () => {
  await using swarm = await new VirtualDhtSwarm().start();
  const publisher = await swarm.node("40.0.0.1"), follower = await swarm.node("50.0.0.1");
  const versions = [await swarm.torrent(), await swarm.torrent({ name: "u" })];
  const published = [];
  const news = follower.followTorrent(formatMagnet(LINK));
  const storage = await swarm.full(versions[0]!),
    seeder = await swarm.client("60.0.0.1", { storage, dht: swarm.entry });
  for (const [index, metainfo] of versions.entries()) {
    await swarm.until(seeder.add(metainfo).then((torrent) => torrent.completed()));
    published.push(await publish(swarm, publisher, metainfo.infoHash));
    assertEquals([published[index]!.item.seq, published[index]!.nodes], [BigInt(index), 8]);
    const { value } = await swarm.until(news.next()) as { value: CurrentTorrent };
    assertEquals([value.infoHash, value.seq], [metainfo.infoHash, BigInt(index)]);
    const torrent = await swarm.until(follower.add(value.magnet));
    await swarm.until(torrent.completed());
    assertEquals(torrent.metainfo?.info.name, metainfo.info.name);
  }
  const late = await swarm.node("51.0.0.1"), torrent = await swarm.until(late.add(published[0]!.magnet));
  assertEquals(torrent.infoHash, versions[1]!.infoHash.toHex());
  await swarm.until(torrent.completed());
  await news.return(undefined);
});

for (const version of ["2", "hybrid"] as const) {
  Deno.test(`a torrent of version ${version} can be published and followed: 20 bytes name it (BEP 52)`, async () => {
    await using swarm = await new VirtualDhtSwarm().start();
    const metainfo = await swarm.torrent({ version }), publisher = await swarm.node("40.0.0.1");
    const seeder = await swarm.client("60.0.0.1", { storage: await swarm.full(metainfo), dht: swarm.entry });
    await swarm.until(seeder.add(metainfo).then((torrent) => torrent.completed()));
    const { magnet } = await swarm.until(publisher.publishTorrent(metainfo, { signer }));
    const follower = await swarm.node("50.0.0.1"), torrent = await swarm.until(follower.add(magnet));
    await swarm.clock.advance(10 * MINUTE);
    assertEquals([torrent.status().state, torrent.infoHash], ["seeding", metainfo.infoHash.toHex()]);
  });
}

Deno.test("publishTorrent() keeps a torrent alive until it is closed", async () => {
  await using swarm = await new VirtualDhtSwarm().start();
  const publisher = await swarm.node("40.0.0.1"), published = await publish(swarm, publisher, hash(1));
  const reader = await (await swarm.node("50.0.0.1")).dht();
  const read = async () => {
    const { item } = await swarm.until(
      findValue(reader, { type: "mutable", publicKey: signer.publicKey, salt: SALT }),
    );
    return item?.type === "mutable" ? item.seq : undefined;
  };
  await swarm.clock.advance(10 * HOUR);
  assertEquals(await read(), 0n);
  published.close();
  published.close();
  await swarm.clock.advance(2 * HOUR + 10 * MINUTE);
  assertEquals(await read(), undefined);
});

Deno.test("keepItem() keeps a value alive until it is stopped, or whatever version has taken its place", async () => {
  await using swarm = await new VirtualDhtSwarm().start();
  const dht = await (await swarm.node("40.0.0.1")).dht(), reader = await (await swarm.node("50.0.0.1")).dht();
  const stop = new AbortController(), { clock } = swarm, { signal } = stop, key = { signer, salt: SALT };
  const plain = await swarm.until(storeValue(dht, "plain")),
    signed = await swarm.until(storeValue(dht, 1, key));
  const keeping = [plain, signed].map(({ item }) => keepItem(dht, item, { clock, signal }));
  for (const promise of keeping) promise.catch(() => {});
  await swarm.until(storeValue(reader, 2, key));
  const names = [
    { type: "immutable", target: plain.target },
    { type: "mutable", publicKey: signer.publicKey, salt: SALT },
  ] as const;
  const read = async () => {
    const found = [];
    for (const name of names) found.push((await swarm.until(findValue(reader, name))).item?.value);
    return found;
  };
  await clock.advance(10 * HOUR);
  assertEquals(await read(), [encode("plain"), encode(2)]);
  stop.abort(new Error("enough"));
  for (const promise of keeping) await assertRejects(() => promise, Error, "enough");
  await clock.advance(2 * HOUR + 10 * MINUTE);
  assertEquals(await read(), [undefined, undefined]);
});

Deno.test("publishTorrent() takes up what is there: the same version of the same torrent, the next one of another", async () => {
  await using swarm = await new VirtualDhtSwarm().start();
  const publisher = await swarm.node("40.0.0.1"), again = await swarm.node("41.0.0.1");
  const first = await publish(swarm, publisher, hash(1));
  assertEquals((await publish(swarm, again, hash(1))).item, first.item);
  assertEquals((await publish(swarm, again, hash(2))).item.seq, 1n);
  const old = publish(swarm, publisher, hash(3), { seq: 0n });
  await assertRejects(() => old, StateError, "Cannot publish torrent: version 1 is in the DHT already");
  const swap = publish(swarm, publisher, hash(3), { seq: 5n, cas: 0n });
  await assertRejects(() => swap, StateError, "the version to be replaced is not the one in the DHT");
  assertEquals((await publish(swarm, publisher, hash(3), { seq: 5n, cas: 1n })).item.seq, 5n);
});

Deno.test("followTorrent() goes on past versions of the same torrent, values that name none, and forged ones", async () => {
  await using swarm = await new VirtualDhtSwarm().start();
  const follower = await swarm.node("50.0.0.1"), dht = await (await swarm.node("40.0.0.1")).dht();
  const told: [number, bigint][] = [], abort = new AbortController();
  const following = (async () => {
    for await (
      const { infoHash, seq } of follower.followTorrent(LINK, { signal: abort.signal, pollMs: MINUTE })
    ) {
      told.push([infoHash[0]!, seq]);
    }
  })();
  const store = async (value: Parameters<typeof storeValue>[1], seq: bigint) => {
    await swarm.until(storeValue(dht, value, { signer, salt: SALT, seq }));
    await swarm.clock.advance(2 * MINUTE);
  };
  await store({ ih: hash(1) }, 1n);
  await store({ ih: hash(1) }, 2n);
  await store("no torrent", 3n);
  await store({ ih: hash(2) }, 4n);
  const forged = await createMutableItem(signer, { ih: hash(9) }, { seq: 6n, salt: SALT });
  const stored = await swarm.until(storeItem(dht, { ...forged, value: encode({ ih: hash(8) }) }));
  assertEquals(stored.nodes, 0);
  await swarm.clock.advance(2 * MINUTE);
  assertEquals(told, [[1, 1n], [2, 4n]]);
  abort.abort(new Error("enough"));
  await assertRejects(() => following, Error, "enough");
});

Deno.test("followTorrent() and add() heed only what the key has signed, whoever lies about it", async () => {
  await using swarm = await new VirtualDhtSwarm().start();
  const client = await swarm.node("50.0.0.1"), other = await createSigner(new Uint8Array(32).fill(8));
  const dht = await (await swarm.node("40.0.0.1")).dht();
  await swarm.until(storeValue(dht, { ih: hash(1) }, { signer: other, salt: SALT }));
  await assertRejects(() => swarm.until(client.add(LINK)), TransportError, "nobody in the DHT has it");
  await swarm.until(storeValue(dht, "no torrent", { signer, salt: SALT }));
  await assertRejects(() => swarm.until(client.add(LINK)), DecodeError, "names none");
});

Deno.test("a link with a key needs a DHT, and somebody in it", async () => {
  await using swarm = new VirtualSwarm();
  const none = await swarm.client("10.0.0.1");
  const infoHashV1 = hash(1), abort = new AbortController();
  await assertRejects(() => none.add(LINK), StateError, "without a DHT");
  await assertRejects(() => none.followTorrent(LINK).next(), StateError, "without a DHT");
  await assertRejects(
    () => none.publishTorrent({ ...LINK, infoHashV1 }, { signer }),
    StateError,
    "without a DHT",
  );
  const lonely = await swarm.client("10.0.0.2", { dht: { routers: [{ host: "10.0.0.9", port: 1 }] } });
  const until = async <T>(promise: Promise<T>) => {
    promise.catch(() => {});
    await swarm.clock.runUntil(promise.then(() => {}, () => {}));
    await promise;
  };
  await assertRejects(() => until(lonely.add(LINK)), TransportError, "Cannot reach the DHT: no node answers");
  const publishing = lonely.publishTorrent({ ...LINK, infoHashV1 }, { signer });
  await assertRejects(() => until(publishing), TransportError, "Cannot reach the DHT: no node answers");
  // A follower waits for better times.
  const next = lonely.followTorrent(LINK, { signal: abort.signal }).next();
  let isSettled = false;
  next.then(() => isSettled = true, () => isSettled = true);
  await swarm.clock.advance(HOUR);
  assertEquals(isSettled, false);
  abort.abort(new Error("enough"));
  await assertRejects(() => until(next), Error, "enough");
});

Deno.test("followTorrent() ends at once when its reader leaves, between two looks and during one", async () => {
  await using swarm = await new VirtualDhtSwarm().start();
  const follower = await swarm.node("50.0.0.1");
  for (const waitMs of [0, 1, MINUTE]) {
    const news = follower.followTorrent(LINK), next = news.next();
    await swarm.clock.advance(waitMs);
    assertEquals(await news.return("enough"), { value: "enough", done: true });
    assertEquals(await next, { value: undefined, done: true });
  }
  const unread = follower.followTorrent("magnet:?xt=none");
  assertEquals(await unread.return(undefined), { value: undefined, done: true });
});

Deno.test("followTorrent() ends with its client", async () => {
  await using swarm = await new VirtualDhtSwarm().start();
  const follower = await swarm.node("50.0.0.1"), next = follower.followTorrent(LINK).next();
  next.catch(() => {});
  await swarm.clock.advance(MINUTE);
  await swarm.until(follower.close());
  await assertRejects(() => next, StateError, "client is closed");
  await assertRejects(() => follower.followTorrent(LINK).next(), StateError, "client is closed");
  await assertRejects(() => follower.add(LINK), StateError, "client is closed");
});

Deno.test("followTorrent() and publishTorrent() refuse what makes no sense, and private torrents", async () => {
  await using swarm = await new VirtualDhtSwarm().start();
  const client = await swarm.node("50.0.0.1"), { publicKey: _, ...keyless } = LINK;
  await assertRejects(() => client.followTorrent("magnet:?xt=none").next(), DecodeError);
  await assertRejects(
    () => client.followTorrent({ ...keyless, infoHashV1: hash(1) }).next(),
    TypeError,
    "no public key",
  );
  await assertRejects(() => client.publishTorrent(LINK, { signer }), TypeError, "no info hash");
  const secret = await swarm.torrent({ private: true });
  await assertRejects(() => client.publishTorrent(secret, { signer }), TypeError, "it is private");
});
