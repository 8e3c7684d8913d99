import { assert, assertEquals } from "@std/assert";
import type { TorrentHandle } from "../../src/client/torrent_handle.ts";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";
import { MemoryStorage } from "../../src/testing/mod.ts";
import type { ExtensionName } from "../../src/wire/extensions.ts";
import { ScriptedPeer } from "./scripted_peer.ts";
import { PORT, VirtualSwarm } from "./virtual_swarm.ts";

/** A storage of a torrent's file `a` alone. */
async function half(swarm: VirtualSwarm, { info }: Metainfo): Promise<MemoryStorage> {
  const storage = new MemoryStorage(info.files);
  await storage.write(0, 0, swarm.content.subarray(0, info.files[0]!.length));
  return storage;
}

/** A client at 10.0.0.1 that wants, and has, the file `a` alone: a partial seed. */
async function partialSeed(
  swarm: VirtualSwarm,
  metainfo: Metainfo,
  announce = false,
): Promise<TorrentHandle> {
  const client = await swarm.client("10.0.0.1", { storage: await half(swarm, metainfo) });
  const handle = (await swarm.clock.runUntil(client.add(metainfo, { announce, files: [0] })))!;
  await swarm.clock.runUntil(handle.completed());
  return handle;
}

/** Pieces end where files do, so that none belongs to both: `a` is file 0, and `b`, behind padding, file 2. */
const ALIGNED = { pieceLength: 16384, version: "hybrid" } as const;

function dialling(swarm: VirtualSwarm, metainfo: Metainfo, extensions: readonly ExtensionName[] = []) {
  const { infoHash, info: { pieceCount } } = metainfo;
  return ScriptedPeer.connect({ swarm, host: "10.0.0.2", to: "10.0.0.1", infoHash, pieceCount, extensions });
}

/** Every word of `upload_only` that a peer heard: of the key, and of the message. */
function heard({ extensions }: ScriptedPeer): string[] {
  return extensions.flatMap((message) =>
    (message.type === "extensionHandshake" || message.type === "uploadOnly") &&
      message.uploadOnly !== undefined
      ? [`${message.type} ${message.uploadOnly}`]
      : []
  );
}

Deno.test("a partial seed says upload_only in its handshake, and takes it back when it wants more", async () => {
  for (const extensions of [["upload_only"], []] as const) {
    await using swarm = new VirtualSwarm();
    const metainfo = await swarm.torrent(ALIGNED), handle = await partialSeed(swarm, metainfo);
    const peer = await dialling(swarm, metainfo, extensions);
    peer.say({ type: "haveNone" });
    handle.select([0, 2]);
    await swarm.clock.advance(1000);
    const later = extensions.length > 0 ? "uploadOnly" : "extensionHandshake";
    assertEquals(heard(peer), ["extensionHandshake true", `${later} false`]);
    assertEquals(peer.closed, undefined);
    handle.select([0]);
    await swarm.clock.advance(1000);
    assertEquals(heard(peer).at(-1), `${later} true`);
    peer.close();
  }
});

Deno.test("a partial seed parts from seeds and other partial seeds, and stays with who wants something", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent(ALIGNED);
  await partialSeed(swarm, metainfo);
  const seed = await dialling(swarm, metainfo), other = await dialling(swarm, metainfo, ["upload_only"]);
  seed.say({ type: "haveAll" });
  await swarm.clock.advance(1000);
  assertEquals(seed.closed, "closed by peer");
  const third = await dialling(swarm, metainfo, ["upload_only"]);
  third.say({ type: "haveNone" });
  await swarm.clock.advance(1000);
  assertEquals(third.closed, undefined);
  third.extend({ type: "uploadOnly", uploadOnly: true });
  await swarm.clock.advance(1000);
  assertEquals(third.closed, "closed by peer");
  other.close();
});

Deno.test("a partial seed says paused in every announce, and completed only of a whole torrent", async () => {
  await using swarm = new VirtualSwarm();
  const tracker = swarm.tracker("10.0.0.9"),
    metainfo = await swarm.torrent({ ...ALIGNED, announce: [[tracker.url]] });
  const seeder = await swarm.seeder("10.0.0.3", { ...metainfo, announce: [] });
  const handle = await partialSeed(swarm, metainfo, true);
  await swarm.clock.advance(3_700_000);
  const left = metainfo.info.length - 7 * 16384;
  assert(tracker.announces.length >= 3);
  assert(tracker.announces.every((words) => words === `paused ${left}`), `${tracker.announces}`);
  handle.select([0, 2]);
  handle.addPeers([seeder.address!.host === "10.0.0.3" ? seeder.address! : { host: "10.0.0.3", port: PORT }]);
  await swarm.clock.runUntil(handle.completed());
  await swarm.clock.advance(1000);
  assertEquals(tracker.announces.at(-1), "completed 0");
});

Deno.test("a client that loses a piece takes it back from its peers, and rejects what they asked of it", async () => {
  for (const fast of [true, false]) {
    await using swarm = new VirtualSwarm();
    const metainfo = await swarm.torrent({ pieceLength: 16384 }), storage = await swarm.full(metainfo);
    const client = await swarm.client("10.0.0.1", { storage }), { infoHash, info: { pieceCount } } = metainfo;
    const handle = (await swarm.clock.runUntil(client.add(metainfo, { announce: false })))!;
    await swarm.clock.runUntil(handle.completed());
    const facts = { swarm, to: "10.0.0.1", infoHash, pieceCount, fast };
    const peer = await ScriptedPeer.connect({
      ...facts,
      host: "10.0.0.2",
      extensions: ["lt_donthave", "upload_only"],
    });
    const mute = await ScriptedPeer.connect({ ...facts, host: "10.0.0.3" });
    for (const each of [peer, mute]) {
      each.say(...(fast ? [{ type: "haveNone" } as const] : []), { type: "interested" });
    }
    await swarm.clock.advance(1000);
    storage.read = () => Promise.reject(new Error("the disk is broken"));
    peer.say({ type: "request", piece: 3, begin: 0, length: 16384 });
    await swarm.clock.advance(1000);
    assertEquals(peer.extensions.filter(({ type }) => type === "dontHave"), [{ type: "dontHave", piece: 3 }]);
    assertEquals(heard(peer), ["extensionHandshake true", "uploadOnly false"]);
    assertEquals(mute.extensions.filter(({ type }) => type === "dontHave"), []);
    assertEquals([peer.heard("reject").length, peer.closed], [fast ? 1 : 0, undefined]);
    for (const each of [peer, mute]) each.close();
  }
});

Deno.test("a client that hears that a peer lost a piece asks it for that piece no more, and others instead", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ pieceLength: 16384 }), client = await swarm.client("10.0.0.1");
  const { infoHash, info: { pieceCount } } = metainfo;
  await swarm.clock.runUntil(client.add(metainfo, { announce: false }));
  const facts = { swarm, to: "10.0.0.1", infoHash, pieceCount };
  const peer = await ScriptedPeer.connect({ ...facts, host: "10.0.0.2", extensions: ["lt_donthave"] });
  peer.say({ type: "haveNone" }, { type: "have", piece: 3 });
  await swarm.clock.advance(1000);
  assertEquals(peer.heard("interested").length, 1);
  peer.extend({ type: "dontHave", piece: 3 });
  peer.say({ type: "unchoke" });
  await swarm.clock.advance(1000);
  assertEquals([peer.heard("notInterested").length, peer.heard("request").length], [1, 0]);
  peer.say({ type: "have", piece: 3 });
  await swarm.clock.advance(1000);
  assertEquals(peer.heard("request").map(({ piece }) => piece), [3]);
  peer.close();
});

Deno.test("a client tells peers of its first life how long the metadata is as soon as it knows", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent(), { infoHash, info: { pieceCount } } = metainfo;
  const client = await swarm.client("10.0.0.1"), seeder = await swarm.seeder("10.0.0.3", metainfo);
  const link = `magnet:?xt=urn:btih:${seeder.torrents[0]!.infoHash}`;
  const handle = (await swarm.clock.runUntil(client.add(link, { announce: false })))!;
  const facts = { swarm, host: "10.0.0.2", to: "10.0.0.1", infoHash, pieceCount };
  const peer = await ScriptedPeer.connect({ ...facts, extensions: ["ut_metadata"] });
  peer.say({ type: "haveNone" });
  handle.addPeers([{ host: "10.0.0.3", port: PORT }]);
  await swarm.clock.runUntil(handle.completed());
  const sizes = peer.extensions.flatMap((message) =>
    message.type === "extensionHandshake" ? [message.metadataSize] : []
  );
  assertEquals(sizes, [undefined, metainfo.rawInfo.length]);
  peer.extend({ type: "metadataRequest", piece: 0 });
  await swarm.clock.advance(1000);
  assertEquals(peer.extensions.at(-1)?.type, "metadataData");
  peer.close();
});
