/** `edit`: changes what a torrent says around its content; the info hash stays. */

import type { TorrentChanges } from "../../metainfo/build_surroundings.ts";
import { editTorrent } from "../../metainfo/edit.ts";
import { readMetainfo } from "../../metainfo/metainfo.ts";
import { type OptionValues, UsageError } from "../arguments.ts";
import { writeAtomically } from "../atomic_file.ts";
import { type Command, defineCommand } from "../command.ts";
import { createPalette } from "../render.ts";
import { drawIdentity } from "../report.ts";
import { readSurroundings, SURROUNDING_OPTIONS } from "../surroundings.ts";
import { readTorrentFile } from "../torrent_file.ts";

const CHANGES = {
  ...SURROUNDING_OPTIONS,
  "created-by": { kind: "text", value: "TEXT", help: "program that made the torrent" },
  "no-announce": { kind: "flag", help: "remove every tracker" },
  "no-web-seed": { kind: "flag", help: "remove every web seed" },
  "no-node": { kind: "flag", help: "remove every DHT node" },
  "no-comment": { kind: "flag", help: "remove the comment" },
  "no-created-by": { kind: "flag", help: "remove the program's name" },
  "no-date": { kind: "flag", help: "remove the date of creation" },
} as const;

/** Writes the torrent anew, with changes. */
export const command: Command = defineCommand({
  operands: ["TORRENT"],
  options: {
    output: { kind: "text", short: "o", value: "FILE", help: "torrent file to write [TORRENT itself]" },
    ...CHANGES,
  },
  notes:
    "What is given takes the place of all that was there. The info dictionary, and so the info hash, stays as it is.",
  async run({ operands: [path], options }, terminal) {
    const changes = readChanges(options);
    if (Object.keys(changes).length === 0) throw new UsageError("Nothing to change: give an option");
    const edited = editTorrent((await readTorrentFile(path)).bytes, changes), output = options.output ?? path;
    await writeAtomically(output, edited);
    terminal.write(drawIdentity(await readMetainfo(edited), output, createPalette(terminal.hasColours)));
    return 0;
  },
});

function readChanges(options: OptionValues<typeof CHANGES>): TorrentChanges {
  for (const name of ["announce", "web-seed", "node", "comment", "created-by"] as const) {
    const isGiven = Array.isArray(options[name]) ? options[name].length > 0 : options[name] !== undefined;
    if (isGiven && options[`no-${name}`]) {
      throw new UsageError(`Cannot use --${name} and --no-${name} together`);
    }
  }
  return {
    ...readSurroundings(options),
    ...(options["created-by"] !== undefined && { createdBy: options["created-by"] }),
    ...(options["no-announce"] && { announce: [] }),
    ...(options["no-web-seed"] && { webSeeds: [] }),
    ...(options["no-node"] && { nodes: [] }),
    ...(options["no-comment"] && { comment: null }),
    ...(options["no-created-by"] && { createdBy: null }),
    ...(options["no-date"] && { creationDate: null }),
  };
}
