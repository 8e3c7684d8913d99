/** Our own command line as a black box, driven by what README tells users. */
import { command, type Host, type Running, until, untilListening } from "../lab.ts";
import { type Client, endpoint, type Job, PORT, type Sharing, TRANSFER_MS } from "./client.ts";

const root = new URL("../../../", import.meta.url).pathname;

/** The words that run a program of this repository. */
export function denoRun(program: string): readonly string[] {
  const flags = [
    "-A",
    "--quiet",
    "--unstable-net",
    `--config=${root}deno.json`,
    `--env-file=${root}.env.jsr`,
  ];
  return [Deno.execPath(), "run", ...flags, `${root}${program}`];
}

/** The words that run our command line. */
export const CLI: readonly string[] = denoRun("src/cli/main.ts");

let fetched: Promise<unknown> | undefined;

/** Fetches what our command line imports, once: the hosts of a lab reach no registry. */
export function fetchDependencies(): Promise<unknown> {
  return fetched ??= cache("src/cli/main.ts");
}

/** Fetches what a program of ours imports. */
export function cache(program: string): Promise<unknown> {
  const flags = ["--quiet", `--config=${root}deno.json`, `--env-file=${root}.env.jsr`];
  return command(Deno.execPath(), ["cache", ...flags, `${root}${program}`]);
}

const ENCRYPTION = { required: ["--encryption", "required"], refused: ["--encryption", "disabled"] } as const;

function startCli(host: Host, job: Job): Running {
  const source = job.magnet ?? job.torrent.path;
  const peers = (job.peers ?? []).flatMap((peer) => ["--peer", peer]);
  const at = job.isIpv6 === true ? ["--host", host.address6] : [],
    lsd = job.lsd === true ? ["--lsd", ...at] : [];
  const limit = job.downloadLimit === undefined ? [] : ["--down-limit", String(job.downloadLimit)];
  const encryption = job.encryption === undefined ? [] : ENCRYPTION[job.encryption];
  const dht = job.dht === undefined
    ? ["--no-dht"]
    : ["--no-cache", ...job.dht.flatMap((node) => ["--dht-node", node])];
  const common = ["--port", String(PORT), "--json", ...dht, ...lsd, ...limit, ...encryption, ...peers];
  const args = job.role === "seed"
    ? ["seed", source, job.folder, ...common]
    : ["download", source, "-o", job.folder, "--seed", ...common];
  return host.spawn("ours", [...CLI, ...args]);
}

async function start(host: Host, job: Job): Promise<Sharing> {
  const process = startCli(host, job);
  await untilListening(process, PORT);
  // We listen before the torrent is there, and hang up on who asks for it: rTorrent would not dial again for minutes.
  if (job.role === "seed") await until("we seed", () => process.events().some(isSeeding));
  return {
    process,
    address: endpoint(host.address),
    complete: (timeoutMs = TRANSFER_MS) =>
      until("we are complete", () => process.events().some(isCompletion), timeoutMs),
  };
}

function isSeeding(event: Record<string, unknown>): boolean {
  return event.type === "state" && event.state === "seeding";
}

/** The event that says a download has every piece. */
export function isCompletion(event: Record<string, unknown>): boolean {
  return event.type === "completed";
}

/** We. */
export const ours: Client = {
  name: "we",
  needs: [`${root}src/cli/main.ts`],
  dials: true,
  udpTrackers: true,
  magnets: true,
  ipv6: true,
  lsd: true,
  encryption: ["required", "refused"],
  versions: ["1"],
  start,
};
