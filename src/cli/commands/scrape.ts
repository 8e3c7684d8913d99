/** `scrape`: asks trackers how many peers torrents have, without taking part (BEP 48, BEP 15). */

import { equals } from "@std/bytes/equals";
import { encodeHex } from "../../bytes/text.ts";
import type { TrackerClient } from "../../io/tracker_client.ts";
import type { ScrapedSwarm } from "../../tracker/messages/announce.ts";
import { type Command, defineCommand } from "../command.ts";
import { Failure } from "../failure.ts";
import { formatCount } from "../format.ts";
import {
  type AskedTorrent,
  interviewTrackers,
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
    const questions = await readQuestions([...operands, ...rest], options["info-hash"]);
    const { json, timeout } = options;
    await interviewTrackers(questions, { ask: scrape, draw: drawNumbers, json, timeout }, terminal);
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
    infoHash: encodeHex(torrent.infoHash),
    seeds: swarm?.complete ?? null,
    leechers: swarm?.incomplete ?? null,
    downloaded: swarm?.downloaded ?? null,
  };
}

function drawNumbers({ infoHash, seeds, leechers, downloaded }: Numbers): readonly string[] {
  if (seeds === null || leechers === null || downloaded === null) return [`${infoHash}  unknown`];
  const numbers = [
    formatCount(seeds, "seed"),
    formatCount(leechers, "leecher"),
    formatCount(downloaded, "download"),
  ];
  return [`${infoHash}  ${numbers.join(", ")}`];
}
