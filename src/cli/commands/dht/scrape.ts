/** `dht scrape`: about how many peers a torrent has (BEP 33). */

import { encodeHex } from "../../../bytes/text.ts";
import { type Command, defineCommand } from "../../command.ts";
import { DHT_OPTIONS } from "../../dht_options.ts";
import { formatCount } from "../../format.ts";
import { readTorrentName } from "../../info_hash.ts";
import { jsonText } from "../../json.ts";
import { inquire, resolveName, withDht } from "../../with_dht.ts";

/** Asks for Bloom filters of a swarm and counts what is in them. */
export const command: Command = defineCommand({
  operands: ["HEX|MAGNET"],
  options: DHT_OPTIONS,
  notes: "The numbers are estimates: nodes answer with Bloom filters of the addresses that they know.",
  async run({ operands: [text], options }, terminal) {
    const name = readTorrentName(text);
    return await withDht(options, terminal, async (work) => {
      const infoHash = await resolveName(work, name), label = encodeHex(infoHash);
      for await (const news of inquire(work, { type: "scrape", infoHash })) {
        if (news.type !== "swarm") continue;
        const { seeds, downloaders } = news;
        terminal.write(
          options.json
            ? jsonText({ infoHash: label, seeds, downloaders })
            : `${label}  about ${formatCount(seeds, "seed")}, ${formatCount(downloaders, "downloader")}\n`,
        );
      }
      return 0;
    });
  },
});
