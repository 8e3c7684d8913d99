/** ctorrent dnh3.3.2: a peer of BEP 3 and nothing else, no reserved bit set. It cannot be told a peer. */
import { type Host, until, untilListening } from "../lab.ts";
import { type Client, endpoint, type Job, PORT, type Sharing, TRANSFER_MS } from "./client.ts";

async function start(host: Host, job: Job): Promise<Sharing> {
  const state = `${host.folder("ctorrent")}/bitfield`;
  const process = host.spawn("ctorrent", [
    "ctorrent",
    ...["-e", "100"], // hours to go on seeding
    ...["-i", host.address],
    ...["-p", String(PORT)],
    ...["-b", state],
    ...(job.uploadLimit === undefined ? [] : ["-U", String(Math.ceil(job.uploadLimit / 1024))]),
    job.torrent.path,
  ], { cwd: job.folder });
  await untilListening(process, PORT);
  return {
    process,
    address: endpoint(host.address),
    complete: (timeoutMs = TRANSFER_MS) =>
      until("ctorrent is complete", () => /Download complete|Seed for/.test(process.stdout()), timeoutMs),
  };
}

/** ctorrent dnh3.3.2. */
export const ctorrent: Client = {
  name: "ctorrent dnh3.3.2",
  needs: ["/usr/bin/ctorrent"],
  dials: false,
  udpTrackers: false,
  magnets: false,
  encryption: [],
  versions: ["1"],
  start,
};
