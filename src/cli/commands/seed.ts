/** `seed`: serves content that is there. */

import type { Client } from "../../client/client.ts";
import type { TorrentHandle } from "../../client/torrent_handle.ts";
import { formatPeerAddress, type PeerAddress } from "../../peer/address.ts";
import { refuseNoFolder } from "../check_content.ts";
import { type Command, defineCommand } from "../command.ts";
import { Failure } from "../failure.ts";
import { formatBytes, formatCount, printable } from "../format.ts";
import { resolvePeers } from "../peers.ts";
import type { Terminal } from "../terminal.ts";
import { readTorrentFile } from "../torrent_file.ts";
import { openNetwork, readClientOptions, TRANSFER_NOTES, TRANSFER_OPTIONS } from "../transfer_options.ts";
import { interrupted, watchTorrent, withClient } from "../with_client.ts";

/** Verifies content, announces it and serves it until interrupted. */
export const command: Command = defineCommand({
  operands: ["TORRENT", "DIR"],
  options: {
    ...TRANSFER_OPTIONS,
    "super-seed": {
      kind: "flag",
      help: "show each peer one piece at a time: for the first seed of a torrent",
    },
  },
  notes: `DIR is the folder that contains the torrent's file or folder; nothing in it is changed.
Ctrl-C or SIGTERM says goodbye to the trackers and ends with exit code 0; a second one ends at once.

${TRANSFER_NOTES}`,
  async run({ operands: [path, directory], options }, terminal) {
    const { metainfo } = await readTorrentFile(path);
    await refuseNoFolder(directory);
    using network = openNetwork(options);
    const peers = await resolvePeers(options.peer, network), said = options.json ? undefined : terminal;
    // Content that is whole needs no notes about what is there.
    const clientOptions = { ...readClientOptions(options), network, directory, resume: false } as const;
    return await withClient(clientOptions, terminal, options.json, async (client, signal) => {
      // It must not begin to download: a seed leaves the content as it is.
      const announce = !options["no-announce"], superSeed = options["super-seed"];
      const torrent = await client.add(metainfo, { paused: true, announce, superSeed, signal });
      await check(torrent, directory, signal, said);
      torrent.resume();
      torrent.addPeers(peers);
      said?.write(greeting(torrent, client));
      const over = Promise.race([interrupted(signal), contentLost(torrent)]);
      await (said ? watchTorrent(torrent, said, over) : over);
      said?.write(`Sent ${formatBytes(torrent.status().uploaded)}\n`);
      return 0;
    });
  },
});

async function check(
  torrent: TorrentHandle,
  directory: string,
  signal: AbortSignal,
  terminal: Terminal | undefined,
): Promise<void> {
  const checked = torrent.checked({ signal });
  await (terminal ? watchTorrent(torrent, terminal, checked, { wipe: true }) : checked);
  const { completedPieces, pieceCount } = torrent.status();
  if (completedPieces === pieceCount) return;
  const lacking = formatCount(pieceCount - completedPieces, "piece");
  throw new Failure(
    `Cannot seed "${torrent.name}": ${lacking} of ${pieceCount} missing or wrong in "${directory}"; see 'verify'`,
  );
}

/** Waits until the torrent is no seed any more; rejects then, because a seed leaves the content as it is. */
async function contentLost(torrent: TorrentHandle): Promise<void> {
  for await (const event of torrent.events()) {
    if (event.type === "error") throw event.error;
    if (event.type !== "state" || event.state !== "downloading") continue;
    throw new Failure(
      `Cannot go on seeding "${torrent.name}": its content was changed or is gone; see 'verify'`,
    );
  }
}

function greeting(torrent: TorrentHandle, client: Client): string {
  const length = formatBytes(torrent.metainfo.info.contentLength);
  return `Seeding ${printable(torrent.name)} (${length})${describeAddress(client.address)}\n`;
}

/** Every address of a machine is best named by the port alone. */
function describeAddress(address: PeerAddress | undefined): string {
  if (address === undefined) return "";
  const isEvery = address.host === "::" || address.host === "0.0.0.0";
  return ` on ${isEvery ? `port ${address.port}` : formatPeerAddress(address)}`;
}
