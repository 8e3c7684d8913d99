/** A survey of the info hashes that the nodes of the DHT hold peers for, slow enough to bother nobody (BEP 51). */

import type { Random } from "../bytes/random.ts";
import type { NodeContact } from "../dht/messages/node_info.ts";
import { SampleCrawler, type SampleCrawlerEffect, type SampleCrawlerInput } from "../dht/sample_crawler.ts";
import { cryptoRandom } from "../io/chance.ts";
import { systemClock } from "../io/clock.ts";
import type { DhtNews, DhtRunner } from "../io/dht_runner.ts";
import type { Clock } from "../io/transport.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";

/** How to make a survey. */
export interface SurveyOptions {
  /** Ends the survey with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Milliseconds between two queries; 200 by default. */
  readonly spacingMs?: number;
  /** Time; the system's by default. */
  readonly clock?: Clock;
  /** Chance; cryptographic by default. */
  readonly random?: Random;
}

/** What one node has shown. */
export interface SurveySample {
  /** The node. */
  readonly from: PeerAddress;
  /** Some info hashes, 20 bytes each; others may have shown the same ones. */
  readonly infoHashes: readonly Uint8Array[];
}

/**
 * Asks one node after the other, beginning with those that `dht` knows, and gives what they show. Ends when every node
 * that was heard of has been asked; there are millions, so break out of the loop when it is enough.
 *
 * @throws {StateError} If the DHT node is closed. @throws The signal's reason.
 */
export async function* survey(dht: DhtRunner, options: SurveyOptions = {}): AsyncGenerator<SurveySample> {
  const run = new Survey(dht, options);
  try {
    run.start(dht.nodes());
    for (let samples = await run.next(); samples !== undefined; samples = await run.next()) yield* samples;
  } finally {
    run.close();
  }
}

/** The crawler at work. Phases: asking -> over. */
class Survey {
  readonly #dht: DhtRunner;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #crawler: SampleCrawler;
  readonly #settled = new Set<string>();
  readonly #abort = new AbortController();
  #samples: SurveySample[] = [];
  #failure: { readonly error: unknown } | undefined;
  #cancelTick: () => void = () => {};
  #wake: () => void = () => {};

  constructor(dht: DhtRunner, options: SurveyOptions) {
    const { signal, spacingMs, clock = systemClock, random = cryptoRandom } = options;
    this.#dht = dht;
    this.#clock = clock;
    this.#signal = signal;
    this.#crawler = new SampleCrawler({ random, ...(spacingMs !== undefined && { spacingMs }) }, clock.now());
  }

  start(nodes: readonly NodeContact[]): void {
    this.#signal?.throwIfAborted();
    this.#signal?.addEventListener("abort", this.#onAbort);
    this.#tell({ type: "nodes", nodes });
  }

  /** What has come since the last call; `undefined` when everybody has been asked. @throws The signal's reason. */
  async next(): Promise<readonly SurveySample[] | undefined> {
    while (this.#samples.length === 0) {
      if (this.#failure) throw this.#failure.error;
      if (this.#settled.size >= this.#crawler.size) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#samples.splice(0);
  }

  close(): void {
    this.#cancelTick();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#abort.abort(new Error("the survey is over"));
  }

  readonly #onAbort = (): void => this.#fail(this.#signal?.reason);

  #tell(input: SampleCrawlerInput): void {
    for (const effect of this.#crawler.handle(input, this.#clock.now())) this.#perform(effect);
    this.#cancelTick();
    const deadline = this.#crawler.deadline();
    if (deadline !== undefined && !this.#abort.signal.aborted) {
      this.#cancelTick = this.#clock.schedule(deadline, () => this.#tell({ type: "tick" }));
    }
    this.#wake();
  }

  #perform(effect: SampleCrawlerEffect): void {
    if (effect.type === "sample") void this.#ask(effect.address, effect.target);
    else this.#samples.push(effect);
  }

  async #ask(address: PeerAddress, target: Uint8Array): Promise<void> {
    let heard: Extract<DhtNews, { type: "samples" }> | undefined;
    try {
      const options = { signal: this.#abort.signal };
      for await (const news of this.#dht.run({ type: "sample", address, target }, options)) {
        if (news.type === "samples") heard = news;
      }
    } catch (error) {
      // An address of a family that we have no socket for is as good as one that does not answer.
      if (!(error instanceof RangeError)) return this.#fail(error);
    }
    this.#settled.add(formatPeerAddress(address));
    this.#tell(heard ? { ...heard, type: "sampled", address } : { type: "failed", address });
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }
}
