import { assert, assertEquals } from "@std/assert";
import { type Content, writeTorrent } from "./contents.ts";
import { startRawPeer } from "./clients/raw.ts";
import { type Lab, type Running, until } from "./lab.ts";
import { assertSame, interop, type Pair, preparePair, us } from "./matrix.ts";

const KILLS = 20;

const LARGE: Content = {
  name: "large.bin",
  label: "24 MiB",
  pieceLength: 65_536,
  files: [{ path: [], length: 24 * 1024 * 1024 }],
};

function piecesOf(
  events: Record<string, unknown>[],
  isWanted: (event: Record<string, unknown>) => boolean,
): number[] {
  return events.filter(isWanted).map((event) => event.piece as number);
}

/** Downloads until a random moment after the first request, then dies without warning. Returns the pieces it verified. */
async function downloadAndDie(
  lab: Lab,
  pair: Pair,
  seed: { process: Running; address: string },
): Promise<number[]> {
  const before = seed.process.events().length;
  const job = {
    role: "download",
    folder: pair.downloadFolder,
    torrent: pair.torrent,
    peers: [seed.address],
  } as const;
  const download = await us.start(lab.host(3), job);
  await until("the download goes on", () => seed.process.events().length > before + 3);
  await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 500));
  download.process.kill("SIGKILL");
  await download.process.ended();
  return piecesOf(download.process.events(), (event) => event.type === "piece");
}

interop(`a download killed ${KILLS} times goes on where it was and fetches no verified piece twice`, {
  hosts: 3,
}, async (lab) => {
  const pair = await preparePair(lab, LARGE);
  const { infoHash = "" } = await writeTorrent(LARGE, { folder: lab.folder });
  const path = `${pair.seedFolder}/${LARGE.name}`;
  const options = {
    infoHash,
    pieceLength: LARGE.pieceLength,
    path,
    misdeed: "none",
    rate: 2_000_000,
  } as const;
  const seed = await startRawPeer(lab.host(2), options);
  const verified = new Set<number>();
  for (let kill = 0; kill < KILLS; kill++) {
    const seen = seed.process.events().length;
    const fresh = await downloadAndDie(lab, pair, seed);
    const requested = piecesOf(seed.process.events().slice(seen), (event) => event.event === "request");
    assertEquals(
      requested.filter((piece) => verified.has(piece)),
      [],
      `run ${kill + 1} asks for what it has`,
    );
    fresh.forEach((piece) => verified.add(piece));
  }
  assert(verified.size < 384, "the download was over before the last kill");
  const job = {
    role: "download",
    folder: pair.downloadFolder,
    torrent: pair.torrent,
    peers: [seed.address],
  } as const;
  const seen = seed.process.events().length;
  const last = await us.start(lab.host(3), job);
  await last.complete();
  const requested = piecesOf(seed.process.events().slice(seen), (event) => event.event === "request");
  assertEquals(requested.filter((piece) => verified.has(piece)), [], "the last run asks for what it has");
  await assertSame(pair, us);
  const blocks = seed.process.events().filter((event) => event.event === "request").length;
  console.log(
    `${blocks} blocks requested for ${24 * 64} needed, ${verified.size} pieces verified before the last run`,
  );
});
