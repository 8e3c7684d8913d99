/** Content from web servers: files of nginx (BEP 19), and pieces of a script (BEP 17). */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { editTorrent } from "../../src/metainfo/edit.ts";
import { aria2 } from "./clients/aria2.ts";
import type { Client, Sharing } from "./clients/client.ts";
import { countersOf, libtorrent } from "./clients/libtorrent.ts";
import { NGINX_NEEDS, startNginx, type WebServer } from "./clients/nginx.ts";
import { CLI } from "./clients/ours.ts";
import { FOLDER, SINGLE, type TorrentVersion, writeContent, writeTorrent } from "./contents.ts";
import { interop, us } from "./interop.ts";
import { type Lab, untilListening } from "./lab.ts";
import { assertSame, downloadJob, type Pair, seedJob } from "./pair.ts";

type Content = typeof FOLDER;

/** Content on the web server of host 2, and a torrent that says so; host 3 downloads. */
async function prepare(
  lab: Lab,
  content: Content,
  options: { readonly version?: TorrentVersion; readonly rate?: number } = {},
): Promise<{ pair: Pair; web: WebServer }> {
  const { version = "1", rate } = options, seedFolder = lab.host(2).folder("seed");
  await writeContent(content, seedFolder);
  const web = await startNginx(lab.host(2), seedFolder, rate === undefined ? {} : { rate });
  const torrent = await writeTorrent(content, { folder: lab.folder, version });
  const bytes = editTorrent(await Deno.readFile(torrent.path), { webSeeds: [web.url] });
  await Deno.writeFile(torrent.path, bytes);
  return { pair: { torrent, seedFolder, downloadFolder: lab.host(3).folder("download") }, web };
}

/** The begin of a test's name. */
function title(downloader: Client): string {
  return downloader === us ? "we download" : `${downloader.name} downloads`;
}

/** The last numbers that our command line printed. */
function statusOf({ process }: Sharing): Record<string, number> {
  const last = process.events().findLast(({ type }) => type === "progress");
  return (last?.status ?? {}) as Record<string, number>;
}

for (const downloader of [us, libtorrent, aria2]) {
  for (const content of [SINGLE, FOLDER]) {
    const name = `${title(downloader)} ${content.label} from nginx alone`;
    const needs = [...NGINX_NEEDS, ...downloader.needs];
    interop(name, { hosts: 3, needs }, async (lab) => {
      const { pair, web } = await prepare(lab, content);
      const download = await downloader.start(lab.host(3), downloadJob(pair));
      await download.complete();
      await assertSame(pair, downloader);
      if (downloader !== us) return;
      const hits = await web.hitsOf(lab.host(3));
      assert(hits.every(({ status }) => status === 206), JSON.stringify(hits));
      const length = content.files.reduce((sum, file) => sum + file.length, 0);
      assertEquals(hits.reduce((sum, hit) => sum + hit.length, 0), length, "each byte once");
      assertLess(hits.length, 16);
    });
  }
}

for (const version of ["2", "hybrid"] as const) {
  interop(`we download a torrent of version ${version} from nginx alone`, {
    hosts: 3,
    needs: NGINX_NEEDS,
    oursOnly: true,
  }, async (lab) => {
    const { pair } = await prepare(lab, FOLDER, { version });
    await (await us.start(lab.host(3), downloadJob(pair))).complete();
    await assertSame(pair, us);
  });
}

async function downloadMixed(
  lab: Lab,
  downloader: Client,
): Promise<{ pair: Pair; download: Sharing; seed: Sharing }> {
  const { pair } = await prepare(lab, SINGLE, { rate: 500_000 });
  const seed = await libtorrent.start(lab.host(4), { ...seedJob(pair), uploadLimit: 200_000 });
  const download = await downloader.start(lab.host(3), downloadJob(pair, seed.address));
  await download.complete();
  await assertSame(pair, downloader);
  return { pair, download, seed };
}

interop("we download from a slow peer and a slow nginx at the same time", {
  hosts: 4,
  needs: NGINX_NEEDS,
  oursOnly: true,
}, async (lab) => {
  const { download, seed } = await downloadMixed(lab, us);
  const { webSeedDownloaded, downloaded, wasted } = statusOf(download);
  assertGreater(webSeedDownloaded!, 1_000_000);
  assertGreater(downloaded! - webSeedDownloaded!, 200_000);
  assertGreater(countersOf(seed.process).uploaded, 200_000);
  assertLess(wasted!, 500_000);
});

interop("libtorrent downloads from a slow peer and the same nginx", {
  hosts: 4,
  needs: NGINX_NEEDS,
}, async (lab) => {
  await downloadMixed(lab, libtorrent);
});

interop("libtorrent takes from us what we take from nginx", { hosts: 4, needs: NGINX_NEEDS }, async (lab) => {
  const { pair } = await prepare(lab, SINGLE, { rate: 500_000 });
  const plain = await writeTorrent(SINGLE, { folder: lab.host(4).folder("torrent") });
  const download = await us.start(lab.host(3), downloadJob(pair));
  const other: Pair = { ...pair, torrent: plain, downloadFolder: lab.host(4).folder("download") };
  const leech = await libtorrent.start(lab.host(4), downloadJob(other, download.address));
  await Promise.all([download.complete(), leech.complete()]);
  await assertSame(other);
});

interop("of a magnet link a peer gives us the metadata and nginx the content", {
  hosts: 4,
  needs: NGINX_NEEDS,
  oursOnly: true,
}, async (lab) => {
  const { pair, web } = await prepare(lab, SINGLE);
  const seed = await libtorrent.start(lab.host(4), { ...seedJob(pair), uploadLimit: 50_000 });
  const magnet = `magnet:?xt=urn:btih:${pair.torrent.infoHash}&ws=${encodeURIComponent(web.url)}`;
  const download = await us.start(lab.host(3), { ...downloadJob(pair, seed.address), magnet });
  await download.complete();
  await assertSame(pair, us);
  assertGreater(statusOf(download).webSeedDownloaded!, 2_000_000);
});

for (const downloader of [us, libtorrent]) {
  interop(`${title(downloader)} from a script that serves pieces`, { hosts: 3 }, async (lab) => {
    const seedFolder = lab.host(2).folder("seed");
    await writeContent(FOLDER, seedFolder);
    const torrent = await writeTorrent(FOLDER, { folder: lab.folder });
    const script = new URL("./clients/http_seed.ts", import.meta.url).pathname;
    const run = CLI.slice(0, -1);
    // libtorrent would come back after half a minute, whatever it is told.
    const mood = downloader === us ? ["busy"] : [];
    const args = [...run, script, torrent.path, seedFolder, lab.host(2).address, ...mood];
    await untilListening(lab.host(2).spawn("script", args), 8017);
    const httpSeeds = [`http://${lab.host(2).address}:8017/seed.php`];
    await Deno.writeFile(torrent.path, editTorrent(await Deno.readFile(torrent.path), { httpSeeds }));
    const pair: Pair = { torrent, seedFolder, downloadFolder: lab.host(3).folder("download") };
    await (await downloader.start(lab.host(3), downloadJob(pair))).complete();
    await assertSame(pair, downloader);
  });
}
