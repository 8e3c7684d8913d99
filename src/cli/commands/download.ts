/** `download`: the content of a torrent from its peers and web seeds. */

import type { TorrentHandle } from "../../client/torrent_handle.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import { type Command, defineCommand } from "../command.ts";
import { describeSystemError, Failure } from "../failure.ts";
import { chooseFiles } from "../file_patterns.ts";
import { formatBytes, formatElapsed, formatRate, printable } from "../format.ts";
import { resolvePeers } from "../peers.ts";
import type { Terminal } from "../terminal.ts";
import { isMagnet, readMagnet, readTorrentFile } from "../torrent_file.ts";
import {
  openNetwork,
  readClientOptions,
  requireDht,
  TRANSFER_NOTES,
  TRANSFER_OPTIONS,
} from "../transfer_options.ts";
import { addTorrent, interrupted, watchTorrent, withClient } from "../with_client.ts";

/** Downloads until everything wanted is there, and with `--seed` goes on serving it. */
export const command: Command = defineCommand({
  operands: ["TORRENT|MAGNET"],
  options: {
    output: { kind: "text", short: "o", value: "DIR", help: "folder for the content [the working folder]" },
    file: {
      kind: "text",
      short: "f",
      value: "GLOB",
      many: true,
      help: "files to download, such as '*.mkv' [all]",
    },
    sequential: { kind: "flag", help: "download in order instead of rarest first" },
    seed: { kind: "flag", help: "serve others afterwards, until interrupted" },
    "no-web-seeds": {
      kind: "flag",
      help: "download from peers only, not from web servers",
    },
    recheck: { kind: "flag", help: "hash what is there even if notes of an earlier run vouch for it" },
    overwrite: { kind: "flag", help: "write into files that exist with other content" },
    ...TRANSFER_OPTIONS,
  },
  notes:
    `Of a link with a key (xs=urn:btpk:) it is the torrent that the key stands for now; 'dht follow' tells of later ones.
What is there already is kept, and a download that was interrupted is resumed.
Ctrl-C stops it cleanly, with exit code 130; a second Ctrl-C at once.

${TRANSFER_NOTES}`,
  async run({ operands: [operand], options }, terminal) {
    const source = isMagnet(operand) ? readMagnet(operand) : (await readTorrentFile(operand)).metainfo;
    if (!("info" in source)) requireDht(source, options);
    const files = "info" in source ? wantedFiles(source, options.file) : undefined;
    using network = openNetwork(options);
    const clientOptions = readClientOptions(options), directory = options.output ?? ".";
    const peers = await resolvePeers(options.peer, network);
    const said = options.json ? undefined : terminal;
    return await withClient(
      { ...clientOptions, network, directory },
      terminal,
      options.json,
      async (client, signal) => {
        await makeFolder(directory);
        const addOptions = {
          peers,
          signal,
          sequential: options.sequential,
          announce: !options["no-announce"],
          webSeeds: !options["no-web-seeds"],
          recheck: options.recheck,
          overwrite: options.overwrite,
          ...(files && { files }),
        };
        const torrent = await addTorrent(client, source, addOptions, said);
        await complete(torrent, "info" in source ? [] : options.file, signal, said);
        if (options.seed) await serve(torrent, signal, said);
        // Content that is whole needs no notes about what is there.
        await client.remove(torrent);
        return 0;
      },
    );
  },
});

/** Makes the folder now: one that cannot be there would be noticed only when the first piece has come. */
async function makeFolder(directory: string): Promise<void> {
  try {
    await Deno.mkdir(directory, { recursive: true });
  } catch (error) {
    const reason = error instanceof Deno.errors.AlreadyExists
      ? "it is no folder"
      : describeSystemError(error);
    throw new Failure(`Cannot download to "${directory}": ${reason}`);
  }
}

/** Indexes of the files that the patterns choose; `undefined` for all. */
function wantedFiles({ info }: Metainfo, patterns: readonly string[]): readonly number[] | undefined {
  return patterns.length > 0 ? chooseFiles(info, patterns) : undefined;
}

/** Waits for everything wanted. What a magnet link has to choose from is known only once its metadata is here. */
async function fetchContent(
  torrent: TorrentHandle,
  patterns: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (patterns.length > 0) {
    const files = chooseFiles((await torrent.metadata({ signal })).info, patterns);
    await torrent.checked({ signal });
    torrent.select(files);
  }
  await torrent.completed({ signal });
}

async function complete(
  torrent: TorrentHandle,
  patterns: readonly string[],
  signal: AbortSignal,
  terminal: Terminal | undefined,
): Promise<void> {
  const startedAt = performance.now(), completed = fetchContent(torrent, patterns, signal);
  await (terminal ? watchTorrent(torrent, terminal, completed) : completed);
  const { downloaded, wantedLength } = torrent.status(), elapsedMs = performance.now() - startedAt;
  const how = downloaded === 0
    ? "complete already"
    : `${formatBytes(downloaded)} in ${formatElapsed(elapsedMs)}, ${
      formatRate(downloaded / elapsedMs * 1000)
    }`;
  terminal?.write(`${printable(torrent.name)}: ${formatBytes(wantedLength)}, ${how}\n`);
}

async function serve(
  torrent: TorrentHandle,
  signal: AbortSignal,
  terminal: Terminal | undefined,
): Promise<void> {
  await (terminal ? watchTorrent(torrent, terminal, interrupted(signal)) : interrupted(signal));
}
