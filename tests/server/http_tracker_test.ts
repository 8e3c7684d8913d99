import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { decodeDictionary } from "../../src/bencode/decode.ts";
import { createHttpTracker, type HttpTrackerOptions } from "../../src/server/http_tracker.ts";
import type { AnnounceRequest } from "../../src/tracker/messages/announce.ts";
import { announceUrl, decodeAnnounceResponse } from "../../src/tracker/messages/http.ts";
import { decodeScrapeResponse, scrapeRequestUrl } from "../../src/tracker/messages/scrape.ts";

const TRACKER = "http://tracker.test/announce";
const INFO_HASH = Uint8Array.from({ length: 20 }, (_, index) => index * 13);

function makeTracker(options: HttpTrackerOptions = {}) {
  const tracker = createHttpTracker({ now: () => 0, random: () => 0, ...options });
  const get = (url: string, hostname?: string) =>
    tracker(new Request(url), hostname === undefined ? {} : { remoteAddr: { hostname } });
  return {
    get,
    announce: async (hostname: string | undefined, parts: Partial<AnnounceRequest> = {}) => {
      const response = await get(announceUrl(TRACKER, makeRequest(parts)), hostname);
      assertEquals(response.status, 200);
      return decodeAnnounceResponse(new Uint8Array(await response.arrayBuffer()));
    },
    scrape: async (...infoHashes: Uint8Array[]) => {
      const response = await get(scrapeRequestUrl(TRACKER, infoHashes)!);
      return decodeScrapeResponse(new Uint8Array(await response.arrayBuffer()));
    },
  };
}

function makeRequest(parts: Partial<AnnounceRequest> = {}): AnnounceRequest {
  return {
    infoHash: INFO_HASH,
    peerId: new Uint8Array(20).fill(0x2d),
    port: 6881,
    uploaded: 0,
    downloaded: 0,
    left: 5,
    ...parts,
  };
}

Deno.test("createHttpTracker() answers a request whose URL is none, as libtorrent's Host header makes it", async () => {
  const { search } = new URL(announceUrl(TRACKER, makeRequest()));
  for (const origin of ["http://fd55::1:7000", "https://2001:db8::1", "http://tracker.test"]) {
    const request = { url: `${origin}/announce${search}`, method: "GET" } as Request;
    const response = await createHttpTracker()(request, { remoteAddr: { hostname: "2001:db8::2" } });
    const answer = decodeAnnounceResponse(new Uint8Array(await response.arrayBuffer()));
    assert(answer.type === "announced", origin);
  }
  for (const url of ["", "announce", "http://", "http://tracker.test/?/announce"]) {
    assertEquals((await createHttpTracker()({ url, method: "GET" } as Request)).status, 404, url);
  }
});

Deno.test("createHttpTracker() answers an announce with the other peers, IPv4 and IPv6, compact", async () => {
  const { announce } = makeTracker({ intervalMs: 900_000 });
  const first = await announce("192.0.2.1", { event: "started" });
  assert(first.type === "announced");
  assertEquals([first.peers, first.intervalMs, first.externalIp], [[], 900_000, "192.0.2.1"]);
  await announce("2001:db8::1", { left: 0 });
  const third = await announce("192.0.2.3");
  assert(third.type === "announced");
  assertEquals(third.peers, [{ host: "192.0.2.1", port: 6881 }, { host: "2001:db8::1", port: 6881 }]);
  assertEquals([third.complete, third.incomplete, third.downloaded], [1, 2, 0]);
});

Deno.test("createHttpTracker() lists peers with their ids where compact is not wanted", async () => {
  const { announce, get } = makeTracker();
  await announce("192.0.2.1", { peerId: new Uint8Array(20).fill(0x41) });
  const listed = await announce("2001:db8::2", { compact: false });
  assert(listed.type === "announced");
  assertEquals(listed.peers, [{ host: "192.0.2.1", port: 6881, peerId: new Uint8Array(20).fill(0x41) }]);
  const bare = await get(
    announceUrl(TRACKER, makeRequest({ compact: false, noPeerId: true })),
    "2001:db8::2",
  );
  const peers = decodeDictionary(new Uint8Array(await bare.arrayBuffer())).list("peers")!;
  assertEquals(peers.length, 1);
  assertEquals((peers[0] as { has(key: string): boolean }).has("peer id"), false);
});

Deno.test("createHttpTracker() knows a mapped IPv4 address as IPv4", async () => {
  const { announce } = makeTracker();
  await announce("::ffff:192.0.2.1");
  const second = await announce("192.0.2.2");
  assert(second.type === "announced");
  assertEquals(second.peers, [{ host: "192.0.2.1", port: 6881 }]);
});

Deno.test("createHttpTracker() believes the ip key only where the connection says nothing", async () => {
  const { announce } = makeTracker();
  await announce("192.0.2.1", { ip: "198.51.100.7" });
  await announce(undefined, { ip: "198.51.100.8" });
  const last = await announce("192.0.2.3");
  assert(last.type === "announced");
  assertEquals(last.peers.map(({ host }) => host).sort(), ["192.0.2.1", "198.51.100.8"]);
  const lost = await announce(undefined);
  assert(lost.type === "failure");
  assertEquals(lost.reason, "Cannot tell where the announce came from");
});

Deno.test("createHttpTracker() takes the host from where it is told to", async () => {
  const tracker = createHttpTracker({
    remoteHost: (request) => request.headers.get("x-real-ip") ?? undefined,
  });
  const response = await tracker(
    new Request(announceUrl(TRACKER, makeRequest()), { headers: { "x-real-ip": "192.0.2.9" } }),
    { remoteAddr: { hostname: "127.0.0.1" } },
  );
  const answer = decodeAnnounceResponse(new Uint8Array(await response.arrayBuffer()));
  assert(answer.type === "announced");
  assertEquals(answer.externalIp, "192.0.2.9");
});

Deno.test("createHttpTracker() tells no more peers than wanted, and than it is willing to", async () => {
  const { announce } = makeTracker({ usualPeers: 3, maxPeers: 5 });
  for (let host = 1; host <= 20; host++) await announce(`192.0.2.${host}`);
  const counts = [undefined, 0, 2, 100].map(async (numWant) => {
    const answer = await announce("192.0.2.99", { numWant });
    return answer.type === "announced" ? answer.peers.length : -1;
  });
  assertEquals(await Promise.all(counts), [3, 0, 2, 5]);
});

Deno.test("createHttpTracker() takes the first of a repeated key, and any number for numwant", async () => {
  const { announce, get } = makeTracker({ maxPeers: 5 });
  for (let host = 1; host <= 9; host++) await announce(`192.0.2.${host}`);
  const other = "%00".repeat(20), url = announceUrl(TRACKER, makeRequest({ numWant: 2 }));
  for (
    const [rest, count] of [
      [`&info_hash=${other}&numwant=0&left=0`, 2],
      ["", 2],
    ] as const
  ) {
    const answer = decodeAnnounceResponse(
      new Uint8Array(await (await get(url + rest, "192.0.2.1")).arrayBuffer()),
    );
    assert(answer.type === "announced");
    assertEquals([answer.peers.length, answer.complete], [count, 0]);
  }
  for (const [numWant, count] of [["-1", 5], ["99999999999999999999", 5], ["", 5], ["0", 0]] as const) {
    const response = await get(url.replace("numwant=2", `numwant=${numWant}`), "192.0.2.1");
    const answer = decodeAnnounceResponse(new Uint8Array(await response.arrayBuffer()));
    assert(answer.type === "announced", numWant);
    assertEquals(answer.peers.length, count, numWant);
  }
});

Deno.test("createHttpTracker() refuses what is too long, and what is no query, with a reason", async () => {
  const { get } = makeTracker(), query = new URL(announceUrl(TRACKER, makeRequest())).search;
  for (
    const wrong of [
      "&".repeat(9000),
      `${query}&x=${"=".repeat(9000)}`,
      "?=&=&&&==",
      "?info_hash=%",
      `${query}%`,
    ]
  ) {
    const response = await get(`http://tracker.test/announce${wrong.replace(/^(?!\?)/, "?")}`, "192.0.2.1");
    const answer = decodeAnnounceResponse(new Uint8Array(await response.arrayBuffer()));
    assertEquals([response.status, answer.type], [200, wrong === `${query}%` ? "announced" : "failure"]);
  }
});

Deno.test("createHttpTracker() works with a store that knows no compact form", async () => {
  const peers = [{ host: "192.0.2.7", port: 7, peerId: new Uint8Array(20) }, {
    host: "2001:db8::7",
    port: 8,
    peerId: new Uint8Array(20),
  }];
  const reply = { complete: 1, incomplete: 2, downloaded: 3, peers };
  const store = { announce: () => Promise.resolve(reply), scrape: () => Promise.resolve([]) };
  const { announce } = makeTracker({ store });
  for (const compact of [true, false]) {
    const answer = await announce("192.0.2.1", { compact });
    assert(answer.type === "announced");
    assertEquals(answer.peers.map(({ port }) => port), [7, 8]);
  }
});

Deno.test("createHttpTracker() forgets peers that stop or fall silent", async () => {
  let now = 0;
  const { announce, scrape } = makeTracker({ now: () => now, intervalMs: 1000 });
  await announce("192.0.2.1", { left: 0 });
  await announce("192.0.2.2");
  await announce("192.0.2.2", { event: "stopped" });
  assertEquals((await scrape(INFO_HASH) as { swarms: unknown }).swarms, [
    { infoHash: INFO_HASH, complete: 1, incomplete: 0, downloaded: 0, downloaders: 0 },
  ]);
  now = 2500;
  assertEquals((await scrape(INFO_HASH) as { swarms: unknown }).swarms, []);
});

Deno.test("createHttpTracker() counts a peer that does not say what it lacks as a leecher", async () => {
  const { get, announce } = makeTracker();
  const url = announceUrl(TRACKER, makeRequest()).replace(/&left=\d+/, "");
  await get(url, "192.0.2.1");
  const answer = await announce("192.0.2.2");
  assert(answer.type === "announced");
  assertEquals([answer.complete, answer.incomplete], [0, 2]);
});

Deno.test("createHttpTracker() scrapes the torrents asked for, and refuses to tell of all", async () => {
  const { announce, scrape, get } = makeTracker();
  await announce("192.0.2.1", { left: 0 });
  await announce("192.0.2.2", { event: "paused" });
  const answer = await scrape(INFO_HASH, new Uint8Array(20));
  assertEquals(answer, {
    type: "scraped",
    swarms: [{ infoHash: INFO_HASH, complete: 1, incomplete: 1, downloaded: 0, downloaders: 0 }],
    minIntervalMs: undefined,
  });
  for (const query of ["", "?", "?info_hash", "?info_hash=short"]) {
    const response = await get(`http://tracker.test/scrape${query}`);
    assertEquals(response.status, 200);
    assertEquals(decodeScrapeResponse(new Uint8Array(await response.arrayBuffer())).type, "failure", query);
  }
});

Deno.test("createHttpTracker() waits for whatever a store answers that can be awaited", async () => {
  const awaited = <T>(value: T) => {
    const promise = Promise.resolve(value);
    // As database clients have it: of the type of a promise, but no instance of it.
    return { then: promise.then.bind(promise) } as unknown as Promise<T>;
  };
  const counts = { complete: 3, incomplete: 4, downloaded: 5, downloaders: 4 };
  const { announce, scrape } = makeTracker({
    store: { announce: () => awaited({ ...counts, peers: [] }), scrape: () => awaited([counts]) },
  });
  assertEquals((await announce("192.0.2.1") as { complete: number }).complete, 3);
  assertEquals((await scrape(INFO_HASH) as { swarms: readonly unknown[] }).swarms.length, 1);
});

Deno.test("createHttpTracker() says when it is full", async () => {
  const full = { announce: () => Promise.resolve(undefined), scrape: () => Promise.resolve([]) };
  const { announce } = makeTracker({ store: full });
  assertEquals((await announce("192.0.2.1") as { reason: string }).reason, "The tracker is full");
});

Deno.test("createHttpTracker() answers where trackers are asked, and nowhere else", async () => {
  const { get } = makeTracker();
  const status = async (path: string) => (await get(`http://tracker.test${path}`, "192.0.2.1")).status;
  assertEquals(
    await Promise.all(
      ["/announce", "/announce.php", "/key/announce", "/a/scrape", "/", "/announce/x"].map(status),
    ),
    [200, 200, 200, 200, 404, 404],
  );
  assertEquals(await Promise.all(["/?/announce", "/x?y=/scrape", "/#/announce", "/announce/"].map(status)), [
    404,
    404,
    404,
    404,
  ]);
  const post = await createHttpTracker()(new Request(TRACKER, { method: "POST" }));
  assertEquals([post.status, post.headers.get("allow")], [405, "GET"]);
});

Deno.test("createHttpTracker() answers any query with a bencoded dictionary", async () => {
  const { get } = makeTracker();
  const key = fc.constantFrom("info_hash", "peer_id", "port", "left", "numwant", "event", "ip", "key", "x");
  const value = fc.oneof(fc.webQueryParameters(), fc.constantFrom("%", "%41".repeat(20), "6881", "-1", ""));
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(key, value)), async (pairs) => {
    const query = pairs.map(([name, text]) => `${name}=${text}`).join("&");
    for (const route of ["announce", "scrape"]) {
      const response = await get(`http://tracker.test/${route}?${query}`, "192.0.2.1");
      assertEquals(response.status, 200);
      decodeDictionary(new Uint8Array(await response.arrayBuffer()));
    }
  }));
});

Deno.test("createHttpTracker() works behind Deno.serve", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    createHttpTracker(),
  );
  const url = announceUrl(`http://127.0.0.1:${server.addr.port}/announce`, makeRequest());
  const answer = decodeAnnounceResponse(new Uint8Array(await (await fetch(url)).arrayBuffer()));
  assert(answer.type === "announced");
  assertEquals(answer.externalIp, "127.0.0.1");
});
