/**
 * What the torrent machine's work costs as torrent and swarm grow: the columns should be flat, or nearly.
 *
 *   deno run -A --env-file=.env.jsr bench/scaling.ts [pieces,…] [peers,…]
 *
 * Microseconds of the machine alone, without sockets and hashing, the best of several runs: whatever else a machine does only adds to
 * them.
 */

import { Bitfield } from "../src/bytes/bitfield.ts";
import { head, row } from "./table.ts";
import { halfOf, TorrentRig } from "./torrent_rig.ts";

const RUNS = 15;

/** Least time of one of `count` operations, in microseconds. */
function time(count: number, work: () => void, after: () => void = () => {}): number {
  const times = Array.from({ length: RUNS }, () => {
    const start = performance.now();
    work();
    const took = performance.now() - start;
    after();
    return took * 1000 / count;
  });
  return Math.min(...times);
}

function measure(pieceCount: number, peers: number): Record<string, number> {
  const down = new TorrentRig(pieceCount, peers), extra = peers + 1;
  const pieces = Array.from({ length: 1000 }, () => down.piece());
  const blocks = time(2000, () => down.download(2000), () => down.forget());
  down.connect(extra);
  down.tell(extra, { type: "haveNone" });
  const haves = time(
    1000,
    () => pieces.forEach((piece) => down.tell(extra, { type: "have", piece })),
    () => pieces.forEach((piece) => down.handle({ type: "peerDontHave", peer: extra, piece })),
  );
  const chokes = time(100, () => {
    for (let i = 0; i < 50; i++) {
      down.tell(1, { type: "choke" });
      down.tell(1, { type: "unchoke" });
    }
  }, () => down.forget());
  const bits = halfOf(pieceCount), joiner = extra + 1;
  const bitfields = time(1, () => {
    down.connect(joiner);
    down.tell(joiner, bits);
    down.handle({ type: "peerClosed", peer: joiner });
  });
  const up = new TorrentRig(pieceCount, peers, Bitfield.full(pieceCount));
  const served = time(1000, () => up.upload(1000, 1));
  const rounds = time(1, () => up.round());
  return {
    block: blocks,
    have: haves,
    choke: chokes,
    served,
    "round / peer": rounds / peers,
    "bitfield / 1,000 pieces": bitfields * 1000 / pieceCount,
  };
}

const numbers = (text: string | undefined, usual: number[]) => text?.split(",").map(Number) ?? usual;
const sizes = numbers(Deno.args[0], [1_000, 100_000, 2_000_000]),
  swarms = numbers(Deno.args[1], [1, 50, 500]);
const warmUp = measure(1000, 20);
console.log(head(["pieces", "peers", ...Object.keys(warmUp)]));
for (const pieces of sizes) {
  for (const peers of swarms) {
    const times = Object.values(measure(pieces, peers));
    console.log(row([pieces, peers, ...times.map((us) => us.toFixed(2))]));
  }
}
