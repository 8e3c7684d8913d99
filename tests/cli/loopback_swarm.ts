/** Content, a torrent of it and a tracker on loopback, for tests of commands that talk. */

import { createTorrent } from "../../src/metainfo/create.ts";
import { type Metainfo, readMetainfo } from "../../src/metainfo/metainfo.ts";
import { createHttpTracker } from "../../src/server/http_tracker.ts";
import { runCli } from "../../src/cli/main.ts";
import { withFolder } from "../with_folder.ts";
import { FakeTerminal } from "./fake_terminal.ts";

const KIB = 1024;

/** The files of the torrent "data". */
export const FILES: readonly { readonly path: string[]; readonly content: Uint8Array<ArrayBuffer> }[] = [
  { path: ["film.bin"], content: Uint8Array.from({ length: 300 * KIB }, (_, index) => index % 253) },
  { path: ["music", "one.bin"], content: Uint8Array.from({ length: 90 * KIB }, (_, index) => index % 7) },
  { path: ["music", "two.bin"], content: new Uint8Array(50 * KIB).fill(9) },
];

export interface Swarm {
  readonly folder: string;
  /** Path of the torrent file. */
  readonly torrent: string;
  readonly metainfo: Metainfo;
  /** Folder that contains the content. */
  readonly source: string;
  readonly announceUrl: string;
  /** Events that the tracker heard, in order. */
  readonly events: string[];
  /** Where each of them came from. */
  readonly hosts: string[];
}

export async function withSwarm(body: (swarm: Swarm) => Promise<void>): Promise<void> {
  const events: string[] = [], hosts: string[] = [], tracker = createHttpTracker({ intervalMs: 60_000 });
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request, info) => {
    const event = /[?&]event=(\w+)/.exec(request.url)?.[1];
    if (event) events.push(event), hosts.push(info.remoteAddr.hostname);
    return tracker(request, info);
  });
  const announceUrl = `http://127.0.0.1:${server.addr.port}/announce`;
  await withFolder(async (folder) => {
    const bytes = await createTorrent(FILES, {
      name: "data",
      announce: [[announceUrl]],
      pieceLength: 16 * KIB,
    });
    const torrent = `${folder}/data.torrent`, source = `${folder}/source`;
    await Deno.writeFile(torrent, bytes);
    for (const { path, content } of FILES) {
      const target = `${source}/data/${path.join("/")}`;
      await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
      await Deno.writeFile(target, content);
    }
    await body({ folder, torrent, metainfo: await readMetainfo(bytes), source, announceUrl, events, hosts });
  });
}

/** Runs `seed` while something else happens, which the tracker knows; answers what it wrote, and checks nothing. */
export async function whileSeeding(
  { torrent, source, events }: Swarm,
  args: readonly string[],
  body: (peer: string) => Promise<void>,
): Promise<{ readonly exitCode: number; readonly terminal: FakeTerminal }> {
  const terminal = new FakeTerminal();
  const running = runCli(["seed", torrent, source, "--host", "127.0.0.1", "--no-dht", ...args], terminal);
  await Promise.race([terminal.waitFor(/^Seeding .*\n/m), running]);
  try {
    while (!args.includes("--no-announce") && !events.includes("started")) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await body(/ on (\S+)\n/.exec(terminal.out)![1]!);
  } finally {
    terminal.interrupt();
  }
  return { exitCode: await running, terminal };
}
