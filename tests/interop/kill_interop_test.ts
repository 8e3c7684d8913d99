import { assert, assertEquals } from "@std/assert";
import { type RawPeer, startRawPeer } from "./clients/raw.ts";
import type { Content } from "./contents.ts";
import { interop, us } from "./interop.ts";
import { type Lab, until } from "./lab.ts";
import { assertSame, downloadJob, type Pair, preparePair } from "./pair.ts";

const KILLS = 20;

const LARGE: Content = {
  name: "large.bin",
  label: "24 MiB",
  pieceLength: 65_536,
  files: [{ path: [], length: 24 * 1024 * 1024 }],
};

/** Downloads until a random moment after the first requests, then dies without warning. */
async function downloadAndDie(lab: Lab, pair: Pair, seed: RawPeer): Promise<Record<string, unknown>[]> {
  const before = seed.process.events().length;
  const { process } = await us.start(lab.host(3), downloadJob(pair, seed.address));
  await until("the download goes on", () => seed.process.events().length > before + 3);
  await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 500));
  process.kill("SIGKILL");
  await process.ended();
  return process.events();
}

async function downloadToTheEnd(lab: Lab, pair: Pair, seed: RawPeer): Promise<Record<string, unknown>[]> {
  const download = await us.start(lab.host(3), downloadJob(pair, seed.address));
  await download.complete();
  return download.process.events();
}

interop(`a download killed ${KILLS} times goes on where it was and fetches no verified piece twice`, {
  hosts: 3,
}, async (lab) => {
  const pair = await preparePair(lab, LARGE);
  const seed = await startRawPeer(lab.host(2), {
    infoHash: pair.torrent.infoHash ?? "",
    pieceLength: LARGE.pieceLength,
    path: `${pair.seedFolder}/${LARGE.name}`,
    misdeed: "none",
    rate: 2_000_000,
  });
  const verified = new Set<unknown>();
  for (let run = 1; run <= KILLS + 1; run++) {
    assert(verified.size < 384, `the download was over before kill ${run}`);
    const seen = seed.process.events().length;
    const events = await (run <= KILLS ? downloadAndDie : downloadToTheEnd)(lab, pair, seed);
    const requests = seed.process.events().slice(seen).filter((event) => event.event === "request");
    const again = requests.map((event) => event.piece).filter((piece) => verified.has(piece));
    assertEquals(again, [], `run ${run} asks for pieces that were verified before`);
    for (const event of events) if (event.type === "piece") verified.add(event.piece);
  }
  await assertSame(pair, us);
});
