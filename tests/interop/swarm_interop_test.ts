import { assert, assertEquals } from "@std/assert";
import { countersOf, libtorrent, startLibtorrent } from "./clients/libtorrent.ts";
import { startOpentracker } from "./clients/opentracker.ts";
import { CLI } from "./clients/ours.ts";
import { FOLDER, listing, SINGLE, writeTorrent } from "./contents.ts";
import { interop, us } from "./interop.ts";
import { until } from "./lab.ts";
import { assertSame, downloadJob, type Pair, preparePair, seedJob } from "./pair.ts";

interop("in a swarm of three we give while we take", { hosts: 4 }, async (lab) => {
  const pair = await preparePair(lab, SINGLE);
  const ours: Pair = { ...pair, downloadFolder: lab.host(4).folder("ours") };
  const origin = await libtorrent.start(lab.host(2), { ...seedJob(pair), uploadLimit: 600_000 });
  const middle = await us.start(lab.host(4), downloadJob(ours, origin.address));
  const last = await libtorrent.start(lab.host(3), downloadJob(pair, origin.address, middle.address));
  await Promise.all([middle.complete(), last.complete()]);
  const fromUs = countersOf(last.process).peers[lab.host(4).address]?.downloaded ?? 0;
  assert(fromUs > 200_000, `only ${fromUs} bytes came from us`);
  await assertSame(pair);
  await assertSame(ours, us);
});

interop("three of us and a slow seed share through a tracker", { hosts: 5 }, async (lab) => {
  const { infoHash = "" } = await writeTorrent(FOLDER, { folder: lab.folder });
  const tracker = await startOpentracker(lab.host(1), [infoHash]);
  const pair = await preparePair(lab, FOLDER, tracker.http);
  const seed = await libtorrent.start(lab.host(2), { ...seedJob(pair), uploadLimit: 300_000 });
  await until("the tracker knows the seed", async () => await tracker.peerCount(infoHash) === 1);
  const pairs = [3, 4, 5].map((number): Pair => ({
    ...pair,
    downloadFolder: lab.host(number).folder("ours"),
  }));
  const start = (each: Pair, index: number) => us.start(lab.host(3 + index), downloadJob(each));
  const downloads = await Promise.all(pairs.map(start));
  await Promise.all(downloads.map((download) => download.complete()));
  for (const each of pairs) await assertSame(each, us);
  const { uploaded } = countersOf(seed.process);
  assert(
    uploaded < 2.5 * 1_458_579,
    `the seed sent ${uploaded} bytes, so we gave each other next to nothing`,
  );
});

interop("we download over IPv6", { hosts: 3, oursOnly: true }, async (lab) => {
  const pair = await preparePair(lab, SINGLE);
  const seed = await startLibtorrent(lab.host(2), seedJob(pair), { listen: lab.host(2).address6 });
  const download = await us.start(lab.host(3), downloadJob(pair, seed.address));
  await download.complete();
  await assertSame(pair, us);
});

interop("libtorrent downloads from us over IPv6", { hosts: 3, oursOnly: true }, async (lab) => {
  const pair = await preparePair(lab, SINGLE);
  await us.start(lab.host(2), seedJob(pair));
  const job = downloadJob(pair, `[${lab.host(2).address6}]:6881`);
  const download = await startLibtorrent(lab.host(3), job, { listen: lab.host(3).address6 });
  await download.complete();
  await assertSame(pair);
});

interop("our download ends with exit code 0 and leaves the content and nothing else", {
  hosts: 3,
  oursOnly: true,
}, async (lab) => {
  const pair = await preparePair(lab, FOLDER);
  const { address } = await libtorrent.start(lab.host(2), seedJob(pair));
  const args = ["download", pair.torrent.path, "-o", pair.downloadFolder, "--peer", address];
  const outcome = await lab.host(3).run([...CLI, ...args]);
  assertEquals(outcome.code, 0, outcome.stderr);
  assertEquals(outcome.stderr, "");
  assertEquals(await listing(pair.downloadFolder), await listing(pair.seedFolder));
  await assertSame(pair, us);
});
