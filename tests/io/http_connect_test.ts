import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { createServer } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { encodeByteString, encodeUtf8 } from "../../src/bytes/text.ts";
import { TransportError } from "../../src/errors.ts";
import { denoNetwork } from "../../src/io/deno/network.ts";
import { throughHttpConnect } from "../../src/io/http_connect.ts";
import { VirtualClock } from "../../src/io/memory/virtual_clock.ts";
import { VirtualNetwork } from "../../src/io/memory/virtual_network.ts";
import type { ProxyOptions } from "../../src/io/proxied_network.ts";
import type { ByteConnection } from "../../src/io/transport.ts";

const PROXY = { host: "10.0.0.9", port: 8080 }, PEER = { host: "10.0.0.1", port: 6881 };
const DIALLING = "Cannot connect to 10.0.0.1 port 6881 through the HTTP proxy";

/** What a proxy heard, and what came of the dial. */
interface Dialled {
  readonly request: string;
  readonly connection?: ByteConnection;
  readonly error?: Error;
}

/** Dials through a proxy that hears a request and then writes `answer`, in parts; behind it, it says nothing. */
async function dialThrough(
  answer: readonly string[],
  options: Partial<ProxyOptions> & { target?: { host: string; port: number }; isClosing?: boolean } = {},
): Promise<Dialled & { readonly clock: VirtualClock }> {
  const clock = new VirtualClock(), virtual = new VirtualNetwork({ clock });
  const listener = await virtual.host(PROXY.host).listen({ port: PROXY.port });
  let request = "";
  void (async () => {
    for await (const proxy of listener) {
      const into = new Uint8Array(1000), count = await proxy.read(into);
      request = encodeByteString(into.subarray(0, count ?? 0));
      for (const part of answer) await proxy.write(encodeUtf8(part));
      if (options.isClosing) proxy.close();
      while (await proxy.read(into).catch(() => null) !== null);
      proxy.close();
      listener.close();
    }
  })();
  const network = throughHttpConnect(virtual.host("10.0.0.2"), { proxy: PROXY, clock, ...options });
  const dialled = network.dial(options.target ?? PEER).then(
    (connection) => ({ connection }),
    (error) => ({ error }),
  );
  const outcome = (await clock.runUntil<{ connection?: ByteConnection; error?: Error }>(dialled))!;
  if (outcome.connection === undefined) {
    await clock.advance(1000);
    assertEquals(clock.nextAt, undefined);
  }
  return { request, clock, ...outcome };
}

async function failure(
  answer: readonly string[],
  options?: Parameters<typeof dialThrough>[1],
): Promise<string> {
  const { error } = await dialThrough(answer, options);
  assertInstanceOf(error, TransportError);
  return error.message;
}

const GRANTED = "HTTP/1.1 200 Connection established\r\nVia: somebody\r\n\r\n";

for (
  const [what, host, authority, remote] of [
    ["an IPv4 address", "10.0.0.1", "10.0.0.1:6881", PEER],
    ["an IPv6 address", "2001:db8::1", "[2001:db8::1]:6881", { host: "2001:db8::1", port: 6881 }],
    ["a name", "peer.example", "peer.example:6881", undefined],
  ] as const
) {
  Deno.test(`dial() through an HTTP proxy asks for ${what}`, async () => {
    const { request, connection } = await dialThrough([GRANTED], { target: { host, port: 6881 } });
    assertEquals(request, `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
    assertEquals([connection?.remote, connection?.local], [remote, undefined]);
    connection?.close();
  });
}

Deno.test("dial() through an HTTP proxy sends username and password", async () => {
  const { request, connection } = await dialThrough([GRANTED], { username: "ann", password: "sécret:x" });
  assert(request.endsWith("\r\nProxy-Authorization: Basic YW5uOnPDqWNyZXQ6eA==\r\n\r\n"), request);
  connection?.close();
});

Deno.test("dial() through an HTTP proxy gives all that comes behind the head, wherever it is cut", async () => {
  const stream = `${GRANTED}hello`;
  for (let cut = 0; cut <= stream.length; cut++) {
    const { connection, clock } = await dialThrough([stream.slice(0, cut), stream.slice(cut)]);
    let text = "";
    for (const into = new Uint8Array(3); text.length < 5;) {
      const count = await clock.runUntil(connection!.read(into));
      text += encodeByteString(into.subarray(0, count!));
    }
    assertEquals(text, "hello", `${cut}`);
    connection!.close();
    assertEquals(await connection!.read(new Uint8Array(1)), null);
  }
});

Deno.test("dial() through an HTTP proxy takes any 2xx and any minor version", async () => {
  for (const answer of ["HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 204\r\n\r\n", "HTTP/1.1 299 \r\nA: b\r\n\r\n"]) {
    const { connection, error } = await dialThrough([answer]);
    assertEquals(error, undefined);
    connection?.close();
  }
});

Deno.test("dial() through an HTTP proxy says what the proxy answered", async () => {
  const refusals: readonly (readonly [answer: string, reason: string])[] = [
    ["HTTP/1.1 403 Forbidden\r\n\r\nsorry", "the proxy answered 403 Forbidden"],
    ["HTTP/1.1 502\r\n\r\n", "the proxy answered 502"],
    ["HTTP/1.1 503 \x1b[31mé\x07red\r\n\r\n", "the proxy answered 503 [31mred"],
    [`HTTP/1.1 500 ${"x".repeat(500)}\r\n\r\n`, `the proxy answered 500 ${"x".repeat(80)}`],
    ["HTTP/1.1 101 Switching Protocols\r\n\r\n", "the proxy answered 101 Switching Protocols"],
    ["HTTP/1.1 407 Who are you\r\n\r\n", "the proxy asks for a username and password"],
    ["HTTP/2 200\r\n\r\n", "the proxy does not speak HTTP"],
    ["HTTP/1.1 2000\r\n\r\n", "the proxy does not speak HTTP"],
    ["SSH-2.0-OpenSSH\r\n", "the proxy does not speak HTTP"],
    ["\x05\x00", "the proxy does not speak HTTP"],
    [`HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(3000)}`, "the proxy's answer is too long"],
    ["HTTP/1.1 200 OK\r\n", "timed out"],
    ["", "timed out"],
  ];
  for (const [answer, reason] of refusals) {
    assertEquals(await failure([answer]), `${DIALLING}: ${reason}`);
  }
  assertEquals(
    await failure(["HTTP/1.1 407 Who are you\r\n\r\n"], { username: "ann" }),
    `${DIALLING}: the proxy refuses the username or password`,
  );
  for (const answer of ["", "HTTP/1.1 200 OK\r\n"]) {
    assertEquals(
      await failure([answer], { isClosing: true }),
      `${DIALLING}: the proxy closed the connection`,
    );
  }
});

Deno.test("throughHttpConnect() refuses a username with a colon", () => {
  const network = new VirtualNetwork({ clock: new VirtualClock() }).host("10.0.0.2");
  assertThrows(() => throughHttpConnect(network, { proxy: PROXY, username: "a:b" }), RangeError, "colon");
});

Deno.test("dial() through an HTTP proxy refuses hosts that would break the request", async () => {
  const network = new VirtualNetwork({ clock: new VirtualClock() }).host("10.0.0.2");
  const proxied = throughHttpConnect(network, { proxy: PROXY });
  for (const host of ["a\r\nHost: b", "a b", "a:1", "", "a/b", "u@a"]) {
    await assertRejects(
      () => proxied.dial({ host, port: 1 }),
      RangeError,
      "neither an IP address nor a name",
    );
  }
});

Deno.test("a network behind an HTTP proxy carries nothing but dials, unless the rest may go past it", async () => {
  const clock = new VirtualClock(), network = new VirtualNetwork({ clock }).host("10.0.0.2");
  const proxied = throughHttpConnect(network, { proxy: PROXY, clock });
  const suffix = 'the HTTP proxy does not carry it ("direct" lets it past)';
  await assertRejects(() => proxied.bindDatagram(), TransportError, `Cannot bind UDP: ${suffix}`);
  await assertRejects(() => proxied.listen(), TransportError, `Cannot listen for TCP: ${suffix}`);
  await assertRejects(() => proxied.fetch(new Request("http://a.example/")), TransportError, suffix);
  await assertRejects(() => proxied.resolve("a.example"), TransportError, suffix);
  const open = throughHttpConnect(network, { proxy: PROXY, clock, direct: ["bindDatagram", "listen"] });
  (await open.bindDatagram()).close();
  (await open.listen()).close();
});

Deno.test("dial() through the HTTP proxy of another library reaches a target over real sockets", async () => {
  const target = await denoNetwork.listen({ host: "127.0.0.1", port: 0 });
  const accepted = target[Symbol.asyncIterator]().next();
  const proxy = createServer().on("connect", (request, socket, head) => {
    assertEquals(request.headers["proxy-authorization"], "Basic YTpi");
    const [host, port] = request.url!.split(":");
    const onward = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 Connection Established\r\nProxy-agent: node\r\n\r\n");
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as AddressInfo;

  const network = throughHttpConnect(denoNetwork, {
    proxy: { host: "127.0.0.1", port },
    username: "a",
    password: "b",
  });
  const connection = await network.dial(target.address), peer = (await accepted).value as ByteConnection;
  await peer.write(encodeUtf8("hello"));
  const into = new Uint8Array(10), count = await connection.read(into);
  assertEquals(into.subarray(0, count!), encodeUtf8("hello"));
  await connection.write(encodeUtf8("you"));
  assertEquals(await peer.read(into), 3);

  connection.close();
  assertEquals(await peer.read(into), null);
  peer.close();
  target.close();
  await new Promise((resolve) => proxy.close(resolve));
});
