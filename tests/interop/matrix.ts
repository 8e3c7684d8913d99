/** The tests that every client goes through, in both directions: it seeds to us, and we seed to it. */
import { type Client, endpoint, type Sharing } from "./clients/client.ts";
import { libtorrent } from "./clients/libtorrent.ts";
import { startOpentracker } from "./clients/opentracker.ts";
import { qbittorrent, startQbittorrentTracker } from "./clients/qbittorrent.ts";
import { type Content, FOLDER, SINGLE, writeTorrent } from "./contents.ts";
import { interop, us } from "./interop.ts";
import { type Lab, until } from "./lab.ts";
import { assertSame, downloadJob, type Pair, preparePair, seedJob } from "./pair.ts";

/** Who seeds and who downloads. */
interface Roles {
  readonly seed: Client;
  readonly downloader: Client;
}

/** One of the two is told where the other is; whichever can dial does. */
export async function transferDirectly(lab: Lab, { seed, downloader }: Roles, pair: Pair): Promise<void> {
  let download: Sharing;
  if (downloader.dials) {
    const { address } = await seed.start(lab.host(2), seedJob(pair));
    download = await downloader.start(lab.host(3), downloadJob(pair, address));
  } else {
    download = await downloader.start(lab.host(3), downloadJob(pair));
    await seed.start(lab.host(2), { ...seedJob(pair), peers: [download.address] });
  }
  await download.complete();
  await assertSame(pair, downloader);
}

/** Both find each other through a tracker. The downloader starts once the tracker knows the seed. */
async function transferByTracker(
  lab: Lab,
  { seed, downloader }: Roles,
  pair: Pair,
  seedIsKnown: () => Promise<boolean>,
): Promise<void> {
  await seed.start(lab.host(2), seedJob(pair));
  await until("the tracker knows the seed", seedIsKnown);
  const download = await downloader.start(lab.host(3), downloadJob(pair));
  await download.complete();
  await assertSame(pair, downloader);
}

/** Both ways between a client and us. */
export function directions(client: Client, we: Client = us): { title: string; roles: Roles }[] {
  return [
    { title: `we download from ${client.name}`, roles: { seed: client, downloader: we } },
    { title: `${client.name} downloads from us`, roles: { seed: we, downloader: client } },
  ];
}

function testDirectly(client: Client, content: Content): void {
  for (const { title, roles } of directions(client)) {
    interop(
      `${title}: ${content.label}, told the address`,
      { hosts: 3, needs: client.needs },
      async (lab) => {
        await transferDirectly(lab, roles, await preparePair(lab, content));
      },
    );
  }
}

function testOpentracker(client: Client, scheme: "http" | "udp", content: Content): void {
  for (const { title, roles } of directions(client)) {
    const name = `${title}: ${content.label}, ${scheme.toUpperCase()} tracker`;
    interop(name, { hosts: 3, needs: client.needs }, async (lab) => {
      const { infoHash = "" } = await writeTorrent(content, { folder: lab.folder });
      const tracker = await startOpentracker(lab.host(1), [infoHash]);
      const pair = await preparePair(lab, content, tracker[scheme]);
      await transferByTracker(lab, roles, pair, async () => await tracker.peerCount(infoHash) === 1);
    });
  }
}

/** Asks a tracker over HTTP without `compact`, as a peer that leaves at once, and looks for a host in the answer. */
async function knowsHost(lab: Lab, announce: string, infoHash: string, host: string): Promise<boolean> {
  const query = `info_hash=${infoHash.replaceAll(/../g, "%$&")}&peer_id=-XX0001-000000000000&port=1&left=1`;
  const url = `${announce}?${query}&uploaded=0&downloaded=0&compact=0`;
  const { stdout } = await lab.host(1).run(["curl", "--silent", `${url}&event=started`]);
  await lab.host(1).run(["curl", "--silent", `${url}&event=stopped`]);
  return stdout.includes(`2:ip${host.length}:${host}`);
}

function testQbittorrentTracker(client: Client, content: Content): void {
  for (const { title, roles } of directions(client)) {
    const name = `${title}: ${content.label}, qBittorrent's tracker`;
    interop(name, { hosts: 3, needs: [...client.needs, ...qbittorrent.needs] }, async (lab) => {
      const announce = await startQbittorrentTracker(lab.host(1));
      const pair = await preparePair(lab, content, announce);
      const infoHash = pair.torrent.infoHash ?? "";
      await transferByTracker(
        lab,
        roles,
        pair,
        () => knowsHost(lab, announce, infoHash, lab.host(2).address),
      );
    });
  }
}

function testMagnet(client: Client, content: Content): void {
  const name = `we download from ${client.name}: ${content.label}, magnet link`;
  interop(name, { hosts: 3, needs: client.needs }, async (lab) => {
    const pair = await preparePair(lab, content);
    const seed = await client.start(lab.host(2), seedJob(pair));
    const magnet = `magnet:?xt=urn:btih:${pair.torrent.infoHash}`;
    const download = await us.start(lab.host(3), { ...downloadJob(pair, seed.address), magnet });
    await download.complete();
    await assertSame(pair, us);
  });
}

/**
 * A chain: libtorrent seeds to us, we give to the client, which knows nobody but us. That it gets everything is the proof
 * that we upload while we download.
 */
function testChain(client: Client, content: Content): void {
  const name = `${client.name} downloads from us what we still download from libtorrent`;
  interop(name, { hosts: 4, needs: client.needs }, async (lab) => {
    const pair = await preparePair(lab, content);
    const ours: Pair = { ...pair, downloadFolder: lab.host(4).folder("ours") };
    const { address } = await libtorrent.start(lab.host(2), { ...seedJob(pair), uploadLimit: 1_000_000 });
    let last: Sharing;
    if (client.dials) {
      const middle = await us.start(lab.host(4), downloadJob(ours, address));
      last = await client.start(lab.host(3), downloadJob(pair, middle.address));
    } else {
      last = await client.start(lab.host(3), downloadJob(pair));
      await us.start(lab.host(4), downloadJob(ours, address, endpoint(lab.host(3).address)));
    }
    await last.complete();
    await assertSame(pair, client);
    await assertSame(ours, us);
  });
}

/** The other way round. We meet the client before either has anything; aria2 tells that it is complete in a way of its own. */
function testFromNothing(client: Client): void {
  const name = `we download from ${client.name} what it still downloads from libtorrent`;
  interop(name, { hosts: 4, needs: client.needs, oursOnly: true }, async (lab) => {
    const pair = await preparePair(lab, SINGLE), folder = lab.host(4).folder("middle");
    const { address } = await client.start(lab.host(4), { ...downloadJob(pair), folder });
    const last = await us.start(lab.host(3), downloadJob(pair, address));
    await until("we have met", () => last.process.events().some(({ type }) => type === "peerConnected"));
    await libtorrent.start(lab.host(2), { ...seedJob(pair), peers: [address] });
    await last.complete();
    await assertSame(pair, us);
  });
}

/** Registers the whole row of a client. */
export function testClient(client: Client): void {
  testDirectly(client, SINGLE);
  testDirectly(client, FOLDER);
  testOpentracker(client, "http", FOLDER);
  if (client.udpTrackers) testOpentracker(client, "udp", SINGLE);
  testQbittorrentTracker(client, SINGLE);
  if (client.magnets && us.magnets) testMagnet(client, FOLDER);
  testChain(client, SINGLE);
  if (client.hangsUp !== true) testFromNothing(client);
}
