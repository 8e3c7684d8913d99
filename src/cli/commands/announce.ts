/** `announce`: asks trackers for the peers of a torrent (BEP 3 "trackers", BEP 15). */

import { encodeHex } from "../../bytes/text.ts";
import { cryptoRandom } from "../../io/chance.ts";
import type { TrackerClient } from "../../io/tracker_client.ts";
import { formatPeerAddress, type PeerAddress } from "../../peer/address.ts";
import { createPeerId } from "../../peer/peer_id.ts";
import type { Announced, AnnounceRequest } from "../../tracker/messages/announce.ts";
import { type Command, defineCommand } from "../command.ts";
import { Failure } from "../failure.ts";
import { formatCount, formatDuration, printableMessage } from "../format.ts";
import {
  type Ask,
  type AskedTorrent,
  interviewTrackers,
  QUESTION_OPTIONS,
  readQuestions,
} from "../tracker_questions.ts";

/** What a tracker answers about one torrent. */
interface Answer {
  readonly infoHash: string;
  readonly seeds: number | null;
  readonly leechers: number | null;
  /** Seconds until the next announce. */
  readonly interval: number;
  readonly externalIp: string | null;
  readonly warning: string | null;
  readonly peers: readonly PeerAddress[];
}

/** The first of the ports that BEP 3 names. */
const USUAL_PORT = 6881;

/** Announces, prints the peers, and says goodbye. */
export const command: Command = defineCommand({
  operands: ["TORRENT|URL…"],
  options: {
    ...QUESTION_OPTIONS,
    port: { kind: "port", value: "N", help: `TCP port to announce [${USUAL_PORT}]` },
    "num-want": { kind: "count", value: "N", help: "how many peers to ask for [the tracker's choice]" },
  },
  notes: `Without a URL the trackers named in the torrents are asked. An announce makes the tracker
count this machine as a peer, so a second one takes it out again.
Exit code 0 if at least one tracker answered.`,
  async run({ operands, rest, options }, terminal) {
    const questions = await readQuestions([...operands, ...rest], options["info-hash"]);
    const { json, timeout } = options, numWant = options["num-want"];
    const parts = { peerId: createPeerId(cryptoRandom), port: options.port ?? USUAL_PORT, numWant };
    const ask: Ask<Answer> = (client, tracker, torrents, signal) =>
      Promise.all(torrents.map(async (torrent) => {
        const request = requestFor(torrent, parts);
        return answerOf(torrent, await announce(client, tracker, request, signal));
      }));
    await interviewTrackers(questions, { ask, draw: drawAnswer, json, timeout }, terminal);
    return 0;
  },
});

function requestFor(
  { infoHash, length }: AskedTorrent,
  parts: Pick<AnnounceRequest, "peerId" | "port" | "numWant">,
): AnnounceRequest {
  return { ...parts, infoHash, left: length, uploaded: 0, downloaded: 0 };
}

async function announce(
  client: TrackerClient,
  tracker: string,
  request: AnnounceRequest,
  signal: AbortSignal,
): Promise<Announced> {
  const response = await client.announce(tracker, { ...request, event: "started" }, { signal });
  if (response.type === "failure") throw new Failure(response.reason);
  // The peers are here already: a goodbye that fails is no matter.
  await client.announce(tracker, { ...request, event: "stopped", numWant: 0 }, { signal }).catch(() => {});
  return response;
}

function answerOf({ infoHash }: AskedTorrent, response: Announced): Answer {
  return {
    infoHash: encodeHex(infoHash),
    seeds: response.complete ?? null,
    leechers: response.incomplete ?? null,
    interval: Math.round(response.intervalMs / 1000),
    externalIp: response.externalIp ?? null,
    warning: response.warning ?? null,
    peers: response.peers.map(({ host, port }) => ({ host, port })),
  };
}

function drawAnswer({ infoHash, seeds, leechers, interval, warning, peers }: Answer): readonly string[] {
  const numbers = [
    ...(seeds === null ? [] : [formatCount(seeds, "seed")]),
    ...(leechers === null ? [] : [formatCount(leechers, "leecher")]),
    formatCount(peers.length, "peer") + " told",
    `again in ${formatDuration(interval)}`,
  ];
  return [
    `${infoHash}  ${numbers.join(", ")}`,
    ...(warning === null ? [] : [`warning: ${printableMessage(warning)}`]),
    ...peers.map((peer) => `  ${formatPeerAddress(peer)}`),
  ];
}
