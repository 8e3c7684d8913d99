/**
 * What a command costs that has little to do, and the greatest torrent opened: whole processes in turns, beside a Deno that
 * runs an empty file.
 *
 *   deno run -A bench/peers/startup.ts [ROUNDS]
 */

import { encode } from "../../src/bencode/encode.ts";
import { SMALL_TORRENT } from "../contests/samples.ts";
import { denoRun, drawRuns, measureInTurns } from "./whole_process.ts";

const [rounds = "15"] = Deno.args, folder = await Deno.makeTempDir(), cli = "src/cli/main.ts";
const empty = `${folder}/empty.ts`, small = `${folder}/small.torrent`, huge = `${folder}/huge.torrent`;

/** A TiB: 2 million pieces, 100,000 files. */
function hugeTorrent(): Uint8Array {
  const pieceCount = 2 ** 21, length = pieceCount * 2 ** 19, share = Math.floor(length / 100_000);
  const files = Array.from({ length: 100_000 }, (_, i) => ({
    length: i > 0 ? share : length - share * 99_999,
    path: [`folder ${i % 300}`, `file ${i}.bin`],
  }));
  return encode({
    info: { files, name: "huge", "piece length": 2 ** 19, pieces: new Uint8Array(20 * pieceCount) },
  });
}

try {
  await Deno.writeTextFile(empty, "");
  await Deno.writeFile(small, encode(SMALL_TORRENT));
  await Deno.writeFile(huge, hugeTorrent());
  const runs = await measureInTurns({
    "an empty file": [Deno.execPath(), "run", "-A", empty],
    "cli --help": denoRun(cli, "--help"),
    "cli info, a small torrent": denoRun(cli, "info", small),
    "cli download --help": denoRun(cli, "download", "--help"),
    "cli info, a TiB in 100,000 files (46 MB)": denoRun(cli, "info", huge),
  }, Number(rounds));
  console.log(drawRuns(runs, "the empty file"));
} finally {
  await Deno.remove(folder, { recursive: true });
}
