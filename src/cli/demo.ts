/** A demonstration: a torrent is made, tracked, seeded, downloaded and verified, all on this machine. */

import { join } from "node:path";
import { encodeHex } from "../bytes/text.ts";
import { type Client, createClient } from "../client/client.ts";
import type { TorrentHandle } from "../client/torrent_handle.ts";
import { createTorrent } from "../metainfo/create.ts";
import { type Metainfo, readMetainfo } from "../metainfo/metainfo.ts";
import { formatPeerAddress } from "../peer/address.ts";
import { createHttpTracker } from "../server/http_tracker.ts";
import { checkContent } from "./check_content.ts";
import { areAlike, makePayload } from "./demo_payload.ts";
import { Display } from "./display.ts";
import { Failure } from "./failure.ts";
import { formatBytes, formatCount, formatElapsed, formatRate } from "./format.ts";
import { hashFiles } from "./hash_files.ts";
import { createPalette, padEnd } from "./render.ts";
import { listSource } from "./source_files.ts";
import type { Terminal } from "./terminal.ts";
import { transferPicture } from "./transfer.ts";

/** What can be told. */
export interface DemoOptions {
  /** Bytes of payload. */
  readonly size: number;
  /** How many download it. */
  readonly leechers: number;
  /** Bytes a second that the seed sends at most; 0 for no limit. */
  readonly seedRate: number;
}

const LOOPBACK = "127.0.0.1";

/** Says something on standard output: a label and what happened. */
type Say = (label: string, text: string) => void;

/** What the parts of the demonstration share. */
interface Stage {
  readonly options: DemoOptions;
  readonly terminal: Terminal;
  readonly folder: string;
  readonly say: Say;
  readonly signal: AbortSignal;
  /** Closes everything in the end, last things first. */
  readonly resources: AsyncDisposableStack;
}

/** Runs the demonstration; cleans up whatever happens. @throws {Failure} If the downloads are not what was seeded. */
export async function runDemo(options: DemoOptions, terminal: Terminal): Promise<void> {
  const startedAt = performance.now(), palette = createPalette(terminal.hasColours);
  const say: Say = (label, text) => terminal.write(`${palette.bold(padEnd(label, 10))} ${text}\n`);
  const interruption = terminal.interruption(), { signal } = interruption;
  const folder = await Deno.makeTempDir({ prefix: "bittorrent-demo-" });
  try {
    const heard = await perform({ options, terminal, folder, say, signal });
    // A hybrid has two info hashes: every client is in two swarms.
    say("Goodbye", `the tracker heard ${heard}; a hybrid has two swarms`);
  } finally {
    await Deno.remove(folder, { recursive: true });
    interruption.release();
  }
  say("Done", `in ${formatElapsed(performance.now() - startedAt)}`);
}

/** The acts in order. Answers what the tracker heard of the clients until they were gone. */
async function perform(parts: Omit<Stage, "resources">): Promise<string> {
  const resources = new AsyncDisposableStack(), events = new Map<string, number>();
  const stage: Stage = { ...parts, resources }, { folder, signal } = stage;
  try {
    const tracker = startTracker(stage, events);
    const source = join(folder, "seed", "demo");
    const files = await prepare(stage, source);
    signal.throwIfAborted();
    const metainfo = await describe(stage, source, tracker);
    signal.throwIfAborted();
    const seed = await startSeed(stage, metainfo);
    const leechers = await download(stage, metainfo);
    reportSwarm(stage, seed, leechers);
    await verify(stage, { metainfo, source, files });
  } finally {
    await resources.disposeAsync();
  }
  return [...events].map(([event, count]) => `${count} ${event}`).join(", ");
}

/** A tracker on loopback, which counts the events it hears. */
function startTracker({ say, resources }: Stage, events: Map<string, number>): string {
  const answer = createHttpTracker({ intervalMs: 60_000 });
  const server = Deno.serve({ hostname: LOOPBACK, port: 0, onListen: () => {} }, (request, info) => {
    const event = /[?&]event=(\w+)/.exec(request.url)?.[1];
    if (event !== undefined) events.set(event, (events.get(event) ?? 0) + 1);
    return answer(request, info);
  });
  resources.defer(() => server.shutdown());
  const url = `http://${LOOPBACK}:${server.addr.port}/announce`;
  say("Tracker", url);
  return url;
}

async function prepare({ options, say }: Stage, source: string): Promise<readonly string[]> {
  const startedAt = performance.now(), files = await makePayload(source, options.size);
  say("Payload", `${formatCount(files.length, "file")}, ${formatBytes(options.size)}, ${since(startedAt)}`);
  return files;
}

async function describe({ say, signal }: Stage, source: string, tracker: string): Promise<Metainfo> {
  const startedAt = performance.now(), { name, files } = await listSource(source);
  const metainfo = await readMetainfo(
    await createTorrent(files, {
      name,
      version: "hybrid",
      announce: [[tracker]],
      hasher: hashFiles(files),
      signal,
    }),
  );
  const { info, infoHash } = metainfo;
  say(
    "Torrent",
    `${info.version}, ${formatCount(info.pieceCount, "piece")} of ${formatBytes(info.pieceLength)}, ${
      since(startedAt)
    }`,
  );
  say("Info hash", encodeHex(infoHash));
  return metainfo;
}

async function startClient({ resources }: Stage, directory: string, uploadLimit: number): Promise<Client> {
  const options = { host: LOOPBACK, port: 0, resume: false, dht: false, directory, uploadLimit } as const;
  const client = await createClient(options);
  resources.defer(() => client.close());
  return client;
}

async function startSeed(stage: Stage, metainfo: Metainfo): Promise<TorrentHandle> {
  const { options: { seedRate }, folder, say, signal } = stage;
  const client = await startClient(stage, join(folder, "seed"), seedRate);
  const torrent = await client.add(metainfo);
  await torrent.completed({ signal });
  const held = seedRate > 0 ? `, held at ${formatRate(seedRate)} so that the leechers need each other` : "";
  say("Seed", `${formatPeerAddress(client.address!)}${held}`);
  return torrent;
}

/** Starts the leechers and waits until each has everything. */
async function download(stage: Stage, metainfo: Metainfo): Promise<readonly TorrentHandle[]> {
  const { options, folder, terminal, say, signal } = stage, palette = createPalette(terminal.hasErrorColours);
  const clients: Client[] = [];
  for (let leecher = 1; leecher <= options.leechers; leecher++) {
    clients.push(await startClient(stage, leecherFolder(folder, leecher), 0));
  }
  const startedAt = performance.now();
  const torrents = await Promise.all(clients.map((client) => client.add(metainfo)));
  const pictures = torrents.map((torrent, index) =>
    transferPicture(torrent, palette, `Leecher ${index + 1}`)
  );
  const display = new Display(terminal, (width) => pictures.flatMap((picture) => [...picture(width), ""]));
  const lines: string[] = [];
  try {
    await Promise.all(torrents.map(async (torrent, index) => {
      const peers = countPeers(torrent);
      await torrent.completed({ signal });
      lines[index] = describeDownload(torrent, peers, performance.now() - startedAt);
    }));
  } finally {
    display.close();
  }
  lines.forEach((line, index) => say(`Leecher ${index + 1}`, line));
  return torrents;
}

function leecherFolder(folder: string, leecher: number): string {
  return join(folder, `leecher-${leecher}`);
}

/** The addresses of everybody a torrent was ever connected to. */
function countPeers(torrent: TorrentHandle): ReadonlySet<string> {
  const peers = new Set<string>();
  const follow = async () => {
    for await (const event of torrent.events()) {
      if (event.type === "peerConnected") peers.add(formatPeerAddress(event.address));
    }
  };
  void follow();
  return peers;
}

function describeDownload(torrent: TorrentHandle, peers: ReadonlySet<string>, elapsedMs: number): string {
  const { downloaded } = torrent.status(), rate = formatRate(downloaded / elapsedMs * 1000);
  const from = formatCount(peers.size, "peer");
  return `${formatBytes(downloaded)} from ${from} in ${formatElapsed(elapsedMs)}, ${rate}`;
}

function reportSwarm({ say }: Stage, seed: TorrentHandle, leechers: readonly TorrentHandle[]): void {
  const shared = leechers.reduce((sum, torrent) => sum + torrent.status().uploaded, 0);
  say(
    "Swarm",
    `the seed sent ${formatBytes(seed.status().uploaded)}, the leechers gave each other ${
      formatBytes(shared)
    }`,
  );
}

interface Expectation {
  readonly metainfo: Metainfo;
  readonly source: string;
  readonly files: readonly string[];
}

/** Compares every byte with the source, and every piece with its hash. */
async function verify(
  { options, folder, say, signal }: Stage,
  { metainfo, source, files }: Expectation,
): Promise<void> {
  const startedAt = performance.now(), { name, pieceCount } = metainfo.info;
  for (let leecher = 1; leecher <= options.leechers; leecher++) {
    const target = leecherFolder(folder, leecher);
    for (const file of files) {
      if (await areAlike(join(source, file), join(target, name, file))) continue;
      throw new Failure(`Leecher ${leecher} has other bytes in "${file}"`);
    }
    const { complete } = await checkContent(metainfo, target, { signal });
    if (!complete) throw new Failure(`Leecher ${leecher} has pieces that fail their hash`);
  }
  const count = formatCount(files.length * options.leechers, "file");
  say(
    "Verified",
    `${count} byte by byte, ${formatCount(pieceCount * options.leechers, "piece")} by hash, ${
      since(startedAt)
    }`,
  );
}

function since(startedAt: number): string {
  return formatElapsed(performance.now() - startedAt);
}
