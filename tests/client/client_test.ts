import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { decodeHex } from "../../src/bytes/text.ts";
import { type Client, createClient } from "../../src/client/client.ts";
import type { ClientEvent, TorrentEvent } from "../../src/client/events.ts";
import type { AddOptions, ClientOptions } from "../../src/client/options.ts";
import type { TorrentHandle } from "../../src/client/torrent_handle.ts";
import { StateError, StorageError } from "../../src/errors.ts";
import { createTorrent } from "../../src/metainfo/create.ts";
import { createHttpTracker } from "../../src/server/http_tracker.ts";
import { withFolder } from "../with_folder.ts";

/** Deterministic bytes that differ from piece to piece. */
function pattern(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) bytes[i] = (state = state * 1103515245 + 12345 & 0x7fffffff) >> 16;
  return bytes;
}

const FILES: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  "a.bin": pattern(300_000, 1),
  "sub/b.bin": pattern(1, 2),
  "sub/empty.txt": new Uint8Array(),
  "sub/ünï çødé.bin": pattern(70_001, 3),
  "z.bin": pattern(1_048_576, 4),
};

/** A folder with a torrent's content in `seed/t`, removed afterwards. */
async function withContent(
  run: (folder: string, torrent: Uint8Array) => Promise<void>,
  options: { readonly announce?: readonly (readonly string[])[]; readonly private?: boolean } = {},
): Promise<void> {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/seed/t/sub`, { recursive: true });
    for (const [path, bytes] of Object.entries(FILES)) {
      await Deno.writeFile(`${folder}/seed/t/${path}`, bytes);
    }
    const sources = Object.entries(FILES).map(([path, content]) => ({ path: path.split("/"), content }));
    await run(
      folder,
      await createTorrent(sources, { name: "t", version: "1", pieceLength: 32768, ...options }),
    );
  });
}

const client = (directory: string, options: ClientOptions = {}) =>
  createClient({ host: "127.0.0.1", port: 0, dht: false, directory, ...options });

/** Adds the torrent in `seed` and waits until it is known to be complete. */
async function seed(seeder: Client, torrent: Uint8Array): Promise<void> {
  await (await seeder.add(torrent)).completed();
}

async function assertContent(folder: string): Promise<void> {
  for (const [path, bytes] of Object.entries(FILES)) {
    assertEquals(await Deno.readFile(`${folder}/t/${path}`), bytes, path);
  }
}

/** Collects a torrent's events until it ends. */
function collect(handle: TorrentHandle): { readonly events: TorrentEvent[]; readonly done: Promise<void> } {
  const events: TorrentEvent[] = [];
  const done = (async () => {
    for await (const event of handle.events()) events.push(event);
  })();
  return { events, done };
}

Deno.test("close() leaves the port free for the next client", async () => {
  let port = 0;
  for (let i = 0; i < 5; i++) {
    await using client = await createClient({ host: "127.0.0.1", port, dht: false });
    port = client.address!.port;
  }
});

Deno.test("createClient() downloads a folder byte by byte from another client", () =>
  withContent(async (folder, torrent) => {
    await using seeder = await client(`${folder}/seed`);
    await using leecher = await client(`${folder}/leech`);
    await seed(seeder, torrent);
    const handle = await leecher.add(torrent, { peers: [seeder.address!] }),
      { events, done } = collect(handle);
    await handle.completed();
    const status = handle.status();
    assertEquals([status.state, status.completedLength, status.wantedLength], [
      "seeding",
      1_418_578,
      1_418_578,
    ]);
    await assertContent(`${folder}/leech`);
    await leecher.close();
    await done;
    assertEquals(events.filter(({ type }) => type === "piece").length, 44);
    assertEquals(events.filter(({ type }) => type === "fileCompleted").length, 4);
    assertEquals(events.filter(({ type }) => type === "completed").length, 1);
    assert(events.some((event) => event.type === "peerConnected" && event.client?.includes("0.1.0")));
    assert(handle.status().uploaded === 0 && handle.status().wasted === 0);
  }));

Deno.test("Client finds its peers through a tracker and tells it when it stops", () => {
  const tracker = createHttpTracker();
  const seen: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request, info) => {
    seen.push(new URL(request.url).searchParams.get("event") ?? "");
    return tracker(request, info);
  });
  const announce = [[`http://127.0.0.1:${server.addr.port}/announce`]];
  return withContent(async (folder, torrent) => {
    await using seeder = await client(`${folder}/seed`);
    await seed(seeder, torrent);
    const leecher = await client(`${folder}/leech`);
    await (await leecher.add(torrent)).completed();
    await assertContent(`${folder}/leech`);
    await leecher.close();
    assertEquals(seen.toSorted(), ["completed", "started", "started", "stopped"]);
  }, { announce }).finally(() => server.shutdown());
});

Deno.test("AddOptions.files downloads the wanted files and no more", () =>
  withContent(async (folder, torrent) => {
    await using seeder = await client(`${folder}/seed`);
    await using leecher = await client(`${folder}/leech`);
    await seed(seeder, torrent);
    const handle = await leecher.add(torrent, { peers: [seeder.address!], files: [1, 3] });
    await handle.completed();
    assertEquals(await Deno.readFile(`${folder}/leech/t/sub/ünï çødé.bin`), FILES["sub/ünï çødé.bin"]);
    await assertRejects(() => Deno.stat(`${folder}/leech/t/z.bin`), Deno.errors.NotFound);
    assertEquals(handle.status().completedLength, 70_002);
    handle.select([0, 1, 2, 3, 4]);
    assertEquals(handle.status().state, "downloading");
    await handle.completed();
    await assertContent(`${folder}/leech`);
  }));

Deno.test("TorrentHandle.stream() gives bytes in order while they are downloaded", () =>
  withContent(async (folder, torrent) => {
    await using seeder = await client(`${folder}/seed`);
    await using leecher = await client(`${folder}/leech`);
    await seed(seeder, torrent);
    const handle = await leecher.add(torrent, { peers: [seeder.address!], files: [1] });
    await handle.checked();
    const stream = handle.stream(4, { start: 100_000, end: 700_001 });
    assertEquals(
      await new Response(stream).bytes(),
      FILES["z.bin"]!.slice(100_000, 700_001),
    );
    const reader = handle.stream(0).getReader();
    await reader.read();
    await reader.cancel();
  }));

Deno.test("a torrent resumes where its last run ended, without hashing what it knows", () =>
  withContent(async (folder, torrent) => {
    await using seeder = await client(`${folder}/seed`);
    await seed(seeder, torrent);
    const first = await client(`${folder}/leech`);
    const handle = await first.add(torrent, { peers: [seeder.address!], files: [0] });
    await handle.completed();
    const had = handle.status().completedPieces;
    await first.close();
    await using second = await client(`${folder}/leech`);
    const again = await second.add(torrent, { peers: [seeder.address!] });
    await again.checked();
    assertEquals(again.status().completedPieces, had);
    await again.completed();
    await assertContent(`${folder}/leech`);
    assertEquals(again.status().downloaded, 1_418_578 - had * 32_768);
    await second.remove(again);
    assertEquals((await Array.fromAsync(Deno.readDir(`${folder}/leech`))).map(({ name }) => name), ["t"]);
  }));

Deno.test("a file that was changed between two runs is hashed again", () =>
  withContent(async (folder, torrent) => {
    await using seeder = await client(`${folder}/seed`);
    await seed(seeder, torrent);
    const first = await client(`${folder}/leech`);
    await (await first.add(torrent, { peers: [seeder.address!] })).completed();
    await first.close();
    const changed = FILES["z.bin"]!.slice();
    changed[500_000]! ^= 1;
    await Deno.writeFile(`${folder}/leech/t/z.bin`, changed);
    await using second = await client(`${folder}/leech`);
    const handle = await second.add(torrent, { peers: [seeder.address!] });
    await handle.checked();
    assertEquals(handle.status().completedPieces, 43);
    await handle.completed();
    await assertContent(`${folder}/leech`);
    assertEquals(handle.status().downloaded, 32_768);
  }));

Deno.test("TorrentHandle.recheck() finds what was damaged and fetches it again", () =>
  withContent(async (folder, torrent) => {
    await using seeder = await client(`${folder}/seed`);
    await using leecher = await client(`${folder}/leech`);
    await seed(seeder, torrent);
    const handle = await leecher.add(torrent, { peers: [seeder.address!] });
    await handle.completed();
    await Deno.truncate(`${folder}/leech/t/a.bin`, 1000);
    await handle.recheck();
    assert(handle.status().completedPieces < 44);
    handle.addPeers([seeder.address!]);
    await handle.completed();
    await assertContent(`${folder}/leech`);
  }));

Deno.test("TorrentHandle.pause() and resume() stop and go on", () =>
  withContent(async (folder, torrent) => {
    await using seeder = await client(`${folder}/seed`, { uploadLimit: 400_000 });
    await using leecher = await client(`${folder}/leech`);
    await seed(seeder, torrent);
    const handle = await leecher.add(torrent, { peers: [seeder.address!] });
    for await (const event of handle.events()) if (event.type === "piece") break;
    handle.pause();
    const { completedPieces, peers, state } = handle.status();
    assertEquals([peers, state], [0, "paused"]);
    assert(completedPieces < 44);
    seeder.setLimits({ upload: 0 });
    handle.resume();
    handle.addPeers([seeder.address!]);
    await handle.completed();
    await assertContent(`${folder}/leech`);
  }));

Deno.test("a folder that cannot be written fails the torrent with a clear error and no false completion", () =>
  withContent(async (folder, torrent) => {
    await using seeder = await client(`${folder}/seed`);
    await using leecher = await client(`${folder}/leech`, { resume: false });
    await seed(seeder, torrent);
    await Deno.mkdir(`${folder}/leech`);
    await Deno.writeTextFile(`${folder}/leech/t`, "a file where a folder should be");
    const failure = await assertRejects(async () => {
      const handle = await leecher.add(torrent, { peers: [seeder.address!] });
      await handle.completed();
    }, StorageError);
    assert(failure.message.includes("/leech/t"), failure.message);
    assertEquals(await Deno.readTextFile(`${folder}/leech/t`), "a file where a folder should be");
  }));

Deno.test("Client.close() ends everything once, and what comes after is refused", () =>
  withContent(async (folder, torrent) => {
    const seeder = await client(`${folder}/seed`), events: ClientEvent[] = [];
    const reading = (async () => {
      for await (const event of seeder.events()) events.push(event);
    })();
    const handle = await seeder.add(torrent);
    await assertRejects(() => seeder.add(torrent), StateError, "here already");
    await handle.completed();
    await Promise.all([seeder.close(), seeder.close()]);
    await reading;
    assertEquals(events[0]?.type, "added");
    assertEquals(handle.status().state, "closed");
    await assertRejects(() => seeder.add(torrent), StateError, "closed");
    await assertRejects(() => handle.completed(), StateError);
  }));

Deno.test("an aborted signal ends adding, waiting and the client", () =>
  withContent(async (folder, torrent) => {
    const abort = new AbortController(), reason = new Error("enough");
    const lonely = await client(`${folder}/none`, { signal: abort.signal });
    const handle = await lonely.add(torrent);
    const waiting = new AbortController();
    const completed = handle.completed({ signal: waiting.signal });
    waiting.abort(reason);
    assertEquals(await assertRejects(() => completed), reason);
    const aborted: AddOptions = { signal: AbortSignal.abort(reason) };
    assertEquals(await assertRejects(() => lonely.add(torrent, aborted)), reason);
    abort.abort();
    await lonely.close();
    await assertRejects(() => createClient({ signal: abort.signal }));
  }));

Deno.test("Client.add() fetches the metadata of a magnet link and then the content", () =>
  withContent(async (folder, torrent) => {
    await using seeder = await client(`${folder}/seed`);
    await using leecher = await client(`${folder}/leech`);
    await seed(seeder, torrent);
    const { infoHash } = seeder.torrents[0]!, { host, port } = seeder.address!;
    const handle = await leecher.add(`magnet:?xt=urn:btih:${infoHash}&dn=claimed&x.pe=${host}:${port}`);
    assertEquals([handle.name, handle.status().state], ["claimed", "metadata"]);
    assertThrows(() => handle.metainfo, StateError);
    const metainfo = await handle.metadata();
    assertEquals([handle.name, metainfo.info.files.length], ["t", 5]);
    await handle.completed();
    await assertContent(`${folder}/leech`);
    assertEquals(handle.status().metadata, 1);
  }));

Deno.test("a magnet link that nobody answers waits, and ends with the client", () =>
  withContent(async (folder) => {
    const lonely = await client(folder);
    const handle = await lonely.add(`magnet:?xt=urn:btih:${"0".repeat(40)}`);
    const waiting = assertRejects(() => handle.metadata(), StateError);
    await lonely.close();
    await waiting;
    assertEquals(handle.status().state, "closed");
  }));

Deno.test("a private torrent gives its metadata to nobody", () =>
  withContent(async (folder, torrent) => {
    await using seeder = await client(`${folder}/seed`);
    await using leecher = await client(`${folder}/leech`);
    await seed(seeder, torrent);
    const { infoHash } = seeder.torrents[0]!;
    const handle = await leecher.add(`magnet:?xt=urn:btih:${infoHash}`, { peers: [seeder.address!] });
    for await (const event of handle.events()) if (event.type === "peerConnected") break;
    await assertRejects(() => handle.metadata({ signal: AbortSignal.timeout(300) }));
  }, { private: true }));

Deno.test("clients find each other through the DHT alone", () =>
  withContent(async (folder, torrent) => {
    await using router = await client(folder, { dht: { routers: [] } });
    const dht = { routers: [], nodes: [await router.dhtAddress()] };
    await using seeder = await client(`${folder}/seed`, { dht });
    await seed(seeder, torrent);
    const { infoHash } = seeder.torrents[0]!, node = await router.dht();
    let known = 0;
    while (known === 0) {
      await new Promise((resolve) => setTimeout(resolve, 20)); // until the seeder has announced itself
      for await (const peers of node.peers(decodeHex(infoHash))) known += peers.length;
    }
    await using leecher = await client(`${folder}/leech`, { dht });
    const handle = await leecher.add(`magnet:?xt=urn:btih:${infoHash}`);
    await handle.completed();
    await assertContent(`${folder}/leech`);
  }));

const POLICIES = ["disabled", "allowed", "preferred", "required"] as const;

for (const theirs of POLICIES) {
  for (const ours of POLICIES) {
    const isPossible =
      !(theirs === "required" && ours === "disabled" || theirs === "disabled" && ours === "required");
    Deno.test(`encryption ${ours} ${isPossible ? "talks" : "does not talk"} to encryption ${theirs}`, () =>
      withContent(async (folder, torrent) => {
        await using seeder = await client(`${folder}/seed`, { encryption: theirs });
        await using leecher = await client(`${folder}/leech`, { encryption: ours });
        await seed(seeder, torrent);
        const handle = await leecher.add(torrent), { events } = collect(handle);
        await handle.checked();
        handle.addPeers([seeder.address!]);
        if (isPossible) {
          await handle.completed();
          return await assertContent(`${folder}/leech`);
        }
        while (!events.some(({ type }) => type === "dialFailed")) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        assertEquals(handle.status().completedPieces, 0);
      }));
  }
}
