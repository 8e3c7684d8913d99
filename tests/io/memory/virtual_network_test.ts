import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { TransportError } from "../../../src/errors.ts";
import type { LinkQuality } from "../../../src/io/memory/link.ts";
import { VirtualClock } from "../../../src/io/memory/virtual_clock.ts";
import { VirtualNetwork } from "../../../src/io/memory/virtual_network.ts";
import type { ByteConnection, Listener, Network } from "../../../src/io/transport.ts";

const A = "10.0.0.1", B = "10.0.0.2";

function setUp(link: Partial<LinkQuality> = {}, seed = 1) {
  const clock = new VirtualClock(), network = new VirtualNetwork({ clock, link, seed });
  return { clock, network, a: network.host(A), b: network.host(B) };
}

async function accepted(listener: Listener): Promise<ByteConnection> {
  for await (const connection of listener) return connection;
  throw new Error("closed");
}

async function connect({ clock, a, b }: ReturnType<typeof setUp>): Promise<[ByteConnection, ByteConnection]> {
  const listener = await b.listen({ port: 6881 });
  return (await clock.runUntil(Promise.all([a.dial({ host: B, port: 6881 }), accepted(listener)])))!;
}

async function readAll(connection: ByteConnection, chunk = 1000): Promise<Uint8Array> {
  const bytes: number[] = [], into = new Uint8Array(chunk);
  for (let count = await connection.read(into); count !== null; count = await connection.read(into)) {
    bytes.push(...into.subarray(0, count));
  }
  return Uint8Array.from(bytes);
}

Deno.test("dial() takes a round trip and joins two ends that know each other's address", async () => {
  const world = setUp({ latencyMs: 25 }), [client, server] = await connect(world);
  assertEquals(world.clock.now(), 50);
  assertEquals(client.remote, { host: B, port: 6881 });
  assertEquals(server.local, client.remote);
  assertEquals(server.remote, client.local);
  assertEquals(client.local?.host, A);
});

Deno.test("write() delivers bytes in order after the latency, whatever the jitter", async () => {
  const world = setUp({ latencyMs: 25, jitterMs: 100 }), [client, server] = await connect(world);
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => i % 251), startAt = world.clock.now();
  const read = readAll(server, 77);
  for (let at = 0; at < bytes.length; at += 100) await client.write(bytes.subarray(at, at + 100));
  client.close();
  assertEquals(await world.clock.runUntil(read), bytes);
  assert(world.clock.now() - startAt >= 25);
  assertEquals(world.network.traffic(A).sentBytes, 5000);
  assertEquals(world.network.traffic(B).receivedBytes, 5000);
});

Deno.test("write() copies: the memory may be used again at once", async () => {
  const world = setUp(), [client, server] = await connect(world), bytes = new Uint8Array([1, 2, 3]);
  await client.write(bytes);
  bytes.fill(9);
  const into = new Uint8Array(8);
  assertEquals(await world.clock.runUntil(server.read(into)), 3);
  assertEquals(into.subarray(0, 3), new Uint8Array([1, 2, 3]));
});

Deno.test("write() takes the time that the bandwidth wants and waits while nobody reads", async () => {
  const world = setUp({ latencyMs: 10, bandwidth: 100_000 }), [client, server] = await connect(world);
  const startAt = world.clock.now();
  let isWritten = false;
  const write = client.write(new Uint8Array(1_000_000)).then(() => isWritten = true);
  await world.clock.advance(60_000);
  assertEquals(isWritten, false);
  const read = readAll(server, 100_000);
  await world.clock.runUntil(write);
  client.close();
  await world.clock.runUntil(read);
  assertEquals((await read).length, 1_000_000);

  const sender = readAll(server, 100_000);
  assertEquals((await world.clock.runUntil(sender))?.length, 0);
  assert(world.clock.now() - startAt >= 10_010);
});

Deno.test("close() ends the other side's reads with null and fails its writes", async () => {
  const world = setUp(), [client, server] = await connect(world);
  const pending = client.read(new Uint8Array(1));
  client.close();
  client.close();
  assertEquals(await pending, null);
  await assertRejects(() => client.write(new Uint8Array(1)), TransportError);
  assertEquals(await world.clock.runUntil(server.read(new Uint8Array(1))), null);
  await assertRejects(() => server.write(new Uint8Array(1)), TransportError, "the other end closed");
});

Deno.test("dial() is refused where nobody listens, and waits in vain for nobody", async () => {
  const { clock, a } = setUp({ latencyMs: 20 });
  await assertRejects(
    () => clock.runUntil(a.dial({ host: B, port: 1 })),
    TransportError,
    "connection refused",
  );
  assertEquals(clock.now(), 40);
  await assertRejects(
    () => clock.runUntil(a.dial({ host: "10.9.9.9", port: 1 })),
    TransportError,
    "timed out",
  );
});

Deno.test("dial() rejects with the signal's reason, and closes what stands too late", async () => {
  const { clock, a, b } = setUp({ latencyMs: 20 }),
    reason = new Error("enough"),
    controller = new AbortController();
  const listener = await b.listen({ port: 6881 }), server = accepted(listener);
  clock.schedule(30, () => controller.abort(reason));
  const dial = a.dial({ host: B, port: 6881 }, { signal: controller.signal });
  assertEquals(await assertRejects(() => clock.runUntil(dial)), reason);
  assertEquals(await clock.runUntil((await server).read(new Uint8Array(1))), null);
  listener.close();
});

Deno.test("listen() rejects a taken port, and close() frees it and ends the loop", async () => {
  const { b } = setUp(), listener = await b.listen({ port: 6881 });
  await assertRejects(() => b.listen({ port: 6881 }), TransportError, "already in use");
  await assertRejects(() => b.listen({ host: A }), TransportError, "not an address of this host");
  const loop = accepted(listener);
  listener.close();
  listener.close();
  await assertRejects(() => loop, Error, "closed");
  const again = await b.listen();
  assert(again.address.port > 0);
  again.close();
});

Deno.test("cut() holds bytes back until restore() and leaves dials unanswered", async () => {
  const world = setUp(), [client, server] = await connect(world), { clock, network } = world;
  await client.write(new Uint8Array([1]));
  network.cut(A, B);
  await client.write(new Uint8Array([2]));
  const into = new Uint8Array(8), read = server.read(into);
  await assertRejects(() => clock.runUntil(read, { limitMs: 1000 }));
  await assertRejects(
    () => clock.runUntil(world.a.dial({ host: B, port: 6881 })),
    TransportError,
    "timed out",
  );
  network.restore(A, B);
  await client.write(new Uint8Array([3]));
  assertEquals(await clock.runUntil(read), 1);
  await clock.advance(100);
  assertEquals(await server.read(into.subarray(1)), 2);
  assertEquals(into.subarray(0, 3), new Uint8Array([1, 2, 3]));
});

Deno.test("reset() fails both ends", async () => {
  const world = setUp(), [client, server] = await connect(world);
  const reads = [client, server].map((end) =>
    assertRejects(() => end.read(new Uint8Array(1)), TransportError, "reset")
  );
  world.network.reset(A, B);
  await Promise.all(reads);
  await assertRejects(() => client.write(new Uint8Array(1)), TransportError, "reset");
});

Deno.test("datagrams carry the sender's address and find the socket of their port", async () => {
  const { clock, a, b } = setUp();
  const [from, to] = [await a.bindDatagram(), await b.bindDatagram({ port: 6881 })], into = new Uint8Array(2);
  await from.send(new Uint8Array([1, 2, 3]), { host: B, port: 6881 });
  await from.send(new Uint8Array([4]), { host: B, port: 1 });
  assertEquals(await clock.runUntil(to.receive(into)), { bytes: new Uint8Array([1, 2]), from: from.address });
  const waiting = to.receive(into);
  to.close();
  assertEquals(await waiting, null);
  await assertRejects(() => to.send(new Uint8Array(1), from.address), TransportError);
});

/** Sends numbered datagrams and answers the numbers in the order of their arrival. */
async function sendMany(quality: Partial<LinkQuality>, seed = 1): Promise<number[]> {
  const { clock, a, b } = setUp(quality, seed);
  const from = await a.bindDatagram(), to = await b.bindDatagram(), order: number[] = [];
  for (let i = 0; i < 200; i++) clock.schedule(i, () => void from.send(new Uint8Array([i]), to.address));
  const loop = (async () => {
    for (let got = await to.receive(new Uint8Array(8)); got; got = await to.receive(new Uint8Array(8))) {
      order.push(got.bytes[0]!);
    }
  })();
  await clock.advance(1000);
  to.close();
  await loop;
  return order;
}

Deno.test("datagrams arrive in order on a good link; links lose, double and reorder as told", async () => {
  const all = Array.from({ length: 200 }, (_, i) => i);
  assertEquals(await sendMany({}), all);
  const lossy = await sendMany({ loss: 0.5 });
  assert(lossy.length > 60 && lossy.length < 140);
  const doubled = await sendMany({ duplication: 0.5 });
  assert(doubled.length > 260 && new Set(doubled).size === 200);
  for (const quality of [{ reordering: 0.3 }, { jitterMs: 50 }]) {
    const mixed = await sendMany(quality);
    assertEquals(mixed.toSorted((x, y) => x - y), all);
    assert(mixed.some((number, i) => i > 0 && number < mixed[i - 1]!));
  }
});

Deno.test("equal seeds make equal runs, other seeds others", async () => {
  const quality = { loss: 0.2, duplication: 0.2, reordering: 0.2, jitterMs: 30 };
  assertEquals(await sendMany(quality, 7), await sendMany(quality, 7));
  assert((await sendMany(quality, 7)).join() !== (await sendMany(quality, 8)).join());
});

Deno.test("traffic() counts lost datagrams", async () => {
  const { clock, network, a } = setUp({ loss: 1 }), socket = await a.bindDatagram();
  await socket.send(new Uint8Array(10), { host: B, port: 1 });
  await clock.advance(100);
  assertEquals(network.traffic(A), { sentBytes: 10, receivedBytes: 0, sentDatagrams: 1, lostDatagrams: 1 });
});

Deno.test("hosts of both families speak each with its own address", async () => {
  const clock = new VirtualClock(), network = new VirtualNetwork({ clock });
  const a = network.host(A, "2001:db8::1"), b = network.host(B, "2001:db8::2");
  assertEquals(network.host("2001:DB8:0::1"), a);
  assertThrows(() => network.host(A, B), TypeError, "different hosts");
  assertThrows(() => network.host("example"), TypeError, "no IP address");
  const [from, to] = [await a.bindDatagram(), await b.bindDatagram({ port: 1 })];
  await from.send(new Uint8Array(), { host: "2001:db8::2", port: 1 });
  assertEquals((await clock.runUntil(to.receive(new Uint8Array(1))))?.from.host, "2001:db8::1");
  await to.send(new Uint8Array(), { host: "127.0.0.1", port: 1 });
  assertEquals((await clock.runUntil(to.receive(new Uint8Array(1))))?.from.host, "127.0.0.1");
});

Deno.test("what is sent to a multicast group is heard by all who joined it, the sender included", async () => {
  const { clock, network, a, b } = setUp(), group = { host: "239.192.152.143", port: 6771 };
  const join = (host: Network) => host.bindDatagram({ port: group.port, multicast: group.host });
  const members = await Promise.all([a, a, b].map(join));
  const deaf = await network.host("10.0.0.3").bindDatagram({ port: group.port });
  await members[0]!.send(new Uint8Array([1]), group);
  for (const member of members) {
    const got = await clock.runUntil(member.receive(new Uint8Array(8)));
    assertEquals(got, { bytes: new Uint8Array([1]), from: { host: A, port: group.port } });
  }
  const silence = deaf.receive(new Uint8Array(8));
  await clock.advance(1000);
  deaf.close();
  assertEquals(await silence, null);
  await assertRejects(() => a.bindDatagram({ multicast: "10.0.0.9" }), TransportError, "it is none");
});

Deno.test("resolve() and fetch() know the names and origins of the network", async () => {
  const { clock, network, a } = setUp({ latencyMs: 20 });
  network.name("tracker.example", [B]);
  network.serve(
    "http://tracker.example:6969",
    async (request) => new Response(`got ${await request.text()}`),
  );
  assertEquals(await a.resolve("Tracker.example"), [B]);
  assertEquals(await a.resolve("2001:db8::1"), ["2001:db8::1"]);
  await assertRejects(() => a.resolve("other.example"), TransportError);
  const get = (url: string, init?: RequestInit) => clock.runUntil(a.fetch(new Request(url, init)));
  const response = await get("http://tracker.example:6969/announce", { method: "POST", body: "this" });
  assertEquals([await response?.text(), clock.now()], ["got this", 40]);
  await assertRejects(() => get("http://tracker.example/"), TransportError, "refused");
  network.cut(A, B);
  const controller = new AbortController();
  clock.schedule(500, () => controller.abort(new Error("enough")));
  await assertRejects(
    () => get("http://tracker.example:6969/", { signal: controller.signal }),
    Error,
    "enough",
  );
});
