import { assertEquals } from "@std/assert";
import { aria2 } from "./clients/aria2.ts";
import type { Client } from "./clients/client.ts";
import { libtorrent } from "./clients/libtorrent.ts";
import { CLI } from "./clients/ours.ts";
import { qbittorrent } from "./clients/qbittorrent.ts";
import { rtorrent } from "./clients/rtorrent.ts";
import { transmission } from "./clients/transmission.ts";
import {
  type Content,
  DEAD_TRACKER,
  FOLDER,
  readWithLibtorrent,
  SINGLE,
  type Torrent,
  type TorrentVersion,
  writeContent,
} from "./contents.ts";
import { interop, us } from "./interop.ts";
import type { Lab } from "./lab.ts";
import { assertSame, downloadJob, type Pair, seedJob } from "./pair.ts";

/** Lets our command line make a torrent, and reads its info hashes with our command line. */
async function createTorrent(
  lab: Lab,
  content: Content,
  folder: string,
  version: TorrentVersion,
): Promise<Torrent> {
  const path = `${lab.folder}/created.torrent`;
  const source = `${folder}/${content.name}`;
  const flags = [
    "--version",
    version,
    "--piece-length",
    String(content.pieceLength),
    "--announce",
    DEAD_TRACKER,
  ];
  const made = await lab.host(1).run([...CLI, "create", source, "-o", path, ...flags]);
  assertEquals(made.code, 0, made.stderr);
  const read = await lab.host(1).run([...CLI, "info", path, "--json"]);
  assertEquals(read.code, 0, read.stderr);
  const { infoHash, infoHashV2 } = JSON.parse(read.stdout);
  return { path, content, ...(infoHash && { infoHash }), ...(infoHashV2 && { infoHashV2 }) };
}

async function prepare(lab: Lab, content: Content, version: TorrentVersion): Promise<Pair> {
  const seedFolder = lab.host(2).folder("seed");
  await writeContent(content, seedFolder);
  const torrent = await createTorrent(lab, content, seedFolder, version);
  return { torrent, seedFolder, downloadFolder: lab.host(3).folder("download") };
}

const VERSIONS: readonly TorrentVersion[] = ["1", "2", "hybrid"];

for (const version of VERSIONS) {
  for (const content of [SINGLE, FOLDER]) {
    const name = `libtorrent reads, checks and shares our torrent (version ${version}) of ${content.label}`;
    interop(name, { hosts: 3, oursOnly: true }, async (lab) => {
      const pair = await prepare(lab, content, version);
      const reading = await readWithLibtorrent(pair.torrent.path);
      assertEquals(reading.v1 ?? undefined, pair.torrent.infoHash);
      assertEquals(reading.v2 ?? undefined, pair.torrent.infoHashV2);
      // As a download on top of the content it checks every hash before it calls itself complete.
      const seed = await libtorrent.start(lab.host(2), { ...seedJob(pair), role: "download" });
      await seed.complete();
      const downloader = us.versions.includes(version) ? us : libtorrent;
      const download = await downloader.start(lab.host(3), downloadJob(pair, seed.address));
      await download.complete();
      await assertSame(pair, downloader);
    });
  }
}

const OTHERS: readonly Client[] = [transmission, aria2, qbittorrent, rtorrent];

for (const client of OTHERS) {
  const name = `${client.name} checks and shares our torrent of a folder`;
  interop(name, { hosts: 3, needs: client.needs, oursOnly: true }, async (lab) => {
    const pair = await prepare(lab, FOLDER, "1");
    const seed = await client.start(lab.host(2), seedJob(pair));
    const download = await us.start(lab.host(3), downloadJob(pair, seed.address));
    await download.complete();
    await assertSame(pair, us);
  });
}
