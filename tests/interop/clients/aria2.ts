/** aria2 1.36. It cannot be told a peer, and asks UDP trackers only while its DHT is on. */
import { type Host, until, untilListening } from "../lab.ts";
import { type Client, endpoint, type Job, PORT, type Sharing, TRANSFER_MS } from "./client.ts";

async function start(host: Host, job: Job): Promise<Sharing> {
  const home = host.folder("aria2");
  const process = host.spawn("aria2", [
    "aria2c",
    "--no-conf",
    "--disable-ipv6=true",
    "--file-allocation=none",
    "--check-integrity=true",
    "--summary-interval=0",
    "--disk-cache=0", // else the last pieces reach the disk after the end is announced
    "--enable-dht=true",
    "--enable-dht6=false",
    `--dht-file-path=${home}/dht.dat`,
    `--dht-listen-port=${PORT}`,
    ...(job.dht ?? []).slice(0, 1).map((node) => `--dht-entry-point=${node}`), // it takes one only
    "--bt-enable-lpd=false",
    "--bt-tracker-connect-timeout=5",
    `--interface=${host.address}`,
    `--listen-port=${PORT}`,
    `--dir=${job.folder}`,
    "--seed-ratio=0.0", // seeds for ever
    ...(job.uploadLimit === undefined ? [] : [`--max-upload-limit=${job.uploadLimit}`]),
    ...(job.encryption === "required" ? ["--bt-force-encryption=true", "--bt-min-crypto-level=arc4"] : []),
    "--log-level=info",
    `--log=${home}/aria2.log`,
    job.magnet ?? job.torrent.path,
  ]);
  await untilListening(process, PORT);
  const log = () => Deno.readTextFile(`${home}/aria2.log`).catch(() => "");
  return {
    process,
    address: endpoint(host.address),
    complete: (timeoutMs = TRANSFER_MS) =>
      until(
        "aria2 is complete",
        async () => /Seeder state|Seeding is ongoing/.test(await log()),
        timeoutMs,
      ),
  };
}

/** aria2 1.36, which computes wrong info hashes for hybrid torrents and knows no v2. */
export const aria2: Client = {
  name: "aria2 1.36",
  needs: ["/usr/bin/aria2c"],
  dials: false,
  udpTrackers: true,
  magnets: true,
  encryption: ["required"],
  versions: ["1"],
  start,
};
