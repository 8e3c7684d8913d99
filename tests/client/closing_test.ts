/** What is left behind when a torrent or a client ends while something is under way: nothing. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { assemble } from "../../src/client/assembly.ts";
import { Client } from "../../src/client/client.ts";
import { StateError, StorageError } from "../../src/errors.ts";
import type { PieceStore } from "../../src/io/storage.ts";
import { openMemoryStore } from "../../src/testing/mod.ts";
import { PORT, VirtualSwarm } from "./virtual_swarm.ts";

const SEEDER = { host: "10.0.0.1", port: PORT }, LEECHER = "10.0.0.2", TRACKER = "10.0.0.9";

/** Stores that take a second to open, and what became of them. */
function slowStores(swarm: VirtualSwarm) {
  const seen: string[] = [];
  return {
    seen,
    openStore: async (metainfo: Parameters<typeof openMemoryStore>[0]): Promise<PieceStore> => {
      seen.push("opening");
      await new Promise<void>((resolve) => swarm.clock.schedule(swarm.clock.now() + 1000, resolve));
      const store = openMemoryStore(metainfo), close = store.close.bind(store);
      seen.push("open");
      store.close = () => {
        seen.push("closed");
        return close();
      };
      return store;
    },
  };
}

Deno.test("Client.remove() of a magnet link whose content is being opened closes that", async () => {
  await using swarm = new VirtualSwarm();
  const { infoHash } = (await swarm.seeder(SEEDER.host, await swarm.torrent())).torrents[0]!;
  const { seen, openStore } = slowStores(swarm), client = await swarm.client(LEECHER, { openStore });
  const handle = await client.add(`magnet:?xt=urn:btih:${infoHash}`, { peers: [SEEDER] });
  await swarm.clock.runUntil(() => seen.includes("opening"));
  await swarm.clock.runUntil(client.remove(handle));
  assertEquals(seen, ["opening", "open", "closed"]);
});

Deno.test("Client.close() waits for content that is being opened for add()", async () => {
  await using swarm = new VirtualSwarm();
  const { seen, openStore } = slowStores(swarm), client = await swarm.client(LEECHER, { openStore });
  const adding = assertRejects(async () => await client.add(await swarm.torrent()), StateError, "is closed");
  await swarm.clock.advance(500);
  await swarm.clock.runUntil(client.close());
  assertEquals(seen, ["opening", "open", "closed"]);
  await adding;
  assertEquals(client.torrents, []);
});

for (const end of ["remove", "close"] as const) {
  Deno.test(`Client.${end}() of content that cannot be closed says so, and ends everything else`, async () => {
    await using swarm = new VirtualSwarm();
    const metainfo = await swarm.torrent();
    let isBroken = true;
    const client = await swarm.client(LEECHER, {
      openStore: (metainfo) => {
        const store = openMemoryStore(metainfo), close = store.close.bind(store);
        store.close = async () => {
          await close();
          if (isBroken) throw new StorageError("Cannot close");
        };
        return Promise.resolve(store);
      },
    });
    const handle = await client.add(metainfo), ended: string[] = [];
    void (async () => {
      for await (const _ of handle.events());
      ended.push("torrent");
      for await (const _ of client.events());
      ended.push("client");
    })();
    await swarm.clock.runUntil(handle.checked());
    const ending = end === "remove" ? client.remove(handle) : client.close();
    await swarm.clock.runUntil(assertRejects(() => ending, StorageError, "Cannot close"));
    await swarm.clock.advance(1);
    assertEquals(client.torrents, []);
    assertEquals(ended, end === "remove" ? ["torrent"] : ["torrent", "client"]);
    isBroken = false;
    if (end === "close") return;
    const again = await client.add(metainfo);
    await swarm.clock.runUntil(again.checked());
  });
}

Deno.test("a torrent that is paused while it is checked again is announced no longer", async () => {
  await using swarm = new VirtualSwarm();
  const tracker = swarm.tracker(TRACKER), metainfo = await swarm.torrent({ announce: [[tracker.url]] });
  const client = await swarm.client(LEECHER, { storage: await swarm.full(metainfo) });
  const handle = await client.add(metainfo);
  await swarm.clock.runUntil(handle.completed());
  await swarm.clock.advance(10_000);
  const checking = handle.recheck();
  handle.pause();
  await swarm.clock.runUntil(checking);
  assertEquals(handle.status().state, "paused");
  await swarm.clock.advance(3_600_000);
  assertEquals(tracker.announces, ["started 0", "stopped 0"]);
  assert(handle.pieces()!.isFull);
});

Deno.test("Client.close() while it begins to listen leaves no listener behind", async () => {
  await using swarm = new VirtualSwarm();
  const host = swarm.network.host(LEECHER),
    begun = Promise.withResolvers<void>(),
    go = Promise.withResolvers<void>();
  const { dial, bindDatagram, fetch, resolve } = host;
  const client = new Client(
    await assemble({
      network: {
        ...{ dial, bindDatagram, fetch, resolve },
        async listen() {
          begun.resolve();
          await go.promise;
          return await host.listen({ port: PORT });
        },
      },
      ...{ clock: swarm.clock, resume: false, dht: false },
    }),
  );
  const listening = assertRejects(() => client.listen(), StateError, "is closed");
  await begun.promise;
  const closing = client.close();
  go.resolve();
  await Promise.all([listening, closing]);
  (await host.listen({ port: PORT })).close();
});

Deno.test("a client that is closed is forgotten by the signal that could have ended it", async () => {
  await using swarm = new VirtualSwarm();
  const { signal } = new AbortController(), listeners = new Set<unknown>();
  signal.addEventListener = (_: string, listener: unknown) => void listeners.add(listener);
  signal.removeEventListener = (_: string, listener: unknown) => void listeners.delete(listener);
  const client = await swarm.client(LEECHER, { signal });
  assertEquals(listeners.size, 1);
  await swarm.clock.runUntil(client.close());
  assertEquals(listeners.size, 0);
});
