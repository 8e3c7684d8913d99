/** Reads content from a web seed over HTTP: one GET per file or piece, with bounds on bytes and time (BEP 17, 19). */

import { decodeUtf8, encodeByteString, encodeUtf8, percentDecode } from "../bytes/text.ts";
import { TransportError } from "../errors.ts";
import type { TorrentFile } from "../metainfo/info.ts";
import { type WebSeedSource, webSeedSteps, type WebSeedTorrent } from "../metainfo/web_seed.ts";
import type { BlockRange } from "../wire/messages/message.ts";
import { BlockCutter } from "./block_cutter.ts";
import { fetchMoved, isLocal, lookUp } from "./redirects.ts";
import type { Clock, Network } from "./transport.ts";
import { judgeAnswer, type WebAnswer, type WebRequest } from "./web_answer.ts";
import { withSignal } from "./with_signal.ts";

/** How long a server may take for the head of an answer, and for every block of it: a slow line's 16 KiB. */
const PATIENCE_MS = 30_000;
/** How long it may take to end an answer that is whole, so that the connection can be used again. */
const END_PATIENCE_MS = 1000;
/** Bytes of a busy script's answer that are looked at: digits (BEP 17 "protocol"). */
const MOST_DIGITS = 9;
/** URLs whose new place is remembered; then all are asked for anew. */
const MOST_MOVED = 1000;
/** Longer ones are asked for each time: signed links have a few hundred characters. */
const LONGEST_MOVED = 4096;
/** Bytes of padding at a time. */
const ZEROS = new Uint8Array(65_536);

/** What came of reading. */
export type WebSeedOutcome =
  | { readonly type: "done" }
  /** The server wants to be asked later. */
  | { readonly type: "busy"; readonly retryAfterMs: number | undefined }
  /** The server has not got this file, or nothing of it from a piece on. */
  | { readonly type: "lacks"; readonly file: TorrentFile; readonly from: number | undefined }
  | { readonly type: "failed"; readonly error: TransportError };

/** What a reader is made from. */
export interface WebSeedReaderOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly source: WebSeedSource;
  readonly torrent: WebSeedTorrent;
}

/** What to read, and who takes it. */
export interface ReadOptions {
  readonly ranges: readonly BlockRange[];
  /** Hears of every block, in the order of the ranges; the memory is valid during the call only. */
  readonly onBlock: (block: Uint8Array) => void;
  /** Holds the reading back after so many bytes: a rate limit, a busy disk. */
  readonly pace: (length: number, signal: AbortSignal) => Promise<void>;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/** Thrown inside a reading to end it: whatever is not the whole content is an outcome. */
class Interruption {
  readonly outcome: WebSeedOutcome;

  constructor(outcome: WebSeedOutcome) {
    this.outcome = outcome;
  }
}

/** One web seed as a place to read from. It remembers where its URLs lead. */
export class WebSeedReader {
  readonly #options: WebSeedReaderOptions;
  readonly #moved = new Map<string, string>();

  /** Asks for nothing yet. */
  constructor(options: WebSeedReaderOptions) {
    this.#options = options;
  }

  /** The URL of the web seed as it may be shown: without credentials. */
  get url(): string {
    return withoutCredentials(this.#options.source.url).url;
  }

  /** Reads. Never more than was asked for is handed on, and whatever goes wrong is an outcome. @throws The signal's reason. */
  async read({ ranges, onBlock, pace, signal }: ReadOptions): Promise<WebSeedOutcome> {
    const { source, torrent } = this.#options, cutter = new BlockCutter(ranges, onBlock);
    try {
      const addresses = await new Patience(this.#options.clock, signal).wait(this.#guard(signal));
      for (const step of webSeedSteps(source, torrent, ranges)) {
        if (step.type === "zeros") pad(cutter, step.length);
        else await this.#get(step, { addresses, cutter, pace, signal });
      }
      return { type: "done" };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Interruption) return error.outcome;
      this.#moved.clear(); // links that somebody signed end after a while, and mirrors go away
      return { type: "failed", error: this.#explain(error) };
    }
  }

  /**
   * A torrent from the internet shall not make the printer next door do things: plain files there, but no questions. Answers the
   * addresses that were looked at.
   */
  async #guard(signal: AbortSignal): Promise<readonly string[] | undefined> {
    const { hostname, search } = new URL(this.#options.source.url);
    if (search === "") return undefined;
    const addresses = await lookUp(this.#options.network, hostname, { signal });
    if (isLocal(addresses)) throw new TransportError("a query for the local network");
    return addresses;
  }

  async #get(
    request: WebRequest,
    { addresses, cutter, pace, signal }: Pick<ReadOptions, "pace" | "signal"> & {
      readonly addresses: readonly string[] | undefined;
      readonly cutter: BlockCutter;
    },
  ): Promise<void> {
    const patience = new Patience(this.#options.clock, signal), known = this.#moved.get(request.url);
    const response = await patience.wait(this.#send(request, { addresses, known, signal: patience.signal }));
    const body = response.body?.getReader();
    try {
      const answer = judgeAnswer(request, response);
      if (answer.type === "busy") {
        const retryAfterMs = answer.retryAfterMs ?? await busyMs(request, body, patience);
        throw new Interruption({ type: "busy", retryAfterMs });
      }
      if (answer.type !== "content") throw refusal(request, answer, { mayBeElsewhere: known !== undefined });
      await readBody(body, { request, skip: answer.skip, cutter, pace, patience });
    } finally {
      await body?.cancel().catch(() => {}); // of a body that was read to its end this does nothing
    }
  }

  /** Asks where the URL is known to lead by now, else the URL itself. */
  async #send(
    request: WebRequest,
    { addresses, known, signal }: {
      readonly addresses: readonly string[] | undefined;
      readonly known: string | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<Response> {
    const { network } = this.#options, { url: first, authorization } = withoutCredentials(request.url);
    const url = known ?? first, isAtHome = new URL(url).origin === new URL(first).origin;
    const headers = {
      ...(authorization !== undefined && isAtHome && { authorization }),
      ...(request.type === "file" && { range: `bytes=${request.from}-${request.from + request.length - 1}` }),
    };
    const place = known === undefined ? addresses && { addresses } : { from: first };
    const moved = await fetchMoved(network, url, { headers, signal, ...place });
    if (moved.url !== url) this.#remember(request.url, moved.url);
    return moved.response;
  }

  #remember(url: string, movedTo: string): void {
    if (movedTo.length > LONGEST_MOVED) return;
    if (this.#moved.size >= MOST_MOVED) this.#moved.clear();
    this.#moved.set(url, movedTo);
  }

  /** The URL's path may hold secrets. */
  #explain(cause: unknown): TransportError {
    const { host } = new URL(this.#options.source.url);
    const reason = cause instanceof TransportError ? cause.message : "the connection failed";
    return new TransportError(`Cannot read from web seed ${host}: ${reason}`, { cause });
  }
}

/** What a refusal means; a place that was remembered may be the wrong one by now. */
function refusal(
  request: WebRequest,
  answer: Exclude<WebAnswer, { type: "content" | "busy" }>,
  { mayBeElsewhere }: { readonly mayBeElsewhere: boolean },
): Interruption | TransportError {
  if (answer.type === "nonsense") return new TransportError(answer.reason);
  if (request.type !== "file" || mayBeElsewhere) {
    return new TransportError("the content is not there any more");
  }
  const from = answer.type === "tooFar" ? request.piece : undefined;
  return new Interruption({ type: "lacks", file: request.file, from });
}

/** Gives up on a server that is too slow. The time that others take is not counted. */
class Patience {
  readonly signal: AbortSignal;
  readonly #clock: Clock;
  readonly #end = new AbortController();
  #leftMs = PATIENCE_MS;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.signal = AbortSignal.any([signal, this.#end.signal]);
  }

  /** Waits for the server. @throws {TransportError} If it has used up its time. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    const startedAt = this.#clock.now();
    const cancel = this.#clock.schedule(startedAt + this.#leftMs, () => {
      this.#end.abort(new TransportError("too slow"));
    });
    try {
      return await withSignal(promise, this.signal);
    } finally {
      cancel();
      this.#leftMs -= this.#clock.now() - startedAt;
    }
  }

  /** A block is here: the server has as much time for the next. */
  renew(leftMs: number = PATIENCE_MS): void {
    this.#leftMs = leftMs;
  }
}

type BodyReader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;

async function readBody(
  body: BodyReader | undefined,
  { request, skip, cutter, pace, patience }: Pick<ReadOptions, "pace"> & {
    readonly request: WebRequest;
    readonly skip: number;
    readonly cutter: BlockCutter;
    readonly patience: Patience;
  },
): Promise<void> {
  let skipping = skip, left = request.length;
  while (left > 0) {
    const chunk = body && (await patience.wait(body.read())).value;
    if (chunk === undefined) throw new TransportError("the answer ends early");
    await pace(chunk.length, patience.signal);
    const skipped = Math.min(skipping, chunk.length), content = chunk.subarray(skipped, skipped + left);
    skipping -= skipped;
    left -= content.length;
    if (cutter.push(content) > 0) patience.renew();
  }
  patience.renew(END_PATIENCE_MS);
  await patience.wait(body!.read()).catch(() => {}); // whatever else comes is not read
}

/** What a busy script says: seconds as digits (BEP 17 "protocol"). */
async function busyMs(
  request: WebRequest,
  body: BodyReader | undefined,
  patience: Patience,
): Promise<number | undefined> {
  if (request.type !== "piece" || body === undefined) return undefined;
  const { value } = await patience.wait(body.read());
  const digits = decodeUtf8((value ?? new Uint8Array()).subarray(0, MOST_DIGITS + 2)).trim();
  return /^\d{1,9}$/.test(digits) ? Number(digits) * 1000 : undefined;
}

function pad(cutter: BlockCutter, length: number): void {
  for (let left = length; left > 0; left -= ZEROS.length) {
    cutter.push(ZEROS.subarray(0, Math.min(left, ZEROS.length)));
  }
}

/** A request may not have them in its URL; they become a header (RFC 7617). */
function withoutCredentials(text: string): { url: string; authorization?: string } {
  const url = new URL(text), { username, password } = url;
  if (username === "" && password === "") return { url: url.href };
  url.username = url.password = "";
  const credentials = btoa(encodeByteString(unescape(`${username}:${password}`)));
  return { url: url.href, authorization: `Basic ${credentials}` };
}

function unescape(text: string): Uint8Array {
  try {
    return percentDecode(text);
  } catch {
    return encodeUtf8(text);
  }
}
