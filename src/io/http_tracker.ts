/** Announces and scrapes over HTTP: one GET each, with a bound on time and size (BEP 3 "trackers", BEP 48). */

import { concat } from "@std/bytes/concat";
import { asError, DecodeError, TransportError } from "../errors.ts";
import { shownUrl } from "../metainfo/shown_url.ts";
import type { AnnounceRequest, AnnounceResponse, ScrapeResponse } from "../tracker/messages/announce.ts";
import { announceUrl, decodeAnnounceResponse } from "../tracker/messages/http.ts";
import { decodeScrapeResponse, scrapeRequestUrl } from "../tracker/messages/scrape.ts";
import { fetchMoved, type GetOptions } from "./redirects.ts";
import type { Network } from "./transport.ts";

/** Bytes of the longest answer: libtorrent's bound. 200 peers are 1,200 bytes. */
const LONGEST_ANSWER = 1024 * 1024;

/** Announces to an HTTP tracker. @throws {TransportError} If no answer comes, or one that makes no sense. */
export async function announceHttp(
  network: Network,
  tracker: string,
  { request, ...options }: GetOptions & { readonly request: AnnounceRequest },
): Promise<AnnounceResponse> {
  return await ask(network, announceUrl(tracker, request), options, decodeAnnounceResponse);
}

/** Scrapes an HTTP tracker. @throws {TransportError} If it has no scrape URL, or no answer comes that makes sense. */
export async function scrapeHttp(
  network: Network,
  tracker: string,
  { infoHashes, ...options }: GetOptions & { readonly infoHashes: readonly Uint8Array[] },
): Promise<ScrapeResponse> {
  const url = scrapeRequestUrl(tracker, infoHashes);
  if (url === undefined) {
    throw new TransportError(
      `Cannot scrape tracker ${shownUrl(tracker)}: its URL has no "announce" to replace`,
    );
  }
  return await ask(network, url, options, decodeScrapeResponse);
}

async function ask<Answer>(
  network: Network,
  url: string,
  options: GetOptions,
  decode: (bytes: Uint8Array) => Answer,
): Promise<Answer> {
  const { response, bytes } = await get(network, url, options).catch((failure) => {
    options.signal.throwIfAborted();
    throw silence(url, failure);
  });
  try {
    return decode(bytes); // even with an error status: trackers send their reason along
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    const reason = response.ok ? cause.message : `HTTP status ${response.status}`;
    throw new TransportError(`Cannot understand tracker ${shownUrl(url)}: ${reason}`, { cause });
  }
}

/** Why there is no answer. What an adapter says names the place again, and perhaps the whole URL, as some runtimes do. */
function silence(url: string, failure: unknown): TransportError {
  const { host, pathname, search } = new URL(url), secret = pathname + search;
  const cause = failure instanceof TransportError ? failure.cause ?? failure : failure;
  const text = asError(failure).message.replace(`Cannot fetch from "${host}": `, "").replaceAll(secret, "");
  const isTelling = textsOf(cause).some((text) => text.includes(secret));
  return new TransportError(`Cannot ask tracker ${shownUrl(url)}: ${text}`, isTelling ? {} : { cause });
}

/** What an error says, and what its causes say. */
function textsOf(error: unknown): readonly string[] {
  return error === undefined ? [] : [String(error), ...error instanceof Error ? textsOf(error.cause) : []];
}

async function get(network: Network, url: string, options: GetOptions) {
  const { response } = await fetchMoved(network, url, options);
  return { response, bytes: await readBody(response) };
}

async function readBody(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > LONGEST_ANSWER) {
      throw new TransportError(`the answer exceeds ${LONGEST_ANSWER} bytes`);
    }
    chunks.push(chunk);
  }
  return concat(chunks);
}
