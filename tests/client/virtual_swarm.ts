/** Whole clients in virtual time, with their content and their notes in memory. */

import { assertEquals } from "@std/assert";
import { randomBytes } from "../../src/bytes/random.ts";
import { type Client, createClient } from "../../src/client/client.ts";
import type { ClientOptions } from "../../src/client/options.ts";
import { type CreateOptions, createTorrent } from "../../src/metainfo/create.ts";
import { type Metainfo, readMetainfo } from "../../src/metainfo/metainfo.ts";
import {
  holdWebCrypto,
  MemoryStorage,
  openMemoryStore,
  seededRandom,
  VirtualClock,
  VirtualNetwork,
} from "../../src/testing/mod.ts";
import type { PeerAddress } from "../../src/peer/address.ts";

/** Where every client listens. */
export const PORT = 6881;

/** A tracker that answers with peers and remembers what it was asked. */
export interface TestTracker {
  readonly url: string;
  /** Each announce in two words: the event, `-` if there is none, and what was left. */
  readonly announces: string[];
}

/** A network with clients, one torrent of two files, and a tracker. */
export class VirtualSwarm implements AsyncDisposable {
  readonly clock: VirtualClock = new VirtualClock();
  readonly network: VirtualNetwork = new VirtualNetwork({ clock: this.clock, link: { latencyMs: 20 } });
  readonly content: Uint8Array<ArrayBuffer> = randomBytes(seededRandom(5), 200_000) as Uint8Array<
    ArrayBuffer
  >;
  readonly #clients: Client[] = [];
  readonly #held = holdWebCrypto(this.clock);

  /** A torrent of the files `a` and `b`, 100,000 bytes each, in pieces of 32 KiB. */
  async torrent(options: Partial<CreateOptions> = {}): Promise<Metainfo> {
    const sources = ["a", "b"].map((name, i) => {
      return { path: [name], content: this.content.slice(i * 100_000, (i + 1) * 100_000) };
    });
    return await readMetainfo(
      await createTorrent(sources, { name: "t", version: "1", pieceLength: 32768, ...options }),
    );
  }

  /** All of the torrent's content in memory. */
  async full({ info }: Metainfo): Promise<MemoryStorage> {
    const storage = new MemoryStorage(info.files);
    let start = 0;
    for (const { index, length, pad } of info.files) {
      if (pad) continue;
      await storage.write(index, 0, this.content.subarray(start, start + length));
      start += length;
    }
    return storage;
  }

  /** A client; what it keeps is in `storage`, else nowhere. */
  async client(
    host: string,
    { storage, ...options }: ClientOptions & { readonly storage?: MemoryStorage } = {},
  ): Promise<Client> {
    const client = await this.clock.runUntil(createClient({
      network: this.network.host(host),
      clock: this.clock,
      random: seededRandom(this.#clients.length + 1),
      openStore: (metainfo) => Promise.resolve(openMemoryStore(metainfo, storage)),
      resume: false,
      port: PORT,
      dht: false,
      ...options,
    }));
    this.#clients.push(client!);
    return client!;
  }

  /** A client that has all of a torrent. */
  async seeder(host: string, metainfo: Metainfo, options: ClientOptions = {}): Promise<Client> {
    const client = await this.client(host, { storage: await this.full(metainfo), ...options });
    await this.clock.runUntil(client.add(metainfo).then((torrent) => torrent.completed()));
    return client;
  }

  /** A tracker at a host of its own, whose announces are answered with `peers`. */
  tracker(host: string, peers: readonly PeerAddress[] = [], extra: string = ""): TestTracker {
    const origin = `http://${host}:8000`, announces: string[] = [];
    this.network.host(host);
    const list = peers.map(({ host, port }) => `d2:ip${host.length}:${host}4:porti${port}ee`).join("");
    this.network.serve(origin, ({ url }) => {
      const { searchParams } = new URL(url);
      announces.push(`${searchParams.get("event") ?? "-"} ${searchParams.get("left")}`);
      return new Response(`d8:intervali1800e5:peersl${list}e${extra}e`);
    });
    return { url: `${origin}/passkey/announce`, announces };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clock.runUntil(Promise.all(this.#clients.map((client) => client.close())));
    await this.clock.advance(1000); // what was on its way arrives
    this.#held[Symbol.dispose]();
    assertEquals(this.clock.nextAt, undefined, "a timer is left behind");
  }
}
