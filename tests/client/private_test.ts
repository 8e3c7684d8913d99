import { assertEquals } from "@std/assert";
import type { TorrentHandle } from "../../src/client/torrent_handle.ts";
import { MemoryStateStore } from "../../src/io/state_store.ts";
import type { ByteConnection, Network } from "../../src/io/transport.ts";
import { ScriptedPeer } from "./scripted_peer.ts";
import { PORT, VirtualSwarm } from "./virtual_swarm.ts";

/** Connections that came, `+ host`, and went, `- host: why`. */
function comings(handle: TorrentHandle): string[] {
  const seen: string[] = [];
  void (async () => {
    for await (const event of handle.events()) {
      if (event.type === "peerConnected") seen.push(`+ ${event.address.host}`);
      if (event.type === "peerClosed") seen.push(`- ${event.address.host}: ${event.reason}`);
    }
  })();
  return seen;
}

Deno.test("a private torrent whose tracker fails drops every peer, and dials those of the next tracker only (BEP 27)", async () => {
  for (const isPrivate of [true, false]) {
    await using swarm = new VirtualSwarm();
    const first = swarm.tracker("10.0.1.1", [{ host: "10.0.0.2", port: PORT }]);
    const second = swarm.tracker("10.0.1.2", [{ host: "10.0.0.3", port: PORT }]);
    const metainfo = await swarm.torrent({ private: isPrivate, announce: [[first.url], [second.url]] });
    const quiet = { announce: false } as const;
    for (const host of ["10.0.0.2", "10.0.0.3"]) {
      const client = await swarm.client(host);
      await swarm.clock.runUntil(client.add(metainfo, quiet));
    }
    const client = await swarm.client("10.0.0.1"),
      handle = (await swarm.clock.runUntil(client.add(metainfo)))!;
    const seen = comings(handle),
      facts = { swarm, to: "10.0.0.1", infoHash: metainfo.infoHash, pieceCount: 7 };
    const guest = await ScriptedPeer.connect({ ...facts, host: "10.0.0.4" });
    await swarm.clock.advance(10_000);
    const atFirst = [...seen];
    swarm.network.serve("http://10.0.1.1:8000", () => new Response("gone", { status: 500 }));
    const keepAlive = setKeepAlive(swarm, guest);
    await swarm.clock.advance(1_900_000);
    keepAlive();
    assertEquals(atFirst.toSorted(), ["+ 10.0.0.2", "+ 10.0.0.4"]);
    const reason = "the private torrent changed its tracker";
    assertEquals(
      seen.slice(2).toSorted(),
      isPrivate ? ["+ 10.0.0.3", `- 10.0.0.2: ${reason}`, `- 10.0.0.4: ${reason}`] : ["+ 10.0.0.3"],
    );
    assertEquals(guest.closed, isPrivate ? "closed by peer" : undefined);
    guest.close();
    // Who was dropped may not come back by itself: we would be a bridge between two swarms.
    const again = await ScriptedPeer.connect({ ...facts, host: "10.0.0.4" });
    assertEquals(again.closed, isPrivate ? "closed by peer" : undefined);
    again.close();
  }
});

/** The guest breaks its silence, as a living peer does. */
function setKeepAlive(swarm: VirtualSwarm, guest: ScriptedPeer): () => void {
  let cancel = () => {};
  const again = () => {
    cancel = swarm.clock.schedule(swarm.clock.now() + 60_000, () => {
      guest.say({ type: "keepAlive" });
      again();
    });
  };
  again();
  return () => cancel();
}

Deno.test("a private torrent lets a dial go that comes to stand after the tracker changed (BEP 27)", async () => {
  await using swarm = new VirtualSwarm();
  const first = swarm.tracker("10.0.1.1", [{ host: "10.0.0.2", port: PORT }]),
    second = swarm.tracker("10.0.1.2");
  const metainfo = await swarm.torrent({ private: true, announce: [[first.url], [second.url]] });
  const old = await swarm.client("10.0.0.2"), host = swarm.network.host("10.0.0.1");
  await swarm.clock.runUntil(old.add(metainfo, { announce: false }));
  const { promise: gate, resolve: open } = Promise.withResolvers<void>(), dialled: ByteConnection[] = [];
  const network: Network = {
    listen: (options) => host.listen(options),
    bindDatagram: (options) => host.bindDatagram(options),
    fetch: (request) => host.fetch(request),
    resolve: (name, options) => host.resolve(name, options),
    // Answers late, and heeds no time-out.
    dial: async (address) => {
      await gate;
      const connection = await host.dial(address);
      dialled.push(connection);
      return connection;
    },
  };
  const client = await swarm.client("10.0.0.1", { network });
  const handle = (await swarm.clock.runUntil(client.add(metainfo)))!, seen = comings(handle);
  await swarm.clock.advance(5_000);
  swarm.network.serve("http://10.0.1.1:8000", () => new Response("gone", { status: 500 }));
  await swarm.clock.advance(1_900_000);
  open();
  await swarm.clock.advance(5_000);
  assertEquals([dialled.length, seen], [1, []]);
  assertEquals(await swarm.clock.runUntil(dialled[0]!.read(new Uint8Array(1)).catch(() => null)), null);
});

Deno.test("a private torrent dials no peers of an earlier run: only those that its tracker gives (BEP 27)", async () => {
  for (const isPrivate of [true, false]) {
    await using swarm = new VirtualSwarm();
    const tracker = swarm.tracker("10.0.1.1"), resume = new MemoryStateStore();
    const metainfo = await swarm.torrent({ private: isPrivate, announce: [[tracker.url]] });
    const peer = await swarm.client("10.0.0.2");
    await swarm.clock.runUntil(peer.add(metainfo, { announce: false }));
    const before = await swarm.client("10.0.0.1", { resume });
    await swarm.clock.runUntil(before.add(metainfo, { peers: [{ host: "10.0.0.2", port: PORT }] }));
    await swarm.clock.advance(10_000);
    await swarm.clock.runUntil(before.close());
    const after = await swarm.client("10.0.0.1", { resume });
    const seen = comings((await swarm.clock.runUntil(after.add(metainfo)))!);
    await swarm.clock.advance(10_000);
    assertEquals(seen, isPrivate ? [] : ["+ 10.0.0.2"]);
  }
});
