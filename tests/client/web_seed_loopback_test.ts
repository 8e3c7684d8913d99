import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { createClient } from "../../src/client/client.ts";
import { createTorrent } from "../../src/metainfo/create.ts";
import { withFolder } from "../with_folder.ts";
import { serveSite, type Visit } from "./web_seed_server.ts";

const LENGTH = 24 << 20;

function pattern(length: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(length / 4);
  for (let i = 0, state = 1; i < words.length; i++) words[i] = state = Math.imul(state, 1664525) + 1013904223;
  return new Uint8Array(words.buffer);
}

/** A folder and a web server on loopback, both gone afterwards. */
async function withServer(
  handler: (request: Request) => Response,
  run: (url: string, folder: string) => Promise<void>,
): Promise<void> {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  await withFolder(async (folder) => {
    await run(`http://127.0.0.1:${server.addr.port}`, folder);
  });
}

Deno.test("a client downloads files from a real web server, in few requests", async () => {
  const content = pattern(LENGTH), visits: Visit[] = [];
  const files: [string, Uint8Array<ArrayBuffer>][] = [
    ["ünï çødé/a b.bin", content.slice(0, 5_000_001)],
    ["empty", new Uint8Array()],
    ["z.bin", content.slice(5_000_001)],
  ];
  const site = new Map(files.map(([path, bytes]) => [`/pub/t/${path}`, bytes]));
  await withServer(serveSite(site, visits), async (url, folder) => {
    const sources = files.map(([path, content]) => ({ path: path.split("/"), content }));
    const bytes = await createTorrent(sources, {
      name: "t",
      version: "hybrid",
      pieceLength: 262_144,
      webSeeds: [`${url}/pub/`],
    });
    await using client = await createClient({ directory: folder, dht: false, port: false });
    const torrent = await client.add(bytes);
    await torrent.completed();
    for (const [path, bytes] of files) assertEquals(await Deno.readFile(`${folder}/t/${path}`), bytes, path);
    assertEquals(torrent.status().webSeedDownloaded, LENGTH);
    assertLess(visits.length, 16);
  });
});

Deno.test("a client downloads a file of a few megabytes from a server that knows no ranges", async () => {
  const content = pattern(3 << 20);
  await withServer(() => new Response(content), async (url, folder) => {
    const bytes = await createTorrent([{ path: ["one file.bin"], content }], {
      version: "1",
      webSeeds: [`${url}/somewhere/else`],
    });
    await using client = await createClient({ directory: folder, dht: false, port: false });
    await (await client.add(bytes)).completed();
    assertEquals(await Deno.readFile(`${folder}/one file.bin`), content);
  });
});

Deno.test("a client closes in the middle of what a web seed sends, and goes on from there", async () => {
  const content = pattern(LENGTH), site = new Map([["/f", content]]);
  await withServer(serveSite(site), async (url, folder) => {
    const bytes = await createTorrent([{ path: ["f"], content }], {
      version: "1",
      pieceLength: 65_536,
      webSeeds: [`${url}/f`],
    });
    const options = { directory: folder, dht: false, port: false } as const;
    let before = 0;
    {
      await using client = await createClient({ ...options, downloadLimit: 4 << 20 });
      const torrent = await client.add(bytes);
      for await (const event of torrent.events()) {
        if (event.type === "piece" && ++before === 20) break;
      }
    }
    await using client = await createClient(options);
    const torrent = await client.add(bytes);
    await torrent.completed();
    assertEquals(await Deno.readFile(`${folder}/f`), content);
    assertGreater(before, 0);
    assertLess(torrent.status().downloaded, LENGTH);
  });
});
