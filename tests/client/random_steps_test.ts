import { assertEquals } from "@std/assert";
import { StateError } from "../../src/errors.ts";
import type { Client } from "../../src/client/client.ts";
import type { TorrentHandle } from "../../src/client/torrent_handle.ts";
import type { PieceStore } from "../../src/io/storage.ts";
import { MemoryStateStore, MemoryStorage, openMemoryStore, seededRandom } from "../../src/testing/mod.ts";
import { PORT, VirtualSwarm } from "./virtual_swarm.ts";

const SEEDERS = ["10.0.0.1", "10.0.0.3"].map((host) => ({ host, port: PORT })), HERE = "10.0.0.2";
const WAITS = [0, 1, 15, 30, 45, 60, 200, 3000, 40_000],
  POLICIES = ["allowed", "preferred", "disabled"] as const;
const RUNS = 25, STEPS = 40;

/** A disk that refuses to write now and then. */
class MoodyDisk {
  isBroken = false;

  open(store: PieceStore): PieceStore {
    return new Proxy(store, {
      get: (target, key) => {
        if (this.isBroken && ["store", "finish", "flush"].includes(String(key))) {
          return () => Promise.reject(new Error("broken"));
        }
        const value = target[key as keyof PieceStore];
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }
}

const ignore = (promise: Promise<unknown>) => void promise.catch(() => {});

/** What a user may do to a torrent at any moment. */
const DEEDS: readonly ((handle: TorrentHandle, chance: number) => void)[] = [
  (handle) => handle.pause(),
  (handle) => handle.resume(),
  (handle) => handle.resume(),
  (handle) => ignore(handle.recheck()),
  (handle, chance) => handle.select([Math.floor(chance * 2)]),
  (handle) => handle.select([0, 1]),
  (handle) => handle.addPeers(SEEDERS),
  (handle) => handle.announce(),
  (handle) => ignore(handle.metadata()),
  (handle, chance) => {
    const reader = handle.stream(Math.floor(chance * 2)).getReader();
    ignore(reader.read().then(() => reader.cancel()));
  },
];

/** Does something, as far as it can be done now. */
function attempt(deed: () => void): void {
  try {
    deed();
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
  }
}

for (let seed = 1; seed <= RUNS; seed++) {
  Deno.test(`whatever is done to a torrent at whatever moment, it can still be completed (seed ${seed})`, async () => {
    await using swarm = new VirtualSwarm();
    const random = seededRandom(seed), disk = new MoodyDisk(), tracker = swarm.tracker("10.0.0.9", SEEDERS);
    const metainfo = await swarm.torrent({ announce: [[tracker.url]] });
    const seeders: Client[] = [];
    for (const { host } of SEEDERS) seeders.push(await swarm.seeder(host, metainfo));
    const magnet = `magnet:?xt=urn:btih:${seeders[0]!.torrents[0]!.infoHash}&tr=${tracker.url}`;
    const storage = new MemoryStorage(metainfo.info.files);
    const client = await swarm.client(HERE, {
      resume: new MemoryStateStore(),
      maxConnections: 3,
      encryption: POLICIES[seed % POLICIES.length]!,
      openStore: (metainfo) => Promise.resolve(disk.open(openMemoryStore(metainfo, storage))),
    });
    let handle: TorrentHandle | undefined;
    for (let step = 0; step < STEPS; step++) {
      const at = Math.floor(random() * (DEEDS.length + 3)), chance = random();
      if (handle === undefined) {
        handle = await client.add(chance < 0.5 ? metainfo : magnet, { paused: random() < 0.2 });
        ignore(handle.completed());
      } else if (at === DEEDS.length) {
        await swarm.clock.runUntil(client.remove(handle));
        handle = undefined;
      } else if (at === DEEDS.length + 1) disk.isBroken = !disk.isBroken;
      else if (at === DEEDS.length + 2) swarm.network.reset(HERE);
      else attempt(() => DEEDS[at]!(handle!, chance));
      await swarm.clock.advance(WAITS[Math.floor(random() * WAITS.length)]!);
    }
    disk.isBroken = false;
    handle ??= await client.add(metainfo);
    handle.resume();
    await swarm.clock.runUntil(handle.checked());
    handle.select([0, 1]);
    handle.addPeers(SEEDERS);
    await swarm.clock.runUntil(handle.completed(), { limitMs: 400_000 });
    assertEquals(handle.status().state, "seeding");
    assertEquals(storage.content(0), swarm.content.slice(0, 100_000));
    assertEquals(storage.content(1), swarm.content.slice(100_000));
  });
}
