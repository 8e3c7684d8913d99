/** Magnet links with nothing in them but an info hash, and one peer (BEP 9): every client gives us the metadata, and takes it from us. */
import { assert, assertEquals } from "@std/assert";
import { aria2 } from "./clients/aria2.ts";
import { type Client, endpoint, PORT, type Sharing } from "./clients/client.ts";
import { libtorrent } from "./clients/libtorrent.ts";
import type { Lie } from "./clients/metadata_liar.ts";
import { CLI, ours } from "./clients/ours.ts";
import { qbittorrent } from "./clients/qbittorrent.ts";
import { rtorrent } from "./clients/rtorrent.ts";
import { transmission } from "./clients/transmission.ts";
import { type Content, DEAD_TRACKER } from "./contents.ts";
import { interop, us } from "./interop.ts";
import { type Host, type Lab, type Running, until, untilListening } from "./lab.ts";
import { assertSame, downloadJob, type Pair, preparePair, seedJob } from "./pair.ts";

/** So many long names that the metadata takes three blocks of 16 KiB, and little else. */
const WIDE: Content = {
  name: "wide",
  label: "many files",
  pieceLength: 32_768,
  files: Array.from({ length: 220 }, (_, index) => ({
    path: [`${String(index).padStart(3, "0")} ${"a long name ".repeat(13)}.bin`],
    length: 1000 + index,
  })),
};

/** rTorrent ignores what has no tracker. */
function linkFor(client: Client, { torrent }: Pair): string {
  const tracker = client === rtorrent ? `&tr=${encodeURIComponent(DEAD_TRACKER)}` : "";
  return `magnet:?xt=urn:btih:${torrent.infoHash}${tracker}`;
}

/** With the metadata in hand these close all connections and ask trackers and the DHT anew, of which there are none. */
const FORGETFUL: ReadonlySet<Client> = new Set([aria2, rtorrent]);

/** Another one of us dials the client as soon as the first was dropped. */
async function dialAgain(lab: Lab, pair: Pair, seed: Sharing, download: Sharing): Promise<void> {
  const isDropped = () => seed.process.events().some(({ type }) => type === "peerClosed");
  await until("the metadata was taken", isDropped);
  await us.start(lab.host(1), { ...seedJob(pair), peers: [download.address] });
}

for (const client of [libtorrent, qbittorrent, transmission, aria2, rtorrent]) {
  interop(`we take metadata and content from ${client.name}`, {
    hosts: 3,
    needs: client.needs,
    oursOnly: true,
  }, async (lab) => {
    const pair = await preparePair(lab, WIDE);
    const { address } = await client.start(lab.host(2), seedJob(pair));
    const download = await us.start(lab.host(3), {
      ...downloadJob(pair, address),
      magnet: linkFor(us, pair),
    });
    await download.complete();
    await assertSame(pair, us);
  });

  interop(`${client.name} takes metadata and content from us`, {
    hosts: 3,
    needs: client.needs,
    oursOnly: true,
  }, async (lab) => {
    const pair = await preparePair(lab, WIDE), magnet = linkFor(client, pair);
    let seed: Sharing, download: Sharing;
    if (client.dials) {
      seed = await us.start(lab.host(2), seedJob(pair));
      download = await client.start(lab.host(3), { ...downloadJob(pair, seed.address), magnet });
    } else {
      download = await client.start(lab.host(3), { ...downloadJob(pair), magnet });
      seed = await us.start(lab.host(2), { ...seedJob(pair), peers: [download.address] });
    }
    if (FORGETFUL.has(client)) await dialAgain(lab, pair, seed, download);
    await download.complete();
    await assertSame(pair, client);
  });
}

interop("magnet writes the torrent that libtorrent made", { hosts: 3, oursOnly: true }, async (lab) => {
  const pair = await preparePair(lab, WIDE), output = `${pair.downloadFolder}/copy.torrent`;
  const { address } = await libtorrent.start(lab.host(2), seedJob(pair));
  const link = `${linkFor(us, pair)}&tr=${encodeURIComponent(DEAD_TRACKER)}`;
  const args = ["magnet", link, "-o", output, "--peer", address, "--no-dht"];
  const { code, stderr } = await lab.host(3).run([...CLI, ...args]);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(await Deno.readFile(output), await Deno.readFile(pair.torrent.path));
});

async function startLiar(host: Host, pair: Pair, lie: Lie): Promise<Running> {
  const script = new URL("./clients/metadata_liar.ts", import.meta.url).pathname, end = CLI.length - 1;
  const options = { listen: endpoint(host.address), torrent: pair.torrent.path, lie };
  const process = host.spawn(`liar about ${lie}`, [...CLI.slice(0, end), script, JSON.stringify(options)]);
  await untilListening(process, PORT);
  return process;
}

function banned(download: Sharing): unknown[] {
  return download.process.events().filter(({ type }) => type === "peerBanned").map(({ host }) => host);
}

for (const lie of ["bytes", "length"] as const) {
  interop(`a peer that lies about the metadata (${lie}) is banned, and it comes from two others`, {
    hosts: 5,
    needs: qbittorrent.needs,
    oursOnly: true,
  }, async (lab) => {
    const pair = await preparePair(lab, WIDE), magnet = linkFor(us, pair);
    await startLiar(lab.host(4), pair, lie);
    const job = { ...downloadJob(pair, endpoint(lab.host(4).address)), magnet };
    const download = await ours.start(lab.host(3), job);
    await until("the liar is banned", () => banned(download).includes(lab.host(4).address));
    // The others come later and dial, so that at first all the metadata comes from the liar.
    const peers = [download.address];
    await libtorrent.start(lab.host(2), { ...seedJob(pair), peers });
    await qbittorrent.start(lab.host(5), { ...seedJob(pair), peers });
    await download.complete();
    await assertSame(pair, us);
    assertEquals(banned(download), [lab.host(4).address]);
  });
}

interop("metadata from three peers at once, one of whom lies, is found all the same", {
  hosts: 5,
  needs: qbittorrent.needs,
  oursOnly: true,
}, async (lab) => {
  const pair = await preparePair(lab, WIDE);
  const liar = await startLiar(lab.host(4), pair, "bytes");
  const seeds = await Promise.all([
    libtorrent.start(lab.host(2), seedJob(pair)),
    qbittorrent.start(lab.host(5), seedJob(pair)),
  ]);
  const peers = [endpoint(lab.host(4).address), ...seeds.map(({ address }) => address)];
  const job = { ...downloadJob(pair, ...peers), magnet: linkFor(us, pair) };
  const download = await ours.start(lab.host(3), job);
  await download.complete();
  await assertSame(pair, us);
  const others = banned(download).filter((host) => host !== lab.host(4).address);
  assertEquals(others, [], "an honest peer was banned");
  assert(liar.events().some(({ event }) => event === "open"), "the liar was never heard");
});
