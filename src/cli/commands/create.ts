/** `create`: a torrent of a file or folder (BEP 3, 12, 19, 27, 52). */

import { createTorrent } from "../../metainfo/create.ts";
import type { TorrentVersion } from "../../metainfo/info.ts";
import { readMetainfo } from "../../metainfo/metainfo.ts";
import { MIN_PIECE_LENGTH, pieceLengthFault } from "../../metainfo/piece_space.ts";
import { UsageError } from "../arguments.ts";
import { writeAtomically } from "../atomic_file.ts";
import { type Command, defineCommand } from "../command.ts";
import { hashFiles } from "../hash_files.ts";
import { createPalette } from "../render.ts";
import { drawIdentity } from "../report.ts";
import { listSource } from "../source_files.ts";
import { readSurroundings, SURROUNDING_OPTIONS } from "../surroundings.ts";
import { VERSION } from "../../version.ts";
import { watchWork } from "../watch_work.ts";

/** Hashes content and writes a torrent file. */
export const command: Command = defineCommand({
  operands: ["PATH"],
  options: {
    output: {
      kind: "text",
      short: "o",
      value: "FILE",
      help: "torrent file to write, - for standard output [NAME.torrent]",
    },
    version: { kind: "text", value: "1|2|hybrid", help: "protocol of the torrent [1]" },
    "piece-length": {
      kind: "size",
      value: "SIZE",
      help: "bytes of a piece, such as 256K [1,000 to 2,000 pieces]",
    },
    ...SURROUNDING_OPTIONS,
    private: { kind: "flag", short: "p", help: "peers may come from the trackers alone" },
    name: { kind: "text", short: "n", value: "TEXT", help: "name of the content [that of PATH]" },
    source: {
      kind: "text",
      value: "TEXT",
      help: "text that makes the info hash differ from others of the same content",
    },
    "no-date": {
      kind: "flag",
      help: "leave the date of creation out, so that the same content gives the same file",
    },
  },
  notes: "FILE is replaced as a whole once the torrent is complete.",
  async run({ operands: [path], options }, terminal) {
    const version = readVersion(options.version), surroundings = readSurroundings(options);
    const pieceLength = readPieceLength(options["piece-length"], version);
    const outputOf = (name: string) => options.output ?? `${name}.torrent`, toStdout = options.output === "-";
    const except = toStdout ? () => undefined : outputOf;
    const { name, isFolder, files } = await listSource(path, { name: options.name, except });
    const bytes = await watchWork(terminal, `Hashing ${name}`, (watch) =>
      createTorrent(files, {
        ...surroundings,
        ...(isFolder && { name }),
        ...(pieceLength !== undefined && { pieceLength }),
        ...(options.source !== undefined && { source: options.source }),
        ...(!options["no-date"] && { creationDate: Math.floor(Date.now() / 1000) }),
        version,
        private: options.private,
        createdBy: `network-bittorrent ${VERSION}`,
        hasher: hashFiles(files),
        ...watch,
      }));
    const metainfo = await readMetainfo(bytes);
    if (toStdout) terminal.write(bytes);
    else {
      const output = outputOf(name);
      await writeAtomically(output, bytes);
      terminal.write(drawIdentity(metainfo, output, createPalette(terminal.hasColours)));
    }
    return 0;
  },
});

function readVersion(text = "1"): TorrentVersion {
  if (text === "1" || text === "2" || text === "hybrid") return text;
  throw new UsageError(`Cannot use --version: "${text}" is none of 1, 2, hybrid`);
}

function readPieceLength(length: number | undefined, version: TorrentVersion): number | undefined {
  if (length === undefined) return undefined;
  // Other programs take the power of two instead: nobody wants pieces of 18 bytes.
  const isTiny = length > 0 && length < MIN_PIECE_LENGTH;
  const fault = isTiny ? `${length} bytes are less than a block has, 16K` : pieceLengthFault(length, version);
  if (fault !== undefined) throw new UsageError(`Cannot use --piece-length: ${fault}`);
  return length;
}
