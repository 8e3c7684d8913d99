import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { StateError, TransportError } from "../../../src/errors.ts";
import { denoNetwork } from "../../../src/io/deno/network.ts";
import { canonicalHost } from "../../../src/peer/ip.ts";
import type { ByteConnection, Listener } from "../../../src/io/transport.ts";

const LOOPBACK = { host: "127.0.0.1" };

async function accepted(listener: Listener): Promise<ByteConnection> {
  for await (const connection of listener) return connection;
  throw new Error("closed");
}

async function readAll(connection: ByteConnection, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await connection.read(bytes.subarray(at));
    if (count === null) return bytes.subarray(0, at);
    at += count;
  }
  return bytes;
}

Deno.test("dial() and listen() join two ends that know each other's address", async () => {
  const listener = await denoNetwork.listen(LOOPBACK);
  const [client, server] = await Promise.all([denoNetwork.dial(listener.address), accepted(listener)]);
  assertEquals(client.remote, listener.address);
  assertEquals(server.remote, client.local);
  await client.write(new Uint8Array([1, 2, 3]));
  assertEquals(await readAll(server, 3), new Uint8Array([1, 2, 3]));
  client.close();
  client.close();
  assertEquals(await server.read(new Uint8Array(1)), null);
  server.close();
});

Deno.test("write() delivers more than a socket buffer holds", async () => {
  const listener = await denoNetwork.listen(LOOPBACK);
  const [client, server] = await Promise.all([denoNetwork.dial(listener.address), accepted(listener)]);
  const bytes = Uint8Array.from({ length: 8 << 20 }, (_, i) => i % 251);
  const [read] = await Promise.all([readAll(server, bytes.length), client.write(bytes)]);
  assertEquals(read, bytes);
  client.close();
  server.close();
});

Deno.test("close() ends a read that waits with null", async () => {
  const listener = await denoNetwork.listen(LOOPBACK);
  const [client, server] = await Promise.all([denoNetwork.dial(listener.address), accepted(listener)]);
  const read = client.read(new Uint8Array(1));
  client.close();
  assertEquals(await read, null);
  await assertRejects(() => client.write(new Uint8Array(1)), TransportError);
  server.close();
});

Deno.test("dial() rejects with a TransportError and its cause when nobody listens", async () => {
  const listener = await denoNetwork.listen(LOOPBACK);
  const { address } = listener;
  listener.close();
  const error = await assertRejects(
    () => denoNetwork.dial(address),
    TransportError,
    "Cannot connect to 127.0.0.1",
  );
  assertInstanceOf(error.cause, Error);
});

Deno.test("dial() rejects with the signal's reason", async () => {
  const reason = new Error("enough");
  const error = await assertRejects(
    () => denoNetwork.dial({ host: "127.0.0.1", port: 9 }, { signal: AbortSignal.abort(reason) }),
  );
  assertEquals(error, reason);
});

Deno.test("listen() serves IPv4 under its plain address when no host is given, and ends its loop on close()", async () => {
  const listener = await denoNetwork.listen();
  const { port } = listener.address;
  const loop = (async () => {
    const hosts: (string | undefined)[] = [];
    for await (const connection of listener) {
      hosts.push(connection.remote?.host);
      connection.close();
    }
    return hosts;
  })();
  const client = await denoNetwork.dial({ host: "127.0.0.1", port });
  assertEquals(await client.read(new Uint8Array(1)), null);
  client.close();
  listener.close();
  assertEquals(await loop, ["127.0.0.1"]);
});

Deno.test("listen() rejects with a TransportError when the port is taken", async () => {
  const listener = await denoNetwork.listen(LOOPBACK);
  await assertRejects(
    () => denoNetwork.listen({ ...LOOPBACK, port: listener.address.port }),
    TransportError,
    "port",
  );
  listener.close();
});

Deno.test("fetch() rejects with a TransportError when nobody answers, with the reason when aborted", async () => {
  const listener = await denoNetwork.listen(LOOPBACK);
  const url = `http://127.0.0.1:${listener.address.port}/announce`;
  listener.close();
  await assertRejects(() => denoNetwork.fetch(new Request(url)), TransportError, "Cannot fetch from");
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  assertEquals(await assertRejects(() => denoNetwork.fetch(new Request(url, { signal }))), reason);
});

Deno.test("resolve() knows the hosts file and answers addresses as they are", async () => {
  const found = await denoNetwork.resolve("localhost");
  assert(found.includes("127.0.0.1") || found.includes("::1"));
  assertEquals(await denoNetwork.resolve("192.0.2.7"), ["192.0.2.7"]);
  assertEquals(await denoNetwork.resolve("2001:db8::1"), ["2001:db8::1"]);
  await assertRejects(() => denoNetwork.resolve("nobody.invalid"), TransportError, "nobody.invalid");
});

Deno.test("receive() rejects a second caller while one waits", async () => {
  const socket = await denoNetwork.bindDatagram(LOOPBACK);
  const first = socket.receive(new Uint8Array(1));
  await assertRejects(() => socket.receive(new Uint8Array(1)), StateError);
  socket.close();
  assertEquals(await first, null);
});

for (const [code, survives] of [["EMFILE", true], ["EBADF", false]] as const) {
  Deno.test(`listen() whose system says ${code} for long ${survives ? "goes on" : "gives up"}`, async () => {
    const { listen } = Deno, { setTimeout } = globalThis, addr = { hostname: "127.0.0.1", port: 1 };
    const connection = { localAddr: addr, remoteAddr: addr, setNoDelay() {}, close() {} };
    let failures = 0;
    const accept = () =>
      ++failures <= 500
        ? Promise.reject(Object.assign(new Error(code), { code }))
        : Promise.resolve(connection as unknown as Deno.TcpConn);
    Deno.listen = (() => ({ addr, accept, close() {} })) as unknown as typeof Deno.listen;
    globalThis.setTimeout = ((callback: () => void) =>
      queueMicrotask(callback)) as unknown as typeof setTimeout;
    try {
      const listener = await denoNetwork.listen(LOOPBACK), first = listener[Symbol.asyncIterator]().next();
      if (survives) assertEquals((await first).done, false);
      else await assertRejects(() => first, TransportError, "EBADF");
      listener.close();
    } finally {
      Deno.listen = listen;
      globalThis.setTimeout = setTimeout;
    }
  });
}

Deno.test("fetch() says what is wrong, and nothing of the URL but its host", async () => {
  const listener = await denoNetwork.listen(LOOPBACK), { port } = listener.address;
  listener.close();
  for (const addresses of [undefined, ["127.0.0.1"]]) {
    const request = new Request(`http://localhost:${port}/secret(1): ?key=secret`);
    const error = await assertRejects(
      () => denoNetwork.fetch(request, addresses && { addresses }),
      TransportError,
      "refused",
    );
    assert(!Deno.inspect(error).includes("secret"), Deno.inspect(error));
  }
});

Deno.test("fetch() goes over the family that it is told, whatever the name stands for", async () => {
  await using server = Deno.serve(
    { hostname: "::", port: 0, onListen() {} },
    (_, { remoteAddr }) => new Response(canonicalHost((remoteAddr as Deno.NetAddr).hostname)),
  );
  const request = () => new Request(`http://localhost:${server.addr.port}/`);
  const ask = async (family: 4 | 6) => await (await denoNetwork.fetch(request(), { family })).text();
  assertEquals(await ask(4), "127.0.0.1");
  // Not every hosts file has it.
  const names = await denoNetwork.resolve("localhost");
  if (names.includes("::1")) assertEquals(await ask(6), "::1");
  else await assertRejects(() => ask(6), TransportError, "Cannot fetch");
});

Deno.test("fetch() goes to the addresses that it is told, under the name of the URL", async () => {
  const seen: (string | null)[] = [], body = "x".repeat(300_000);
  await using server = Deno.serve(
    { ...LOOPBACK, port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => {
      seen.push(request.headers.get("host"), request.headers.get("range"));
      return new Response(body);
    },
  );
  const { port } = server.addr, url = `http://web.invalid:${port}/f?x`;
  const ask = (addresses: readonly string[], signal?: AbortSignal) =>
    denoNetwork.fetch(
      new Request(url, { headers: { range: "bytes=0-1" }, redirect: "manual", ...(signal && { signal }) }),
      { addresses },
    );
  assertEquals(await (await ask(["127.0.0.1"])).text(), body);
  assertEquals(seen, [`web.invalid:${port}`, "bytes=0-1"]);
  // Where nobody listens the next address is tried.
  assertEquals((await (await ask(["127.0.0.2", "127.0.0.1"])).text()).length, body.length);
  await assertRejects(() => ask(["127.0.0.2", "127.0.0.3"]), TransportError, "Cannot fetch");
  await assertRejects(() => ask([]), TransportError, "it has no address");
  await assertRejects(
    () => ask(["127.0.0.1"], AbortSignal.abort(new StateError("enough"))),
    StateError,
    "enough",
  );
});
