import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { equals } from "@std/bytes/equals";
import type { ClientEvent } from "../../src/client/events.ts";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";
import { MemoryStorage } from "../../src/testing/mod.ts";
import { PORT, VirtualSwarm } from "./virtual_swarm.ts";
import { serveSite, type Site, type Visit } from "./web_seed_server.ts";

const WEB = "203.0.113.1", SEEDER = "198.51.100.1", LEECHER = "198.51.100.2";
const ORIGIN = `http://${WEB}`;

/** The swarm's torrent on a web server. */
function siteOf(swarm: VirtualSwarm): Site {
  return new Map([
    ["/pub/t/a", swarm.content.slice(0, 100_000)],
    ["/pub/t/b", swarm.content.slice(100_000)],
  ]);
}

/** Opens the server; what `answer` leaves out is answered as any server would. */
function openSite(swarm: VirtualSwarm, answer: (request: Request) => Response | undefined = () => undefined) {
  const visits: Visit[] = [], serve = serveSite(siteOf(swarm), visits);
  swarm.network.host(WEB);
  swarm.network.serve(ORIGIN, (request) => answer(request) ?? serve(request));
  return visits;
}

async function assertDownloaded(swarm: VirtualSwarm, { info }: Metainfo, storage: MemoryStorage) {
  let at = 0;
  for (const { index, length } of info.files.filter(({ pad }) => !pad)) {
    const found = new Uint8Array(length);
    await storage.read(index, 0, found);
    assert(equals(found, swarm.content.subarray(at, at += length)), `file ${index}`);
  }
}

Deno.test("a torrent is downloaded from a web seed with no peer at all (BEP 19)", async () => {
  await using swarm = new VirtualSwarm();
  const visits = openSite(swarm), metainfo = await swarm.torrent({ webSeeds: [`${ORIGIN}/pub/`] });
  const storage = new MemoryStorage(metainfo.info.files);
  const client = await swarm.client(LEECHER, { storage });
  const torrent = await client.add(metainfo);
  await swarm.clock.runUntil(torrent.completed());
  await assertDownloaded(swarm, metainfo, storage);
  const { webSeeds, webSeedDownloaded, downloaded, wasted, state } = torrent.status();
  assertEquals({ webSeeds, webSeedDownloaded, downloaded, wasted, state }, {
    webSeeds: 1,
    webSeedDownloaded: 200_000,
    downloaded: 200_000,
    wasted: 0,
    state: "seeding",
  });
  assertLess(visits.length, 8);
  assert(visits.every(({ range }) => range !== null));
});

Deno.test("a script that serves pieces is enough too (BEP 17)", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ httpSeeds: [`${ORIGIN}/seed.php`] }), asked: string[] = [];
  swarm.network.host(WEB);
  swarm.network.serve(ORIGIN, ({ url }) => {
    const { searchParams, search } = new URL(url), piece = Number(searchParams.get("piece"));
    asked.push(search);
    if (asked.length === 2) return new Response("20", { status: 503 });
    return new Response(swarm.content.slice(piece * 32768, (piece + 1) * 32768));
  });
  const storage = new MemoryStorage(metainfo.info.files);
  const client = await swarm.client(LEECHER, { storage }), torrent = await client.add(metainfo);
  await swarm.clock.runUntil(torrent.completed());
  await assertDownloaded(swarm, metainfo, storage);
  assertEquals(asked.length, 8); // seven pieces, one of them twice
  assert(
    asked.every((query) => /^\?info_hash=(%[0-9A-F]{2}|[\w.~-]){20}&piece=[0-6]$/.test(query)),
    asked[0],
  );
  assertGreater(swarm.clock.now(), 20_000);
});

Deno.test("webSeeds: false asks no web seed", async () => {
  await using swarm = new VirtualSwarm();
  const visits = openSite(swarm), metainfo = await swarm.torrent({ webSeeds: [`${ORIGIN}/pub/`] });
  const client = await swarm.client(LEECHER), torrent = await client.add(metainfo, { webSeeds: false });
  await swarm.clock.runUntil(torrent.checked());
  await swarm.clock.advance(60_000);
  assertEquals([visits.length, torrent.status().webSeeds, torrent.status().downloaded], [0, 0, 0]);
});

for (const version of ["1", "2"] as const) {
  Deno.test(`a magnet link of version ${version} takes its metadata from a peer and its content from web seeds`, async () => {
    await using swarm = new VirtualSwarm();
    openSite(swarm);
    const metainfo = await swarm.torrent({ version }), { infoHashV1, infoHashV2 } = metainfo;
    const seeder = await swarm.seeder(SEEDER, metainfo, { uploadLimit: 1000 });
    const storage = new MemoryStorage(metainfo.info.files);
    const client = await swarm.client(LEECHER, { storage });
    const torrent = await client.add({
      ...(infoHashV1 && { infoHashV1 }),
      ...(infoHashV2 && { infoHashV2 }),
      trackers: [],
      webSeeds: [`${ORIGIN}/pub/`],
      peers: [{ host: SEEDER, port: PORT }],
      nodes: [],
      sources: [],
    });
    await swarm.clock.runUntil(torrent.metadata());
    await swarm.clock.runUntil(torrent.completed());
    await assertDownloaded(swarm, metainfo, storage);
    assertGreater(torrent.status().webSeedDownloaded, 150_000);
    await seeder.close();
  });
}

/** An answer that comes at so many bytes a second of virtual time. */
function paced(swarm: VirtualSwarm, response: Response, bytesPerSecond: number): Response {
  const { clock } = swarm,
    wait = (ms: number) => new Promise<void>((done) => clock.schedule(clock.now() + ms, done));
  async function* chunks() {
    const bytes = await response.bytes();
    for (let at = 0; at < bytes.length; at += 1000) {
      await wait(1000 / bytesPerSecond * 1000);
      yield bytes.slice(at, at + 1000);
    }
  }
  return new Response(ReadableStream.from(chunks()), response);
}

Deno.test("a slow peer and a slow web seed share the work, and nearly nothing comes twice", async () => {
  await using swarm = new VirtualSwarm();
  const serve = serveSite(siteOf(swarm));
  swarm.network.host(WEB);
  swarm.network.serve(ORIGIN, (request) => paced(swarm, serve(request), 20_000));
  const metainfo = await swarm.torrent({ webSeeds: [`${ORIGIN}/pub/`], pieceLength: 16384 });
  await swarm.seeder(SEEDER, metainfo, { uploadLimit: 10_000 });
  const storage = new MemoryStorage(metainfo.info.files), client = await swarm.client(LEECHER, { storage });
  const startedAt = swarm.clock.now();
  const torrent = await client.add(metainfo, { peers: [{ host: SEEDER, port: PORT }] });
  await swarm.clock.runUntil(torrent.completed());
  await assertDownloaded(swarm, metainfo, storage);
  const { downloaded, webSeedDownloaded, wasted } = torrent.status();
  assertGreater(webSeedDownloaded, 90_000);
  assertGreater(downloaded - webSeedDownloaded, 40_000);
  assertLess(wasted, 40_000);
  assertLess(swarm.clock.now() - startedAt, 10_000); // the web seed alone would take ten seconds, the peer twenty
});

Deno.test("a rate limit holds for web seeds", async () => {
  await using swarm = new VirtualSwarm();
  openSite(swarm);
  const metainfo = await swarm.torrent({ webSeeds: [`${ORIGIN}/pub/`] });
  const client = await swarm.client(LEECHER, { downloadLimit: 10_000 }), torrent = await client.add(metainfo);
  const startedAt = swarm.clock.now();
  await swarm.clock.runUntil(torrent.completed());
  assertGreater(swarm.clock.now() - startedAt, 10_000);
});

Deno.test("a web seed that lies is discarded, and peers finish the torrent", async () => {
  await using swarm = new VirtualSwarm();
  const site = new Map([...siteOf(swarm)].map(([path, bytes]) => [path, bytes.map((byte) => byte ^ 1)]));
  swarm.network.host(WEB);
  swarm.network.serve(ORIGIN, serveSite(site));
  const metainfo = await swarm.torrent({ webSeeds: [`${ORIGIN}/pub/`] });
  const storage = new MemoryStorage(metainfo.info.files);
  const client = await swarm.client(LEECHER, { storage }), events: ClientEvent[] = [];
  const listening = (async () => {
    for await (const event of client.events()) events.push(event);
  })();
  const torrent = await client.add(metainfo);
  await swarm.clock.advance(10_000);
  assertEquals(torrent.status().webSeeds, 0);
  await swarm.seeder(SEEDER, metainfo);
  torrent.addPeers([{ host: SEEDER, port: PORT }]);
  await swarm.clock.runUntil(torrent.completed());
  await assertDownloaded(swarm, metainfo, storage);
  await swarm.clock.runUntil(client.close());
  await listening;
  assertEquals(events.filter(({ type }) => type === "webSeedDiscarded").length, 1);
  assertEquals(events.filter(({ type }) => type === "peerBanned").length, 0);
});

Deno.test("a web seed that lacks a file gives the others", async () => {
  await using swarm = new VirtualSwarm();
  const visits = openSite(
    swarm,
    ({ url }) => url.endsWith("/b") ? new Response("", { status: 404 }) : undefined,
  );
  const metainfo = await swarm.torrent({ webSeeds: [`${ORIGIN}/pub/`] });
  const client = await swarm.client(LEECHER), torrent = await client.add(metainfo);
  await swarm.clock.advance(120_000);
  assertEquals(torrent.pieces()!.count, 3); // the fourth has bytes of both files
  assertLess(visits.length, 10);
  assertEquals(torrent.status().webSeeds, 1);
});

Deno.test("only what is selected is asked of a web seed", async () => {
  await using swarm = new VirtualSwarm();
  const visits = openSite(swarm), metainfo = await swarm.torrent({ webSeeds: [`${ORIGIN}/pub/`] });
  const client = await swarm.client(LEECHER), torrent = await client.add(metainfo, { files: [1] });
  await swarm.clock.runUntil(torrent.completed());
  assertEquals(torrent.pieces()!.count, 4);
  assertEquals(torrent.status().downloaded, 200_000 - 3 * 32768);
  assert(visits.some(({ path }) => path === "/pub/t/b"));
});

Deno.test("pause ends what a web seed sends, resume goes on, close leaves nothing behind", async () => {
  await using swarm = new VirtualSwarm();
  const bodies: ReadableStreamDefaultController<Uint8Array>[] = [];
  let isSlow = true, cancelled = 0;
  openSite(swarm, () => {
    if (!isSlow) return undefined;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => void bodies.push(controller),
      cancel: () => void cancelled++,
    });
    return new Response(body, { headers: { "content-length": "100000" } });
  });
  const metainfo = await swarm.torrent({ webSeeds: [`${ORIGIN}/pub/`] });
  const client = await swarm.client(LEECHER), torrent = await client.add(metainfo);
  await swarm.clock.runUntil(() => bodies.length === 1);
  await swarm.clock.advance(1000);
  torrent.pause();
  await swarm.clock.advance(100);
  assertEquals([cancelled, torrent.status().state], [1, "paused"]);
  await swarm.clock.advance(600_000);
  assertEquals(bodies.length, 1);
  torrent.resume();
  await swarm.clock.runUntil(() => bodies.length === 2);
  isSlow = false;
  await swarm.clock.advance(60_000); // it is too slow, and asked again
  await swarm.clock.runUntil(torrent.completed());
  isSlow = true;
  const other = await swarm.client(SEEDER), waiting = await other.add(metainfo);
  await swarm.clock.runUntil(() => bodies.length === 3);
  await swarm.clock.advance(1000);
  const end = assertRejects(() => waiting.completed());
  await swarm.clock.runUntil(other.close());
  await end;
  assertEquals(cancelled, 3);
});

Deno.test("a stream is fed by a web seed alone, what it waits for first", async () => {
  await using swarm = new VirtualSwarm();
  openSite(swarm);
  const metainfo = await swarm.torrent({ webSeeds: [`${ORIGIN}/pub/`], pieceLength: 16384 });
  const client = await swarm.client(LEECHER, { downloadLimit: 20_000 }), torrent = await client.add(metainfo);
  await swarm.clock.runUntil(torrent.checked());
  const reader = torrent.stream(1, { start: 90_000, end: 91_000 }).getReader();
  const { value } = (await swarm.clock.runUntil(reader.read()))!;
  assertEquals(value, swarm.content.slice(190_000, 191_000));
  assert(!torrent.pieces()!.isFull);
  await swarm.clock.runUntil(reader.cancel());
});

Deno.test("a private torrent may have web seeds, and a redirect is followed", async () => {
  await using swarm = new VirtualSwarm();
  const visits = openSite(swarm, ({ url, headers }) => {
    if (!url.includes("/old/")) return undefined;
    assert(headers.has("range"));
    return new Response(null, { status: 302, headers: { location: url.replace("/old/", "/pub/") } });
  });
  const metainfo = await swarm.torrent({ webSeeds: [`${ORIGIN}/old/`], private: true });
  const client = await swarm.client(LEECHER), torrent = await client.add(metainfo);
  await swarm.clock.runUntil(torrent.completed());
  assertEquals(torrent.status().webSeedDownloaded, 200_000);
  assertGreater(visits.length, 0);
});

Deno.test("a proxy that carries no requests keeps web seeds out", async () => {
  await using swarm = new VirtualSwarm();
  const visits = openSite(swarm), metainfo = await swarm.torrent({ webSeeds: [`${ORIGIN}/pub/`] });
  const { throughSocks5 } = await import("../../src/io/socks5.ts");
  const network = throughSocks5(swarm.network.host(LEECHER), { proxy: { host: SEEDER, port: 1080 } });
  const client = await swarm.client(LEECHER, { network, port: false });
  const torrent = await client.add(metainfo);
  await swarm.clock.advance(60_000);
  assertEquals([visits.length, torrent.status().downloaded], [0, 0]);
});

for (const version of ["2", "hybrid"] as const) {
  Deno.test(`a ${version === "2" ? "v2" : "hybrid"} torrent comes from the paths of its files (BEP 19, 52)`, async () => {
    await using swarm = new VirtualSwarm();
    openSite(swarm);
    const metainfo = await swarm.torrent({ webSeeds: [`${ORIGIN}/pub/`], version });
    const files = metainfo.info.files.filter(({ pad }) => !pad);
    const client = await swarm.client(LEECHER), torrent = await client.add(metainfo);
    await swarm.clock.runUntil(torrent.completed());
    assertEquals(files.map(({ path }) => path.join("/")), ["t/a", "t/b"]);
    assertEquals(torrent.status().downloaded, 200_000);
  });
}
