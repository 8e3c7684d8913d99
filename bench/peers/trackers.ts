/**
 * HTTP trackers on loopback: CPU and answers of each to announces of 100,000 peers on 10,000 torrents, resident memory a
 * peer. Linux only, with `wrk`; whoever is not installed (`opentracker`, node and npm) is left out.
 *
 *   deno run -A --env-file=.env.jsr bench/peers/trackers.ts [ROUNDS] [SECONDS OF A TURN] [NAMES,…]
 *
 * Everybody is told of all peers first, which is not counted but for the memory; then they take turns. `TRACKER=PROGRAM`
 * in the environment adds one more program, which takes a port and says READY, as `tracker.ts` here does.
 */

import { Server, succeed } from "./processes.ts";

const HERE = import.meta.dirname!, ROOT = new URL("../../", import.meta.url).pathname;
const PEERS = 100_000, TORRENTS = 10_000, CONNECTIONS = 64, FIRST_PORT = 7601;
const BITTORRENT_TRACKER = "bittorrent-tracker@11.2.3";

/** Info hashes that hold the characters libtorrent leaves unescaped and such as must be escaped; as many peers on each. */
const LOAD = `
local requests, turn = {}, 0
local function infoHash(n)
  local s = n * 2654435 % 4294967296
  local head = string.format("%%%02X%%%02X%%%02X%%%02X", math.floor(s / 16777216) % 256, math.floor(s / 65536) % 256,
    math.floor(s / 256) % 256, s % 256)
  return head .. string.rep("%A" .. n % 10, 8) .. string.format("%%%02X%%%02X", math.floor(n / 256), n % 256) .. "abcXYZ"
end
function init()
  for n = 0, ${PEERS - 1} do
    requests[n] = "GET /announce?info_hash=" .. infoHash(n % ${TORRENTS}) .. "&peer_id=-LT2080-" .. string.format("%012d", n)
      .. "&port=" .. 1024 + math.floor(n / ${TORRENTS}) .. "&uploaded=0&downloaded=0&left=1000&numwant=50&compact=1"
      .. "&event=started HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: keep-alive\\r\\n\\r\\n"
  end
end
function request()
  turn = (turn + 1) % ${PEERS}
  return requests[turn]
end
`;

const NPM_SERVER = `
import { Server } from "bittorrent-tracker";
const server = new Server({ udp: false, http: true, ws: false, stats: false });
server.on("error", () => {}); server.on("warning", () => {});
server.listen(+process.argv[2], "127.0.0.1", () => console.log("READY"));
`;

const HELLO = `
const body = new Uint8Array(120).fill(65);
const onListen = () => console.log("READY");
Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen }, () => new Response(body));
`;

/** The program that serves on a port, made ready below `work`; some never say that they are. */
interface Contestant {
  readonly command: (port: string, work: string) => Promise<readonly string[]>;
  readonly quietMs?: number;
}

const DENO = ["deno", "run", "-A", `--env-file=${ROOT}.env.jsr`, `--config=${ROOT}deno.json`];

const CONTESTANTS: Readonly<Record<string, Contestant>> = {
  "this library": { command: (port) => Promise.resolve([...DENO, `${HERE}/tracker.ts`, port]) },
  "bittorrent-tracker, Node": {
    command: async (port, work) => {
      const polyfill = `${work}/node_modules/webrtc-polyfill/index.js`;
      await Deno.writeTextFile(`${work}/package.json`, '{ "private": true, "type": "module" }\n');
      await Deno.writeTextFile(`${work}/server.mjs`, NPM_SERVER);
      const options = ["--ignore-scripts", "--no-audit", "--no-fund"];
      await succeed("npm", ["install", ...options, BITTORRENT_TRACKER], work);
      // Its native module was not built; only HTTP is measured.
      const none = ["RTCPeerConnection", "RTCSessionDescription", "RTCIceCandidate"]
        .map((name) => `export const ${name} = undefined;\n`);
      await Deno.writeTextFile(polyfill, none.join(""));
      return ["node", `${work}/server.mjs`, port];
    },
  },
  "opentracker": {
    command: async (port, work) => {
      // Debian's serves the torrents of a list, which it reads as nobody.
      await Deno.chmod(work, 0o755);
      await Deno.writeTextFile(
        `${work}/list`,
        Array.from({ length: TORRENTS }, (_, n) => hexOf(n)).join("\n"),
      );
      return ["opentracker", "-i", "127.0.0.1", "-p", port, "-P", port, "-w", `${work}/list`];
    },
    quietMs: 1500,
  },
  "Deno.serve alone": {
    command: async (port, work) => {
      await Deno.writeTextFile(`${work}/hello.ts`, HELLO);
      return ["deno", "run", "-A", `${work}/hello.ts`, port];
    },
  },
};

/** The info hash of a torrent, as the load has it. */
function hexOf(n: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  return hex(n * 2654435 % 2 ** 32, 8) + `a${n % 10}`.repeat(8) + hex(n, 4) + "61626358595a";
}

/** A server that runs, and what was measured of it. */
interface Running {
  readonly name: string;
  readonly port: number;
  readonly server: Server;
  readonly micros: number[];
  readonly rates: number[];
  bytesPerPeer: number;
}

async function start(name: string, contestant: Contestant, port: number): Promise<Running | undefined> {
  const work = await Deno.makeTempDir({ prefix: "trackers_" });
  try {
    const server = await Server.start(await contestant.command(String(port), work), contestant.quietMs);
    return { name, port, server, micros: [], rates: [], bytesPerPeer: NaN };
  } catch (error) {
    console.error(`${name} is left out: ${error instanceof Error ? error.message : error}`);
    return undefined;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Announces for so many seconds; how many were answered, with how much CPU. */
async function load({ port, server }: Running, script: string, seconds: number) {
  const before = server.cpu;
  const options = ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "-s", script];
  const { stdout } = await new Deno.Command("wrk", { args: [...options, `http://127.0.0.1:${port}`] })
    .output();
  const report = new TextDecoder().decode(stdout), answers = Number(/(\d+) requests in/.exec(report)?.[1]);
  // That a connection is closed counts as an error in reading, and opentracker closes each.
  const faults = /Non-2xx.*|Socket errors: connect [^0].*/.exec(report);
  if (faults !== null || !(answers > 0)) throw new Error(`Port ${port}: ${faults?.[0] ?? report}`);
  return { answers, micros: (server.cpu - before) / answers * 1e6 };
}

/** Announces until everybody was announced, as far as one can tell. */
async function populate(running: Running, script: string): Promise<void> {
  const before = running.server.resident;
  for (let answers = 0; answers < PEERS;) answers += (await load(running, script, 5)).answers;
  running.bytesPerPeer = (running.server.resident - before) * 2 ** 20 / PEERS;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function report({ name, micros, rates, bytesPerPeer, server }: Running): string {
  const cpu = `${median(micros).toFixed(1)} (${Math.min(...micros).toFixed(1)})`;
  const rate = Math.round(median(rates)).toLocaleString("en");
  return `| ${name} | ${cpu} | ${rate} | ${Math.round(bytesPerPeer)} | ${Math.round(server.resident)} |`;
}

async function main(rounds: number, seconds: number, names: string | undefined): Promise<void> {
  const script = await Deno.makeTempFile({ suffix: ".lua" }), running: Running[] = [];
  const other = Deno.env.get("TRACKER");
  const everybody = other === undefined ? CONTESTANTS : {
    ...CONTESTANTS,
    other: { command: (port: string) => Promise.resolve([...DENO, other, port]) },
  };
  try {
    await Deno.writeTextFile(script, LOAD);
    for (const [i, [name, contestant]] of Object.entries(everybody).entries()) {
      if (names !== undefined && !names.split(",").some((part) => name.includes(part))) continue;
      const started = await start(name, contestant, FIRST_PORT + i);
      if (started !== undefined) running.push(started);
    }
    for (const one of running) await populate(one, script);
    for (let round = 0; round < rounds; round++) {
      for (const one of running) {
        const { answers, micros } = await load(one, script, seconds);
        one.micros.push(micros);
        one.rates.push(answers / seconds);
      }
    }
    console.log("| tracker | CPU µs an announce, median (least) | announces a second | bytes a peer | MiB |");
    console.log("| --- | --- | --- | --- | --- |");
    for (const one of running) console.log(report(one));
  } finally {
    for (const { server } of running) await server.stop();
    await Deno.remove(script);
  }
}

const [rounds = "5", seconds = "3", names] = Deno.args;
await main(Number(rounds), Number(seconds), names);
Deno.exit();
