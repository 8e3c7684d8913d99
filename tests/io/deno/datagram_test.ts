import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { TransportError } from "../../../src/errors.ts";
import { bindDenoDatagram, hasListenDatagram } from "../../../src/io/deno/datagram.ts";
import { bindDgram } from "../../../src/io/deno/node_datagram.ts";
import type { BindOptions, DatagramSocket } from "../../../src/io/transport.ts";

const WAYS: Record<string, (options: BindOptions) => Promise<DatagramSocket>> = { bindDgram };
if (hasListenDatagram()) WAYS.bindDenoDatagram = (options) => Promise.try(() => bindDenoDatagram(options));

for (const [name, bind] of Object.entries(WAYS)) {
  Deno.test(`${name}() carries datagrams in both directions into the caller's memory`, async () => {
    const [a, b] = [await bind({ host: "127.0.0.1" }), await bind({ host: "127.0.0.1" })];
    const into = new Uint8Array(100);
    await a.send(new Uint8Array([1, 2, 3]), b.address);
    const got = await b.receive(into);
    assertEquals(got, { bytes: new Uint8Array([1, 2, 3]), from: a.address });
    assertEquals(got?.bytes.buffer, into.buffer);
    await b.send(new Uint8Array(), got!.from);
    assertEquals(await a.receive(into), { bytes: new Uint8Array(), from: b.address });
    a.close();
    b.close();
  });

  Deno.test(`${name}() keeps datagrams that come while nobody receives`, async () => {
    const [a, b] = [await bind({ host: "127.0.0.1" }), await bind({ host: "127.0.0.1" })];
    for (let i = 0; i < 5; i++) await a.send(new Uint8Array([i]), b.address);
    for (let i = 0; i < 5; i++) {
      assertEquals((await b.receive(new Uint8Array(8)))?.bytes, new Uint8Array([i]));
    }
    a.close();
    b.close();
  });

  Deno.test(`${name}() cuts what is longer than the memory`, async () => {
    const [a, b] = [await bind({ host: "127.0.0.1" }), await bind({ host: "127.0.0.1" })];
    await a.send(new Uint8Array([1, 2, 3]), b.address);
    assertEquals((await b.receive(new Uint8Array(2)))?.bytes, new Uint8Array([1, 2]));
    a.close();
    b.close();
  });

  Deno.test(`${name}() without a host talks to IPv4 under its plain address`, async () => {
    const [a, b] = [await bind({}), await bind({ host: "127.0.0.1" })];
    await a.send(new Uint8Array([7]), b.address);
    const got = await b.receive(new Uint8Array(8));
    assertEquals(got?.from, { host: "127.0.0.1", port: a.address.port });
    await b.send(new Uint8Array([8]), got!.from);
    assertEquals((await a.receive(new Uint8Array(8)))?.from, b.address);
    a.close();
    b.close();
  });

  Deno.test(`${name}() survives a datagram to nobody and rejects one too long`, async () => {
    const [a, b] = [await bind({ host: "127.0.0.1" }), await bind({ host: "127.0.0.1" })];
    const nobody = b.address;
    b.close();
    await a.send(new Uint8Array([1]), nobody);
    await assertRejects(() => a.send(new Uint8Array(70_000), nobody), TransportError, "Cannot send");
    const c = await bind({ host: "127.0.0.1" });
    await c.send(new Uint8Array([2]), a.address);
    assertEquals((await a.receive(new Uint8Array(8)))?.bytes, new Uint8Array([2]));
    a.close();
    c.close();
  });

  Deno.test(`${name}() tells a taken port, and close() ends a receive with null`, async () => {
    const socket = await bind({ host: "127.0.0.1" });
    assertNotEquals(socket.address.port, 0);
    await assertRejects(() => bind(socket.address), TransportError, "Cannot bind UDP");
    const waiting = socket.receive(new Uint8Array(8));
    socket.close();
    socket.close();
    assertEquals(await waiting, null);
    assertEquals(await socket.receive(new Uint8Array(8)), null);
    await assertRejects(() => socket.send(new Uint8Array(1), socket.address), TransportError);
  });
}
