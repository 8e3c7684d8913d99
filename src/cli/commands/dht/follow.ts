/** `dht follow`: which torrent a publisher's key stands for, now and from now on (BEP 46). */

import { encodeHex, encodeUtf8 } from "../../../bytes/text.ts";
import { formatMagnet, type MagnetLink } from "../../../metainfo/magnet.ts";
import { UsageError } from "../../arguments.ts";
import { type Command, defineCommand } from "../../command.ts";
import { DHT_OPTIONS } from "../../dht_options.ts";
import { reportSeq } from "../../dht_report.ts";
import { Failure } from "../../failure.ts";
import { jsonLine } from "../../json.ts";
import { isMagnet, readMagnet } from "../../torrent_file.ts";
import { withDht } from "../../with_dht.ts";

/** What the library keeps to anyway. */
const MIN_INTERVAL = 60;

/** Prints the link of each torrent that the key names. */
export const command: Command = defineCommand({
  operands: ["MAGNET|KEY"],
  options: {
    salt: { kind: "text", value: "TEXT", help: "which of the torrents of the KEY" },
    count: { kind: "count", value: "N", help: "torrents to wait for [no end]" },
    interval: { kind: "seconds", value: "SECONDS", help: "time between two looks, at least 60 [900]" },
    ...DHT_OPTIONS,
    timeout: { kind: "seconds", value: "SECONDS", help: "how long to follow [until Ctrl-C]" },
  },
  notes:
    `MAGNET is a link with xs=urn:btpk:, KEY the public key in it, 64 hex digits. One link a line, for 'download' and all
other commands; with --json one object a line. What is followed is also kept alive.
Exit code 0 if --count was reached; without it, if there was any within --timeout.`,
  async run({ operands: [text], options }, terminal) {
    const link = readLink(text, options.salt), { count = Infinity, interval, json } = options;
    if (interval !== undefined && interval < MIN_INTERVAL) {
      throw new UsageError(
        `Cannot use --interval: less than ${MIN_INTERVAL} seconds would bother the nodes asked`,
      );
    }
    let seen = 0;
    try {
      await withDht(
        { ...options, timeout: options.timeout ?? Infinity },
        terminal,
        async ({ client, signal }) => {
          const pollMs = interval === undefined ? {} : { pollMs: interval * 1000 };
          for await (const { infoHash, magnet, seq } of client.followTorrent(link, { signal, ...pollMs })) {
            const record = {
              infoHash: encodeHex(infoHash),
              seq: reportSeq(seq),
              magnet: formatMagnet(magnet),
            };
            terminal.write(json ? jsonLine(record) : `${record.magnet}\n`);
            if (++seen >= count) return;
          }
        },
      );
    } catch (error) {
      if (!(error instanceof Failure) || seen === 0 || count !== Infinity) throw error;
    }
    return 0;
  },
});

/** @throws {UsageError} If it has no key. */
function readLink(text: string, salt: string | undefined): MagnetLink {
  if (isMagnet(text)) {
    const link = readMagnet(text);
    if (link.publicKey === undefined) {
      throw new UsageError("The magnet link has no public key (xs=urn:btpk:)");
    }
    if (salt === undefined) return link;
    throw new UsageError("Cannot use --salt with a magnet link: it says so itself");
  }
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    throw new UsageError(`"${text}" is neither a magnet link nor 64 hex digits`);
  }
  const link = readMagnet(`magnet:?xs=urn:btpk:${text}`);
  return salt === undefined ? link : { ...link, salt: encodeUtf8(salt) };
}
