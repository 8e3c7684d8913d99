/** `dht crawl`: info hashes from one node after the other (BEP 51). */

import { encodeHex } from "../../../bytes/text.ts";
import { survey } from "../../../client/dht_survey.ts";
import { UsageError } from "../../arguments.ts";
import { type Command, defineCommand } from "../../command.ts";
import { DHT_OPTIONS } from "../../dht_options.ts";
import { Failure } from "../../failure.ts";
import { formatCount } from "../../format.ts";
import { jsonLine } from "../../json.ts";
import { withDht } from "../../with_dht.ts";

const USUAL_COUNT = 100;

/** All are remembered, so that none is printed twice: about 100 bytes each. */
const MOST = 1_000_000;

/** Asks nodes at a slow pace and prints each info hash once. */
export const command: Command = defineCommand({
  operands: [],
  options: {
    count: { kind: "count", value: "N", help: `info hashes to gather [${USUAL_COUNT}]` },
    ...DHT_OPTIONS,
  },
  notes:
    `Five nodes a second are asked, each once. One info hash a line; with --json one object a line that says who told
it. Exit code 0 also if there were fewer, unless the time ran out before there was any.`,
  async run({ options }, terminal) {
    const { count = USUAL_COUNT, json } = options, seen = new Set<string>();
    if (count < 1 || count > MOST) {
      throw new UsageError(`Cannot use --count: it is no number from 1 to ${MOST}`);
    }
    try {
      await withDht(options, terminal, async ({ dht, signal }) => {
        for await (const { infoHashes, from } of survey(dht, { signal })) {
          for (const infoHash of infoHashes.map(encodeHex)) {
            if (seen.has(infoHash) || seen.size >= count) continue;
            seen.add(infoHash);
            terminal.write(json ? jsonLine({ infoHash, from }) : `${infoHash}\n`);
          }
          if (seen.size >= count) return;
        }
      });
    } catch (error) {
      if (!(error instanceof Failure) || seen.size === 0) throw error;
    }
    if (terminal.columns() !== undefined) terminal.writeError(`${formatCount(seen.size, "torrent")}\n`);
    return 0;
  },
});
