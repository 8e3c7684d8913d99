/** Who takes part in whole transfers, and the commands that start them. Every check on, no rate limits, plain TCP. */

import { succeed } from "./processes.ts";
import type { Sample } from "./transfer_content.ts";
import { denoRun } from "./whole_process.ts";

const HERE = import.meta.dirname!;
/** Where the first seeder listens, the leecher, and the tracker for those who cannot be handed a peer. */
export const SEED_PORT = 7301, LEECH_PORT = 7401, TRACKER_PORT = 7501;
const WEBTORRENT = "webtorrent@3.0.21";

/** Commands of a contestant for one torrent. */
export interface Contestant {
  /** Downloads from a seeder into a folder, then ends. */
  readonly leech: (sample: Sample, into: string, seedPort?: number) => readonly string[];
  /** Seeds until it is ended. */
  readonly seed: (sample: Sample, seedPort?: number) => readonly string[];
  /** It never says that it is ready to seed: time to wait instead. */
  readonly quietMs?: number;
}

/** Everybody, by name; `work` holds the built programs and installed packages. */
export function contestants(work: string): Readonly<Record<string, Contestant>> {
  const libtorrent = ["/usr/bin/python3", `${HERE}/libtorrent_peer.py`];
  const webtorrent = ["node", `${work}/npm/webtorrent_peer.mjs`];
  const byPeer = (program: readonly string[]): Contestant => ({
    leech: ({ torrent }, into, port = SEED_PORT) => {
      return [...program, "leech", torrent, into, String(LEECH_PORT), `127.0.0.1:${port}`];
    },
    seed: ({ torrent, directory }, port = SEED_PORT) => {
      return [...program, "seed", torrent, directory, String(port)];
    },
  });
  return {
    "limit (C)": {
      leech: (sample, into) => nativeLeech(work, sample, { files: [`${into}/content`, sample.pieces] }),
      seed: ({ flat, pieceLength, infoHash }, port = SEED_PORT) => {
        return [`${work}/seed`, String(port), flat, String(pieceLength), infoHash];
      },
    },
    ours: byPeer(denoRun("bench/peers/ours.ts")),
    libtorrent: byPeer(libtorrent),
    aria2: {
      leech: ({ torrent }, into) => {
        const listen = `--listen-port=${LEECH_PORT}`;
        return [...ARIA2, "--seed-time=0", "--bt-hash-check-seed=false", listen, "-d", into, torrent];
      },
      // With `--bt-hash-check-seed=false` it takes the content for what it was asked for, and ends.
      seed: ({ torrent, directory }, port = SEED_PORT) => {
        const seeding = ["--seed-ratio=0.0", "--bt-seed-unverified=true", `--listen-port=${port}`];
        return [...ARIA2, ...seeding, "-d", directory, torrent];
      },
      quietMs: 3000,
    },
    webtorrent: byPeer(webtorrent),
  };
}

/** What the leecher in C does with what it gets: nothing, or it writes it to a file and verifies it on a second thread. */
export interface NativeLeech {
  /** Where the seeder listens. */
  readonly port?: number;
  /** The file to write, and the one with the hashes. */
  readonly files?: readonly [output: string, pieces: string];
}

/** The leecher in C. */
export function nativeLeech(work: string, sample: Sample, options: NativeLeech = {}): readonly string[] {
  const { port = SEED_PORT, files } = options, { infoHash, length, pieceLength } = sample;
  const what = [String(port), infoHash, String(length), String(pieceLength)];
  return [`${work}/leech`, ...what, ...files ?? ["-", "-"], "1", "256", files ? "1" : "0"];
}

const ARIA2 = [
  ...["aria2c", "--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false"],
  ...["--enable-peer-exchange=false", "--bt-max-peers=0", "--file-allocation=none", "--disk-cache=64M"],
  ...["--summary-interval=0", "--console-log-level=error", "--bt-request-peer-speed-limit=0"],
  ...["--disable-ipv6=true", "--bt-max-open-files=500", "--check-integrity=false"],
];

/** Installs webtorrent below `work`, without its native module for WebRTC: only TCP is measured. */
export async function installWebtorrent(work: string): Promise<void> {
  const folder = `${work}/npm`, modules = `${folder}/node_modules`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.copyFile(`${HERE}/webtorrent_peer.mjs`, `${folder}/webtorrent_peer.mjs`);
  if (await Deno.stat(`${modules}/webtorrent`).catch(() => undefined)) return;
  await Deno.writeTextFile(`${folder}/package.json`, '{ "private": true, "type": "module" }\n');
  await succeed("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", WEBTORRENT], folder);
  const none = ["RTCPeerConnection", "RTCSessionDescription", "RTCIceCandidate"]
    .map((name) => `export const ${name} = undefined;\n`);
  await Deno.writeTextFile(`${modules}/webrtc-polyfill/index.js`, none.join(""));
}

/** A tracker that tells everybody but seeders of the seeder, for aria2. */
export function startTracker(): Deno.HttpServer {
  return Deno.serve({ hostname: "127.0.0.1", port: TRACKER_PORT, onListen: () => {} }, ({ url }) => {
    const port = Number(new URL(url).searchParams.get("port"));
    const isSeeder = port >= SEED_PORT && port < LEECH_PORT;
    const peer = [127, 0, 0, 1, SEED_PORT >> 8, SEED_PORT & 255], head = `d8:intervali60e5:peers`;
    const body = isSeeder ? `${head}0:e` : `${head}6:${String.fromCharCode(...peer)}e`;
    return new Response(Uint8Array.from(body, (char) => char.charCodeAt(0)));
  });
}
