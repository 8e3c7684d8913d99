/** `dht find`: the nodes nearest to an id (BEP 5 "find_node"). */

import { encodeHex } from "../../../bytes/text.ts";
import { type Command, defineCommand } from "../../command.ts";
import { DHT_OPTIONS } from "../../dht_options.ts";
import { drawNodes, reportNodes } from "../../dht_report.ts";
import { readInfoHash } from "../../info_hash.ts";
import { jsonText } from "../../json.ts";
import { inquire, withDht } from "../../with_dht.ts";

/** Looks for nodes and prints them, nearest first. */
export const command: Command = defineCommand({
  operands: ["HEX|MAGNET"],
  options: DHT_OPTIONS,
  notes:
    "HEX is a node id or an info hash. Up to eight nodes of IPv4 and of IPv6 are printed, nearest first.",
  async run({ operands: [text], options }, terminal) {
    const target = readInfoHash(text);
    return await withDht(options, terminal, async (work) => {
      for await (const news of inquire(work, { type: "findNode", target })) {
        if (news.type !== "nodes") continue;
        const nodes = reportNodes(news.nodes);
        const draw = () => drawNodes(nodes).map((line) => `${line}\n`).join("");
        terminal.write(options.json ? jsonText({ target: encodeHex(target), nodes }) : draw());
      }
      return 0;
    });
  },
});
