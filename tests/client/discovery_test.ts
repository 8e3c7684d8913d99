import { assert, assertEquals } from "@std/assert";
import type { TorrentHandle } from "../../src/client/torrent_handle.ts";
import { peerPriority } from "../../src/peer/priority.ts";
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

/** What a tracker adds to its answer to tell us this address (BEP 24). */
const seenAs = (host: string) => `11:external ip${host.length}:${host}`;

Deno.test("a tracker tells where the world sees us, and peers are dialled in canonical order (BEP 24, 40)", async () => {
  await using swarm = new VirtualSwarm();
  const ours = { host: "203.0.113.5", port: PORT };
  const peers = [1, 2, 3, 4, 5, 6].map((byte) => ({ host: `198.51.100.${40 * byte}`, port: PORT }));
  const { url } = swarm.tracker("10.0.0.9", peers, seenAs(ours.host));
  const client = await swarm.client("10.0.0.2"), told: string[] = [], dialled: string[] = [];
  void (async () => {
    for await (const event of client.events()) {
      if (event.type === "externalAddress") told.push(event.host);
      if (event.type === "dialFailed") dialled.push(event.address.host);
    }
  })();
  await swarm.clock.runUntil(client.add(await swarm.torrent({ announce: [[url]] })));
  await swarm.clock.advance(20_000);
  assertEquals(told, [ours.host]);
  const canonical = peers.toSorted((a, b) => peerPriority(ours, b) - peerPriority(ours, a));
  assertEquals(dialled.slice(0, peers.length), canonical.map(({ host }) => host));
});

Deno.test("of more peers than there are places those of the highest priority stay (BEP 40)", async () => {
  await using swarm = new VirtualSwarm();
  const ours = { host: "10.0.0.2", port: PORT };
  const { url } = swarm.tracker("10.0.0.9", [], seenAs(ours.host));
  const client = await swarm.client(ours.host, { maxConnectionsPerTorrent: 2 });
  const handle = (await swarm.clock.runUntil(client.add(await swarm.torrent({ announce: [[url]] }))))!;
  const connected = new Set<string>();
  void (async () => {
    for await (const event of handle.events()) {
      if (event.type === "peerConnected") connected.add(event.address.host);
      if (event.type === "peerClosed") connected.delete(event.address.host);
    }
  })();
  await swarm.clock.advance(1000);
  const others = ["10.1.0.3", "10.2.0.4", "10.3.0.5", "10.4.0.6", "10.5.0.7"].map((host) => ({
    host,
    port: PORT,
  }));
  const metainfo = await swarm.torrent();
  for (const { host } of others) {
    const other = await swarm.client(host);
    await swarm.clock.runUntil(other.add(metainfo, { announce: false, peers: [ours] }));
    await swarm.clock.advance(1000);
  }
  const best = others.toSorted((a, b) => peerPriority(ours, b) - peerPriority(ours, a)).slice(0, 2);
  assertEquals([...connected].toSorted(), best.map(({ host }) => host).toSorted());
});
