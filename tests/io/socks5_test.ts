import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { encodeUtf8 } from "../../src/bytes/text.ts";
import { TransportError } from "../../src/errors.ts";
import { denoNetwork } from "../../src/io/deno/network.ts";
import { VirtualClock } from "../../src/io/memory/virtual_clock.ts";
import { VirtualNetwork } from "../../src/io/memory/virtual_network.ts";
import type { ProxyOptions } from "../../src/io/proxied_network.ts";
import { throughSocks5 } from "../../src/io/socks5.ts";
import type { ByteConnection, Network } from "../../src/io/transport.ts";
import { Socks5Server, type Socks5ServerOptions, wrap } from "./socks5_server.ts";

const PROXY = { host: "10.0.0.9", port: 1080 }, PEER = { host: "10.0.0.1", port: 6881 };
const PEER6 = { host: "2001:db8::1", port: 6881 };

type Scene = Awaited<ReturnType<typeof openScene>>;

/** A client, a proxy, and a peer that sends everything back, in virtual time. */
async function openScene(serverOptions: Socks5ServerOptions = {}) {
  const clock = new VirtualClock(), virtual = new VirtualNetwork({ clock });
  const client = virtual.host("10.0.0.2"), peer = virtual.host(PEER.host, PEER6.host);
  virtual.name("peer.example", [PEER.host]);
  virtual.name("proxy.example", [PROXY.host]);
  const listener = await peer.listen({ port: PEER.port });
  const server = await Socks5Server.open(virtual.host(PROXY.host, "2001:db8::9"), PROXY, serverOptions);
  void (async () => {
    for await (const connection of listener) void echo(connection);
  })();
  return {
    clock,
    virtual,
    client,
    server,
    through: (options: Partial<ProxyOptions> = {}): Network =>
      throughSocks5(client, { proxy: PROXY, clock, ...options }),
    run: async <T>(work: Promise<T>): Promise<T> => await clock.runUntil(work) as T,
    async [Symbol.asyncDispose]() {
      const closing = server.close();
      listener.close();
      await clock.advance(1000);
      await closing;
      assertEquals(clock.nextAt, undefined);
    },
  };
}

async function echo(connection: ByteConnection): Promise<void> {
  const buffer = new Uint8Array(1000);
  for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
    await connection.write(buffer.subarray(0, count));
  }
  connection.close();
}

async function assertEchoes(scene: Scene, connection: ByteConnection): Promise<void> {
  const into = new Uint8Array(100);
  await connection.write(encodeUtf8("hello"));
  const count = await scene.run(connection.read(into));
  assertEquals(into.subarray(0, count!), encodeUtf8("hello"));
}

/** The text of a failure. */
async function failure<T>(scene: Scene, work: Promise<T>): Promise<string> {
  const error = await assertRejects(() => scene.run(work));
  assertInstanceOf(error, TransportError);
  return error.message;
}

for (
  const [what, host, asked, remote] of [
    ["an IPv4 address", PEER.host, "connect 10.0.0.1:6881", PEER],
    ["an IPv6 address", PEER6.host, "connect 2001:db8:0:0:0:0:0:1:6881", PEER6],
    ["a name", "peer.example", "connect peer.example:6881", undefined],
  ] as const
) {
  Deno.test(`dial() through SOCKS5 reaches ${what}`, async () => {
    await using scene = await openScene();
    const connection = await scene.run(scene.through().dial({ host, port: 6881 }));
    assertEquals(scene.server.asked, [asked]);
    assertEquals([connection.remote, connection.local], [remote, undefined]);
    await assertEchoes(scene, connection);
    connection.close();
    connection.close();
    assertEquals(await connection.read(new Uint8Array(1)), null);
  });
}

Deno.test("dial() through SOCKS5 finds a proxy by its name", async () => {
  await using scene = await openScene();
  const network = scene.through({ proxy: { host: "proxy.example", port: 1080 } });
  (await scene.run(network.dial(PEER))).close();
});

Deno.test("dial() through SOCKS5 logs in with username and password", async () => {
  await using scene = await openScene({ user: ["ann", "sécret"] });
  const connection = await scene.run(scene.through({ username: "ann", password: "sécret" }).dial(PEER));
  await assertEchoes(scene, connection);
  connection.close();
});

Deno.test("dial() through SOCKS5 offers a password to a proxy that wants none", async () => {
  await using scene = await openScene();
  (await scene.run(scene.through({ username: "ann" }).dial(PEER))).close();
});

const DIALLING = "Cannot connect to 10.0.0.1 port 6881 through the SOCKS5 proxy";

Deno.test("dial() through SOCKS5 says why the proxy lets us not in", async () => {
  await using scene = await openScene({ user: ["ann", "secret"] });
  assertEquals(
    await failure(scene, scene.through().dial(PEER)),
    `${DIALLING}: the proxy asks for a username and password`,
  );
  assertEquals(
    await failure(scene, scene.through({ username: "ann", password: "guess" }).dial(PEER)),
    `${DIALLING}: the proxy refuses the username or password`,
  );
});

Deno.test("dial() through SOCKS5 says why the target is not reached", async () => {
  const reasons: Readonly<Record<number, string>> = {
    1: "the proxy failed",
    2: "the proxy's rules forbid it",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "the proxy does not support it",
    8: "the proxy does not support this type of address",
    9: "the proxy refuses with code 9",
    255: "the proxy refuses with code 255",
  };
  for (const [code, reason] of Object.entries(reasons)) {
    await using scene = await openScene({ refusal: Number(code) });
    assertEquals(await failure(scene, scene.through().dial(PEER)), `${DIALLING}: ${reason}`);
  }
});

Deno.test("dial() through SOCKS5 fails like a dial when the target refuses or the proxy is not there", async () => {
  await using scene = await openScene();
  assertEquals(
    await failure(scene, scene.through().dial({ ...PEER, port: 1 })),
    "Cannot connect to 10.0.0.1 port 1 through the SOCKS5 proxy: connection refused",
  );
  assertEquals(
    await failure(scene, scene.through().dial({ host: "nobody.example", port: 1 })),
    "Cannot connect to nobody.example port 1 through the SOCKS5 proxy: host unreachable",
  );
  const network = scene.through({ proxy: { ...PROXY, port: 1081 } });
  assertEquals(
    await failure(scene, network.dial(PEER)),
    "Cannot connect to 10.0.0.9 port 1081: connection refused",
  );
});

/** A proxy that says something of its own and then nothing. */
async function dialMute(words: readonly (readonly number[])[], isClosing: boolean): Promise<string> {
  const clock = new VirtualClock(), virtual = new VirtualNetwork({ clock });
  const listener = await virtual.host(PROXY.host).listen({ port: PROXY.port });
  const serving = (async () => {
    for await (const connection of listener) {
      for (const word of words) {
        await connection.read(new Uint8Array(1000));
        for (const byte of word) await connection.write(Uint8Array.of(byte));
      }
      if (isClosing) connection.close();
      while (await connection.read(new Uint8Array(1000)) !== null);
      connection.close();
      listener.close();
    }
  })();
  const dialled = throughSocks5(virtual.host("10.0.0.2"), { proxy: PROXY, clock }).dial(PEER);
  const error = await assertRejects(() => clock.runUntil(dialled), TransportError);
  await clock.runUntil(serving);
  await clock.advance(1000);
  assertEquals(clock.nextAt, undefined);
  return error.message;
}

Deno.test("dial() through SOCKS5 says what is wrong with the proxy's words", async () => {
  const GRANTED = [5, 0];
  const cases: readonly (readonly [words: number[][], isClosing: boolean, reason: string])[] = [
    [[[0x48, 0x54]], false, "the proxy does not speak SOCKS5"],
    [[[4, 90]], false, "the proxy does not speak SOCKS5"],
    [[[5, 1]], false, "the proxy asks for a username and password"],
    [[GRANTED, [4, 0, 0, 1, 0]], false, "the proxy does not speak SOCKS5"],
    [[GRANTED, [5, 0, 0, 2, 0]], false, "the proxy's reply makes no sense"],
    [[], true, "the proxy closed the connection"],
    [[[5]], true, "the proxy closed the connection"],
    [[GRANTED, [5, 0, 0, 3, 200, 1, 2, 3]], true, "the proxy closed the connection"],
    [[], false, "timed out"],
    [[GRANTED, [5, 0, 0, 1, 1, 2, 3, 4, 0]], false, "timed out"],
  ];
  for (const [words, isClosing, reason] of cases) {
    assertEquals(await dialMute(words, isClosing), `${DIALLING}: ${reason}`);
  }
});

Deno.test("dial() through SOCKS5 gives up with the signal's reason at any time", async () => {
  const reason = new Error("enough");
  for (const afterMs of [0, 5, 15, 25, 35, 45]) {
    await using scene = await openScene();
    const abort = new AbortController();
    if (afterMs === 0) abort.abort(reason);
    else scene.clock.schedule(afterMs, () => abort.abort(reason));
    const error = await assertRejects(() => scene.run(scene.through().dial(PEER, { signal: abort.signal })));
    assertEquals(error, reason);
  }
});

Deno.test("dial() and send() through SOCKS5 refuse what is no host or port, before anything is sent", async () => {
  await using scene = await openScene();
  const network = scene.through();
  for (const host of ["", "a b", "a\r\nb", "é.example", "[::1]", "a".repeat(256), "a/b"]) {
    await assertRejects(
      () => network.dial({ host, port: 1 }),
      RangeError,
      "neither an IP address nor a name",
    );
  }
  for (const port of [0, 65536, 1.5, NaN]) {
    await assertRejects(() => network.dial({ ...PEER, port }), RangeError, "not from 1 to 65535");
  }
  const socket = await scene.run(network.bindDatagram());
  await assertRejects(() => socket.send(new Uint8Array(1), { host: "a b", port: 1 }), RangeError);
  socket.close();
  assertEquals(scene.server.asked, ["associate"]);
});

Deno.test("throughSocks5() refuses credentials that do not fit", async () => {
  await using scene = await openScene();
  for (const username of ["", "a".repeat(256)]) {
    assertThrows(() => scene.through({ username }), RangeError, "up to 255 bytes");
  }
  assertThrows(
    () => scene.through({ username: "a", password: "b".repeat(256) }),
    RangeError,
    "up to 255 bytes",
  );
});

Deno.test("a network behind SOCKS5 shows us to nobody past the proxy, unless that is allowed", async () => {
  await using scene = await openScene();
  const network = scene.through(), request = new Request("http://peer.example/announce");
  const past = '("direct" lets it past)';
  assertEquals(
    await failure(scene, network.listen()),
    `Cannot listen for TCP: the SOCKS5 proxy does not carry it ${past}`,
  );
  assertEquals(
    await failure(scene, network.fetch(request)),
    `Cannot fetch from "peer.example": the SOCKS5 proxy does not carry it ${past}`,
  );
  assertEquals(
    await failure(scene, network.resolve("peer.example")),
    `Cannot find the address of "peer.example": the SOCKS5 proxy does not carry it ${past}`,
  );
  assertEquals(
    await failure(scene, network.bindDatagram({ multicast: "239.192.152.143", port: 6771 })),
    `Cannot join a multicast group: the SOCKS5 proxy does not carry it ${past}`,
  );
  assertEquals(await network.resolve("::ffff:1.2.3.4"), ["1.2.3.4"]);

  scene.virtual.serve("http://peer.example", () => new Response("hello"));
  const open = scene.through({ direct: ["listen", "fetch", "resolve", "bindDatagram"] });
  (await open.listen()).close();
  assertEquals(await (await scene.run(open.fetch(request))).text(), "hello");
  assertEquals(await open.resolve("peer.example"), [PEER.host]);
  (await open.bindDatagram()).close();
  assertEquals(scene.server.asked, []);
});

Deno.test("bindDatagram() through SOCKS5 sends and receives by the relay", async () => {
  for (const relayHost of [undefined, "0.0.0.0"]) {
    await using scene = await openScene(relayHost === undefined ? {} : { relayHost });
    const socket = await scene.run(scene.through().bindDatagram({ port: 7000 }));
    assertEquals(socket.address, { host: "10.0.0.2", port: 7000 });
    const peer = await scene.virtual.host(PEER.host).bindDatagram({ host: PEER.host, port: 9 });
    for (const host of [PEER.host, "peer.example"]) {
      await socket.send(encodeUtf8("ping"), { host, port: 9 });
      const into = new Uint8Array(100), arrived = await scene.run(peer.receive(into));
      assertEquals([arrived?.bytes, arrived?.from.host], [encodeUtf8("ping"), PROXY.host]);
      await peer.send(encodeUtf8("pong!"), arrived!.from);
      const answer = await scene.run(socket.receive(into));
      assertEquals(answer, { bytes: encodeUtf8("pong!"), from: { host: PEER.host, port: 9 } });
      assertEquals(answer?.bytes.buffer, into.buffer);
      await peer.send(encodeUtf8("long answer"), arrived!.from);
      assertEquals((await scene.run(socket.receive(new Uint8Array(4))))?.bytes, encodeUtf8("long"));
    }
    assertEquals(scene.server.relayed, ["10.0.0.1:9", "peer.example:9"]);
    assertEquals(scene.server.asked, ["associate"]);
    peer.close();
    socket.close();
    socket.close();
    assertEquals(await socket.receive(new Uint8Array(1)), null);
  }
});

Deno.test("receive() through SOCKS5 takes nothing but whole datagrams from the relay", async () => {
  await using scene = await openScene();
  const socket = await scene.run(scene.through().bindDatagram()), relay = scene.server.relay!;
  const stranger = await scene.virtual.host("10.0.0.66").bindDatagram();
  const into = new Uint8Array(100),
    good = wrap(PEER, encodeUtf8("good")),
    bad = wrap(PEER, encodeUtf8("bad"));
  const sendAll = async () => {
    await stranger.send(bad, socket.address);
    await relay.send(wrap(PEER, encodeUtf8("bad"), 1), socket.address);
    for (let length = 0; length < 10; length++) await relay.send(bad.subarray(0, length), socket.address);
    await relay.send(Uint8Array.of(0, 0, 0, 9, 1, 2, 3, 4, 5, 6), socket.address);
    await relay.send(Uint8Array.of(0, 0, 0, 3, 2, 97, 98, 0, 80, 1), socket.address);
    await relay.send(good, socket.address);
    await relay.send(Uint8Array.of(0, 0, 0, 4, ...new Array(15).fill(0), 1, 0, 80, 7), socket.address);
    await relay.send(wrap(PEER, new Uint8Array()), socket.address);
  };
  await sendAll();
  assertEquals(await scene.run(socket.receive(into)), { bytes: encodeUtf8("good"), from: PEER });
  assertEquals(await scene.run(socket.receive(into)), {
    bytes: Uint8Array.of(7),
    from: { host: "::1", port: 80 },
  });
  assertEquals(await scene.run(socket.receive(into)), { bytes: new Uint8Array(), from: PEER });
  stranger.close();
  socket.close();
});

Deno.test("a socket behind SOCKS5 is closed when the proxy ends the relay", async () => {
  await using scene = await openScene();
  const socket = await scene.run(scene.through().bindDatagram()), waiting = socket.receive(new Uint8Array(1));
  void scene.server.close();
  assertEquals(await scene.run(waiting), null);
  await assertRejects(() => socket.send(new Uint8Array(1), PEER), TransportError);
});

Deno.test("bindDatagram() through SOCKS5 says that the proxy has no relay, or that the port is taken", async () => {
  {
    await using scene = await openScene({ refusal: 7 });
    assertEquals(
      await failure(scene, scene.through().bindDatagram()),
      "Cannot bind UDP through the SOCKS5 proxy: the proxy does not support it",
    );
  }
  await using scene = await openScene();
  const taken = await scene.client.bindDatagram({ port: 7000 });
  const text = await failure(scene, scene.through().bindDatagram({ port: 7000 }));
  assert(text.includes("address already in use"), text);
  taken.close();
});

Deno.test("SOCKS5 over real sockets carries connections and datagrams", async () => {
  const LOCAL = "127.0.0.1";
  const server = await Socks5Server.open(denoNetwork, { host: LOCAL, port: 0 }, { user: ["a", "b"] });
  const network = throughSocks5(denoNetwork, {
    proxy: server.address,
    username: "a",
    password: "b",
  });
  const listener = await denoNetwork.listen({ host: LOCAL, port: 0 });
  const accepted = listener[Symbol.asyncIterator]().next();
  const connection = await network.dial(listener.address), { value: peer } = await accepted;
  await connection.write(encodeUtf8("hello"));
  const into = new Uint8Array(100);
  assertEquals(await (peer as ByteConnection).read(into), 5);

  const udp = await denoNetwork.bindDatagram({ host: LOCAL, port: 0 });
  const relayed = await network.bindDatagram({ host: LOCAL, port: 0 });
  await relayed.send(encodeUtf8("ping"), udp.address);
  const arrived = await udp.receive(into);
  await udp.send(encodeUtf8("pong"), arrived!.from);
  assertEquals(await relayed.receive(into), { bytes: encodeUtf8("pong"), from: udp.address });

  relayed.close();
  udp.close();
  connection.close();
  (peer as ByteConnection).close();
  listener.close();
  await server.close();
});
