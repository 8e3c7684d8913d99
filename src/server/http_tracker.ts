/** A tracker over HTTP as one function from request to response (BEP 3, 7, 21, 23, 24, 48). */

import type { Random } from "../bytes/random.ts";
import { DecodeError } from "../errors.ts";
import { cryptoRandom } from "../io/chance.ts";
import { systemClock } from "../io/clock.ts";
import { canonicalHost } from "../peer/ip.ts";
import type { AnnounceRequest, ScrapedSwarm, TrackerFailure } from "../tracker/messages/announce.ts";
import { decodeAnnounceQuery, encodeAnnounceResponse } from "../tracker/messages/http.ts";
import { decodeScrapeQuery, encodeScrapeResponse } from "../tracker/messages/scrape.ts";
import { type Eventually, MemorySwarmStore, type SwarmStore } from "./swarm_store.ts";

/** What a server tells of a connection besides the request: `Deno.serve` hands this to its handlers. */
export interface ConnectionInfo {
  /** The other end. */
  readonly remoteAddr?: { readonly hostname?: string };
}

/** What {@linkcode createHttpTracker} can be told. */
export interface HttpTrackerOptions {
  /** Where swarms are kept; in memory by default. */
  readonly store?: SwarmStore;
  /** How often peers shall announce, in milliseconds. */
  readonly intervalMs?: number;
  /** Peers told to one that does not say how many it wants. */
  readonly usualPeers?: number;
  /** Most peers told at once. */
  readonly maxPeers?: number;
  /**
   * The IP address a request came from. By default what the server says of the connection, and only if it says
   * nothing the `ip` key of the announce, by which anybody can name anybody. Behind a proxy, read its header here.
   */
  readonly remoteHost?: (request: Request, info: ConnectionInfo) => string | undefined;
  /** Time in milliseconds; the system's by default. */
  readonly now?: () => number;
  /** Chance, for which peers are told; cryptographic by default. */
  readonly random?: Random;
}

/**
 * Answers announces and scrapes, at once where the store does; fit for `Deno.serve` and everything else that speaks `Request`
 * and `Response`.
 */
export type HttpTracker = (request: Request, info?: ConnectionInfo) => Eventually<Response>;

const DEFAULTS = {
  /** What most trackers ask for. */
  intervalMs: 30 * 60_000,
  /** BEP 3's usual answer; clients seldom dial more at once. */
  usualPeers: 50,
  /** 200 peers of IPv6 are 3600 bytes: three packets. */
  maxPeers: 200,
} as const;

/** What the last segment of the path begins with. */
const ROUTES = ["announce", "scrape"] as const;

type Route = typeof ROUTES[number];

/** A peer is forgotten when it missed two announces. */
const EXPIRY_INTERVALS = 2.5;

/**
 * No other header: Deno writes one faster than two, and nothing keeps an answer that says neither when it changed nor how long
 * it is good.
 */
const BENCODED = { headers: { "content-type": "text/plain" } };

type Answer = (query: string, request: Request, info: ConnectionInfo) => Eventually<Bytes>;

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Makes a tracker. Paths whose last segment begins with `announce` or `scrape` are answered, so that `/announce`,
 * `/announce.php` and `/PASSKEY/announce` all work; every other path is 404.
 *
 * A scrape must name its torrents: one that asks for everything is refused (BEP 48). A refusal is a bencoded
 * `failure reason` with status 200, as clients expect.
 */
export function createHttpTracker(options: HttpTrackerOptions = {}): HttpTracker {
  const settings = { ...DEFAULTS, ...options };
  const store = options.store ?? new MemorySwarmStore({
    now: options.now ?? systemClock.now,
    random: options.random ?? cryptoRandom,
    expiryMs: settings.intervalMs * EXPIRY_INTERVALS,
  });
  const answerOf: Readonly<Record<Route, Answer>> = {
    announce: (query, request, info) => {
      const announce = decodeAnnounceQuery(query);
      const host = (options.remoteHost ?? defaultHost)(request, info) ?? announce.ip;
      return answerAnnounce(announce, host, store, settings);
    },
    scrape: (query) => answerScrape(query, store),
  };
  return (request, info = {}) => {
    const { route, query } = parseUrl(request.url);
    if (route === undefined) return new Response("Not found\n", { status: 404 });
    if (request.method !== "GET") {
      return new Response("Method not allowed\n", { status: 405, headers: { allow: "GET" } });
    }
    try {
      return whenKnown(answerOf[route](query, request, info), respond);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return respond(encodeAnnounceResponse(failure(error.message)));
    }
  };
}

function respond(answer: Uint8Array<ArrayBuffer>): Response {
  return new Response(answer, BENCODED);
}

/** Goes on with what a store says, at once if it knows: waiting takes a tenth of the time of an announce. */
function whenKnown<T, U>(value: Eventually<T>, next: (value: T) => U): Eventually<U> {
  return isAwaited(value) ? Promise.resolve(value).then(next) : next(value);
}

/** Whatever can be awaited: what database clients answer is often no `Promise` of the language itself. */
function isAwaited<T>(value: Eventually<T>): value is Promise<T> {
  return typeof (value as { readonly then?: unknown } | undefined)?.then === "function";
}

/**
 * What the last segment of the path asks for, and the query. Not by `URL`: what comes is in order already, or none at all,
 * as libtorrent 2.0.8 puts an IPv6 address without brackets into its `Host`.
 */
function parseUrl(url: string): { readonly route: Route | undefined; readonly query: string } {
  const resource = before("#", url), path = before("?", resource);
  const route = ROUTES.find((one) => path.startsWith(one, path.lastIndexOf("/") + 1));
  return { route: path.includes("/") ? route : undefined, query: resource.slice(path.length) };
}

function before(mark: string, text: string): string {
  const at = text.indexOf(mark);
  return at < 0 ? text : text.slice(0, at);
}

function defaultHost(_request: Request, { remoteAddr }: ConnectionInfo): string | undefined {
  return remoteAddr?.hostname;
}

function failure(reason: string): TrackerFailure {
  return { type: "failure", reason };
}

interface AnnounceSettings {
  readonly intervalMs: number;
  readonly usualPeers: number;
  readonly maxPeers: number;
}

function answerAnnounce(
  announce: AnnounceRequest,
  remoteHost: string | undefined,
  store: SwarmStore,
  { intervalMs, usualPeers, maxPeers }: AnnounceSettings,
): Eventually<Bytes> {
  const { infoHash, peerId, port, event, left, numWant } = announce;
  const host = canonicalHost(remoteHost ?? "");
  if (host === undefined) return encodeAnnounceResponse(failure("Cannot tell where the announce came from"));
  const reply = store.announce({
    infoHash,
    peer: { host, port, peerId },
    event,
    // A peer that cannot say how much it lacks lacks something.
    left: left ?? 1,
    numWant: Math.min(numWant ?? usualPeers, maxPeers),
    compact: announce.compact !== false,
  });
  return whenKnown(reply, (found) => {
    if (found === undefined) return encodeAnnounceResponse(failure("The tracker is full"));
    return encodeAnnounceResponse({ type: "announced", intervalMs, externalIp: host, ...found }, announce);
  });
}

function answerScrape(query: string, store: SwarmStore): Eventually<Bytes> {
  const infoHashes = decodeScrapeQuery(query);
  return whenKnown(store.scrape(infoHashes), (counts) => {
    const swarms = infoHashes.flatMap((infoHash, index): ScrapedSwarm[] => {
      const found = counts[index];
      return found === undefined ? [] : [{ infoHash, ...found }];
    });
    return encodeScrapeResponse({ type: "scraped", swarms });
  });
}
