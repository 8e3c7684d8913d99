/** `verify`: checks content on disk against a torrent (BEP 3 "pieces", BEP 52). */

import { basename, resolve } from "node:path";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import { formatSelection } from "../../metainfo/selection.ts";
import { type Command, defineCommand } from "../command.ts";
import { checkContent } from "../check_content.ts";
import { Failure } from "../failure.ts";
import { formatBytes, formatCount, printable } from "../format.ts";
import { jsonText } from "../json.ts";
import { createPalette, drawTable, type Palette } from "../render.ts";
import { readTorrentFile } from "../torrent_file.ts";
import type { Verdict } from "../verdict.ts";
import { watchWork } from "../watch_work.ts";

/** Hashes everything and tells what is wrong. */
export const command: Command = defineCommand({
  operands: ["TORRENT", "DIR"],
  options: {
    json: { kind: "flag", help: "print one JSON object instead" },
  },
  notes: `DIR is the folder that contains the torrent's file or folder; nothing in it is changed.
Exit code 0 if every piece is right and every file has its length, else 1.
Files are missing, short, long (right, and more behind it), damaged (wrong bytes), unverified (what is
wrong lies in pieces shared with missing files) or partial (named like an unfinished download).`,
  async run({ operands: [path, directory], options }, terminal) {
    const { metainfo } = await readTorrentFile(path);
    const verdict = await watchWork(
      terminal,
      `Checking ${metainfo.info.name}`,
      (watch) => checkContent(metainfo, directory, watch),
    );
    const draw = () => drawVerdict(metainfo, verdict, createPalette(terminal.hasColours)).join("\n") + "\n";
    terminal.write(options.json ? jsonText(verdict) : draw());
    if (verdict.complete) return 0;
    const lack = `${describeLack(verdict)}${hint(metainfo, verdict, directory)}`;
    throw new Failure(`"${metainfo.info.name}" is not complete in "${directory}": ${lack}`);
  },
});

function drawVerdict({ info }: Metainfo, verdict: Verdict, palette: Palette): string[] {
  const { complete, bad, missing, pieceCount } = verdict;
  if (complete) {
    const size = `${formatBytes(info.contentLength)} in ${formatCount(verdict.files.length, "file")}`;
    return [
      `${printable(info.name)}: ${palette.green("complete")}, ${size}, ${formatCount(pieceCount, "piece")}`,
    ];
  }
  const rows = [
    ...(bad.length > 0 ? [[palette.red("bad pieces"), formatSelection(bad)]] : []),
    ...(missing.length > 0 ? [[palette.red("missing pieces"), formatSelection(missing)]] : []),
    ...verdict.files.filter(({ state }) => state !== "complete")
      .map(({ state, path }) => [palette.yellow(state), printable(path.join("/"))]),
  ];
  return drawTable(rows);
}

/** What to say to who gave the torrent's own folder, or its file, in place of the folder that contains it. */
function hint({ info: { name } }: Metainfo, { files }: Verdict, directory: string): string {
  const isElsewhere = files.every(({ state }) => state === "missing") &&
    basename(resolve(directory)) === name;
  return isElsewhere ? `; DIR is the folder that contains "${name}"` : "";
}

function describeLack({ bad, missing, files, pieceCount }: Verdict): string {
  const wrongFiles = files.filter(({ state }) => state !== "complete").length;
  const parts = [
    ...(bad.length > 0 ? [`${bad.length} bad`] : []),
    ...(missing.length > 0 ? [`${missing.length} missing`] : []),
  ];
  const pieces = parts.length > 0 ? `${parts.join(" and ")} of ${formatCount(pieceCount, "piece")}, ` : "";
  return `${pieces}${wrongFiles} of ${formatCount(files.length, "file")} wrong`;
}
