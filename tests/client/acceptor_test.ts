import { assertEquals, assertRejects } from "@std/assert";
import { StateError } from "../../src/errors.ts";
import { hostKey, Tally } from "../../src/client/host_tally.ts";
import type { TorrentHandle } from "../../src/client/torrent_handle.ts";
import { connectEncrypted } from "../../src/io/mse_connection.ts";
import type { ByteConnection } from "../../src/io/transport.ts";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";
import { seededRandom } from "../../src/testing/mod.ts";
import { encodeHandshake } from "../../src/wire/messages/handshake.ts";
import { PORT, VirtualSwarm } from "./virtual_swarm.ts";

/** A client at 10.0.0.1 with two torrents. */
async function listening(
  swarm: VirtualSwarm,
  options: { readonly maxConnectionsPerHost?: number } = {},
): Promise<{ torrents: readonly Metainfo[]; handles: readonly TorrentHandle[] }> {
  const client = await swarm.client("10.0.0.1", options), handles: TorrentHandle[] = [];
  const torrents = [await swarm.torrent(), await swarm.torrent({ name: "other" })];
  for (const metainfo of torrents) {
    const handle = (await swarm.clock.runUntil(client.add(metainfo, { announce: false })))!;
    await swarm.clock.runUntil(handle.checked());
    handles.push(handle);
  }
  return { torrents, handles };
}

function handshake(infoHash: Uint8Array, id: number): Uint8Array {
  return encodeHandshake({ reserved: new Uint8Array(8), infoHash, peerId: new Uint8Array(20).fill(id) });
}

async function dial(swarm: VirtualSwarm, host: string): Promise<ByteConnection> {
  return (await swarm.clock.runUntil(swarm.network.host(host).dial({ host: "10.0.0.1", port: PORT })))!;
}

/** Says a handshake over a connection, and tells whether it is answered. */
async function greet(swarm: VirtualSwarm, connection: ByteConnection, hello: Uint8Array): Promise<boolean> {
  await swarm.clock.runUntil(connection.write(hello).catch(() => {}));
  const length = await swarm.clock.runUntil(connection.read(new Uint8Array(100)).catch(() => null));
  return length !== null;
}

Deno.test("Acceptor closes an encrypted connection whose handshake is for another torrent than its keys", async () => {
  await using swarm = new VirtualSwarm();
  const { torrents } = await listening(swarm), [one, two] = torrents.map(({ infoHash }) => infoHash);
  for (const [named, isAnswered] of [[one!, true], [two!, false]] as const) {
    const dialled = await dial(swarm, "10.0.0.2");
    const options = {
      infoHash: one!,
      clock: swarm.clock,
      random: seededRandom(3),
      policy: "required",
    } as const;
    const { connection } = (await swarm.clock.runUntil(connectEncrypted(dialled, options)))!;
    assertEquals(await greet(swarm, connection, handshake(named, 2)), isAnswered);
    connection.close();
  }
});

Deno.test("Acceptor lets one host open so many connections to a torrent, and no more until one of them ends", async () => {
  await using swarm = new VirtualSwarm();
  const { torrents, handles } = await listening(swarm, { maxConnectionsPerHost: 3 });
  const open: ByteConnection[] = [];
  const knock = async (host: string, torrent: number) => {
    const connection = await dial(swarm, host);
    open.push(connection);
    return await greet(swarm, connection, handshake(torrents[torrent]!.infoHash, open.length + 1));
  };
  for (let i = 0; i < 3; i++) assertEquals(await knock("10.0.0.2", 0), true);
  assertEquals(await knock("10.0.0.2", 0), false);
  assertEquals(await knock("10.0.0.2", 1), true);
  assertEquals(await knock("10.0.0.3", 0), true);
  open[0]!.close();
  await swarm.clock.advance(1000);
  assertEquals(await knock("10.0.0.2", 0), true);
  assertEquals(handles.map((handle) => handle.status().peers), [4, 1]);
  for (const connection of open) connection.close();
});

Deno.test("Acceptor has room for others while one host opens connections and says nothing", async () => {
  await using swarm = new VirtualSwarm();
  const { torrents } = await listening(swarm), silent: ByteConnection[] = [];
  for (let i = 0; i < 120; i++) silent.push(await dial(swarm, "10.0.0.2"));
  const other = await dial(swarm, "10.0.0.3");
  assertEquals(await greet(swarm, other, handshake(torrents[0]!.infoHash, 3)), true);
  for (const connection of [...silent, other]) connection.close();
});

Deno.test("Acceptor forgets those that never say anything", async () => {
  await using swarm = new VirtualSwarm();
  const { torrents } = await listening(swarm);
  for (let i = 0; i < 40; i++) await dial(swarm, "10.0.0.2");
  await swarm.clock.advance(60_000);
  const late = await dial(swarm, "10.0.0.2");
  assertEquals(await greet(swarm, late, handshake(torrents[0]!.infoHash, 3)), true);
  late.close();
});

Deno.test("hostKey() takes an IPv6 network of the internet for one host", () => {
  const isOne = (a: string, b: string) => hostKey(a) === hostKey(b);
  assertEquals(isOne("2600:1::1", "2600:1::ffff:2"), true);
  assertEquals(isOne("2600:1::1", "2600:1:0:1::1"), false);
  assertEquals(isOne("fe80::1", "fe80::2"), false);
  assertEquals(isOne("192.0.2.1", "192.0.2.2"), false);
});

Deno.test("Tally gives each key so much, and takes back", () => {
  const tally = new Tally(2);
  assertEquals(["a", "a", "a", "b"].map((key) => tally.take(key)), [true, true, false, true]);
  tally.give("a");
  tally.give("never taken");
  assertEquals(["a", "a"].map((key) => tally.take(key)), [true, false]);
});

Deno.test("Acceptor says so when the system takes the listener away, and nobody is told of it any more", async () => {
  await using swarm = new VirtualSwarm();
  const host = swarm.network.host("10.0.0.1"), failed = Promise.withResolvers<never>();
  const announced: string[] = [], tracker = "http://10.0.0.9:8000/announce";
  swarm.network.host("10.0.0.9");
  swarm.network.serve("http://10.0.0.9:8000", ({ url }) => {
    announced.push(new URL(url).searchParams.get("port")!);
    return new Response("d8:intervali1800e5:peers0:e");
  });
  const client = await swarm.client("10.0.0.1", {
    network: {
      ...{ dial: host.dial.bind(host), fetch: host.fetch.bind(host), resolve: host.resolve.bind(host) },
      bindDatagram: host.bindDatagram.bind(host),
      listen: () =>
        Promise.resolve({
          address: { host: "10.0.0.1", port: PORT },
          close: () => {},
          async *[Symbol.asyncIterator]() {
            yield await failed.promise;
          },
        }),
    },
  });
  const errors: string[] = [];
  void (async () => {
    for await (const event of client.events()) {
      if (event.type === "listenFailed") errors.push(event.error.message);
    }
  })();
  const handle = await client.add(await swarm.torrent({ announce: [[tracker]] }));
  await swarm.clock.runUntil(handle.checked());
  await swarm.clock.advance(1000);
  failed.reject(new Error("it is gone"));
  await swarm.clock.advance(1_900_000);
  assertEquals([errors, client.address, announced], [["it is gone"], undefined, [String(PORT), "1"]]);
});

Deno.test("Client.listen() listens again after the system took the listener away", async () => {
  await using swarm = new VirtualSwarm();
  const host = swarm.network.host("10.0.0.1"), failed = Promise.withResolvers<never>();
  let listeners = 0;
  const client = await swarm.client("10.0.0.1", {
    network: {
      ...{ dial: host.dial.bind(host), fetch: host.fetch.bind(host), resolve: host.resolve.bind(host) },
      bindDatagram: host.bindDatagram.bind(host),
      listen: async (options) => {
        const listener = await host.listen(options), isFirst = listeners++ === 0;
        if (!isFirst) return listener;
        return {
          address: listener.address,
          close: () => listener.close(),
          async *[Symbol.asyncIterator]() {
            yield await failed.promise;
          },
        };
      },
    },
  });
  await assertRejects(() => client.listen(), StateError, "does so");
  failed.reject(new Error("it is gone"));
  await swarm.clock.advance(1000);
  assertEquals(client.address, undefined);
  await swarm.clock.runUntil(client.listen());
  assertEquals([listeners, client.address?.port], [2, PORT]);
  await assertRejects(() => client.listen(), StateError, "does so");
  const torrent = await swarm.torrent(), seed = await client.add(torrent);
  await swarm.clock.runUntil(seed.checked());
  const connection = await swarm.clock.runUntil(
    swarm.network.host("10.0.0.2").dial({ host: "10.0.0.1", port: PORT }),
  );
  connection?.close();
  assertEquals(connection?.remote?.port, PORT);
});
