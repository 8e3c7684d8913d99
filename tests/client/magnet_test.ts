import { assertEquals, assertRejects } from "@std/assert";
import { encodeHex } from "../../src/bytes/text.ts";
import { type Client, createClient } from "../../src/client/client.ts";
import type { ClientOptions } from "../../src/client/options.ts";
import type { TorrentHandle } from "../../src/client/torrent_handle.ts";
import { TransportError } from "../../src/errors.ts";
import { MemoryStateStore } from "../../src/io/state_store.ts";
import { createTorrent } from "../../src/metainfo/create.ts";
import { readMetainfo } from "../../src/metainfo/metainfo.ts";
import { withFolder } from "../with_folder.ts";

const CONTENT = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);

const client = (directory: string, options: ClientOptions = {}): Promise<Client> =>
  createClient({ host: "127.0.0.1", port: 0, dht: false, directory, ...options });

/** A seed of one file and a folder to download into. */
async function withSeed(
  run: (folder: string, seeder: Client, infoHash: string) => Promise<void>,
  options: { readonly private?: boolean } = {},
): Promise<void> {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/seed`);
    await Deno.writeFile(`${folder}/seed/one.bin`, CONTENT);
    const torrent = await createTorrent([{ path: ["one.bin"], content: CONTENT }], {
      pieceLength: 16384,
      ...options,
    });
    await using seeder = await client(`${folder}/seed`);
    await (await seeder.add(torrent)).completed();
    await run(folder, seeder, encodeHex((await readMetainfo(torrent)).infoHash));
  });
}

async function untilState(torrent: TorrentHandle, state: string): Promise<void> {
  for await (const event of torrent.events()) if (event.type === "state" && event.state === state) return;
}

Deno.test("add() with metadataOnly fetches the metadata and touches no file before resume()", () =>
  withSeed(async (folder, seeder, infoHash) => {
    const target = `${folder}/target`;
    await Deno.mkdir(target);
    await using leecher = await client(target);
    const torrent = await leecher.add(`magnet:?xt=urn:btih:${infoHash}`, {
      metadataOnly: true,
      peers: [seeder.address!],
    });
    assertEquals(torrent.status().metadataBlockCount, 0);
    const paused = untilState(torrent, "paused");
    const { info } = await torrent.metadata();
    await paused;
    assertEquals([info.name, info.length], ["one.bin", CONTENT.length]);
    const { state, metadata, metadataBlocks, metadataBlockCount, peers } = torrent.status();
    assertEquals([state, metadata, metadataBlocks, metadataBlockCount, peers], ["paused", 1, 1, 1, 0]);
    assertEquals(await Array.fromAsync(Deno.readDir(target)), []);
    torrent.resume();
    await torrent.completed();
    assertEquals(await Deno.readFile(`${target}/one.bin`), CONTENT);
  }));

Deno.test("a damaged or absent snapshot does not keep the DHT from starting, and an unreachable run leaves it alone", async () => {
  const state = new MemoryStateStore(), snapshot = new TextEncoder().encode("damaged");
  await state.write("dht.snapshot", snapshot);
  await using lonely = await client(".", { port: false, resume: false, dht: { routers: [], state } });
  const node = await lonely.dht();
  await assertRejects(() => node.ready(), TransportError, "no node answers");
  await lonely.close();
  assertEquals(await state.read("dht.snapshot"), snapshot);
});

Deno.test("a client keeps the nodes that it knows, and starts from them", async () => {
  const state = new MemoryStateStore();
  await using router = await client(".", { port: false, resume: false, dht: { routers: [] } });
  const nodes = [await router.dhtAddress()];
  {
    await using first = await client(".", {
      port: false,
      resume: false,
      dht: { routers: [], nodes, state },
    });
    await (await first.dht()).ready();
  }
  await using second = await client(".", { port: false, resume: false, dht: { routers: [], state } });
  const node = await second.dht();
  await node.ready();
  assertEquals(node.nodes().map(({ address }) => address), nodes);
});

Deno.test("ready() ends with the signal's reason and when the client closes", async () => {
  // Nobody answers on a port that is bound by nobody's DHT node.
  const silent = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  try {
    const routers = [{ host: "127.0.0.1", port: (silent.addr as Deno.NetAddr).port }];
    await using lonely = await client(".", { port: false, resume: false, dht: { routers } });
    const node = await lonely.dht(), reason = new Error("enough");
    const abort = new AbortController(), aborted = node.ready({ signal: abort.signal });
    abort.abort(reason);
    assertEquals(await aborted.catch((error) => error), reason);
    const waiting = node.ready();
    await Promise.all([assertRejects(() => waiting), lonely.close()]);
    await assertRejects(() => node.ready());
  } finally {
    silent.close();
  }
});

Deno.test("the port of the DHT is the one asked for, or there is none", async () => {
  const taken = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr, options = { port: false, resume: false } as const;
  try {
    await using refused = await client(".", { ...options, dht: { routers: [], port } });
    await assertRejects(() => refused.dht(), TransportError);
  } finally {
    taken.close();
  }
  await using fine = await client(".", { ...options, dht: { routers: [], port } });
  assertEquals((await fine.dhtAddress()).port, port);
});

Deno.test("ready() waits for a node that answers late", async () => {
  await using slow = await client(".", { port: false, resume: false, dht: { routers: [] } });
  const { port } = await slow.dhtAddress();
  // In between, everything that comes from elsewhere is held back for longer than a lookup waits.
  const relay = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  let asker: Deno.Addr | undefined;
  const forward = async () => {
    for await (const [bytes, from] of relay) {
      if ((from as Deno.NetAddr).port === port) await relay.send(bytes, asker!);
      else {
        asker = from;
        await new Promise((resolve) => setTimeout(resolve, 1300));
        await relay.send(bytes, { transport: "udp", hostname: "127.0.0.1", port });
      }
    }
  };
  const forwarding = forward().catch(() => {});
  try {
    const nodes = [{ host: "127.0.0.1", port: (relay.addr as Deno.NetAddr).port }];
    await using patient = await client(".", { port: false, resume: false, dht: { routers: [], nodes } });
    await (await patient.dht()).ready();
  } finally {
    relay.close();
    await forwarding;
  }
});
