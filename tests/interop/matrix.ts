/** The tests that every client goes through, in both directions: it seeds to us, and we seed to it. */
import { assertEquals } from "@std/assert";
import { type Client, endpoint, type Job, type Sharing } from "./clients/client.ts";
import { libtorrent, startLibtorrent } from "./clients/libtorrent.ts";
import { OPENTRACKER_NEEDS, startOpentracker } from "./clients/opentracker.ts";
import { fetchDependencies, ours } from "./clients/ours.ts";
import { qbittorrent, startQbittorrentTracker } from "./clients/qbittorrent.ts";
import {
  type Content,
  fingerprint,
  FOLDER,
  listing,
  SINGLE,
  type Torrent,
  writeContent,
  writeTorrent,
} from "./contents.ts";
import { Lab, until } from "./lab.ts";

/** What our command line speaks, as far as the network goes: TCP without encryption. */
const STAND_IN: Client = {
  ...libtorrent,
  name: "we",
  start: (host, job) => startLibtorrent(host, job, { transport: "tcp", encryption: "off" }),
};

/** Who plays our part: our command line, or libtorrent when the harness itself is to be proved. */
export const us: Client = Deno.env.get("INTEROP_US") === "libtorrent" ? STAND_IN : ours;

/** What makes the torrents, the tracker and the network of nearly every test. */
const ALWAYS_NEEDED = [...libtorrent.needs, ...OPENTRACKER_NEEDS, "/usr/bin/ip"];

function firstMissing(paths: readonly string[]): string | undefined {
  return paths.find((path) => {
    try {
      Deno.statSync(path);
      return false;
    } catch {
      return true;
    }
  });
}

/**
 * Registers a test that runs in a lab of its own. Where a program is missing (or the rights to make hosts), the test is
 * left out and says so in its name; in CI it fails. What only our command line can do is no test for its stand-in.
 */
export function interop(
  name: string,
  options: { hosts: number; needs?: readonly string[]; oursOnly?: boolean },
  body: (lab: Lab) => Promise<void>,
): void {
  if (options.oursOnly === true && us !== ours) return;
  const missing = Deno.uid() === 0
    ? firstMissing([...ALWAYS_NEEDED, ...us.needs, ...options.needs ?? []])
    : "root";
  const isLeftOut = missing !== undefined && Deno.env.get("CI") !== "true";
  Deno.test({
    name: isLeftOut ? `${name} (left out: no ${missing})` : name,
    ignore: isLeftOut,
    fn: async () => {
      if (missing !== undefined) throw new Error(`Cannot test "${name}": this machine has no ${missing}`);
      if (us === ours) await fetchDependencies();
      await using lab = await Lab.open(options.hosts);
      try {
        await body(lab);
      } catch (error) {
        console.error(lab.logs());
        throw error;
      }
    },
  });
}

/** One seed and one downloader: the hosts are h2 and h3, h1 is for a tracker. */
export interface Pair {
  readonly torrent: Torrent;
  readonly seedFolder: string;
  readonly downloadFolder: string;
}

/** Lays out the content and the torrent of a pair. */
export async function preparePair(lab: Lab, content: Content, announce?: string): Promise<Pair> {
  const seedFolder = lab.host(2).folder("seed");
  await writeContent(content, seedFolder);
  const torrent = await writeTorrent(content, {
    folder: lab.folder,
    ...(announce === undefined ? {} : { announce }),
  });
  return { torrent, seedFolder, downloadFolder: lab.host(3).folder("download") };
}

/** Where we keep what a resumed download must know, for as long as we run. */
const NOTES_FOLDER = ".bittorrent";

const HASH_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** Throws unless the download is the same as the seed's content, byte by byte. */
export async function assertSame(pair: Pair, downloader?: Client): Promise<void> {
  const { torrent: { content }, seedFolder, downloadFolder } = pair;
  const isExpected = (line: string) =>
    downloader?.skipsEmptyFiles !== true || !line.endsWith(HASH_OF_NOTHING);
  const expected = (await fingerprint(content, seedFolder)).filter(isExpected);
  const found = await fingerprint(content, downloadFolder);
  assertEquals(
    found.filter((line) => downloader?.skipsEmptyFiles !== true || !line.endsWith(" NotFound")),
    expected,
  );
  if (downloader !== us) return;
  const isContent = (path: string) => !path.startsWith(`${NOTES_FOLDER}/`);
  assertEquals((await listing(downloadFolder)).filter(isContent), await listing(seedFolder));
}

/** Seed and downloader with one of them told where the other is; whichever can dial does. */
async function transferDirectly(
  lab: Lab,
  roles: { seed: Client; downloader: Client },
  pair: Pair,
): Promise<void> {
  const { seed, downloader } = roles;
  const seedJob: Job = { role: "seed", folder: pair.seedFolder, torrent: pair.torrent };
  const downloadJob: Job = { role: "download", folder: pair.downloadFolder, torrent: pair.torrent };
  let download: Sharing;
  if (downloader.dials) {
    const { address } = await seed.start(lab.host(2), seedJob);
    download = await downloader.start(lab.host(3), { ...downloadJob, peers: [address] });
  } else {
    download = await downloader.start(lab.host(3), downloadJob);
    await seed.start(lab.host(2), { ...seedJob, peers: [download.address] });
  }
  await download.complete();
  await assertSame(pair, downloader);
}

/** Both find each other through a tracker. The downloader starts once the tracker knows the seed. */
async function transferByTracker(
  lab: Lab,
  roles: { seed: Client; downloader: Client },
  pair: Pair,
  seedIsKnown: () => Promise<boolean>,
): Promise<void> {
  await roles.seed.start(lab.host(2), { role: "seed", folder: pair.seedFolder, torrent: pair.torrent });
  await until("the tracker knows the seed", seedIsKnown);
  const job: Job = { role: "download", folder: pair.downloadFolder, torrent: pair.torrent };
  const download = await roles.downloader.start(lab.host(3), job);
  await download.complete();
  await assertSame(pair, roles.downloader);
}

function directions(client: Client): { title: string; seed: Client; downloader: Client }[] {
  return [
    { title: `we download from ${client.name}`, seed: client, downloader: us },
    { title: `${client.name} downloads from us`, seed: us, downloader: client },
  ];
}

function testDirectly(client: Client, content: Content): void {
  for (const { title, ...roles } of directions(client)) {
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
  for (const { title, ...roles } of directions(client)) {
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
  for (const { title, ...roles } of directions(client)) {
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
  interop(
    `we download from ${client.name}: ${content.label}, magnet link`,
    { hosts: 3, needs: client.needs },
    async (lab) => {
      const pair = await preparePair(lab, content);
      const seed = await client.start(lab.host(2), {
        role: "seed",
        folder: pair.seedFolder,
        torrent: pair.torrent,
      });
      const magnet = `magnet:?xt=urn:btih:${pair.torrent.infoHash}`;
      const job: Job = { role: "download", folder: pair.downloadFolder, torrent: pair.torrent, magnet };
      const download = await us.start(lab.host(3), { ...job, peers: [seed.address] });
      await download.complete();
      await assertSame(pair, us);
    },
  );
}

/**
 * A chain: libtorrent seeds to us, we give to the client, which knows nobody but us. That it gets everything is the proof
 * that we upload while we download.
 */
function testChain(client: Client, content: Content): void {
  interop(`${client.name} downloads from us what we still download from libtorrent`, {
    hosts: 4,
    needs: client.needs,
  }, async (lab) => {
    const pair = await preparePair(lab, content);
    const { torrent, seedFolder, downloadFolder } = pair;
    const origin = await libtorrent.start(lab.host(2), {
      role: "seed",
      folder: seedFolder,
      torrent,
      uploadLimit: 1_000_000,
    });
    const job: Job = { role: "download", folder: lab.host(4).folder("ours"), torrent };
    let last: Sharing;
    if (client.dials) {
      const middle = await us.start(lab.host(4), { ...job, peers: [origin.address] });
      last = await client.start(lab.host(3), {
        role: "download",
        folder: downloadFolder,
        torrent,
        peers: [middle.address],
      });
    } else {
      last = await client.start(lab.host(3), { role: "download", folder: downloadFolder, torrent });
      await us.start(lab.host(4), { ...job, peers: [origin.address, endpoint(lab.host(3).address)] });
    }
    await last.complete();
    await assertSame(pair);
    await assertSame({ ...pair, downloadFolder: job.folder }, us);
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
}
