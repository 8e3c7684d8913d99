/** opentracker, Debian's build: HTTP and UDP on one port, for the info hashes on its list only. */
import { type Host, untilListening } from "../lab.ts";

const TRACKER_PORT = 6969;

/** The files that must exist for it to run. */
export const OPENTRACKER_NEEDS: readonly string[] = ["/usr/bin/opentracker", "/usr/bin/curl"];

/** A tracker that runs. */
export interface Tracker {
  readonly http: string;
  readonly udp: string;
  /** How many peers it knows for an info hash (hex). */
  peerCount(infoHash: string): Promise<number>;
}

/** Starts opentracker for the info hashes given (hex; only the first 20 bytes count). */
export async function startOpentracker(host: Host, infoHashes: readonly string[]): Promise<Tracker> {
  const root = host.folder("opentracker"); // it changes its root to this folder and its user to nobody
  await Deno.writeTextFile(`${root}/whitelist`, infoHashes.map((hash) => `${hash.slice(0, 40)}\n`).join(""));
  const lines = [
    `listen.tcp_udp ${host.address}:${TRACKER_PORT}`,
    "access.whitelist whitelist",
    `access.stats ${host.address}`,
    `tracker.rootdir ${root}`,
    "tracker.user nobody",
  ];
  await Deno.writeTextFile(`${root}/opentracker.conf`, lines.join("\n") + "\n");
  const process = host.spawn("opentracker", ["opentracker", "-f", "opentracker.conf"], { cwd: root });
  await untilListening(process, TRACKER_PORT);
  const base = `${host.address}:${TRACKER_PORT}`;
  return {
    http: `http://${base}/announce`,
    udp: `udp://${base}/announce`,
    peerCount: async (infoHash) => {
      const escaped = infoHash.slice(0, 40).replaceAll(/../g, "%$&");
      const { stdout } = await host.run(["curl", "--silent", `http://${base}/scrape?info_hash=${escaped}`]);
      const count = (key: string) => Number(new RegExp(`${key}i(\\d+)e`).exec(stdout)?.[1] ?? 0);
      return count("8:complete") + count("10:incomplete");
    },
  };
}
