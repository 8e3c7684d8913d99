/** Trackers of others: announces over HTTP and UDP, peers in either form, scrapes, refusals, goodbyes (BEP 3, 15, 23, 48). */
import { assert, assertEquals } from "@std/assert";
import { endpoint } from "./clients/client.ts";
import { libtorrent } from "./clients/libtorrent.ts";
import { startOpentracker } from "./clients/opentracker.ts";
import { CLI } from "./clients/ours.ts";
import { qbittorrent, startQbittorrentTracker } from "./clients/qbittorrent.ts";
import { SINGLE, writeTorrent } from "./contents.ts";
import { interop, us } from "./interop.ts";
import { type Host, type Lab, until, untilListening } from "./lab.ts";
import { assertSame, downloadJob, preparePair, seedJob } from "./pair.ts";

async function startDictionaryTracker(host: Host, peers: readonly string[]): Promise<string> {
  const script = new URL("./clients/dictionary_tracker.ts", import.meta.url).pathname;
  const command = [Deno.execPath(), "run", "-A", "--quiet", "--no-config", script, host.address, "7000"];
  await untilListening(host.spawn("dictionary tracker", [...command, ...peers]), 7000);
  return `http://${host.address}:7000/announce`;
}

interop("we download from a seed that a tracker names in dictionaries", { hosts: 3 }, async (lab) => {
  const announce = await startDictionaryTracker(lab.host(1), [endpoint(lab.host(2).address)]);
  const pair = await preparePair(lab, SINGLE, announce);
  await libtorrent.start(lab.host(2), seedJob(pair));
  const download = await us.start(lab.host(3), downloadJob(pair));
  await download.complete();
  await assertSame(pair, us);
});

/** Runs a command of ours with `--json` and answers what it printed. */
async function ask(lab: Lab, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await lab.host(3).run([...CLI, ...args, "--json"]);
  assertEquals(code, 0, stderr);
  return stdout;
}

interop(
  "announce and scrape ask opentracker over HTTP and UDP",
  { hosts: 3, oursOnly: true },
  async (lab) => {
    const { infoHash = "" } = await writeTorrent(SINGLE, { folder: lab.folder });
    const tracker = await startOpentracker(lab.host(1), [infoHash]);
    const pair = await preparePair(lab, SINGLE, tracker.http);
    await libtorrent.start(lab.host(2), seedJob(pair));
    await until("the tracker knows the seed", async () => await tracker.peerCount(infoHash) === 1);
    for (const url of [tracker.http, tracker.udp]) {
      const { path } = await writeTorrent(SINGLE, { folder: lab.host(3).folder("torrent"), announce: url });
      const announced = await ask(lab, "announce", path);
      assert(announced.includes(lab.host(2).address), announced);
      const scraped = await ask(lab, "scrape", path);
      assert(/"seeds":\s*1\b/.test(scraped), scraped);
      assertEquals(await tracker.peerCount(infoHash), 1, "the question left us behind as a peer");
    }
  },
);

interop("announce asks the tracker inside qBittorrent", {
  hosts: 3,
  needs: qbittorrent.needs,
  oursOnly: true,
}, async (lab) => {
  const pair = await preparePair(lab, SINGLE, await startQbittorrentTracker(lab.host(1)));
  await libtorrent.start(lab.host(2), seedJob(pair));
  await until("the tracker names the seed", async () => {
    return (await ask(lab, "announce", pair.torrent.path)).includes(lab.host(2).address);
  });
});

interop("a tracker that refuses the torrent ends announce with exit code 1 and its words", {
  hosts: 3,
  oursOnly: true,
}, async (lab) => {
  const tracker = await startOpentracker(lab.host(1), ["00".repeat(20)]);
  const { torrent } = await preparePair(lab, SINGLE, tracker.http);
  const { code, stdout, stderr } = await lab.host(3).run([...CLI, "announce", torrent.path]);
  assertEquals(code, 1);
  assert((stdout + stderr).includes("not authorized"), stdout + stderr);
});

for (const [scheme, signal] of [["http", "SIGINT"], ["udp", "SIGTERM"]] as const) {
  interop(`our seed says goodbye over ${scheme.toUpperCase()} after ${signal}`, {
    hosts: 3,
    oursOnly: true,
  }, async (lab) => {
    const { infoHash = "" } = await writeTorrent(SINGLE, { folder: lab.folder });
    const tracker = await startOpentracker(lab.host(1), [infoHash]);
    const seed = await us.start(lab.host(2), seedJob(await preparePair(lab, SINGLE, tracker[scheme])));
    await until("the tracker knows us", async () => await tracker.peerCount(infoHash) === 1);
    assertEquals(await seed.process.stop(signal), 0, seed.process.tail());
    assertEquals(await tracker.peerCount(infoHash), 0, "the tracker still knows us");
  });
}
