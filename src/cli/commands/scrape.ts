/** `scrape`: asks trackers how many peers torrents have, without taking part (BEP 48, BEP 15). */

import { equals } from "@std/bytes/equals";
import type { TrackerClient } from "../../io/tracker_client.ts";
import type { ScrapedSwarm } from "../../tracker/messages/announce.ts";
import { type Command, defineCommand } from "../command.ts";
import { Failure } from "../failure.ts";
import { formatCount } from "../format.ts";
import { createPalette } from "../render.ts";
import {
  type AskedTorrent,
  askTrackers,
  drawOutcome,
  nameTorrent,
  QUESTION_OPTIONS,
  readQuestions,
} from "../tracker_questions.ts";

/** What a tracker says of one torrent; `null` where it does not know it. */
interface Numbers {
  readonly infoHash: string;
  readonly seeds: number | null;
  readonly leechers: number | null;
  readonly downloaded: number | null;
}

/** Asks, and prints numbers. */
export const command: Command = defineCommand({
  operands: ["TORRENT|URL…"],
  options: QUESTION_OPTIONS,
  notes: `Without a URL the trackers named in the torrents are asked.
Exit code 0 if at least one of them answered.`,
  async run({ operands, rest, options }, terminal) {
    const { trackers, torrents } = await readQuestions([...operands, ...rest], options["info-hash"]);
    const ask = (client: TrackerClient, tracker: string, signal: AbortSignal) =>
      scrape(client, tracker, torrents, signal);
    const outcomes = await askTrackers(trackers, ask, options.timeout);
    const palette = createPalette(terminal.hasColours);
    for (const { tracker, answer, error } of outcomes) {
      if (options.json) {
        const rows = answer ?? [{ error }];
        terminal.write(rows.map((row) => `${JSON.stringify({ tracker, ...row })}\n`).join(""));
      } else terminal.write(drawOutcome(tracker, answer?.map(drawNumbers) ?? [palette.red(error!)], palette));
    }
    return 0;
  },
});

async function scrape(
  client: TrackerClient,
  tracker: string,
  torrents: readonly AskedTorrent[],
  signal: AbortSignal,
): Promise<readonly Numbers[]> {
  const response = await client.scrape(tracker, torrents.map(({ infoHash }) => infoHash), { signal });
  if (response.type === "failure") throw new Failure(response.reason);
  return torrents.map((torrent) => numbersOf(torrent, response.swarms));
}

function numbersOf(torrent: AskedTorrent, swarms: readonly ScrapedSwarm[]): Numbers {
  const swarm = swarms.find(({ infoHash }) => equals(infoHash, torrent.infoHash));
  return {
    infoHash: nameTorrent(torrent),
    seeds: swarm?.complete ?? null,
    leechers: swarm?.incomplete ?? null,
    downloaded: swarm?.downloaded ?? null,
  };
}

function drawNumbers({ infoHash, seeds, leechers, downloaded }: Numbers): string {
  if (seeds === null || leechers === null || downloaded === null) return `${infoHash}  unknown`;
  const numbers = [
    formatCount(seeds, "seed"),
    formatCount(leechers, "leecher"),
    formatCount(downloaded, "download"),
  ];
  return `${infoHash}  ${numbers.join(", ")}`;
}
