import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { TransportError } from "../../../src/errors.ts";
import { denoNetwork } from "../../../src/io/deno/network.ts";
import {
  type DenoProxy,
  type DisposableNetwork,
  openDenoNetwork,
} from "../../../src/io/deno/open_network.ts";
import type { ByteConnection } from "../../../src/io/transport.ts";
import { Socks5Server, type Socks5ServerOptions } from "../socks5_server.ts";

const LOOPBACK = { host: "127.0.0.1" };
/** Every address that begins with 127 is this machine's, on Linux. */
const ELSEWHERE = "127.0.0.5", hasElsewhere = Deno.build.os === "linux";

async function readAll(connection: ByteConnection, length: number, step = length): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await connection.read(bytes.subarray(at, at + step));
    if (count === null) return bytes.subarray(0, at);
    at += count;
  }
  return bytes;
}

/** Two ends of a connection that was dialled from `localHost`, over a listener that is closed again. */
async function connected(
  localHost: string,
): Promise<readonly [dialled: ByteConnection, accepted: ByteConnection]> {
  using network = openDenoNetwork({ localHost });
  const listener = await denoNetwork.listen(LOOPBACK), dialled = await network.dial(listener.address);
  for await (const accepted of listener) return [dialled, accepted];
  throw new Error("closed");
}

Deno.test({
  name: "openDenoNetwork() with a local address lets nothing come from another one",
  ignore: !hasElsewhere,
  async fn() {
    const [dialled, accepted] = await connected(ELSEWHERE);
    assertEquals([dialled.local, dialled.remote?.host], [accepted.remote, LOOPBACK.host]);
    assertEquals(accepted.remote?.host, ELSEWHERE);
    dialled.close();
    accepted.close();

    using network = openDenoNetwork({ localHost: ELSEWHERE });
    const seen: string[] = [];
    await using server = Deno.serve(
      { hostname: LOOPBACK.host, port: 0, onListen: () => {} },
      (_, { remoteAddr }) => {
        seen.push(remoteAddr.hostname);
        return new Response("hello");
      },
    );
    const url = `http://${LOOPBACK.host}:${server.addr.port}/announce`;
    assertEquals(await (await network.fetch(new Request(url))).text(), "hello");
    assertEquals(seen, [ELSEWHERE]);
    const listener = await network.listen(), socket = await network.bindDatagram();
    assertEquals([listener.address.host, socket.address.host], [ELSEWHERE, ELSEWHERE]);
    listener.close();
    socket.close();
  },
});

Deno.test("dial() from a local address fails if this machine has no such address, or of the other family", async () => {
  const listener = await denoNetwork.listen(LOOPBACK);
  for (const localHost of ["192.0.2.1", "2001:db8::1"]) {
    using network = openDenoNetwork({ localHost });
    const error = await assertRejects(() => network.dial(listener.address), TransportError);
    assert(
      error.message.startsWith(`Cannot connect to 127.0.0.1:${listener.address.port} from ${localHost}: `),
    );
  }
  listener.close();
});

Deno.test("openDenoNetwork() takes every address for no restriction", async () => {
  for (const localHost of ["0.0.0.0", "::"]) {
    using network = openDenoNetwork({ localHost });
    const listener = await denoNetwork.listen(LOOPBACK);
    (await network.dial(listener.address)).close();
    listener.close();
  }
});

Deno.test("dial() from a local address rejects when nobody listens, and with the signal's reason", async () => {
  using network = openDenoNetwork({ localHost: LOOPBACK.host });
  const listener = await denoNetwork.listen(LOOPBACK), { address } = listener;
  listener.close();
  const error = await assertRejects(
    () => network.dial(address),
    TransportError,
    "Cannot connect to 127.0.0.1:",
  );
  assertInstanceOf(error.cause, Error);
  const reason = new Error("enough"), controller = new AbortController();
  const early = () => network.dial(address, { signal: AbortSignal.abort(reason) });
  assertEquals(await assertRejects(early), reason);
  const late = network.dial(address, { signal: controller.signal });
  controller.abort(reason);
  assertEquals(await assertRejects(() => late), reason);
});

Deno.test("a connection from a local address carries all bytes, read in whatever steps", async () => {
  const [client, server] = await connected(LOOPBACK.host);
  const bytes = Uint8Array.from({ length: 4 << 20 }, (_, i) => i % 251);
  const [upstream] = await Promise.all([readAll(server, bytes.length), client.write(bytes)]);
  assertEquals(upstream, bytes);
  const [downstream] = await Promise.all([readAll(client, bytes.length, 10_007), server.write(bytes)]);
  assertEquals(downstream, bytes);
  server.close();
  assertEquals(await client.read(new Uint8Array(1)), null);
  client.close();
  client.close();
});

Deno.test("close() of a connection from a local address ends a read that waits with null", async () => {
  const [client, server] = await connected(LOOPBACK.host);
  const read = client.read(new Uint8Array(1));
  client.close();
  assertEquals(await read, null);
  await assertRejects(() => client.write(new Uint8Array(1)), TransportError, "Cannot write to connection");
  assertEquals(await server.read(new Uint8Array(1)), null);
  server.close();
});

/** A tracker that only the proxy can find, and a proxy that finds it. */
async function withSocks5(
  options: Socks5ServerOptions,
  body: (scene: { server: Socks5Server; proxy: DenoProxy; url: string }) => Promise<void>,
): Promise<void> {
  await using web = Deno.serve(
    { hostname: LOOPBACK.host, port: 0, onListen: () => {} },
    () => new Response("hello"),
  );
  const resolve = () => Promise.resolve([LOOPBACK.host]);
  const server = await Socks5Server.open({ ...denoNetwork, resolve }, { ...LOOPBACK, port: 0 }, options);
  try {
    const proxy = { protocol: "socks5", ...server.address } as const;
    await body({ server, proxy, url: `http://tracker.invalid:${web.addr.port}/announce` });
  } finally {
    await server.close();
  }
}

async function textOf(network: DisposableNetwork, url: string): Promise<string> {
  return await (await network.fetch(new Request(url))).text();
}

Deno.test("openDenoNetwork() with a SOCKS5 proxy leaves names to it, whatever NO_PROXY says", () =>
  withSocks5({ user: ["us", "p@ss"] }, async ({ server, proxy, url }) => {
    const options = { proxy: { ...proxy, username: "us", password: "p@ss" } };
    // In a process of its own: all tests share the variables of this one.
    const program = `
      import { openDenoNetwork } from "./src/io/deno/open_network.ts";
      using network = openDenoNetwork(${JSON.stringify(options)});
      const answer = await network.fetch(new Request("${url}"));
      console.log(await answer.text(), Deno.env.get("NO_PROXY"));`;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-check", "--env-file=.env.jsr", program],
      cwd: new URL("../../../", import.meta.url),
      env: { NO_PROXY: "*,tracker.invalid" },
      stderr: "inherit",
    }).output();
    assertEquals(new TextDecoder().decode(stdout), "hello *,tracker.invalid\n");
    assertEquals(server.asked, [`connect tracker.invalid:${new URL(url).port}`]);
    using stranger = openDenoNetwork({ proxy });
    await assertRejects(() => stranger.fetch(new Request(url)), TransportError, "Cannot fetch from");
    assertEquals(server.asked.length, 1);
  }));

Deno.test("openDenoNetwork() with a SOCKS5 proxy lets nothing past it", () =>
  withSocks5({}, async ({ server, proxy }) => {
    using network = openDenoNetwork({ proxy });
    const listener = await denoNetwork.listen(LOOPBACK), { port } = listener.address;
    const connection = await network.dial(listener.address);
    assertEquals(server.asked, [`connect 127.0.0.1:${port}`]);
    connection.close();
    listener.close();
    await assertRejects(() => network.listen(), TransportError, "the SOCKS5 proxy does not carry it");
    await assertRejects(
      () => network.resolve("localhost"),
      TransportError,
      "the SOCKS5 proxy does not carry it",
    );
    const group = () => network.bindDatagram({ multicast: "239.192.152.143", port: 6771 });
    await assertRejects(
      group,
      TransportError,
      "Cannot join a multicast group: the SOCKS5 proxy does not carry it",
    );
  }));

Deno.test({
  name: "openDenoNetwork() with a proxy fetches nothing if it may not look at NO_PROXY",
  permissions: { net: true },
  async fn() {
    using network = openDenoNetwork({ proxy: { protocol: "http", host: LOOPBACK.host, port: 9 } });
    const error = await assertRejects(
      () => network.fetch(new Request("http://localhost:9/")),
      TransportError,
    );
    assertEquals(
      error.message,
      'Cannot fetch from "localhost:9": NO_PROXY could let it past the proxy; see --allow-env=NO_PROXY,no_proxy',
    );
  },
});

Deno.test({
  name: "openDenoNetwork() with a SOCKS5 proxy and a local address dials, but does not fetch",
  ignore: !hasElsewhere,
  fn: () =>
    withSocks5({}, async ({ server, proxy, url }) => {
      using network = openDenoNetwork({ proxy, localHost: ELSEWHERE });
      await assertRejects(() => network.fetch(new Request(url)), TransportError, "to a local address");
      const listener = await denoNetwork.listen(LOOPBACK);
      (await network.dial(listener.address)).close();
      assertEquals(server.asked, [`connect 127.0.0.1:${listener.address.port}`]);
      listener.close();
    }),
});

Deno.test({
  name: "openDenoNetwork() with an HTTP proxy and a local address gives requests to the proxy, from there",
  ignore: !hasElsewhere,
  async fn() {
    const asked: unknown[] = [];
    await using server = Deno.serve(
      { hostname: LOOPBACK.host, port: 0, onListen: () => {} },
      ({ url, headers }, { remoteAddr }) => {
        asked.push([url, headers.get("proxy-authorization"), remoteAddr.hostname]);
        return new Response("hello");
      },
    );
    const proxy = { protocol: "http", host: LOOPBACK.host, port: server.addr.port } as const;
    const network = openDenoNetwork({
      proxy: { ...proxy, username: "us", password: "them" },
      localHost: ELSEWHERE,
    });
    assertEquals(await textOf(network, "http://tracker.invalid:99/announce"), "hello");
    assertEquals(asked, [["http://tracker.invalid:99/announce", `Basic ${btoa("us:them")}`, ELSEWHERE]]);
    network[Symbol.dispose]();
    const late = () => network.fetch(new Request("http://tracker.invalid:99/"));
    await assertRejects(late, TransportError, "the network is closed");
  },
});

Deno.test("openDenoNetwork() refuses what is no address, and credentials that cannot be told", () => {
  assertThrows(() => openDenoNetwork({ localHost: "localhost" }), RangeError, '"localhost"');
  const proxy = { protocol: "http", host: "proxy.invalid", port: 8080, username: "a:b" } as const;
  assertThrows(() => openDenoNetwork({ proxy }), RangeError, "colon");
});
