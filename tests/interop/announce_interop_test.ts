/** What trackers and links say beyond the plain announce: tiers, IPv6, our address, private torrents, chosen files (BEP 7, 12, 24, 27, 41, 53). */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Client, endpoint } from "./clients/client.ts";
import { libtorrent, startLibtorrent } from "./clients/libtorrent.ts";
import { startOpentracker } from "./clients/opentracker.ts";
import { CLI, ours } from "./clients/ours.ts";
import { qbittorrent, startQbittorrentTracker } from "./clients/qbittorrent.ts";
import { DEAD_TRACKER, fingerprint, FOLDER, readWithLibtorrent, SINGLE, writeTorrent } from "./contents.ts";
import { interop } from "./interop.ts";
import { type Host, type Running, until, untilListening } from "./lab.ts";
import { directions } from "./matrix.ts";
import { assertSame, downloadJob, preparePair, seedJob } from "./pair.ts";

const TRACKER_PORT = 7000;

const script = (name: string) => new URL(`./clients/${name}`, import.meta.url).pathname;

/** Runs one of our scripts on a host. */
function startScript(host: Host, name: string, ...args: readonly string[]): Running {
  return host.spawn(name, [...CLI.slice(0, -1), script(name), ...args]);
}

async function startOurTracker(host: Host, address: string, ...claimed: readonly string[]): Promise<string> {
  const tracker = startScript(host, "our_tracker.ts", address, String(TRACKER_PORT), ...claimed);
  await untilListening(tracker, TRACKER_PORT);
  return `http://${endpoint(address, TRACKER_PORT)}/announce`;
}

for (const { title, roles: { seed, downloader } } of directions(libtorrent)) {
  interop(`${title}: the tracker of the first tier is dead`, { hosts: 3, oursOnly: true }, async (lab) => {
    const { infoHash = "" } = await writeTorrent(SINGLE, { folder: lab.folder });
    const tracker = await startOpentracker(lab.host(1), [infoHash]), pair = await preparePair(lab, SINGLE);
    const torrent = await writeTorrent(SINGLE, {
      folder: lab.folder,
      announce: [DEAD_TRACKER, tracker.http],
    });
    await seed.start(lab.host(2), { ...seedJob(pair), torrent });
    await until("the tracker knows the seed", async () => await tracker.peerCount(infoHash) === 1);
    const download = await downloader.start(lab.host(3), { ...downloadJob(pair), torrent });
    await download.complete();
    await assertSame(pair);
  });
}

/** Both are at IPv6 addresses only as far as the tracker knows. */
function testIpv6(name: string, start: (host: Host) => Promise<string>, needs: readonly string[]): void {
  for (const { title, roles: { seed, downloader } } of directions(libtorrent)) {
    interop(`${title}: ${name}, over IPv6`, { hosts: 3, needs, oursOnly: true }, async (lab) => {
      const pair = await preparePair(lab, SINGLE, await start(lab.host(1)));
      await seed.start(lab.host(2), { ...seedJob(pair), isIpv6: true });
      const download = await downloader.start(lab.host(3), { ...downloadJob(pair), isIpv6: true });
      await download.complete();
      await assertSame(pair);
    });
  }
}

testIpv6("our tracker", (host) => startOurTracker(host, host.address6), []);
testIpv6("qBittorrent's tracker", async (host) => {
  return (await startQbittorrentTracker(host)).replace(host.address, `[${host.address6}]`);
}, qbittorrent.needs);

/** An address of the internet: of others libtorrent does not believe that they are its own. */
const OUTSIDE = "203.0.113.5";

const ADDRESS_TOLD: Readonly<Record<string, (event: Record<string, unknown>) => unknown>> = {
  [libtorrent.name]: ({ what, message }) =>
    what === "external_ip" ? /[\d.]{7,}/.exec(String(message))?.[0] : undefined,
  [ours.name]: ({ type, host }) => type === "externalAddress" ? host : undefined,
};

for (const client of [libtorrent, ours]) {
  const who = client === ours ? "we learn our" : `${client.name} learns its`;
  interop(`${who} own address from our tracker`, { hosts: 3, oursOnly: true }, async (lab) => {
    const announce = await startOurTracker(lab.host(1), lab.host(1).address, OUTSIDE);
    const pair = await preparePair(lab, SINGLE, announce);
    const { process } = await client.start(lab.host(2), seedJob(pair));
    const told = () => process.events().map(ADDRESS_TOLD[client.name]!).find((host) => host !== undefined);
    await until(`${client.name} knows its address`, () => told() === OUTSIDE);
  });
}

interop(
  "libtorrent appends the path of a UDP tracker's URL as we read it",
  { hosts: 2, oursOnly: true },
  async (lab) => {
    const { address } = lab.host(1);
    const tracker = startScript(lab.host(1), "udp_listener.ts", address, String(TRACKER_PORT));
    await until("the tracker listens", () => tracker.events().length > 0);
    const urlData = "/announce?passkey=0123456789abcdef", folder = lab.host(2).folder("download");
    const announce = `udp://${endpoint(address, TRACKER_PORT)}${urlData}`;
    const torrent = await writeTorrent(SINGLE, { folder: lab.folder, announce });
    await libtorrent.start(lab.host(2), { role: "download", folder, torrent });
    await until("libtorrent announces", () => tracker.events().length > 1);
    assertEquals(tracker.events()[1], { urlData });
  },
);

/** libtorrent that tells everything it sees. */
const observer: Client = {
  ...libtorrent,
  start: (host, job) => startLibtorrent(host, job, { pex: true, verbose: true }),
};

interop("a private torrent stays with its tracker", { hosts: 3, oursOnly: true }, async (lab) => {
  const { infoHash = "" } = await writeTorrent(SINGLE, { folder: lab.folder, isPrivate: true });
  const tracker = await startOpentracker(lab.host(1), [infoHash]), pair = await preparePair(lab, SINGLE);
  const torrent = await writeTorrent(SINGLE, { folder: lab.folder, announce: tracker.http, isPrivate: true });
  const lsd = { lsd: true } as const;
  const { process } = await observer.start(lab.host(2), { ...seedJob(pair), torrent, ...lsd });
  await until("the tracker knows the seed", async () => await tracker.peerCount(infoHash) === 1);
  const download = await ours.start(lab.host(3), { ...downloadJob(pair), torrent, ...lsd });
  await download.complete();
  await assertSame(pair);
  const said = process.events().map(({ message }) => String(message));
  const introduction = said.find((message) => message.includes("<== EXTENDED_HANDSHAKE")) ?? "";
  assertMatch(introduction, /lt_donthave/);
  assert(!introduction.includes("ut_pex"), introduction);
});

interop("a link that names a file brings that and no others", { hosts: 3, oursOnly: true }, async (lab) => {
  const pair = await preparePair(lab, FOLDER),
    { address } = await libtorrent.start(lab.host(2), seedJob(pair));
  const { files } = await readWithLibtorrent(pair.torrent.path);
  const index = files.findIndex(({ path }) => path.endsWith("/z.bin"));
  const link = `magnet:?xt=urn:btih:${pair.torrent.infoHash}&so=${index}`;
  const args = ["download", link, "-o", pair.downloadFolder, "--peer", address, "--no-dht"];
  const { code, stderr } = await lab.host(3).run([...CLI, ...args]);
  assertEquals([code, stderr], [0, ""]);
  const found = await fingerprint(FOLDER, pair.downloadFolder);
  const isSame = (await fingerprint(FOLDER, pair.seedFolder)).map((line, file) => line === found[file]);
  const isHere = (name: string) => isSame[FOLDER.files.findIndex(({ path }) => path.at(-1) === name)];
  assertEquals(["z.bin", "a.bin"].map(isHere), [true, false]);
});
