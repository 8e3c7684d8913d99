/** `magnet`: the magnet link of a torrent, or the torrent that a link stands for (BEP 9, 53). */

import { concat } from "@std/bytes/concat";
import { encode } from "../../bencode/encode.ts";
import { decodeHex, encodeByteString, encodeUtf8 } from "../../bytes/text.ts";
import { editTorrent } from "../../metainfo/edit.ts";
import { formatMagnet, type MagnetLink, magnetLink } from "../../metainfo/magnet.ts";
import { type Metainfo, readMetainfo } from "../../metainfo/metainfo.ts";
import { type OptionValues, UsageError } from "../arguments.ts";
import { writeAtomically } from "../atomic_file.ts";
import { type Command, defineCommand } from "../command.ts";
import { Failure } from "../failure.ts";
import { formatCount } from "../format.ts";
import { resolvePeers } from "../peers.ts";
import { createPalette } from "../render.ts";
import { drawIdentity } from "../report.ts";
import type { Terminal } from "../terminal.ts";
import { isMagnet, readMagnet, readTorrentFile } from "../torrent_file.ts";
import {
  openNetwork,
  readClientOptions,
  requireDht,
  TRANSFER_NOTES,
  TRANSFER_OPTIONS,
} from "../transfer_options.ts";
import { addTorrent, watchTorrent, withClient } from "../with_client.ts";

const OPTIONS = {
  output: {
    kind: "text",
    short: "o",
    value: "FILE",
    help: "torrent file to write, - for standard output [NAME.torrent]",
  },
  timeout: {
    kind: "seconds",
    value: "SECONDS",
    help: "how long to look for the metadata [until it is found]",
  },
  ...TRANSFER_OPTIONS,
} as const;

/** Prints a magnet link, or fetches the metadata of one and writes the torrent file. */
export const command: Command = defineCommand({
  operands: ["TORRENT|MAGNET"],
  options: OPTIONS,
  notes: `Of a torrent the link is printed; it names the torrent, its trackers and its web seeds.
Of a link the metadata is fetched from peers, and nothing of the content; the options are for that alone. FILE is
replaced as a whole; without -o nothing that is there is replaced. Of a link with a key (xs=urn:btpk:) it is the torrent
that the key stands for now.

${TRANSFER_NOTES}`,
  async run({ operands: [operand], options }, terminal) {
    if (!isMagnet(operand)) {
      if (options.output !== undefined) {
        throw new UsageError("Cannot use --output with a torrent: its link is printed");
      }
      const { metainfo } = await readTorrentFile(operand);
      terminal.write(`${formatMagnet(magnetLink(metainfo))}\n`);
      return 0;
    }
    if (options.output === "-" && options.json) throw new UsageError("Cannot use --json and -o - together");
    const torrent = torrentFile(await fetchMetadata(readMagnet(operand), options, terminal));
    const metainfo = await readMetainfo(torrent);
    if (options.output === "-") terminal.write(torrent);
    else {
      const output = options.output ?? await freeName(metainfo);
      await writeAtomically(output, torrent);
      if (!options.json) {
        terminal.write(drawIdentity(metainfo, output, createPalette(terminal.hasColours)));
      }
    }
    return 0;
  },
});

async function fetchMetadata(
  link: MagnetLink,
  options: OptionValues<typeof OPTIONS>,
  terminal: Terminal,
): Promise<Metainfo> {
  requireDht(link, options);
  using network = openNetwork(options);
  const clientOptions = { ...readClientOptions(options), network, resume: false } as const;
  const peers = await resolvePeers(options.peer, network),
    expiry = new AbortController(),
    { timeout } = options;
  const giveUp = () => expiry.abort(new Failure(`No metadata in ${formatCount(timeout!, "second")}`));
  const timer = timeout === undefined ? undefined : setTimeout(giveUp, timeout * 1000);
  try {
    return await withClient(clientOptions, terminal, options.json, async (client, interruption) => {
      const signal = AbortSignal.any([interruption, expiry.signal]), announce = !options["no-announce"];
      const addOptions = { metadataOnly: true, peers, announce, signal };
      const torrent = await addTorrent(client, link, addOptions, options.json ? undefined : terminal);
      const found = torrent.metadata({ signal });
      return await (options.json ? found : watchTorrent(torrent, terminal, found, { wipe: true }));
    });
  } finally {
    clearTimeout(timer);
  }
}

/** The torrent file: the info dictionary as it came, the hashes that belong to it, and around it what the link says. */
function torrentFile({ rawInfo, announce, webSeeds, version, pieceLayers }: Metainfo): Uint8Array {
  const layers = new Map([...pieceLayers].map(([root, layer]) => [encodeByteString(decodeHex(root)), layer]));
  const rest = version === "1" ? [] : [encodeUtf8("12:piece layers"), encode(layers)];
  const torrent = concat([encodeUtf8("d4:info"), rawInfo, ...rest, encodeUtf8("e")]);
  return editTorrent(torrent, { announce, webSeeds });
}

/** A file named like the torrent. @throws {Failure} If it exists: the name is a stranger's choice. */
async function freeName({ info }: Metainfo): Promise<string> {
  const name = `${info.name}.torrent`;
  try {
    await Deno.lstat(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return name;
    throw error;
  }
  throw new Failure(`Cannot write "${name}": it exists already; choose a file with -o`);
}
