/** Which trackers `announce` and `scrape` ask, about which torrents, and what comes of it. */

import { cryptoRandom } from "../io/chance.ts";
import { systemClock } from "../io/clock.ts";
import { denoNetwork } from "../io/deno/network.ts";
import { TrackerClient } from "../io/tracker_client.ts";
import { shownUrl } from "../metainfo/shown_url.ts";
import { UsageError } from "./arguments.ts";
import { describeError, describeErrorAt, Failure } from "./failure.ts";
import { printable } from "./format.ts";
import { parseInfoHash } from "./info_hash.ts";
import { jsonLine } from "./json.ts";
import { createPalette } from "./render.ts";
import type { Terminal } from "./terminal.ts";
import { readTorrentFile } from "./torrent_file.ts";

/** Their common rows in an option table. */
export const QUESTION_OPTIONS = {
  "info-hash": { kind: "text", value: "HEX", many: true, help: "torrent to ask about, without its file" },
  timeout: { kind: "seconds", value: "SECONDS", help: "how long to wait for an answer [30]" },
  json: { kind: "flag", help: "print one JSON object a line instead" },
} as const;

/** A torrent to ask about. */
export interface AskedTorrent {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Bytes of content; `undefined` without the torrent file. */
  readonly length: number | undefined;
}

/** Who is asked about what. */
export interface Questions {
  readonly trackers: readonly string[];
  readonly torrents: readonly AskedTorrent[];
}

/**
 * Reads the operands: URLs are trackers, all else is torrent files. Without URLs the trackers are those of the torrents.
 *
 * @throws {UsageError} If nobody or nothing is to be asked.
 */
export async function readQuestions(
  operands: readonly string[],
  infoHashes: readonly string[],
): Promise<Questions> {
  const urls = operands.filter(isUrl);
  const files = await Promise.all(operands.filter((operand) => !isUrl(operand)).map(readTorrentFile));
  const torrents = [
    ...files.map(({ metainfo }) => ({ infoHash: metainfo.infoHash, length: metainfo.info.contentLength })),
    ...infoHashes.map((text) => ({ infoHash: readInfoHash(text), length: undefined })),
  ];
  if (torrents.length === 0) throw new UsageError("Missing torrent: give a torrent file or --info-hash");
  const known = files.flatMap(({ metainfo }) => metainfo.announce.flat());
  const trackers = [...new Set(urls.length > 0 ? urls : known)];
  if (trackers.length === 0) throw new Failure("Cannot ask a tracker: the torrent names none; give a URL");
  return { trackers, torrents };
}

function isUrl(operand: string): boolean {
  return /^(https?|udp|wss?):\/\//i.test(operand);
}

function readInfoHash(text: string): Uint8Array {
  const infoHash = parseInfoHash(text);
  if (infoHash === undefined) throw new UsageError(`Cannot use --info-hash: "${text}" is not 40 hex digits`);
  return infoHash;
}

/** Asks one tracker about all torrents. */
export type Ask<Answer> = (
  client: TrackerClient,
  tracker: string,
  torrents: readonly AskedTorrent[],
  signal: AbortSignal,
) => Promise<readonly Answer[]>;

/** What came of asking one tracker: an answer per torrent, or why there is none. */
interface Outcome<Answer> {
  readonly tracker: string;
  readonly answers: readonly Answer[];
  readonly error: unknown;
}

/** How questions are put and their answers shown. */
export interface Interview<Answer> {
  readonly ask: Ask<Answer>;
  /** The lines of one answer, for a person. */
  readonly draw: (answer: Answer) => readonly string[];
  /** Seconds to wait; 30 if absent. */
  readonly timeout: number | undefined;
  /** Print answers as lines of JSON. */
  readonly json: boolean;
}

const USUAL_TIMEOUT = 30;

/** Asks every tracker at once and prints what they say. @throws {Failure} If none answers. */
export async function interviewTrackers<Answer extends object>(
  questions: Questions,
  interview: Interview<Answer>,
  terminal: Terminal,
): Promise<void> {
  const outcomes = await askAll(questions, interview), palette = createPalette(terminal.hasColours);
  for (const { tracker, answers, error } of outcomes) {
    if (interview.json) {
      const rows = error === undefined ? answers : [{ error: describeError(error) }];
      terminal.write(rows.map((row) => jsonLine({ tracker, ...row })).join(""));
    } else {
      const lines = error === undefined
        ? answers.flatMap(interview.draw)
        : [palette.red(describeError(error))];
      terminal.write(
        [palette.bold(printable(shownUrl(tracker))), ...lines.map((line) => `  ${line}`), ""].join("\n"),
      );
    }
  }
}

async function askAll<Answer>(
  { trackers, torrents }: Questions,
  { ask, timeout = USUAL_TIMEOUT }: Interview<Answer>,
): Promise<readonly Outcome<Answer>[]> {
  const client = new TrackerClient({ network: denoNetwork, clock: systemClock, random: cryptoRandom });
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new Failure(`no answer in ${timeout} seconds`)), timeout * 1000);
  try {
    const outcomes = await Promise.all(trackers.map(async (tracker): Promise<Outcome<Answer>> => {
      try {
        return { tracker, answers: await ask(client, tracker, torrents, abort.signal), error: undefined };
      } catch (error) {
        return { tracker, answers: [], error };
      }
    }));
    refuseSilence(outcomes);
    return outcomes;
  } finally {
    clearTimeout(timer);
    await client.close();
  }
}

function refuseSilence(outcomes: readonly Outcome<unknown>[]): void {
  const failed = outcomes.filter(({ error }) => error !== undefined);
  if (failed.length < outcomes.length) return;
  const { tracker, error } = failed[0]!, more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : "";
  throw new Failure(`No tracker answered: ${describeErrorAt(tracker, error)}${more}`);
}
