/** `dht publish`: makes a torrent the one that a key stands for (BEP 46). */

import { encodeHex } from "../../../bytes/text.ts";
import type { PublishedTorrent } from "../../../client/torrent_feeds.ts";
import { withSignal } from "../../../io/with_signal.ts";
import { formatMagnet, type MagnetLink } from "../../../metainfo/magnet.ts";
import type { Metainfo } from "../../../metainfo/metainfo.ts";
import { UsageError } from "../../arguments.ts";
import { type Command, defineCommand } from "../../command.ts";
import { DHT_OPTIONS } from "../../dht_options.ts";
import { drawStored, reportSeq } from "../../dht_report.ts";
import { Failure } from "../../failure.ts";
import { parseInfoHash, readInfoHash } from "../../info_hash.ts";
import { jsonText } from "../../json.ts";
import { KEEP_OPTION, KEY_OPTIONS, readKey } from "../../key_file.ts";
import { createPalette, drawTable } from "../../render.ts";
import type { Terminal } from "../../terminal.ts";
import { isMagnet, readMagnet, readTorrentFile } from "../../torrent_file.ts";
import { untilInterrupted, withDht } from "../../with_dht.ts";

/** Publishes a torrent and prints the link for those who follow. */
export const command: Command = defineCommand({
  operands: ["TORRENT|MAGNET|HEX"],
  options: {
    ...KEY_OPTIONS,
    keep: KEEP_OPTION,
    ...DHT_OPTIONS,
  },
  notes:
    `HEX is an info hash, 40 digits. The link that is printed stays the same for all torrents of a key and a salt; 'download'
takes it, 'dht follow' follows it. Nodes forget it after two hours or so, unless somebody stores it again: --keep, running
this again, or who follows. It says nothing of where peers are: 'seed' is another matter.
Exit code 0 if at least one node took it, with --keep on Ctrl-C or SIGTERM.`,
  async run({ operands: [text], options }, terminal) {
    const torrent = await readTorrent(text), key = await readKey(options), { keep, json } = options;
    if (key === undefined) throw new UsageError("Missing key: give the --key-file");
    const limits = keep ? { timeout: options.timeout ?? Infinity } : {};
    return await withDht({ ...options, ...limits }, terminal, async ({ client, signal }) => {
      using published = await client.publishTorrent(torrent, { ...key, signal });
      report(published, json, terminal);
      if (keep) await untilInterrupted(withSignal(new Promise(() => {}), signal));
      return 0;
    });
  },
});

async function readTorrent(text: string): Promise<Metainfo | MagnetLink> {
  if (isMagnet(text) || parseInfoHash(text) !== undefined) {
    return readMagnet(`magnet:?xt=urn:btih:${encodeHex(readInfoHash(text))}`);
  }
  const { metainfo } = await readTorrentFile(text);
  if (metainfo.info.private) throw new Failure(`Cannot publish "${text}" in the DHT: it is private`);
  return metainfo;
}

function report(
  { magnet, item, nodes, refusals }: PublishedTorrent,
  json: boolean,
  terminal: Terminal,
): void {
  const link = formatMagnet(magnet), { seq } = item;
  if (json) {
    const record = { magnet: link, key: encodeHex(item.publicKey), seq: reportSeq(seq), nodes, refusals };
    return terminal.write(jsonText(record));
  }
  const palette = createPalette(terminal.hasColours);
  const rows = [["Link", link], ["Version", String(seq)], ["Stored on", drawStored(nodes, refusals)]];
  const table = drawTable(rows.map(([label, text]) => [palette.bold(label!), text!]));
  terminal.write(table.map((line) => `${line}\n`).join(""));
}
