import { assert, assertEquals } from "@std/assert";
import type { TorrentHandle } from "../../src/client/torrent_handle.ts";
import { PORT, VirtualSwarm } from "./virtual_swarm.ts";

const hosts = (handle: TorrentHandle) => {
  const seen: string[] = [];
  void (async () => {
    for await (const event of handle.events()) {
      if (event.type === "peerConnected") seen.push(event.address.host);
    }
  })();
  return seen;
};

Deno.test("three peers that know each other only in a chain find each other by peer exchange", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent();
  const [a, b, c] = [
    await swarm.client("10.0.0.1"),
    await swarm.client("10.0.0.2"),
    await swarm.client("10.0.0.3"),
  ];
  const seenByA = hosts((await swarm.clock.runUntil(a.add(metainfo, { announce: false })))!);
  await swarm.clock.runUntil(b.add(metainfo, { announce: false, peers: [{ host: "10.0.0.1", port: PORT }] }));
  await swarm.clock.runUntil(c.add(metainfo, { announce: false, peers: [{ host: "10.0.0.2", port: PORT }] }));
  await swarm.clock.advance(90_000);
  assertEquals([...new Set(seenByA)].toSorted(), ["10.0.0.2", "10.0.0.3"]);
});

Deno.test("peers of a private torrent, and of a client that wants none, exchange nothing", async () => {
  for (const options of [{ private: true }, { private: false }]) {
    await using swarm = new VirtualSwarm();
    const metainfo = await swarm.torrent(options), pex = options.private;
    const [a, b, c] = [
      await swarm.client("10.0.0.1", { pex }),
      await swarm.client("10.0.0.2", { pex }),
      await swarm.client("10.0.0.3", { pex }),
    ];
    const seenByA = hosts((await swarm.clock.runUntil(a.add(metainfo, { announce: false })))!);
    await swarm.clock.runUntil(
      b.add(metainfo, { announce: false, peers: [{ host: "10.0.0.1", port: PORT }] }),
    );
    await swarm.clock.runUntil(
      c.add(metainfo, { announce: false, peers: [{ host: "10.0.0.2", port: PORT }] }),
    );
    await swarm.clock.advance(90_000);
    assertEquals([...new Set(seenByA)], ["10.0.0.2"]);
  }
});

Deno.test("clients in one network find each other by local service discovery", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent(), torrent = { announce: true } as const;
  const seeder = await swarm.client("10.0.0.1", { lsd: true, storage: await swarm.full(metainfo) });
  await swarm.clock.runUntil(seeder.add(metainfo, torrent));
  const leecher = await swarm.client("10.0.0.2", { lsd: true });
  const handle = (await swarm.clock.runUntil(leecher.add(metainfo, torrent)))!;
  await swarm.clock.runUntil(handle.completed());
  assertEquals(handle.status().state, "seeding");
});

Deno.test("a super-seed sends little more than one copy to leechers that share", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ pieceLength: 16384 });
  const seeder = await swarm.client("10.0.0.1", { storage: await swarm.full(metainfo) });
  const seed = (await swarm.clock.runUntil(seeder.add(metainfo, { superSeed: true, announce: false })))!;
  const leeching = ["10.0.0.2", "10.0.0.3", "10.0.0.4"], leechers: TorrentHandle[] = [];
  for (const host of leeching) {
    const peers = ["10.0.0.1", ...leeching].filter((other) => other !== host).map((host) => ({
      host,
      port: PORT,
    }));
    const client = await swarm.client(host);
    leechers.push((await swarm.clock.runUntil(client.add(metainfo, { peers, announce: false })))!);
  }
  await swarm.clock.runUntil(Promise.all(leechers.map((handle) => handle.completed())));
  const { uploaded } = seed.status();
  assert(uploaded < 1.6 * 200_000, `${uploaded} bytes sent`);
});
