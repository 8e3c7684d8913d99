import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { TransportError } from "../../src/errors.ts";
import { BlockCutter } from "../../src/io/block_cutter.ts";
import { type WebSeedOutcome, WebSeedReader } from "../../src/io/web_seed.ts";
import { createTorrent } from "../../src/metainfo/create.ts";
import { type Metainfo, readMetainfo } from "../../src/metainfo/metainfo.ts";
import type { WebSeedSource } from "../../src/metainfo/web_seed.ts";
import { VirtualClock, VirtualNetwork } from "../../src/testing/mod.ts";
import type { BlockRange } from "../../src/wire/messages/message.ts";

const BLOCK = 16384, PIECE = 65_536;
/** 300,000 bytes, each of which tells where it stands. */
const CONTENT = Uint8Array.from({ length: 300_000 }, (_, i) => i ^ i >> 8);
const metainfo = await readMetainfo(
  await createTorrent([{ path: ["f"], content: CONTENT }], { version: "1", pieceLength: PIECE }),
);
/** The second piece. */
const SECOND: BlockRange = { piece: 1, begin: 0, length: PIECE };
const WEB = "203.0.113.1", URL_OF_FILE = `http://${WEB}/f`;

type Handler = (request: Request, clock: VirtualClock) => Response | Promise<Response>;

interface Reading {
  readonly outcome: WebSeedOutcome | undefined;
  readonly received: Uint8Array;
  readonly requests: readonly Request[];
  readonly elapsedMs: number;
}

interface ReadingOptions {
  readonly source?: WebSeedSource;
  readonly ranges?: readonly BlockRange[];
  readonly origins?: Readonly<Record<string, Handler>>;
  readonly pace?: (clock: VirtualClock) => Promise<void>;
  readonly torrent?: Metainfo;
}

const wait = (clock: VirtualClock, ms: number) =>
  new Promise<void>((done) => void clock.schedule(clock.now() + ms, done));

/** Reads from one server in virtual time. */
async function read(handler: Handler, options: ReadingOptions = {}): Promise<Reading> {
  const { source = { kind: "files", url: URL_OF_FILE }, ranges = [SECOND], torrent = metainfo } = options;
  const clock = new VirtualClock(), network = new VirtualNetwork({ clock }), requests: Request[] = [];
  network.host(WEB);
  network.serve(`http://${WEB}`, (request) => {
    requests.push(request);
    return handler(request, clock);
  });
  for (const [origin, other] of Object.entries(options.origins ?? {})) {
    network.host(new URL(origin).hostname);
    network.serve(origin, (request) => {
      requests.push(request);
      return other(request, clock);
    });
  }
  const reader = new WebSeedReader({ network: network.host("198.51.100.1"), clock, source, torrent });
  const blocks: Uint8Array[] = [];
  const outcome = await clock.runUntil(reader.read({
    ranges,
    onBlock: (block) => void blocks.push(block.slice()),
    pace: () => options.pace?.(clock) ?? Promise.resolve(),
    signal: new AbortController().signal,
  }));
  const elapsedMs = clock.now();
  await clock.advance(1000);
  assertEquals(clock.nextAt, undefined, "a timer is left behind");
  const received = new Uint8Array(await new Blob(blocks as BlobPart[]).arrayBuffer());
  return { outcome, received, requests, elapsedMs };
}

const part = (from: number, to: number) => CONTENT.slice(from, to + 1);

/** An honest answer, bent by `change`. */
function ranged(
  request: Request,
  change: { readonly range?: string; readonly body?: BodyInit; readonly headers?: HeadersInit } = {},
): Response {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range")!)!.map(Number);
  const range = change.range ?? `bytes ${from}-${to}/${CONTENT.length}`;
  const headers = { ...change.headers, "content-range": range };
  return new Response(change.body ?? part(from!, to!), { status: 206, headers });
}

/** A body in chunks, each after a promise. */
function body(chunks: AsyncIterable<Uint8Array<ArrayBuffer>>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(chunks);
}

const reasonOf = ({ outcome }: Reading) => outcome?.type === "failed" ? outcome.error.message : outcome?.type;

Deno.test("WebSeedReader.read() asks for the range and hands on its blocks", async () => {
  const { outcome, received, requests } = await read((request) => ranged(request));
  assertEquals(outcome, { type: "done" });
  assertEquals(received, part(PIECE, 2 * PIECE - 1));
  assertEquals(requests.map(({ headers }) => headers.get("range")), [`bytes=${PIECE}-${2 * PIECE - 1}`]);
});

Deno.test("WebSeedReader.read() joins ranges of pieces that follow each other, the last one short", async () => {
  const ranges = [
    { piece: 3, begin: BLOCK, length: PIECE - BLOCK },
    { piece: 4, begin: 0, length: 300_000 - 4 * PIECE },
  ];
  const { received, requests } = await read((request) => ranged(request), { ranges });
  assertEquals(received, CONTENT.slice(3 * PIECE + BLOCK));
  assertEquals(requests.length, 1);
});

Deno.test("WebSeedReader.read() takes a whole file and skips what stands before the range", async () => {
  const { outcome, received } = await read(() => new Response(CONTENT));
  assertEquals([outcome, received], [{ type: "done" }, part(PIECE, 2 * PIECE - 1)]);
});

Deno.test("WebSeedReader.read() stops a whole file right behind the range", async () => {
  let sent = 0, isCancelled = false;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.enqueue(CONTENT.slice(sent, sent += 1000)),
    cancel: () => void (isCancelled = true),
  }, { highWaterMark: 0 });
  const { outcome } = await read(() => new Response(stream));
  assertEquals([outcome, isCancelled], [{ type: "done" }, true]);
  assertLess(sent, 2 * PIECE + 3000);
});

Deno.test("WebSeedReader.read() never hands on more than it asked for", async () => {
  const { outcome, received } = await read((request) => ranged(request, { body: CONTENT }));
  assertEquals([outcome, received.length], [{ type: "done" }, PIECE]);
});

Deno.test("WebSeedReader.read() fails when the answer ends early", async () => {
  const reading = await read((request) => ranged(request, { body: part(PIECE, PIECE + BLOCK + 5) }));
  assertEquals(reasonOf(reading), `Cannot read from web seed ${WEB}: the answer ends early`);
  assertEquals(reading.received.length, BLOCK);
});

Deno.test("WebSeedReader.read() refuses answers that are not what was asked for", async () => {
  const nonsense: [string, Handler][] = [
    ["it has another range", (request) => ranged(request, { range: "bytes 0-65535/300000" })],
    ["it has another range", (request) => ranged(request, { range: `bytes ${PIECE}-70000/300000` })],
    ["it does not say which range it has", (request) => ranged(request, { range: "bytes 1-2" })],
    ["it does not say which range it has", () => new Response(CONTENT, { status: 206 })],
    ["it is encoded as br", (request) => ranged(request, { headers: { "content-encoding": "br" } })],
    ["HTTP status 403", () => new Response("no", { status: 403 })],
    ["HTTP status 500", () => new Response("no", { status: 500 })],
    ["HTTP status 204", () => new Response(null, { status: 204 })],
    ["the answer ends early", () => new Response(null, { status: 200 })],
    ["the connection failed", () => Promise.reject(new Error("secret"))],
  ];
  for (const [reason, handler] of nonsense) {
    const reading = await read(handler);
    assertEquals(reasonOf(reading), `Cannot read from web seed ${WEB}: ${reason}`);
    assertEquals(reading.received.length, 0);
  }
});

Deno.test("WebSeedReader.read() tells that the server has not got the file, or another one", async () => {
  const handlers: Handler[] = [
    () => new Response("", { status: 404 }),
    () => new Response("", { status: 410 }),
    () => new Response("", { status: 416 }),
    (request) => ranged(request, { range: `bytes ${PIECE}-${2 * PIECE - 1}/300001` }),
    () => new Response(CONTENT, { headers: { "content-length": "299999" } }),
  ];
  for (const handler of handlers) {
    const { outcome } = await read(handler);
    assertEquals(outcome, { type: "lacks", file: metainfo.info.files[0]!, from: undefined });
  }
});

Deno.test("WebSeedReader.read() does not read megabytes for a range far inside a file that comes whole", async () => {
  const content = new Uint8Array(8 << 20);
  const big = await readMetainfo(
    await createTorrent([{ path: ["f"], content }], { version: "1", pieceLength: 1 << 20 }),
  );
  const ranges = [{ piece: 6, begin: 0, length: 1 << 20 }];
  const { outcome } = await read(() => new Response(content), { torrent: big, ranges });
  assertEquals(outcome, { type: "lacks", file: big.info.files[0]!, from: 6 });
});

Deno.test("WebSeedReader.read() hears when to ask again, in seconds or as a date", async () => {
  const busy = (status: number, headers: HeadersInit = {}) => () =>
    new Response("later", { status, headers });
  const date = "Wed, 21 Oct 2015 07:28:00 GMT", later = "Wed, 21 Oct 2015 07:29:00 GMT";
  const cases: [Handler, number | undefined][] = [
    [busy(503, { "retry-after": "120" }), 120_000],
    [busy(429, { "retry-after": "1" }), 1000],
    [busy(503, { "retry-after": later, date }), 60_000],
    [busy(503, { "retry-after": date, date: later }), 0],
    [busy(503, { "retry-after": "soon" }), undefined],
    [busy(503), undefined],
  ];
  for (const [handler, retryAfterMs] of cases) {
    assertEquals((await read(handler)).outcome, { type: "busy", retryAfterMs });
  }
});

const SCRIPT: WebSeedSource = { kind: "pieces", url: `http://${WEB}/seed.php` };

Deno.test("WebSeedReader.read() asks a script for pieces and ranges (BEP 17)", async () => {
  const ranges = [{ piece: 1, begin: BLOCK, length: 2 * BLOCK }];
  const { outcome, received, requests } = await read(
    () => new Response(part(PIECE + BLOCK, PIECE + 3 * BLOCK - 1)),
    { source: SCRIPT, ranges },
  );
  assertEquals([outcome, received.length], [{ type: "done" }, 2 * BLOCK]);
  assert(requests[0]!.url.endsWith(`&piece=1&ranges=${BLOCK}-${3 * BLOCK - 1}`));
  assertEquals(requests[0]!.headers.get("range"), null);
});

Deno.test("WebSeedReader.read() takes the seconds of a busy script, and nothing else in their place (BEP 17)", async () => {
  const bodies: [BodyInit | null, number | undefined][] = [
    ["45", 45_000],
    [" 45\n", 45_000],
    ["", undefined],
    [null, undefined],
    ["-1", undefined],
    ["99999999999999", undefined],
    ["<html>", undefined],
    [new Uint8Array(1 << 20), undefined],
  ];
  for (const [text, retryAfterMs] of bodies) {
    const { outcome } = await read(() => new Response(text, { status: 503 }), { source: SCRIPT });
    assertEquals(outcome, { type: "busy", retryAfterMs });
  }
});

Deno.test("WebSeedReader.read() takes errors of a script for passing ones (BEP 17)", async () => {
  for (const status of [400, 404, 206]) {
    const reading = await read(() => new Response("?", { status }), { source: SCRIPT });
    assertEquals(reasonOf(reading), `Cannot read from web seed ${WEB}: HTTP status ${status}`);
  }
  const headers = { "content-length": "7" };
  const short = await read(() => new Response("1234567", { headers }), { source: SCRIPT });
  assertEquals(reasonOf(short), `Cannot read from web seed ${WEB}: it has 7 bytes instead of ${PIECE}`);
});

Deno.test("WebSeedReader.read() gives up on a server that says nothing, or drips", async () => {
  const silent = await read(() => new Promise(() => {}));
  assertEquals(reasonOf(silent), `Cannot read from web seed ${WEB}: too slow`);
  assertEquals(silent.elapsedMs, 30_000);
  const stuck = await read((request) => ranged(request, { body: new ReadableStream() }));
  assertEquals(reasonOf(stuck), `Cannot read from web seed ${WEB}: too slow`);
  assertLess(stuck.elapsedMs, 31_000);
});

Deno.test("WebSeedReader.read() has patience per block, so that a drip does not buy time", async () => {
  async function* drip(clock: VirtualClock) {
    for (let i = PIECE; i < 2 * PIECE; i++) {
      await wait(clock, 1000);
      yield part(i, i);
    }
  }
  const { outcome, elapsedMs } = await read((request, clock) => ranged(request, { body: body(drip(clock)) }));
  assertEquals(outcome?.type, "failed");
  assertLess(elapsedMs, 32_000);
});

Deno.test("WebSeedReader.read() does not count the time that we hold the server back", async () => {
  const { outcome } = await read((request) => ranged(request), { pace: (clock) => wait(clock, 500_000) });
  assertEquals(outcome, { type: "done" });
});

const moved = (location: string) => () => new Response(null, { status: 302, headers: { location } });

Deno.test("WebSeedReader.read() follows redirects, but not for ever, not elsewhere, not into our own network", async () => {
  const other = "http://203.0.113.2", home = "http://192.168.1.1";
  const good = await read(moved(`${other}/g`), { origins: { [other]: (request) => ranged(request) } });
  assertEquals([good.outcome, good.received.length], [{ type: "done" }, PIECE]);
  assertEquals(good.requests.map(({ headers }) => headers.has("range")), [true, true]);
  const endless = await read(moved(URL_OF_FILE));
  assertEquals(reasonOf(endless), `Cannot read from web seed ${WEB}: too many redirects`);
  assertEquals(endless.requests.length, 6);
  for (const place of [`${home}/reboot`, "http://[::1]/", "http://localhost.example/"]) {
    const inside = await read(moved(place), { origins: { [home]: () => new Response("rebooting") } });
    assertEquals(inside.requests.length, 1, place);
    assertEquals(inside.outcome?.type, "failed");
  }
  for (const place of ["ftp://203.0.113.2/f", "data:text/plain,hi", "file:///etc/passwd", "http://"]) {
    const reading = await read(moved(place));
    assertEquals(reasonOf(reading), `Cannot read from web seed ${WEB}: a redirect to nowhere`);
  }
});

/** A name that leads to the internet whenever it is looked up to be judged, and into our own network otherwise. */
function fickleName() {
  const clock = new VirtualClock(), network = new VirtualNetwork({ clock }), asked: string[] = [];
  const here = network.host("198.51.100.1"), [outside, inside] = ["203.0.113.2", "192.168.1.1"] as const;
  for (const host of [WEB, outside, inside]) network.host(host);
  network.serve("http://fickle.example", (request) => {
    asked.push(request.url);
    return ranged(request);
  });
  const fickle = {
    ...{ dial: here.dial, listen: here.listen, bindDatagram: here.bindDatagram },
    lookups: 0,
    resolve: async (host: string) => {
      fickle.lookups++;
      network.name("fickle.example", [outside]);
      const found = await here.resolve(host);
      network.name("fickle.example", [inside]);
      return found;
    },
    fetch: here.fetch.bind(here),
  };
  const asks = async (url: string, times = 1) => {
    const reader = new WebSeedReader({
      network: fickle,
      clock,
      source: { kind: "files", url },
      torrent: metainfo,
    });
    const outcomes: (string | undefined)[] = [];
    for (let i = 0; i < times; i++) {
      const { signal } = new AbortController(), pace = () => Promise.resolve();
      const options = { ranges: [SECOND], onBlock: () => {}, pace, signal };
      outcomes.push((await clock.runUntil(reader.read(options)))?.type);
    }
    return outcomes;
  };
  return { network, inside, outside, asked, fickle, asks };
}

Deno.test("WebSeedReader.read() asks at the address that was looked at, whatever the name stands for by then", async () => {
  const { network, inside, asked, asks } = fickleName();
  network.cut("198.51.100.1", inside); // who goes there waits in vain
  network.serve(`http://${WEB}`, moved("http://fickle.example/f?x=1"));
  assertEquals(await asks(URL_OF_FILE, 2), ["done", "done"]);
  assertEquals(await asks("http://fickle.example/f?x="), ["done"]);
  assertEquals(asked.length, 3);
});

Deno.test("WebSeedReader.read() asks no name that could not be looked up, whatever it stands for by then", async () => {
  const { network, inside, asked, fickle, asks } = fickleName();
  fickle.resolve = (host) => {
    network.name("fickle.example", [inside]);
    return Promise.reject(new TransportError(`Cannot find the address of "${host}"`));
  };
  network.serve(`http://${WEB}`, moved("http://fickle.example/f?x=1"));
  assertEquals(await asks(URL_OF_FILE), ["failed"]);
  assertEquals(await asks("http://fickle.example/f?x="), ["failed"]);
  assertEquals(asked, []);
});

Deno.test("WebSeedReader.read() looks again where a place that it remembers lies", async () => {
  const { network, inside, asked, asks, fickle } = fickleName();
  network.serve(`http://${WEB}`, moved("http://fickle.example/f"));
  const { resolve } = fickle;
  fickle.resolve = async (host) => fickle.lookups < 1 ? await resolve(host) : [inside];
  assertEquals(await asks(URL_OF_FILE, 2), ["done", "failed"]);
  assertEquals(asked.length, 1);
});

Deno.test("WebSeedReader.read() tells that the server has not got the file, also where it is redirected to", async () => {
  const other = "http://203.0.113.2", origins = { [other]: () => new Response("", { status: 404 }) };
  const { outcome } = await read(moved(`${other}/g`), { origins });
  assertEquals(outcome, { type: "lacks", file: metainfo.info.files[0]!, from: undefined });
});

Deno.test("WebSeedReader.read() asks no questions of the local network, but takes plain files from it", async () => {
  const home = "http://192.168.1.1", origins = { [home]: (request: Request) => ranged(request) };
  const refused = () => new Response("", { status: 500 });
  const question = { kind: "files", url: `${home}/admin?reboot=` } as const;
  const asked = await read(refused, { origins, source: question });
  assertEquals([asked.outcome?.type, asked.requests.length], ["failed", 0]);
  const plain = await read(refused, { origins, source: { kind: "files", url: `${home}/f` } });
  assertEquals(plain.outcome, { type: "done" });
});

Deno.test("WebSeedReader.read() sends the credentials of a URL as a header, and to its own origin only", async () => {
  const other = "http://203.0.113.2",
    source = { kind: "files", url: `http://me:p%C3%A4ss@${WEB}/f` } as const;
  const { outcome, requests } = await read(moved(`${other}/g`), {
    source,
    origins: { [other]: (request) => ranged(request) },
  });
  assertEquals(outcome, { type: "done" });
  const credentials = btoa(String.fromCharCode(...new TextEncoder().encode("me:päss")));
  assertEquals(requests.map(({ headers }) => headers.get("authorization")), [`Basic ${credentials}`, null]);
  assertEquals(requests[0]!.url, URL_OF_FILE);
});

Deno.test("WebSeedReader.url shows no credentials", () => {
  const clock = new VirtualClock(), network = new VirtualNetwork({ clock }).host("198.51.100.1");
  const source = { kind: "files", url: `http://me:secret@${WEB}/f` } as const;
  assertEquals(new WebSeedReader({ network, clock, source, torrent: metainfo }).url, URL_OF_FILE);
});

Deno.test("WebSeedReader.read() remembers where a file has moved to until that fails", async () => {
  const other = "http://203.0.113.2", clock = new VirtualClock(), network = new VirtualNetwork({ clock });
  const seen: string[] = [];
  let isGone = false;
  for (const host of [WEB, "203.0.113.2"]) network.host(host);
  network.serve(`http://${WEB}`, () => {
    seen.push("origin");
    return moved(`${other}/signed`)();
  });
  network.serve(other, (request) => {
    seen.push("mirror");
    return isGone ? new Response("expired", { status: 403 }) : ranged(request);
  });
  const reader = new WebSeedReader({
    network: network.host("198.51.100.1"),
    clock,
    source: { kind: "files", url: URL_OF_FILE },
    torrent: metainfo,
  });
  const go = () =>
    clock.runUntil(reader.read({
      ranges: [SECOND],
      onBlock: () => {},
      pace: () => Promise.resolve(),
      signal: new AbortController().signal,
    }));
  await go();
  await go();
  assertEquals(seen, ["origin", "mirror", "mirror"]);
  isGone = true;
  assertEquals((await go())?.type, "failed");
  isGone = false;
  assertEquals((await go())?.type, "done");
  assertEquals(seen, ["origin", "mirror", "mirror", "mirror", "origin", "mirror"]);
});

Deno.test("WebSeedReader.read() sends the credentials to where its own origin has moved a file, each time", async () => {
  const clock = new VirtualClock(), network = new VirtualNetwork({ clock });
  network.host(WEB);
  network.serve(`http://${WEB}`, (request) => {
    if (!request.headers.has("authorization")) return new Response("who?", { status: 401 });
    return request.url === URL_OF_FILE ? moved("/g")() : ranged(request);
  });
  const reader = new WebSeedReader({
    network: network.host("198.51.100.1"),
    clock,
    source: { kind: "files", url: `http://me:secret@${WEB}/f` },
    torrent: metainfo,
  });
  for (let i = 0; i < 3; i++) {
    const outcome = await clock.runUntil(reader.read({
      ranges: [SECOND],
      onBlock: () => {},
      pace: () => Promise.resolve(),
      signal: new AbortController().signal,
    }));
    assertEquals(outcome, { type: "done" });
  }
});

Deno.test("WebSeedReader.read() waits for no name longer than it is wanted, nor for ever", async () => {
  const clock = new VirtualClock(), network = new VirtualNetwork({ clock }).host("198.51.100.1");
  const read = (signal: AbortSignal) =>
    new WebSeedReader({
      network: { ...network, resolve: () => new Promise<never>(() => {}) },
      clock,
      source: { kind: "files", url: "http://slow.example/f?key=1" },
      torrent: metainfo,
    }).read({ ranges: [SECOND], onBlock: () => {}, pace: () => Promise.resolve(), signal });
  const end = new AbortController(), rejected = assertRejects(() => read(end.signal), Error, "enough");
  end.abort(new Error("enough"));
  await clock.runUntil(rejected);
  const outcome = await clock.runUntil(read(new AbortController().signal));
  assertEquals([outcome?.type, clock.now()], ["failed", 30_000]);
  assertEquals(clock.nextAt, undefined);
});

Deno.test("WebSeedReader.read() throws the signal's reason and cancels the body", async () => {
  const clock = new VirtualClock(), network = new VirtualNetwork({ clock }), end = new AbortController();
  let isCancelled = false;
  network.host(WEB);
  network.serve(`http://${WEB}`, (request) =>
    ranged(request, {
      body: new ReadableStream({ cancel: () => void (isCancelled = true) }),
    }));
  const reader = new WebSeedReader({
    network: network.host("198.51.100.1"),
    clock,
    source: { kind: "files", url: URL_OF_FILE },
    torrent: metainfo,
  });
  const reading = reader.read({
    ranges: [SECOND],
    onBlock: () => {},
    pace: () => Promise.resolve(),
    signal: end.signal,
  });
  const rejected = assertRejects(() => reading, Error, "enough");
  await clock.advance(5000);
  end.abort(new Error("enough"));
  await clock.runUntil(rejected);
  assert(isCancelled);
  assertEquals(clock.nextAt, undefined);
});

Deno.test("BlockCutter gives the same blocks however the stream is cut", () => {
  const ranges = [{ piece: 0, begin: 0, length: 2 * BLOCK + 7 }, { piece: 1, begin: BLOCK, length: BLOCK }];
  const stream = CONTENT.subarray(0, 3 * BLOCK + 7);
  for (const size of [1, 7, 1000, BLOCK - 1, BLOCK, BLOCK + 1, stream.length]) {
    const blocks: Uint8Array[] = [];
    const cutter = new BlockCutter(ranges, (block) => void blocks.push(block.slice()));
    let completed = 0;
    for (let at = 0; at < stream.length; at += size) completed += cutter.push(stream.subarray(at, at + size));
    assertEquals(blocks.map(({ length }) => length), [BLOCK, BLOCK, 7, BLOCK]);
    assertEquals(completed, 4);
    assertEquals(new Uint8Array(blocks.flatMap((block) => [...block])), new Uint8Array(stream));
    assertEquals(cutter.push(CONTENT), 0, "what is too much is left");
  }
});
