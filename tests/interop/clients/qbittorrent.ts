/** qBittorrent 4.5.2 without a window, driven over its web API; also the tracker that it has inside. */
import { PYTHON } from "../contents.ts";
import { type Host, type Running, until, untilListening, WaitedInVain } from "../lab.ts";
import { type Client, endpoint, type Job, PORT, type Sharing, TRANSFER_MS } from "./client.ts";

const WEB_PORT = 8081;

const ENCRYPTION = { default: 0, required: 1, refused: 2 } as const;

/** What a profile depends on. */
type Profile = Pick<Job, "folder" | "uploadLimit" | "downloadLimit" | "encryption" | "dht" | "lsd">;

/** States in which it has everything; "checkingUP" is not among them. */
const SEEDING: ReadonlySet<string> = new Set(["uploading", "stalledUP", "forcedUP"]);

function configuration(host: Host, home: string, job: Profile): string {
  return `[LegalNotice]
Accepted=true

[Application]
FileLogger\\Enabled=true
FileLogger\\Path=${home}/logs

[BitTorrent]
Session\\Port=${PORT}
Session\\InterfaceAddress=${host.address}
Session\\DefaultSavePath=${job.folder}
Session\\AddTorrentPaused=false
Session\\QueueingSystemEnabled=false
Session\\MultiConnectionsPerIp=true
Session\\SSRFMitigation=false
Session\\AnnounceToAllTrackers=true
Session\\DHTEnabled=${job.dht !== undefined}
Session\\LSDEnabled=${job.lsd === true}
Session\\Preallocation=false
Session\\Encryption=${ENCRYPTION[job.encryption ?? "default"]}
Session\\IgnoreLimitsOnLAN=${job.uploadLimit === undefined && job.downloadLimit === undefined}
Session\\GlobalDLSpeedLimit=${Math.ceil((job.downloadLimit ?? 0) / 1024)}
Session\\GlobalUPSpeedLimit=${Math.ceil((job.uploadLimit ?? 0) / 1024)}

[Network]
PortForwardingEnabled=false

[Preferences]
WebUI\\Address=127.0.0.1
WebUI\\Port=${WEB_PORT}
WebUI\\LocalHostAuth=false
WebUI\\CSRFProtection=false
WebUI\\HostHeaderValidation=false
Connection\\UPnP=false
General\\Locale=en
`;
}

async function api(host: Host, path: string, args: readonly string[] = []): Promise<string> {
  const url = `http://127.0.0.1:${WEB_PORT}/api/v2/${path}`;
  const { code, stdout, stderr } = await host.run([
    "curl",
    "--silent",
    "--show-error",
    "--fail",
    url,
    ...args,
  ]);
  if (code !== 0) throw new Error(`qBittorrent refused ${path}: ${stdout}${stderr}`);
  return stdout;
}

interface Row {
  readonly hash: string;
  readonly progress: number;
  readonly state: string;
}

async function rows(host: Host): Promise<readonly Row[]> {
  return JSON.parse(await api(host, "torrents/info"));
}

/** The names that it begins with, which no setting changes: the DHT node must listen on port 6881 or 25401. */
const DHT_ROUTERS = ["dht.libtorrent.org", "router.bittorrent.com"] as const;

/** Runs a program that finds the DHT's routers at the first of these nodes. Mounts of a host end with its processes. */
async function amongNodes(home: string, nodes: readonly string[] = []): Promise<readonly string[]> {
  const address = nodes[0]?.replace(/^\[?(.*?)\]?:\d+$/, "$1");
  if (address === undefined) return [];
  await Deno.writeTextFile(`${home}/hosts`, DHT_ROUTERS.map((name) => `${address} ${name}\n`).join(""));
  return ["sh", "-c", 'mount --bind "$1" /etc/hosts && shift && exec "$@"', "sh", `${home}/hosts`];
}

async function launch(host: Host, job: Profile): Promise<Running> {
  const home = host.folder("qbittorrent");
  await Deno.mkdir(`${home}/qBittorrent/config`, { recursive: true });
  await Deno.writeTextFile(`${home}/qBittorrent/config/qBittorrent.conf`, configuration(host, home, job));
  const command = [...await amongNodes(home, job.dht), "qbittorrent-nox", `--profile=${home}`];
  const process = host.spawn("qbittorrent", command);
  await untilListening(process, WEB_PORT);
  return process;
}

/** Dials it, sends a handshake, and exits with 0 if anything comes back. */
const GREET = `
import socket, sys
peer = socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)
peer.sendall(b"\\x13BitTorrent protocol" + bytes(8) + bytes.fromhex(sys.argv[3]) + b"-XX0001-000000000000")
sys.exit(0 if peer.recv(68) else 1)
`;

/** Whether it lets peers in: for a moment after its check is over it hangs up on all. */
async function greets(host: Host, { torrent, encryption }: Job): Promise<boolean> {
  // This question is not encrypted. Two seconds are four times as long as the moment was ever seen to last.
  if (encryption === "required") return await new Promise((resolve) => setTimeout(resolve, 2000, true));
  const hash = torrent.infoHash ?? torrent.infoHashV2?.slice(0, 40) ?? "";
  return (await host.run([PYTHON, "-c", GREET, host.address, String(PORT), hash])).code === 0;
}

/** Tells the one torrent that was added the peers to dial. */
async function addPeers(host: Host, peers: readonly string[]): Promise<void> {
  const hash = (await rows(host))[0]?.hash ?? "";
  const fields = [`hashes=${hash}`, `peers=${peers.join("|")}`];
  await api(host, "torrents/addPeers", fields.flatMap((field) => ["--data-urlencode", field]));
}

async function start(host: Host, job: Job): Promise<Sharing> {
  const process = await launch(host, job);
  await untilListening(process, PORT);
  const source = job.magnet === undefined ? `torrents=@${job.torrent.path}` : `urls=${job.magnet}`;
  await api(host, "torrents/add", ["--form", source]);
  await until("qBittorrent lists the torrent", async () => (await rows(host)).length === 1);
  const isComplete = async () => {
    const states = await rows(host);
    // Of a hybrid link it is the fault of the libtorrent inside: see there. It does not say which error it is.
    if (states.some(({ state }) => state === "error")) throw new WaitedInVain("qBittorrent gave up");
    return states.every((row) => row.progress === 1 && SEEDING.has(row.state));
  };
  const complete = (timeoutMs = TRANSFER_MS) => until("qBittorrent is complete", isComplete, timeoutMs);
  if (job.role === "seed") {
    await complete();
    await until("qBittorrent greets peers", () => greets(host, job));
  }
  if (job.peers !== undefined) await addPeers(host, job.peers);
  return { process, address: endpoint(host.address), complete };
}

/** qBittorrent 4.5.2. */
export const qbittorrent: Client = {
  name: "qBittorrent 4.5.2",
  needs: ["/usr/bin/qbittorrent-nox", "/usr/bin/curl"],
  dials: true,
  udpTrackers: true,
  magnets: true,
  lsd: true,
  encryption: ["required", "refused"],
  versions: ["1", "2", "hybrid"],
  start,
};

/** Starts qBittorrent for its tracker alone; returns the announce URL. */
export async function startQbittorrentTracker(host: Host): Promise<string> {
  const port = 9000;
  const process = await launch(host, { folder: host.folder("unused") });
  const preferences = JSON.stringify({ enable_embedded_tracker: true, embedded_tracker_port: port });
  await api(host, "app/setPreferences", ["--data-urlencode", `json=${preferences}`]);
  await untilListening(process, port);
  return `http://${host.address}:${port}/announce`;
}
