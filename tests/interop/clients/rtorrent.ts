/** rTorrent 0.9.8 as a daemon, driven by XML-RPC over SCGI on a Unix socket (which no network namespace hides). */
import { type Host, until, untilListening } from "../lab.ts";
import { type Client, endpoint, type Job, PORT, type Sharing, TRANSFER_MS } from "./client.ts";

const ENCRYPTION = {
  default: "allow_incoming,try_outgoing,enable_retry",
  required: "require,require_RC4",
  refused: "none",
} as const;

function configuration(host: Host, home: string, job: Job): string {
  return `
system.daemon.set = true
network.scgi.open_local = ${home}/scgi
network.bind_address.set = ${host.address}
network.local_address.set = ${host.address}
network.port_range.set = ${PORT}-${PORT}
network.port_random.set = no
network.port_open.set = yes
session.path.set = ${home}/session
directory.default.set = ${job.folder}
dht.mode.set = ${job.dht === undefined ? "disable" : "on"}
dht.port.set = ${PORT}
protocol.pex.set = yes
trackers.use_udp.set = yes
protocol.encryption.set = ${ENCRYPTION[job.encryption ?? "default"]}
pieces.hash.on_completion.set = yes
throttle.global_down.max_rate.set = ${job.downloadLimit ?? 0}
throttle.global_up.max_rate.set = ${job.uploadLimit ?? 0}
log.open_file = "l", ${home}/rtorrent.log
log.add_output = "info", "l"
log.add_output = "tracker_debug", "l"
log.add_output = "connection_info", "l"
`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function encodeCall(method: string, parameters: readonly string[]): Uint8Array {
  const values = parameters.map((value) => `<param><value><string>${escape(value)}</string></value></param>`);
  const call = `<methodCall><methodName>${method}</methodName><params>${
    values.join("")
  }</params></methodCall>`;
  const body = new TextEncoder().encode(`<?xml version="1.0"?>${call}`);
  const headers = new TextEncoder().encode(`CONTENT_LENGTH\0${body.length}\0SCGI\x001\0`);
  const prefix = new TextEncoder().encode(`${headers.length}:`);
  return new Uint8Array([...prefix, ...headers, ...new TextEncoder().encode(","), ...body]);
}

/** Calls a method of rTorrent; returns the XML of the answer. */
async function call(home: string, method: string, parameters: readonly string[]): Promise<string> {
  const connection = await Deno.connect({ transport: "unix", path: `${home}/scgi` });
  const writer = connection.writable.getWriter();
  await writer.write(encodeCall(method, parameters));
  writer.releaseLock();
  const answer = await new Response(connection.readable).text(); // reading to the end closes the connection
  if (answer.includes("<fault>")) throw new Error(`rTorrent refused ${method}: ${answer}`);
  return answer;
}

async function hashOf(home: string): Promise<string> {
  const answer = await call(home, "d.multicall2", ["", "main", "d.hash="]);
  return /<string>([0-9A-F]{40})<\/string>/.exec(answer)?.[1] ?? "";
}

async function start(host: Host, job: Job): Promise<Sharing> {
  const home = host.folder("rtorrent");
  await Deno.mkdir(`${home}/session`);
  await Deno.writeTextFile(`${home}/rtorrent.rc`, configuration(host, home, job));
  const process = host.spawn("rtorrent", ["rtorrent", "-n", "-o", `import=${home}/rtorrent.rc`]);
  await untilListening(process, PORT);
  await until(
    "rTorrent answers",
    () => call(home, "system.client_version", []).then(() => true, () => false),
  );
  for (const node of job.dht ?? []) await call(home, "dht.add_node", ["", node]);
  await call(home, "load.start", ["", job.magnet ?? job.torrent.path]);
  await until("rTorrent lists the torrent", async () => await hashOf(home) !== "");
  const isComplete = async () =>
    />1<\/i8>/.test(await call(home, "d.multicall2", ["", "main", "d.complete="])) &&
    />0<\/i8>/.test(await call(home, "d.multicall2", ["", "main", "d.hashing="]));
  const complete = (timeoutMs = TRANSFER_MS) => until("rTorrent is complete", isComplete, timeoutMs);
  if (job.role === "seed") await complete();
  for (const peer of job.peers ?? []) await call(home, "add_peer", [await hashOf(home), peer]);
  return { process, address: endpoint(host.address), complete };
}

/** rTorrent 0.9.8; it takes a hybrid torrent as v1 and ignores torrents without a tracker. */
export const rtorrent: Client = {
  name: "rTorrent 0.9.8",
  needs: ["/usr/bin/rtorrent"],
  dials: true,
  udpTrackers: true,
  magnets: true,
  hangsUp: true,
  encryption: ["required", "refused"],
  versions: ["1"],
  start,
};
