import { assert, assertEquals } from "@std/assert";
import { countersOf, libtorrent, startLibtorrent } from "./clients/libtorrent.ts";
import { startOpentracker } from "./clients/opentracker.ts";
import { CLI } from "./clients/ours.ts";
import { FOLDER, listing, SINGLE, writeTorrent } from "./contents.ts";
import { until } from "./lab.ts";
import { assertSame, interop, preparePair, us } from "./matrix.ts";

interop("in a swarm of three we give while we take", { hosts: 4 }, async (lab) => {
  const pair = await preparePair(lab, SINGLE);
  const { torrent, seedFolder, downloadFolder } = pair;
  const origin = await startLibtorrent(lab.host(2), {
    role: "seed",
    folder: seedFolder,
    torrent,
    uploadLimit: 600_000,
  });
  const folder = lab.host(4).folder("ours");
  const middle = await us.start(lab.host(4), { role: "download", folder, torrent, peers: [origin.address] });
  const peers = [origin.address, middle.address];
  const last = await libtorrent.start(lab.host(3), {
    role: "download",
    folder: downloadFolder,
    torrent,
    peers,
  });
  await Promise.all([middle.complete(), last.complete()]);
  const fromUs = countersOf(last.process).peers[lab.host(4).address]?.downloaded ?? 0;
  assert(fromUs > 200_000, `only ${fromUs} bytes came from us`);
  await assertSame(pair);
  await assertSame({ ...pair, downloadFolder: folder }, us);
});

interop("three of us and a slow seed share through a tracker", { hosts: 5 }, async (lab) => {
  const { infoHash = "" } = await writeTorrent(FOLDER, { folder: lab.folder });
  const tracker = await startOpentracker(lab.host(1), [infoHash]);
  const pair = await preparePair(lab, FOLDER, tracker.http);
  const seedJob = {
    role: "seed",
    folder: pair.seedFolder,
    torrent: pair.torrent,
    uploadLimit: 300_000,
  } as const;
  const seed = await startLibtorrent(lab.host(2), seedJob);
  await until("the tracker knows the seed", async () => await tracker.peerCount(infoHash) === 1);
  const folders = [3, 4, 5].map((number) => lab.host(number).folder("ours"));
  const downloads = await Promise.all(
    folders.map((folder, index) =>
      us.start(lab.host(3 + index), { role: "download", folder, torrent: pair.torrent })
    ),
  );
  await Promise.all(downloads.map((download) => download.complete()));
  for (const folder of folders) await assertSame({ ...pair, downloadFolder: folder }, us);
  const { uploaded } = countersOf(seed.process);
  assert(
    uploaded < 2.5 * 1_458_579,
    `the seed sent ${uploaded} bytes, so we gave each other next to nothing`,
  );
});

interop(
  "a seed of ours over IPv6, and a download of ours over IPv6",
  { hosts: 3, oursOnly: true },
  async (lab) => {
    for (const roles of [{ seed: us, downloader: libtorrent }, { seed: libtorrent, downloader: us }]) {
      const pair = await preparePair(lab, SINGLE);
      const listen = lab.host(2).address6;
      const seedJob = { role: "seed", folder: pair.seedFolder, torrent: pair.torrent } as const;
      const seed = roles.seed === us
        ? await us.start(lab.host(2), seedJob)
        : await startLibtorrent(lab.host(2), seedJob, { listen });
      const job = { role: "download", folder: pair.downloadFolder, torrent: pair.torrent } as const;
      const dialled = { ...job, peers: [`[${listen}]:6881`] };
      const download = roles.downloader === us
        ? await us.start(lab.host(3), dialled)
        : await startLibtorrent(lab.host(3), dialled, { listen: lab.host(3).address6 });
      await download.complete();
      await assertSame(pair, roles.downloader);
      await Promise.all([seed, download].map(({ process }) => process.stop()));
      await Deno.remove(pair.downloadFolder, { recursive: true });
    }
  },
);

interop("our download ends with exit code 0 and leaves the content and nothing else", {
  hosts: 3,
  oursOnly: true,
}, async (lab) => {
  const pair = await preparePair(lab, FOLDER);
  const seedJob = { role: "seed", folder: pair.seedFolder, torrent: pair.torrent } as const;
  const { address } = await libtorrent.start(lab.host(2), seedJob);
  const args = ["download", pair.torrent.path, "-o", pair.downloadFolder, "--peer", address];
  const outcome = await lab.host(3).run([...CLI, ...args]);
  assertEquals(outcome.code, 0, outcome.stderr);
  assertEquals(outcome.stderr, "");
  assertEquals(await listing(pair.downloadFolder), await listing(pair.seedFolder));
  await assertSame(pair, us);
});

interop("our seed says goodbye: after SIGINT or SIGTERM the tracker forgets it", {
  hosts: 3,
  oursOnly: true,
}, async (lab) => {
  const { infoHash = "" } = await writeTorrent(SINGLE, { folder: lab.folder });
  const tracker = await startOpentracker(lab.host(1), [infoHash]);
  for (const [scheme, signal] of [["http", "SIGINT"], ["udp", "SIGTERM"]] as const) {
    const pair = await preparePair(lab, SINGLE, tracker[scheme]);
    const seed = await us.start(lab.host(2), {
      role: "seed",
      folder: pair.seedFolder,
      torrent: pair.torrent,
    });
    await until("the tracker knows us", async () => await tracker.peerCount(infoHash) === 1);
    const code = await seed.process.stop(signal);
    assert(code === 0 || code === 130 || code === 143, seed.process.tail());
    assertEquals(await tracker.peerCount(infoHash), 0, `${scheme}: the tracker still knows us`);
  }
});
