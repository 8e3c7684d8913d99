/**
 * The torrent machine's hot paths at three sizes of torrent: what a block and a `have` cost must not grow with the number
 * of pieces. Twenty peers; every iteration is a thousand messages.
 */

import { TorrentRig } from "./torrent_rig.ts";

const MESSAGES = 1000, PEERS = 20, EXTRA = PEERS + 1;

for (const pieceCount of [1_000, 100_000, 2_000_000]) {
  const rig = new TorrentRig(pieceCount, PEERS), pieces = Array.from({ length: MESSAGES }, () => rig.piece());
  rig.connect(EXTRA);
  rig.tell(EXTRA, { type: "haveNone" });

  Deno.bench(`1,000 blocks, ${pieceCount} pieces`, { group: "block" }, (b) => {
    b.start();
    rig.download(MESSAGES);
    b.end();
    rig.forget();
  });

  Deno.bench(`1,000 haves, ${pieceCount} pieces`, { group: "have" }, (b) => {
    b.start();
    for (const piece of pieces) rig.tell(EXTRA, { type: "have", piece });
    b.end();
    for (const piece of pieces) rig.handle({ type: "peerDontHave", peer: EXTRA, piece });
  });
}
