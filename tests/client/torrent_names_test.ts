import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { decodeHex, encodeHex, percentDecode } from "../../src/bytes/text.ts";
import { TorrentNames } from "../../src/client/torrent_names.ts";
import { StateError } from "../../src/errors.ts";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";
import { encodeReserved } from "../../src/wire/messages/handshake.ts";
import { PORT, VirtualSwarm } from "./virtual_swarm.ts";

const V1 = new Uint8Array(20).fill(1), V2 = new Uint8Array(32).fill(2), CUT = V2.subarray(0, 20);
const PEER = { host: "10.0.0.7", port: 1 };
const SEEDER = { host: "10.0.0.1", port: PORT }, V1_FIRST = "10.0.0.2", V2_FIRST = "10.0.0.3";

const magnetV1 = ({ infoHashV1 }: Metainfo) => `magnet:?xt=urn:btih:${encodeHex(infoHashV1!)}`;
const magnetV2 = ({ infoHashV2 }: Metainfo) => `magnet:?xt=urn:btmh:1220${encodeHex(infoHashV2!)}`;

Deno.test("TorrentNames has one name of a v1 or v2 torrent, two of a hybrid, and the v2 name cut", () => {
  assertEquals(new TorrentNames({ infoHashV1: V1 }).all(), [V1]);
  assertEquals(new TorrentNames({ infoHashV2: V2 }).all(), [CUT]);
  const names = new TorrentNames({ infoHashV1: V1, infoHashV2: V2 });
  assertEquals(names.all(), [V1, CUT]);
  assertEquals(names.primary, V1);
  assertEquals([V1, CUT].map((name) => names.isV2(name)), [false, true]);
  assertEquals(["01", "02", "03"].map((byte) => names.has(byte.repeat(20))), [true, true, false]);
  assertThrows(() => new TorrentNames({}), TypeError);
});

Deno.test("TorrentNames keeps its first name when it learns the other", () => {
  const names = new TorrentNames({ infoHashV2: V2 });
  assertEquals(names.learn({ infoHashV1: V1, infoHashV2: V2 }), [V1]);
  assertEquals(names.learn({ infoHashV1: V1, infoHashV2: V2 }), []);
  assertEquals(names.primary, CUT);
});

Deno.test("TorrentNames takes the cut v2 name for what it is where a link says it in place of the v1 name", () => {
  const v2 = new TorrentNames({ infoHashV1: CUT });
  assertEquals(v2.learn({ infoHashV2: V2 }), []);
  assertEquals([v2.all(), v2.isV2(CUT), v2.primary], [[CUT], true, CUT]);
  const hybrid = new TorrentNames({ infoHashV1: CUT });
  assertEquals(hybrid.learn({ infoHashV1: V1, infoHashV2: V2 }), [V1]);
  assertEquals([hybrid.all(), hybrid.isV2(CUT), hybrid.primary], [[V1, CUT], true, CUT]);
  assertEquals(new TorrentNames({ infoHashV1: CUT, infoHashV2: V2 }).all(), [CUT]);
});

Deno.test("TorrentNames dials with v1 and offers v2, and says v2 at once to who was heard of there alone", () => {
  const names = new TorrentNames({ infoHashV1: V1, infoHashV2: V2 });
  assertEquals(names.dial(PEER), { infoHash: V1, upgradedInfoHash: CUT });
  names.heard(CUT, [PEER]);
  assertEquals(names.dial(PEER), { infoHash: CUT });
  names.heard(V1, [PEER]);
  assertEquals(names.dial(PEER), { infoHash: V1, upgradedInfoHash: CUT });
  names.heard(CUT, [PEER]);
  assertEquals(names.dial(PEER), { infoHash: V1, upgradedInfoHash: CUT });
});

Deno.test("TorrentNames remembers a bounded number of addresses, the latest", () => {
  const names = new TorrentNames({ infoHashV1: V1, infoHashV2: V2 });
  for (let port = 1; port <= 5000; port++) names.heard(CUT, [{ ...PEER, port }]);
  assertEquals(names.dial({ ...PEER, port: 1 }).infoHash, V1);
  assertEquals(names.dial({ ...PEER, port: 5000 }).infoHash, CUT);
});

Deno.test("TorrentNames answers with v2 who understands it, else with what was said", () => {
  const hybrid = new TorrentNames({ infoHashV1: V1, infoHashV2: V2 }),
    v1 = new TorrentNames({ infoHashV1: V1 });
  const offer = encodeReserved(["v2"]), none = encodeReserved([]);
  assertEquals(hybrid.answer({ infoHash: V1, reserved: offer }), CUT);
  assertEquals(hybrid.answer({ infoHash: V1, reserved: none }), V1);
  assertEquals(hybrid.answer({ infoHash: CUT, reserved: none }), CUT);
  assertEquals(v1.answer({ infoHash: V1, reserved: offer }), V1);
});

for (const encryption of ["disabled", "required"] as const) {
  Deno.test(`a hybrid is found under both names, also by who learnt one of them late (encryption ${encryption})`, async () => {
    await using swarm = new VirtualSwarm();
    const metainfo = await swarm.torrent({ version: "hybrid" });
    const options = { encryption, dht: false, pex: false } as const;
    await swarm.seeder(SEEDER.host, metainfo, options);
    const first = await swarm.client(V1_FIRST, options), second = await swarm.client(V2_FIRST, options);
    const byV1 = await first.add(magnetV1(metainfo), { peers: [SEEDER] });
    await swarm.clock.runUntil(byV1.completed());
    // The first one knew the v1 name alone when it began; the second knows nobody but it, and the v2 name alone.
    const byV2 = await second.add(magnetV2(metainfo), { peers: [{ host: V1_FIRST, port: PORT }] });
    await swarm.clock.runUntil(byV2.completed());
    assertEquals(byV2.infoHash, encodeHex(metainfo.infoHashV2!.subarray(0, 20)));
    await assertRejects(() => second.add(magnetV1(metainfo)), StateError, "here already");
    await assertRejects(() => first.add(magnetV2(metainfo)), StateError, "here already");
  });
}

Deno.test("a hybrid is announced to its tracker under both names, from a link as soon as both are known", async () => {
  await using swarm = new VirtualSwarm();
  const tracker = swarm.tracker("10.0.0.9"), asked: string[] = [];
  const metainfo = await swarm.torrent({ version: "hybrid" });
  const { origin } = new URL(tracker.url), raw = percentDecode;
  swarm.network.serve(origin, ({ url }) => {
    asked.push(encodeHex(raw(/info_hash=([^&]*)/.exec(url)![1]!)));
    return new Response("d8:intervali1800e5:peers0:e");
  });
  const both = [metainfo.infoHashV1!, metainfo.infoHashV2!.subarray(0, 20)].map(encodeHex);
  const seeder = await swarm.client(SEEDER.host, { storage: await swarm.full(metainfo) });
  const seed = await seeder.add(metainfo, { trackers: [tracker.url] });
  await swarm.clock.runUntil(seed.completed());
  await swarm.clock.advance(1000);
  assertEquals(asked.splice(0).toSorted(), both.toSorted());
  const leecher = await swarm.client(V1_FIRST);
  const link = await leecher.add(magnetV1(metainfo), { trackers: [tracker.url], peers: [SEEDER] });
  await swarm.clock.runUntil(link.completed());
  await swarm.clock.advance(1000);
  assertEquals(new Set(asked), new Set(both));
  assertEquals(decodeHex(link.infoHash), metainfo.infoHashV1);
});
