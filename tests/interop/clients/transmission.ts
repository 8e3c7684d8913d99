/** Transmission 3.00: its daemon and its remote control. It cannot be told a peer; it must be dialled or find us. */
import { type Host, until, untilListening } from "../lab.ts";
import { type Client, endpoint, type Job, PORT, type Sharing, TRANSFER_MS } from "./client.ts";

const RPC_PORT = 9091;

function settings(host: Host, job: Job): Record<string, unknown> {
  return {
    "bind-address-ipv4": host.address,
    "bind-address-ipv6": host.address6,
    "blocklist-enabled": false,
    "dht-enabled": job.dht !== undefined,
    "download-dir": job.folder,
    "encryption": job.encryption === "required" ? 2 : 1, // by default it prefers encryption and accepts plain
    "incomplete-dir-enabled": false,
    "lpd-enabled": job.lsd === true,
    "message-level": 3,
    "peer-port": PORT,
    "peer-port-random-on-start": false,
    "pex-enabled": true,
    "port-forwarding-enabled": false,
    "rename-partial-files": true,
    "rpc-authentication-required": false,
    "rpc-bind-address": "127.0.0.1",
    "rpc-enabled": true,
    "rpc-host-whitelist-enabled": false,
    "rpc-port": RPC_PORT,
    "rpc-whitelist-enabled": false,
    "trash-original-torrent-files": false,
    // It dials with uTP first, gives up after 9 s, and closes the TCP connection that it opens then at once (measured).
    "utp-enabled": false,
    ...(job.downloadLimit === undefined ? {} : {
      "speed-limit-down": Math.ceil(job.downloadLimit / 1000),
      "speed-limit-down-enabled": true,
    }),
    ...(job.uploadLimit === undefined ? {} : {
      "speed-limit-up": Math.ceil(job.uploadLimit / 1000),
      "speed-limit-up-enabled": true,
    }),
  };
}

/** The nodes of an earlier run, IPv4 only. It asks these quickly; others it would ask one after the other in a minute. */
function savedNodes(nodes: readonly string[]): Uint8Array {
  const compact = nodes.flatMap((node) => {
    const [host = "", port] = node.split(":");
    return [...host.split(".").map(Number), Number(port) >> 8, Number(port) & 255];
  });
  const text = new TextEncoder(), id = crypto.getRandomValues(new Uint8Array(20));
  return new Uint8Array([
    ...[...text.encode("d2:id20:"), ...id],
    ...[...text.encode(`5:nodes${compact.length}:`), ...compact, ...text.encode("e")],
  ]);
}

async function remote(host: Host, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await host.run(["transmission-remote", `127.0.0.1:${RPC_PORT}`, ...args]);
  if (code !== 0 || stdout.includes("Error")) {
    throw new Error(`Transmission refused ${args[0]}: ${stdout}${stderr}`);
  }
  return stdout;
}

async function start(host: Host, job: Job): Promise<Sharing> {
  const home = host.folder("transmission");
  await Deno.writeTextFile(`${home}/settings.json`, JSON.stringify(settings(host, job)));
  if (job.dht !== undefined) await Deno.writeFile(`${home}/dht.dat`, savedNodes(job.dht));
  const process = host.spawn("transmission", ["transmission-daemon", "-f", "-g", home, "--log-debug"]);
  await untilListening(process, RPC_PORT);
  await untilListening(process, PORT);
  await remote(host, ["-a", job.magnet ?? job.torrent.path]);
  const isComplete = async () => {
    const details = await remote(host, ["-t", "1", "-i"]);
    return /Percent Done: 100%/.test(details) && /State: (Idle|Seeding|Finished)/.test(details);
  };
  const complete = (timeoutMs = TRANSFER_MS) => until("Transmission is complete", isComplete, timeoutMs);
  if (job.role === "seed") await complete();
  return { process, address: endpoint(host.address), complete };
}

/** Transmission 3.00, which knows no v2. */
export const transmission: Client = {
  name: "Transmission 3.00",
  needs: ["/usr/bin/transmission-daemon", "/usr/bin/transmission-remote"],
  dials: false,
  udpTrackers: true,
  magnets: true,
  lsd: true,
  encryption: ["required"],
  skipsEmptyFiles: true,
  versions: ["1"],
  start,
};
