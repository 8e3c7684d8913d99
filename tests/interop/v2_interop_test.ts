/** BitTorrent v2 (BEP 52) with libtorrent and qBittorrent: v2-only and hybrid torrents, from files and from links, both ways. */
import { assert, assertEquals } from "@std/assert";
import { libtorrent, startLibtorrent } from "./clients/libtorrent.ts";
import { CLI } from "./clients/ours.ts";
import { qbittorrent } from "./clients/qbittorrent.ts";
import { rtorrent } from "./clients/rtorrent.ts";
import { DEAD_TRACKER, FOLDER, SINGLE } from "./contents.ts";
import { interop, us } from "./interop.ts";
import { type Running, until } from "./lab.ts";
import { directions, transferDirectly } from "./matrix.ts";
import { assertSame, downloadJob, type Pair, preparePair, seedJob } from "./pair.ts";

for (const client of [libtorrent, qbittorrent]) {
  for (const { title, roles } of directions(client)) {
    for (const content of [SINGLE, FOLDER]) {
      for (const version of ["2", "hybrid"] as const) {
        interop(
          `${title}: ${content.label}, version ${version}`,
          { hosts: 3, needs: client.needs },
          async (lab) => {
            await transferDirectly(lab, roles, await preparePair(lab, content, undefined, version));
          },
        );
      }
    }
  }
}

const linkV2 = ({ torrent }: Pair) => `magnet:?xt=urn:btmh:1220${torrent.infoHashV2}`;
const linkV1 = ({ torrent }: Pair) => `magnet:?xt=urn:btih:${torrent.infoHash}`;

for (const client of [libtorrent, qbittorrent]) {
  for (const { title, roles: { seed, downloader } } of directions(client)) {
    for (const [version, link] of [["2", linkV2], ["hybrid", linkV2], ["hybrid", linkV1]] as const) {
      const name = `${title}: version ${version}, link with its ${link === linkV1 ? "v1" : "v2"} hash`;
      interop(name, { hosts: 3, needs: client.needs, oursOnly: true }, async (lab) => {
        const pair = await preparePair(lab, FOLDER, undefined, version), magnet = link(pair);
        const { address } = await seed.start(lab.host(2), seedJob(pair));
        const download = await downloader.start(lab.host(3), { ...downloadJob(pair, address), magnet });
        await download.complete();
        await assertSame(pair, downloader === us ? us : undefined);
      });
    }
  }
}

for (const [version, link] of [["2", linkV2], ["hybrid", linkV2], ["hybrid", linkV1]] as const) {
  const name = `magnet writes the torrent of version ${version} that libtorrent made, from its ${
    link === linkV1 ? "v1" : "v2"
  } hash`;
  interop(name, { hosts: 3, oursOnly: true }, async (lab) => {
    const pair = await preparePair(lab, FOLDER, undefined, version),
      output = `${pair.downloadFolder}/copy.torrent`;
    const { address } = await libtorrent.start(lab.host(2), seedJob(pair));
    const magnet = `${link(pair)}&tr=${encodeURIComponent(DEAD_TRACKER)}`;
    const args = ["magnet", magnet, "-o", output, "--peer", address, "--no-dht", "--timeout", "30"];
    const { code, stderr } = await lab.host(3).run([...CLI, ...args]);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(await Deno.readFile(output), await Deno.readFile(pair.torrent.path));
  });
}

// One file: of a folder it would want the pad files on its disk.
for (const { title, roles } of directions(rtorrent)) {
  interop(
    `${title}: a hybrid, of which it knows the v1 half alone`,
    { hosts: 3, needs: rtorrent.needs },
    async (lab) => {
      await transferDirectly(lab, roles, await preparePair(lab, SINGLE, undefined, "hybrid"));
    },
  );
}

interop("a v2 link killed while it downloads goes on where it was, without asking for its layers again", {
  hosts: 3,
  oursOnly: true,
}, async (lab) => {
  const pair = await preparePair(lab, SINGLE, undefined, "2"), magnet = linkV2(pair);
  const seed = await startLibtorrent(lab.host(2), { ...seedJob(pair), uploadLimit: 400_000 }, {
    verbose: true,
  });
  const job = { ...downloadJob(pair, seed.address), magnet };
  const first = await us.start(lab.host(3), job);
  const pieces = () => first.process.events().filter(({ type }) => type === "piece").length;
  await until("some pieces are here", () => pieces() > 3);
  first.process.kill("SIGKILL");
  await first.process.ended();
  const before = pieces(), asked = hashRequests(seed.process);
  assertEquals(asked > 0, true, "libtorrent heard no hash request");
  const second = await us.start(lab.host(3), job);
  await second.complete();
  await assertSame(pair, us);
  assertEquals(hashRequests(seed.process), asked);
  assert(second.process.events().filter(({ type }) => type === "piece").length <= 49 - before);
});

function hashRequests(libtorrent: Running): number {
  const lines = libtorrent.events().map(({ message }) => String(message));
  return lines.filter((line) => line.includes("HASH_REQUEST") && line.includes("<==")).length;
}
