/** Asks trackers of either kind, by URL: HTTP and UDP, with one bound on the time (BEP 3, 7, 15, 41, 48). */

import type { Random } from "../bytes/random.ts";
import { TransportError } from "../errors.ts";
import { type AddressFamily, addressFamily, canonicalHost } from "../peer/ip.ts";
import { shownUrl } from "../metainfo/shown_url.ts";
import type { AnnounceRequest, AnnounceResponse, ScrapeResponse } from "../tracker/messages/announce.ts";
import { parseTrackerUrl, type TrackerUrl } from "../tracker/messages/tracker_url.ts";
import { DatagramHub } from "./datagram_hub.ts";
import { announceHttp, scrapeHttp } from "./http_tracker.ts";
import type { Clock, Network } from "./transport.ts";
import { UdpTrackers } from "./udp_trackers.ts";

/** How long an HTTP tracker may take; the UDP exchange has a schedule of its own, which ends after 105 seconds. */
const HTTP_TIMEOUT_MS = 30_000;

/** What a question can be told. */
export interface AskOptions {
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** An announce over one family of addresses. */
export interface OverOptions extends AskOptions {
  readonly family: AddressFamily;
}

/** What a tracker client needs of its surroundings. */
export interface TrackerClientOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  /** The UDP socket to share; one of its own, bound when first needed, if absent. */
  readonly hub?: DatagramHub;
}

/** Performs announces and scrapes. */
export class TrackerClient {
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #udp: UdpTrackers;
  readonly #hub: DatagramHub;
  readonly #ownsHub: boolean;
  readonly #closed = new AbortController();

  /** Opens nothing yet. */
  constructor({ network, clock, random, hub }: TrackerClientOptions) {
    this.#network = network;
    this.#clock = clock;
    this.#hub = hub ?? new DatagramHub(network);
    this.#ownsHub = hub === undefined;
    this.#udp = new UdpTrackers({ hub: this.#hub, clock, random });
  }

  /**
   * Announces to a tracker; a refusal is an answer, not an error.
   *
   * @throws {TransportError} If the URL is none that can be asked, or no answer comes that makes sense.
   */
  async announce(
    tracker: string,
    request: AnnounceRequest,
    options: AskOptions = {},
  ): Promise<AnnounceResponse> {
    return await this.#bounded(tracker, options, async (url, signal) => {
      if (url.protocol !== "udp") return await announceHttp(this.#network, tracker, { request, signal });
      const address = await this.#addressOf(url, signal);
      return await this.#announceUdp(url, { request, address, signal });
    });
  }

  /**
   * Announces over one family of addresses, to a tracker that shall see ours of that family (BEP 7 "Tracker Hostname
   * Resolution"); `undefined` if it has none, or none that we reach.
   *
   * @throws {TransportError} As `announce` does.
   */
  async announceOver(
    tracker: string,
    request: AnnounceRequest,
    options: OverOptions,
  ): Promise<AnnounceResponse | undefined> {
    const { family } = options;
    return await this.#bounded(tracker, options, async (url, signal) => {
      const all = await this.#addressesOf(url, signal);
      const addresses = all.filter((one) => addressFamily(one) === family), [address] = addresses;
      if (address === undefined) return undefined;
      if (url.protocol === "udp") return await this.#announceUdp(url, { request, address, signal });
      // Without a choice it is a request like any other, over a connection that may be there already.
      const way = addresses.length < all.length ? { family, addresses } : {};
      return await announceHttp(this.#network, tracker, { request, signal, ...way });
    });
  }

  /**
   * Asks a tracker about torrents, 20-byte info hashes, without taking part.
   *
   * @throws {TransportError} If the tracker cannot be scraped, or no answer comes that makes sense.
   */
  async scrape(
    tracker: string,
    infoHashes: readonly Uint8Array[],
    options: AskOptions = {},
  ): Promise<ScrapeResponse> {
    return await this.#bounded(tracker, options, async (url, signal) => {
      if (url.protocol !== "udp") return await scrapeHttp(this.#network, tracker, { infoHashes, signal });
      const address = { host: await this.#addressOf(url, signal), port: url.port };
      const answer = await this.#udp.ask(address, { type: "scrape", infoHashes }, signal);
      if (answer.type !== "announced") return answer;
      throw new TransportError(`Cannot understand tracker ${url.host}: an announce for a scrape`);
    });
  }

  /** Gives up everything under way and closes the sockets. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed.abort(new TransportError("The tracker client is closed"));
    this.#udp.close();
    if (this.#ownsHub) await this.#hub.close();
  }

  async #announceUdp(
    { host, port, urlData }: TrackerUrl,
    { request, address, signal }: {
      readonly request: AnnounceRequest;
      readonly address: string;
      readonly signal: AbortSignal;
    },
  ): Promise<AnnounceResponse> {
    const question = { type: "announce", request, urlData } as const;
    const answer = await this.#udp.ask({ host: address, port }, question, signal);
    if (answer.type !== "scraped") return answer;
    throw new TransportError(`Cannot understand tracker ${host}: a scrape for an announce`);
  }

  /** The addresses of a tracker in the order of the lookup, of UDP trackers those that our socket reaches. */
  async #addressesOf({ host, protocol }: TrackerUrl, signal: AbortSignal): Promise<readonly string[]> {
    const found = await this.#network.resolve(host, { signal });
    const reached = protocol === "udp" ? await this.#hub.families() : [4, 6];
    return found.flatMap((text) => canonicalHost(text) ?? [])
      .filter((address) => reached.includes(addressFamily(address)));
  }

  /** Where to ask a UDP tracker. @throws {TransportError} If our socket reaches none of its addresses. */
  async #addressOf(url: TrackerUrl, signal: AbortSignal): Promise<string> {
    const [address] = await this.#addressesOf(url, signal);
    if (address !== undefined) return address;
    throw new TransportError(`Cannot find tracker "${url.host}": the name has no address that we can reach`);
  }

  /** Runs with a signal that fires at the caller's wish, at the end of time for HTTP, and at `close`. */
  async #bounded<Answer>(
    tracker: string,
    options: AskOptions,
    work: (url: TrackerUrl, signal: AbortSignal) => Promise<Answer>,
  ): Promise<Answer> {
    const url = parse(tracker), timeout = new AbortController();
    const cancel = url.protocol === "udp"
      ? () => {}
      : this.#clock.schedule(this.#clock.now() + HTTP_TIMEOUT_MS, () => {
        const seconds = HTTP_TIMEOUT_MS / 1000;
        timeout.abort(
          new TransportError(`Cannot ask tracker ${shownUrl(tracker)}: no answer in ${seconds} seconds`),
        );
      });
    const signals = [this.#closed.signal, timeout.signal, ...(options.signal ? [options.signal] : [])];
    try {
      return await work(url, AbortSignal.any(signals));
    } finally {
      cancel();
    }
  }
}

function parse(tracker: string): TrackerUrl {
  const url = parseTrackerUrl(tracker);
  if (url === undefined) {
    throw new TransportError(`Cannot ask tracker "${shownUrl(tracker)}": not a tracker's URL`);
  }
  if (url.protocol === "ws" || url.protocol === "wss") {
    throw new TransportError(`Cannot ask tracker ${shownUrl(tracker)}: WebSocket trackers need WebRTC`);
  }
  return url;
}
