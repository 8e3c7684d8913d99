/** aria2 1.36. It cannot be told a peer, and asks UDP trackers only while its DHT is on. */
import { type Host, until, untilListening } from "../lab.ts";
import { type Client, endpoint, type Job, PORT, type Sharing, TRANSFER_MS } from "./client.ts";

/** Where it is, and the one DHT node that it can be given. */
function place(host: Host, home: string, { isIpv6, dht = [] }: Job): string[] {
  const entry = dht.slice(0, 1), { address, address6 } = host;
  if (isIpv6 !== true) {
    const entries = entry.map((node) => `--dht-entry-point=${node}`);
    return ["--disable-ipv6=true", "--enable-dht6=false", `--interface=${address}`, ...entries];
  }
  const entries = entry.map((node) => `--dht-entry-point6=${node}`),
    file = `--dht-file-path6=${home}/dht6.dat`;
  return ["--disable-ipv6=false", "--enable-dht6=true", `--dht-listen-addr6=${address6}`, file, ...entries];
}

async function start(host: Host, job: Job): Promise<Sharing> {
  const home = host.folder("aria2");
  const process = host.spawn("aria2", [
    "aria2c",
    "--no-conf",
    "--file-allocation=none",
    "--check-integrity=true",
    "--summary-interval=0",
    "--disk-cache=0", // else the last pieces reach the disk after the end is announced
    "--enable-dht=true",
    `--dht-file-path=${home}/dht.dat`,
    `--dht-listen-port=${PORT}`,
    `--bt-enable-lpd=${job.lsd === true}`,
    "--bt-tracker-connect-timeout=5",
    ...place(host, home, job),
    `--listen-port=${PORT}`,
    `--dir=${job.folder}`,
    "--seed-ratio=0.0", // seeds for ever
    ...(job.uploadLimit === undefined ? [] : [`--max-upload-limit=${job.uploadLimit}`]),
    ...(job.downloadLimit === undefined ? [] : [`--max-download-limit=${job.downloadLimit}`]),
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
  ipv6: true,
  lsd: true,
  encryption: ["required"],
  versions: ["1"],
  start,
};
