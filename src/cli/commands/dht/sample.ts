/** `dht sample`: some of the info hashes that a node holds peers for (BEP 51). */

import { encodeHex } from "../../../bytes/text.ts";
import { cryptoRandom } from "../../../io/chance.ts";
import { randomBytes } from "../../../bytes/random.ts";
import { type Command, defineCommand } from "../../command.ts";
import { DHT_OPTIONS } from "../../dht_options.ts";
import { reportNodes } from "../../dht_report.ts";
import { Failure } from "../../failure.ts";
import { readHex } from "../../info_hash.ts";
import { jsonText } from "../../json.ts";
import { resolvePeers } from "../../peers.ts";
import { inquire, withoutJoining } from "../../with_dht.ts";

/** Asks one node and prints the info hashes. */
export const command: Command = defineCommand({
  operands: ["HOST:PORT"],
  options: {
    ...DHT_OPTIONS,
    target: { kind: "text", value: "HEX", help: "id near which the node also names nodes [any]" },
  },
  notes:
    `Nobody else is asked, unless --node or --router name somebody. One info hash a line; with --json one object
with the nodes that were named as well. Exit code 1 if the node does not answer or does not know the question.`,
  async run({ operands: [place], options }, terminal) {
    const target = options.target === undefined
      ? randomBytes(cryptoRandom, 20)
      : readHex("--target", options.target, 20);
    const [address] = await resolvePeers([place]);
    if (address === undefined) throw new Failure(`Cannot find the address of "${place}"`);
    return await withoutJoining(options, terminal, async (work) => {
      for await (const news of inquire(work, { type: "sample", address, target })) {
        if (news.type === "failed") throw new Failure(`No answer from "${place}"`);
        if (news.type !== "samples") continue;
        if (news.total === undefined) throw new Failure(`"${place}" does not tell info hashes (BEP 51)`);
        const infoHashes = news.infoHashes.map(encodeHex), { total, intervalMs } = news;
        const record = {
          node: reportNodes([news.node])[0],
          infoHashes,
          total,
          interval: intervalMs / 1000,
          nodes: reportNodes(news.nodes),
        };
        terminal.write(options.json ? jsonText(record) : infoHashes.map((line) => `${line}\n`).join(""));
      }
      return 0;
    });
  },
});
