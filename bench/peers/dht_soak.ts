/**
 * One DHT node under minutes of mixed queries, beside other implementations: replies a second, CPU a reply and resident
 * memory, minute by minute. Linux only. What is not installed (node and npm, python3-libtorrent) is left out.
 *
 *   deno run -A --unstable-net --env-file=.env.jsr bench/peers/dht_soak.ts [MINUTES] [NAMES,…]
 *
 * All nodes live from beginning to end and are loaded in turns of ten seconds, so that a busy machine is busy for all. Ten
 * sources keep 60 queries under way: ping, find_node, get_peers and announce_peer in equal parts, 10,000 peers of 1,000
 * torrents in all. They answer what the node asks them, so that its table fills.
 */

import { decodeKrpc, encodeKrpc } from "../../src/dht/messages/krpc.ts";
import type { SendableQuery } from "../../src/dht/messages/query.ts";
import { head, row } from "../table.ts";
import { Server } from "./processes.ts";
import { denoRun } from "./whole_process.ts";

const TURN_MS = 10_000, SOURCES = 10, LANES_PER_SOURCE = 6, TORRENTS = 1000, LOST_MS = 2000;

const BITTORRENT_DHT = `
import DHT from "bittorrent-dht";
const dht = new DHT({ bootstrap: false, host: "127.0.0.1", maxTables: 100000, maxPeers: 1000000 });
dht.on("error", console.error); dht.on("warning", () => {});
dht.listen(+process.argv[2], "127.0.0.1", () => console.log("READY"));
`;

/** Limits on what one source may ask are lifted, as they are in `dht_node.ts`. */
const LIBTORRENT = `
import sys, time, libtorrent as lt
s = lt.session({"listen_interfaces": "127.0.0.1:" + sys.argv[1], "enable_dht": True, "dht_bootstrap_nodes": "",
  "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False, "dht_upload_rate_limit": 1000000000,
  "dht_block_ratelimit": 100000000, "dht_restrict_routing_ips": False, "dht_restrict_search_ips": False,
  "dht_ignore_dark_internet": False, "dht_enforce_node_id": False, "dht_max_torrents": 100000,
  "dht_max_peers": 100000, "alert_mask": 0})
time.sleep(1); print("READY", flush=True)
while True: time.sleep(1)
`;

/** The command of each contestant, made ready if need be. */
const CONTESTANTS: Readonly<Record<string, (port: string, folder: string) => Promise<readonly string[]>>> = {
  "this library": (port) => Promise.resolve(denoRun("bench/peers/dht_node.ts", port)),
  "bittorrent-dht": async (port, folder) => {
    await Deno.writeTextFile(`${folder}/package.json`, '{ "private": true, "type": "module" }');
    await Deno.writeTextFile(`${folder}/node.js`, BITTORRENT_DHT);
    const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "bittorrent-dht@11.0.12"];
    await new Deno.Command("npm", { args, cwd: folder, stdout: "null", stderr: "null" }).output();
    return ["node", `${folder}/node.js`, port];
  },
  "libtorrent": async (port, folder) => {
    await Deno.writeTextFile(`${folder}/node.py`, LIBTORRENT);
    return ["/usr/bin/python3", `${folder}/node.py`, port];
  },
};

/** A node that runs, and what it has used up. */
interface Contestant {
  readonly name: string;
  readonly port: number;
  readonly server: Server;
  replies: number;
  cpuSeconds: number;
  loadedSeconds: number;
}

async function start(name: string, port: number, folder: string): Promise<Contestant | undefined> {
  try {
    const server = await Server.start(await CONTESTANTS[name]!(String(port), folder));
    return { name, port, server, replies: 0, cpuSeconds: 0, loadedSeconds: 0 };
  } catch (error) {
    console.error(`${name} is left out: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

const randomId = () => crypto.getRandomValues(new Uint8Array(20));
const HASHES = Array.from({ length: TORRENTS }, randomId);

/** One query under way at a time, four kinds in turn. */
interface Lane {
  readonly transaction: Uint8Array;
  step: number;
  sentAt: number;
  token: Uint8Array | undefined;
}

/** Asks from an address of its own for as long as it is told to. */
class Source {
  replies = 0;
  readonly #id = randomId();
  readonly #socket: Deno.DatagramConn;
  readonly #lanes: readonly Lane[];
  readonly #to: Deno.NetAddr;
  #asks = true;

  constructor(number: number, port: number) {
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname: `127.1.0.${number + 1}`, port: 0 });
    this.#to = { transport: "udp", hostname: "127.0.0.1", port };
    // Lanes begin at different torrents, each source at all of them.
    this.#lanes = Array.from({ length: LANES_PER_SOURCE }, (_, lane) => ({
      transaction: Uint8Array.of(lane, number),
      step: Math.floor(lane * TORRENTS / LANES_PER_SOURCE) * 4,
      sentAt: 0,
      token: undefined,
    }));
  }

  async load(milliseconds: number): Promise<void> {
    const receiving = this.#receive();
    const again = () => {
      for (const lane of this.#lanes) if (performance.now() - lane.sentAt > LOST_MS) this.#ask(lane);
    };
    again();
    const timer = setInterval(again, LOST_MS);
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    clearInterval(timer);
    this.#asks = false;
    await new Promise((resolve) => setTimeout(resolve, 100));
    this.#socket.close();
    await receiving;
  }

  #ask(lane: Lane): void {
    lane.sentAt = performance.now();
    const query = this.#query(lane);
    this.#send(
      encodeKrpc({ type: "query", transaction: lane.transaction, readOnly: false, query }),
      this.#to,
    );
  }

  #query({ step, token }: Lane): SendableQuery {
    const id = this.#id, infoHash = HASHES[Math.floor(step / 4) % TORRENTS]!;
    if (step % 4 === 1) return { type: "findNode", id, target: randomId() };
    if (step % 4 === 2) return { type: "getPeers", id, infoHash };
    if (step % 4 === 3 && token !== undefined) {
      return { type: "announcePeer", id, infoHash, port: 6881, token };
    }
    return { type: "ping", id };
  }

  async #receive(): Promise<void> {
    const buffer = new Uint8Array(8192);
    for (;;) {
      const received = await this.#socket.receive(buffer).catch(() => undefined);
      if (received === undefined) return;
      const message = decodeKrpc(received[0]), { transaction } = message;
      if (message.type === "query") {
        const reply = { id: this.#id };
        this.#send(encodeKrpc({ type: "reply", transaction, reply }), received[1]);
        continue;
      }
      const lane = this.#lanes[transaction[0]!];
      if (lane === undefined || message.type === "error") continue;
      this.replies++;
      lane.step++;
      lane.token = message.reply.token?.slice();
      if (this.#asks) this.#ask(lane);
    }
  }

  #send(bytes: Uint8Array, to: Deno.Addr): void {
    this.#socket.send(bytes, to).catch(() => {});
  }
}

async function takeTurn(contestant: Contestant): Promise<void> {
  const sources = Array.from({ length: SOURCES }, (_, i) => new Source(i, contestant.port));
  const before = contestant.server.cpu;
  await Promise.all(sources.map((source) => source.load(TURN_MS)));
  contestant.cpuSeconds += contestant.server.cpu - before;
  contestant.replies += sources.reduce((sum, { replies }) => sum + replies, 0);
  contestant.loadedSeconds += TURN_MS / 1000;
}

function report(minute: number, contestant: Contestant): void {
  const { name, server, replies, cpuSeconds, loadedSeconds } = contestant;
  const rate = Math.round(replies / loadedSeconds).toLocaleString("en"), cpu = cpuSeconds / replies * 1e6;
  console.log(row([minute, name, rate, cpu.toFixed(1), server.resident.toFixed(0)]));
  Object.assign(contestant, { replies: 0, cpuSeconds: 0, loadedSeconds: 0 });
}

async function main(minutes: number, names: readonly string[]): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dht_soak_" }), contestants: Contestant[] = [];
  try {
    for (const [i, name] of names.entries()) {
      const contestant = await start(name, 16_881 + i, folder);
      if (contestant !== undefined) contestants.push(contestant);
    }
    console.log(head(["minute", "node", "replies a second", "CPU µs a reply", "resident MiB"]));
    for (let minute = 1; minute <= minutes; minute++) {
      for (let turn = 0; turn < 60_000 / TURN_MS; turn++) {
        for (const contestant of contestants) await takeTurn(contestant);
      }
      for (const contestant of contestants) report(minute, contestant);
    }
  } finally {
    for (const { server } of contestants) await server.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

const [minutes = "10", names] = Deno.args;
await main(Number(minutes), names?.split(",") ?? Object.keys(CONTESTANTS));
Deno.exit();
