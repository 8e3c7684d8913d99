/**
 * The HTTP tracker without sockets: announces from 100,000 peers of 10,000 torrents answered per second, beside the
 * handler of npm `bittorrent-tracker`.
 */

// deno-lint-ignore-file no-import-prefix
import Server from "npm:bittorrent-tracker@11.2.3/server";
import { percentEncode } from "../src/bytes/text.ts";
import { cryptoRandom, systemClock } from "../src/io/deno/mod.ts";
import { createHttpTracker } from "../src/server/http_tracker.ts";
import { MemorySwarmStore } from "../src/server/swarm_store.ts";
import { decodeAnnounceQuery } from "../src/tracker/messages/http.ts";

const TORRENTS = 10_000, PEERS = 100_000, HOST = "127.0.0.1";
const HASHES = Array.from({ length: TORRENTS }, () => crypto.getRandomValues(new Uint8Array(20)));

/** Path and query of the announce of a peer. */
function pathOf(i: number): string {
  const peerId = `-NB0100-${String(i).padStart(12, "0")}`, port = 1024 + Math.floor(i / TORRENTS);
  const name = `info_hash=${percentEncode(HASHES[i % TORRENTS]!)}&peer_id=${peerId}&port=${port}`;
  return `/announce?${name}&uploaded=0&downloaded=0&left=1000&numwant=50&compact=1&event=started`;
}

const PATHS = Array.from({ length: PEERS }, (_, i) => pathOf(i));
const URLS = PATHS.map((path) => `http://${HOST}:6969${path}`);

const store = new MemorySwarmStore({ now: systemClock.now, random: cryptoRandom, expiryMs: 4_500_000 });
const tracker = createHttpTracker({ store });
const announce = async (i: number) => {
  const response = await tracker(new Request(URLS[i]!), { remoteAddr: { hostname: HOST } });
  if (response.status !== 200) throw new Error("the tracker does not answer");
};

const server = new Server({ http: false, udp: false, ws: false, stats: false });
const headers = {}, connection = { remoteAddress: HOST };
const announceToServer = (i: number) =>
  new Promise<void>((end) => server.onHttpRequest({ url: PATHS[i]!, headers, connection }, { end }));

for (let i = 0; i < PEERS; i++) {
  await announce(i);
  await announceToServer(i);
}

let turn = 0;
const next = () => turn++ % PEERS;

Deno.bench("tracker(announce)", { group: "announce", baseline: true }, () => announce(next()));
Deno.bench("bittorrent-tracker onHttpRequest", { group: "announce" }, () => announceToServer(next()));
Deno.bench("new Request and new Response alone", { group: "announce" }, () => {
  new Response(new Request(URLS[next()]!).url);
});
Deno.bench("decodeAnnounceQuery", { group: "parts" }, () => {
  const path = PATHS[next()]!;
  decodeAnnounceQuery(path.slice(path.indexOf("?")));
});
