/** The web seeds of one torrent at work: carries out what the torrent machine asks of them (BEP 17, 19). */

import { type WebSeedOutcome, WebSeedReader } from "../io/web_seed.ts";
import { withSignal } from "../io/with_signal.ts";
import { filePieces } from "../metainfo/geometry.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { WebSeedSource } from "../metainfo/web_seed.ts";
import type { TorrentEffect, TorrentInput, WebFetchKey, WebSeedKey } from "../torrent/vocabulary.ts";
import type { ClientContext } from "./client_context.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** Web seeds that a torrent may bring: more than any has, and few enough to look at all of them every second. */
const MOST_WEB_SEEDS = 64;

/** Pause before the next file when one is missing: a mirror may lack thousands, and need not be asked for all at once. */
const AFTER_LACK_MS = 1000;

/** The torrent that web seeds work for. */
export interface WebSeedHost {
  /** Tells the machine. */
  dispatch(input: TorrentInput): void;
  /** Settles when more may be read; `undefined` if at once. */
  mayRead(): Promise<void> | undefined;
}

/** What web seeds are run with. */
export interface WebSeedRunnerOptions {
  readonly context: ClientContext;
  readonly life: Lifecycle;
  readonly metainfo: Metainfo;
  readonly torrent: WebSeedHost;
}

/** What the machine asks of web seeds. */
export type WebSeedEffect = Extract<TorrentEffect, { type: "webFetch" | "webAbort" | "webSeedDiscarded" }>;

/** Reads from the web seeds of a torrent, as long as its machine asks for something. */
export class WebSeedRunner {
  readonly #options: WebSeedRunnerOptions;
  readonly #readers = new Map<WebSeedKey, WebSeedReader>();
  readonly #fetches = new Map<WebFetchKey, AbortController>();
  readonly #reading = new Set<Promise<void>>();

  /** Nothing happens before `start`. */
  constructor(options: WebSeedRunnerOptions) {
    this.#options = options;
  }

  /** Tells the machine which web seeds there are. */
  start(): void {
    const { context: { network, clock }, metainfo, torrent } = this.#options;
    for (const source of sourcesOf(metainfo)) {
      const seed = -1 - this.#readers.size;
      this.#readers.set(seed, new WebSeedReader({ network, clock, source, torrent: metainfo }));
      torrent.dispatch({ type: "webSeed", seed, url: source.url, onePiece: source.kind === "pieces" });
    }
  }

  /** Carries out an effect of the machine. */
  perform(effect: WebSeedEffect): void {
    if (effect.type === "webFetch") return this.#begin(effect);
    if (effect.type === "webAbort") return this.#fetches.get(effect.fetch)?.abort();
    const { life: { infoHash }, life } = this.#options, { url } = this.#readers.get(effect.seed)!;
    life.emit({ type: "webSeedDiscarded", infoHash, url, reason: effect.reason });
  }

  /** Settles once nothing is read any more: soon after the machine was paused. */
  async ended(): Promise<void> {
    await Promise.all(this.#reading);
  }

  #begin(effect: Extract<WebSeedEffect, { type: "webFetch" }>): void {
    const reading = this.#read(effect).finally(() => this.#reading.delete(reading));
    this.#reading.add(reading);
  }

  async #read({ fetch, seed, ranges }: Extract<WebSeedEffect, { type: "webFetch" }>): Promise<void> {
    const { torrent } = this.#options, reader = this.#readers.get(seed)!, end = new AbortController();
    this.#fetches.set(fetch, end);
    try {
      const outcome = await reader.read({
        ranges,
        signal: end.signal,
        onBlock: (block) => torrent.dispatch({ type: "webBlock", fetch, block }),
        pace: (length, signal) => this.#pace(length, signal),
      });
      this.#report(reader, { fetch, seed, outcome });
    } catch (error) {
      if (!end.signal.aborted) throw error;
    } finally {
      this.#fetches.delete(fetch);
    }
  }

  #report(
    { url }: WebSeedReader,
    { fetch, seed, outcome }: {
      readonly fetch: WebFetchKey;
      readonly seed: WebSeedKey;
      readonly outcome: WebSeedOutcome;
    },
  ): void {
    const { life, life: { infoHash }, metainfo: { info }, torrent } = this.#options;
    switch (outcome.type) {
      case "done":
        return torrent.dispatch({ type: "webEnded", fetch, failed: false });
      case "lacks": {
        const { first, last } = filePieces(info, outcome.file.index);
        torrent.dispatch({ type: "webLacks", seed, first: outcome.from ?? first, last });
        return torrent.dispatch({ type: "webEnded", fetch, failed: true, retryAfterMs: AFTER_LACK_MS });
      }
      case "busy": {
        const { retryAfterMs } = outcome;
        return torrent.dispatch({
          type: "webEnded",
          fetch,
          failed: true,
          ...(retryAfterMs !== undefined && { retryAfterMs }),
        });
      }
      case "failed":
        life.emit({ type: "webSeedFailed", infoHash, url, error: outcome.error });
        return torrent.dispatch({ type: "webEnded", fetch, failed: true });
    }
  }

  /** A rate limit, and back-pressure: what is not read TCP keeps at the server. */
  async #pace(length: number, signal: AbortSignal): Promise<void> {
    const spending = this.#options.context.downloadLimit.spend(length);
    try {
      await withSignal(Promise.resolve(spending?.done), signal);
      await withSignal(Promise.resolve(this.#options.torrent.mayRead()), signal);
    } finally {
      spending?.cancel();
    }
  }
}

/** The web seeds that we can talk to; other protocols are left out (BEP 19 "client implementation overview"). */
function sourcesOf({ webSeeds, httpSeeds }: Metainfo): readonly WebSeedSource[] {
  const kinds = new Map<string, WebSeedSource["kind"]>();
  for (const url of httpSeeds) kinds.set(url, "pieces");
  for (const url of webSeeds) kinds.set(url, "files");
  const isHttp = ({ url }: WebSeedSource) => /^https?:$/.test(URL.parse(url)?.protocol ?? "");
  return Array.from(kinds, ([url, kind]) => ({ url, kind })).filter(isHttp).slice(0, MOST_WEB_SEEDS);
}
