/**
 * Memory over time at full rate: one client of this library seeds 2 GiB to one leecher in C after the other, and downloads
 * 2 GiB from a seeder in C again and again. Prints a row per minute; the column of resident memory should be flat.
 *
 *   deno run -A --env-file=.env.jsr bench/peers/endurance.ts [MINUTES, 10 if not given] [--work=/dev/shm/bittorrent-bench]
 *
 * Needs Linux, cc with OpenSSL's headers, and 7 GiB in the work folder.
 */

import { parseArgs } from "node:util";
import { head, row } from "../table.ts";
import { LEECH_PORT, nativeLeech, SEED_PORT } from "./contestants.ts";
import { buildNative, measure, Server } from "./processes.ts";
import { makeSample } from "./transfer_content.ts";
import { denoRun } from "./whole_process.ts";

const MINUTE_MS = 60_000;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { work: { type: "string", default: "/dev/shm/bittorrent-bench" } },
});
const { work } = values, minutes = Number(positionals[0] ?? 10), into = `${work}/downloads`;

await Deno.mkdir(work, { recursive: true });
await buildNative(work);
const announce = "http://127.0.0.1:1/announce";
const down = await makeSample(work, "single1024", announce),
  up = await makeSample(work, "single256", announce);
const { flat, pieceLength, infoHash } = down;
const source = await Server.start([`${work}/seed`, String(SEED_PORT), flat, String(pieceLength), infoHash]);
const client = await Server.start(denoRun(
  "bench/peers/endurance_client.ts",
  ...[down.torrent, into, `127.0.0.1:${SEED_PORT}`, up.torrent, up.directory, String(LEECH_PORT)],
));
let isOver = false, pulled = 0;
const pulling = (async () => {
  while (!isOver) {
    const cost = await measure(work, nativeLeech(work, up, { port: LEECH_PORT }));
    if (cost === undefined) throw new Error("The client does not serve");
    pulled += up.length;
  }
})();
try {
  console.log(head(["minute", "resident MiB", "peak MiB", "CPU s", "GB served"]));
  for (let minute = 1; minute <= minutes; minute++) {
    const { cpu } = client, before = pulled;
    await Promise.race([new Promise((resolve) => setTimeout(resolve, MINUTE_MS)), pulling]);
    const cells = [client.resident.toFixed(0), client.memory.toFixed(0), (client.cpu - cpu).toFixed(1)];
    console.log(row([minute, ...cells, ((pulled - before) / 1e9).toFixed(1)]));
  }
  isOver = true;
  await pulling;
  console.log(`\n${client.lines} downloads of ${down.length / 1e9} GB`);
} finally {
  isOver = true;
  await client.stop();
  await source.stop();
  await Deno.remove(into, { recursive: true }).catch(() => {});
}
