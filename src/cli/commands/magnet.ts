/** `magnet`: the magnet link of a torrent (BEP 9, 53). */

import { formatMagnet, magnetLink } from "../../metainfo/magnet.ts";
import { type Command, defineCommand } from "../command.ts";
import { readTorrentFile } from "../torrent_file.ts";

/** Prints a magnet link. */
export const command: Command = defineCommand({
  operands: ["TORRENT"],
  options: {},
  notes: "The link names the torrent, its trackers and its web seeds.",
  async run({ operands: [path] }, terminal) {
    const { metainfo } = await readTorrentFile(path);
    terminal.write(`${formatMagnet(magnetLink(metainfo))}\n`);
    return 0;
  },
});
