/** `info`: what a torrent or a magnet link says. */

import { type Command, defineCommand } from "../command.ts";
import { jsonText } from "../json.ts";
import { createPalette } from "../render.ts";
import { drawReport, reportMagnet, reportTorrent } from "../report.ts";
import { isMagnet, readMagnet, readTorrentFile } from "../torrent_file.ts";

/** Reads a torrent or a magnet link and prints it. */
export const command: Command = defineCommand({
  operands: ["TORRENT|MAGNET"],
  options: {
    json: { kind: "flag", help: "print one JSON object instead" },
  },
  notes: "With --json every key is always there, null where nothing is known. Lengths are in bytes.",
  async run({ operands: [source], options }, terminal) {
    const report = isMagnet(source)
      ? reportMagnet(readMagnet(source))
      : reportTorrent((await readTorrentFile(source)).metainfo);
    const draw = () => drawReport(report, createPalette(terminal.hasColours)).join("\n") + "\n";
    terminal.write(options.json ? jsonText(report) : draw());
    return 0;
  },
});
