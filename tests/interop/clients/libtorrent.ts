/** libtorrent 2.0.8 through our own script. */
import { LIBTORRENT, PYTHON } from "../contents.ts";
import { type Host, type Running, until, untilListening, WaitedInVain } from "../lab.ts";
import { type Client, endpoint, type Job, PORT, type Sharing, TRANSFER_MS } from "./client.ts";

/** Settings that only libtorrent has. */
export interface LibtorrentOptions {
  /** Whether it leaves the swarm as soon as it is complete. */
  readonly leave?: boolean;
  /** By default it dials with encryption first, then plainly, and accepts both. */
  readonly encryption?: "required" | "refused";
  /** What encrypted handshakes may agree on; `rc4` by default where encryption is required, else `both`. */
  readonly methods?: "rc4" | "plaintext" | "both";
  /** `both` is its default. */
  readonly transport?: "tcp" | "utp" | "both";
  readonly listen?: string;
  /** Whether it takes part in peer exchange. */
  readonly pex?: true;
  /** Prints every alert there is, each message to and from peers among them. */
  readonly verbose?: true;
}

function many(flag: string, values: readonly string[] = []): string[] {
  return values.flatMap((value) => [flag, value]);
}

/**
 * Throws when it gave the torrent up: 2.0.8 now and then says of a hybrid link, whose pieces came before their layer, that
 * "v1 and v2 hashes do not describe the same data" (its issue 6394, mended in 2.0.9).
 */
function isComplete(process: Running): boolean {
  const fault = process.events().find(({ message }) => String(message).includes("v1 and v2 hashes do not"));
  if (fault !== undefined) throw new WaitedInVain(`libtorrent gave up: ${fault.message}`);
  return process.events().some(({ event }) => event === "complete");
}

/** Starts libtorrent with settings of its own. */
export async function startLibtorrent(
  host: Host,
  job: Job,
  options: LibtorrentOptions = {},
): Promise<Sharing> {
  const listen = endpoint(options.listen ?? (job.isIpv6 === true ? host.address6 : host.address));
  const encryption = options.encryption ?? job.encryption;
  const process = host.spawn("libtorrent", [
    PYTHON,
    LIBTORRENT,
    "peer",
    ...["--folder", job.folder, "--listen", listen],
    ...(job.magnet === undefined ? ["--torrent", job.torrent.path] : ["--magnet", job.magnet]),
    ...(job.role === "seed" ? ["--seed"] : []),
    ...(options.leave === true ? ["--leave"] : []),
    ...(encryption === undefined ? [] : ["--encryption", encryption]),
    ...(options.methods === undefined ? [] : ["--methods", options.methods]),
    ...(options.transport === undefined ? [] : ["--transport", options.transport]),
    ...(job.lsd === true ? ["--lsd"] : []),
    ...(options.pex === true ? ["--pex"] : []),
    ...(options.verbose === true ? ["--verbose"] : []),
    ...(job.uploadLimit === undefined ? [] : ["--upload-limit", String(job.uploadLimit)]),
    ...(job.downloadLimit === undefined ? [] : ["--download-limit", String(job.downloadLimit)]),
    ...many("--peer", job.peers),
    ...many("--dht", job.dht),
  ]);
  if (options.transport !== "utp") await untilListening(process, PORT);
  return {
    process,
    address: listen,
    complete: (timeoutMs = TRANSFER_MS) =>
      until("libtorrent is complete", () => isComplete(process), timeoutMs),
  };
}

/** What libtorrent has moved so far, in payload bytes, in all and per remote host. */
export interface Counters {
  readonly uploaded: number;
  readonly downloaded: number;
  readonly peers: Readonly<Record<string, { readonly downloaded: number; readonly uploaded: number }>>;
}

/** The latest counters that libtorrent printed. */
export function countersOf(process: Running): Counters {
  const last = process.events().findLast((event) => event.event === "counters");
  return last === undefined ? { uploaded: 0, downloaded: 0, peers: {} } : last as unknown as Counters;
}

/** libtorrent with the settings it has by default. */
export const libtorrent: Client = {
  name: "libtorrent 2.0.8",
  needs: [PYTHON, "/usr/lib/python3/dist-packages/libtorrent.egg-info"],
  dials: true,
  udpTrackers: true,
  magnets: true,
  ipv6: true,
  lsd: true,
  encryption: ["required", "refused"],
  versions: ["1", "2", "hybrid"],
  start: (host, job) => startLibtorrent(host, job),
};
