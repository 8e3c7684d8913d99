import { assert, assertEquals } from "@std/assert";
import { randomBytes } from "../../src/bytes/random.ts";
import { type Client, createClient } from "../../src/client/client.ts";
import type { ClientOptions } from "../../src/client/options.ts";
import { createTorrent } from "../../src/metainfo/create.ts";
import { type Metainfo, readMetainfo } from "../../src/metainfo/metainfo.ts";
import {
  holdWebCrypto,
  MemoryStorage,
  openMemoryStore,
  seededRandom,
  VirtualClock,
  VirtualNetwork,
} from "../../src/testing/mod.ts";

const SEEDER = "10.0.0.1", LEECHER = "10.0.0.2", PORT = 6881;

/** Two whole clients in virtual time, one with all the content. */
class Swarm implements Disposable {
  readonly clock = new VirtualClock();
  readonly network = new VirtualNetwork({ clock: this.clock, link: { latencyMs: 20, bandwidth: 1_000_000 } });
  readonly content = randomBytes(seededRandom(5), 2_000_000);
  readonly #held = holdWebCrypto(this.clock);
  #metainfo: Metainfo | undefined;

  async torrent(): Promise<Metainfo> {
    const options = { version: "1", pieceLength: 65536 } as const;
    const torrent = await createTorrent([{ path: ["x"], content: this.content }], options);
    return this.#metainfo = await readMetainfo(torrent);
  }

  async client(address: string, storage: MemoryStorage, options: ClientOptions = {}): Promise<Client> {
    const client = await this.clock.runUntil(createClient({
      network: this.network.host(address),
      clock: this.clock,
      random: seededRandom(storage.content(0)?.length ?? 1),
      openStore: (metainfo) => Promise.resolve(openMemoryStore(metainfo, storage)),
      resume: false,
      port: PORT,
      dht: false,
      ...options,
    }));
    return client!;
  }

  /** Downloads it all and answers how long that took, in virtual milliseconds. */
  async download(options: ClientOptions = {}): Promise<number> {
    const { clock, content } = this, metainfo = this.#metainfo ?? await this.torrent();
    const full = new MemoryStorage(metainfo.info.files), empty = new MemoryStorage(metainfo.info.files);
    await full.write(0, 0, content);
    const seeder = await this.client(SEEDER, full), leecher = await this.client(LEECHER, empty, options);
    await clock.runUntil(seeder.add(metainfo).then((torrent) => torrent.completed()));
    const startedAt = clock.now(), peers = [{ host: SEEDER, port: PORT }];
    await clock.runUntil(leecher.add(metainfo, { peers }).then((torrent) => torrent.completed()));
    const took = clock.now() - startedAt;
    assertEquals(empty.content(0), content);
    await clock.runUntil(Promise.all([seeder.close(), leecher.close()]));
    return took;
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }
}

Deno.test("whole clients run in virtual time, at the speed of the virtual line, every time the same", async () => {
  const run = async () => {
    using swarm = new Swarm();
    return [await swarm.download(), swarm.network.traffic(SEEDER), swarm.network.traffic(LEECHER)] as const;
  };
  const [took, seeder, leecher] = await run();
  assert(took >= 2000 && took < 4000, `${took}`);
  assert(seeder.sentBytes > 2_000_000 && seeder.sentBytes < 2_020_000, `${seeder.sentBytes}`);
  assertEquals(leecher.receivedBytes, seeder.sentBytes);
  assertEquals(await run(), [took, seeder, leecher]);
});

Deno.test("ClientOptions.downloadLimit bounds the rate", async () => {
  using swarm = new Swarm();
  const took = await swarm.download({ downloadLimit: 250_000 });
  assert(took > 7500 && took < 9000, `${took}`);
});

Deno.test("a download outlasts a cut line", async () => {
  using swarm = new Swarm();
  swarm.clock.schedule(1000, () => swarm.network.cut(SEEDER, LEECHER));
  swarm.clock.schedule(9000, () => swarm.network.restore(SEEDER, LEECHER));
  const took = await swarm.download();
  assert(took > 9000 && took < 60_000, `${took}`);
});
