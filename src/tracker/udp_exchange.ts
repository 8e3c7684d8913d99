/**
 * Requests to UDP trackers over one shared socket: connection ids, retransmission, matching of answers
 * (BEP 15 "UDP tracker protocol", "Time outs"). Each request: connecting -> asking -> answered or failed.
 */

import { type Random, randomUint32 } from "../bytes/random.ts";
import { DecodeError, StateError } from "../errors.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { addressFamily } from "../peer/ip.ts";
import type { AnnounceRequest, AnnounceResponse, ScrapeResponse } from "./messages/announce.ts";
import { decodeUdpResponse, encodeUdpRequest, type UdpTrackerResponse } from "./messages/udp.ts";

/** What to ask a UDP tracker. */
export type UdpExchangeRequest =
  | {
    readonly type: "announce";
    readonly request: AnnounceRequest;
    /** Path and query of the tracker's URL, perhaps empty (BEP 41 "Option Types"). */
    readonly urlData?: string | undefined;
  }
  /** 1 to 74 hashes of 20 bytes. */
  | { readonly type: "scrape"; readonly infoHashes: readonly Uint8Array[] };

/** What happened in the world. */
export type UdpExchangeInput =
  /** Ask the tracker at `address`. The caller chooses `id`, which names the request until its last effect. */
  | {
    readonly type: "request";
    readonly id: number;
    readonly address: PeerAddress;
    readonly request: UdpExchangeRequest;
  }
  /** A datagram came. Foreign ones have no effect; see {@linkcode UdpExchange.owns}. */
  | { readonly type: "datagram"; readonly from: PeerAddress; readonly bytes: Uint8Array }
  /** Nobody waits for the request any more. */
  | { readonly type: "cancel"; readonly id: number }
  /** `deadline()` was reached. */
  | { readonly type: "tick" };

/** What the caller must do now. */
export type UdpExchangeEffect =
  | { readonly type: "send"; readonly to: PeerAddress; readonly bytes: Uint8Array }
  /** The tracker answered, perhaps with a refusal. The request is over. */
  | { readonly type: "reply"; readonly id: number; readonly response: AnnounceResponse | ScrapeResponse }
  /** No answer came, or one that makes no sense. The request is over. */
  | { readonly type: "failed"; readonly id: number; readonly reason: string };

/** What an exchange needs from outside. */
export interface UdpExchangeOptions {
  /** Draws transaction ids; they must be hard to guess. */
  readonly random: Random;
  /** How often a request is sent again, 0 to 8; 8 by default, which gives up after two hours (BEP 15 "Time outs"). */
  readonly maxRetries?: number;
}

/** BEP 15 "Time outs": wait 15 · 2^n seconds, n from 0 to 8. */
const FIRST_WAIT_MS = 15_000, MOST_RETRIES = 8;

/** BEP 15 "UDP connections / spoofing": a client may use a connection id for a minute. */
const CONNECTION_LIFETIME_MS = 60_000;

/** One request under way. */
interface Exchange {
  readonly id: number;
  readonly address: PeerAddress;
  readonly tracker: string;
  readonly request: UdpExchangeRequest;
  readonly transactionId: number;
  connecting: boolean;
  /** Whether the request itself was ever sent. */
  asked: boolean;
  /** The n of the schedule. */
  retries: number;
  dueAt: number;
}

/** What is known of one tracker address: a connection id, or the transaction that asks for one. */
interface Connection {
  readonly transactionId: number;
  connectSentAt: number;
  connectionId: bigint | undefined;
  expiresAt: number;
}

/**
 * Carries announces and scrapes to UDP trackers. Several requests to one address share its connection id; while one of
 * them has a connect request on its way, the others wait for its answer.
 */
export class UdpExchange {
  readonly #random: Random;
  readonly #maxRetries: number;
  readonly #exchanges = new Map<number, Exchange>();
  readonly #connections = new Map<string, Connection>();

  /** Makes an exchange without requests. */
  constructor(options: UdpExchangeOptions) {
    this.#random = options.random;
    this.#maxRetries = Math.min(options.maxRetries ?? MOST_RETRIES, MOST_RETRIES);
  }

  /**
   * Takes one input at `now` (milliseconds) and answers with what to do.
   *
   * @throws {StateError} If a request has the id of one that is under way.
   * @throws {RangeError} If a request cannot be encoded.
   */
  handle(input: UdpExchangeInput, now: number): readonly UdpExchangeEffect[] {
    switch (input.type) {
      case "request":
        return this.#onRequest(input, now);
      case "datagram":
        return this.owns(input.from, input.bytes) ? this.#onDatagram(input.from, input.bytes, now) : [];
      case "cancel":
        this.#exchanges.delete(input.id);
        return [];
      case "tick":
        return [...this.#exchanges.values()].flatMap((exchange) => this.#onDue(exchange, now));
    }
  }

  /** When to call `handle({ type: "tick" }, now)`; `undefined` while nothing is under way. */
  deadline(): number | undefined {
    let deadline = Infinity;
    for (const { dueAt } of this.#exchanges.values()) deadline = Math.min(deadline, dueAt);
    return deadline === Infinity ? undefined : deadline;
  }

  /** Whether a datagram answers one of our requests: it has its transaction id and comes from its tracker. */
  owns(from: PeerAddress, bytes: Uint8Array): boolean {
    // The action is a 32-bit number below 4; no DHT or uTP packet starts with a zero byte.
    if (bytes.length < 8 || bytes[0] !== 0) return false;
    const tracker = formatPeerAddress(from), connection = this.#connections.get(tracker);
    if (connection === undefined) return false;
    const transactionId = transactionIdOf(bytes);
    return connection.transactionId === transactionId || this.#asking(tracker, transactionId) !== undefined;
  }

  #onRequest(
    { id, address, request }: Extract<UdpExchangeInput, { type: "request" }>,
    now: number,
  ): readonly UdpExchangeEffect[] {
    if (this.#exchanges.has(id)) throw new StateError(`Cannot request: id ${id} is under way`);
    const transactionId = randomUint32(this.#random), tracker = formatPeerAddress(address);
    const exchange: Exchange = {
      id,
      address,
      tracker,
      request,
      transactionId,
      connecting: false,
      asked: false,
      retries: 0,
      dueAt: now,
    };
    encodeRequest(exchange, 0n); // throws now rather than when the connection id comes
    this.#forgetExpired(now);
    this.#exchanges.set(id, exchange);
    return this.#send(exchange, now);
  }

  #onDue(exchange: Exchange, now: number): readonly UdpExchangeEffect[] {
    if (now < exchange.dueAt) return [];
    if (exchange.retries < this.#maxRetries) {
      exchange.retries++;
      return this.#send(exchange, now);
    }
    this.#exchanges.delete(exchange.id);
    return [{ type: "failed", id: exchange.id, reason: "no answer" }];
  }

  /** Sends the request, or a connect request if there is no connection id, none that is fresh, and none on its way. */
  #send(exchange: Exchange, now: number): readonly UdpExchangeEffect[] {
    exchange.dueAt = now + FIRST_WAIT_MS * 2 ** exchange.retries;
    const connection = this.#connectionTo(exchange.tracker, now);
    const { transactionId, connectionId, connectSentAt } = connection, to = exchange.address;
    exchange.connecting = connectionId === undefined;
    if (connectionId !== undefined) {
      exchange.asked = true;
      return [{ type: "send", to, bytes: encodeRequest(exchange, connectionId) }];
    }
    if (now < connectSentAt + FIRST_WAIT_MS) return [];
    connection.connectSentAt = now;
    return [{ type: "send", to, bytes: encodeUdpRequest({ type: "connect", transactionId }) }];
  }

  #connectionTo(tracker: string, now: number): Connection {
    const known = this.#connections.get(tracker);
    if (known !== undefined && now < known.expiresAt) return known;
    const connection: Connection = {
      transactionId: randomUint32(this.#random),
      connectSentAt: -Infinity,
      connectionId: undefined,
      expiresAt: Infinity,
    };
    this.#connections.set(tracker, connection);
    return connection;
  }

  #onDatagram(from: PeerAddress, bytes: Uint8Array, now: number): readonly UdpExchangeEffect[] {
    const tracker = formatPeerAddress(from), transactionId = transactionIdOf(bytes);
    const answer = decodeAnswer(bytes, from), exchange = this.#asking(tracker, transactionId);
    if (exchange !== undefined) return this.#onAnswer(exchange, answer, now);
    const connection = this.#connections.get(tracker);
    // A second answer to a connect request that was sent twice.
    if (connection === undefined || connection.connectionId !== undefined) return [];
    const waiting = [...this.#exchanges.values()].filter((one) => one.tracker === tracker && one.connecting);
    if (answer.type !== "connect") {
      this.#connections.delete(tracker);
      return waiting.flatMap((one) => this.#finish(one, answer));
    }
    connection.connectionId = answer.connectionId;
    connection.expiresAt = now + CONNECTION_LIFETIME_MS;
    return waiting.flatMap((one) => {
      // The schedule starts anew for a request that goes out for the first time.
      if (!one.asked) one.retries = 0;
      return this.#send(one, now);
    });
  }

  #onAnswer(exchange: Exchange, answer: Answer, now: number): readonly UdpExchangeEffect[] {
    const connection = this.#connections.get(exchange.tracker);
    // The refusal may be of the connection id, as by a tracker that was restarted.
    if (answer.type === "error" && connection?.connectionId !== undefined) connection.expiresAt = now;
    return this.#finish(exchange, answer);
  }

  #finish(exchange: Exchange, answer: Answer): readonly UdpExchangeEffect[] {
    this.#exchanges.delete(exchange.id);
    const { id, request } = exchange;
    if (answer.type === "error") {
      return [{ type: "reply", id, response: { type: "failure", reason: answer.reason } }];
    }
    if (answer.type === "announce" && request.type === "announce") {
      return [{ type: "reply", id, response: answer.response }];
    }
    if (answer.type === "scrape" && request.type === "scrape") {
      const asked = request.infoHashes.slice(0, answer.swarms.length);
      const swarms = asked.map((infoHash, i) => ({ infoHash, ...answer.swarms[i]! }));
      return [{ type: "reply", id, response: { type: "scraped", swarms } }];
    }
    const reason = answer.type === "malformed" ? answer.reason : `an answer of type ${answer.type}`;
    return [{ type: "failed", id, reason }];
  }

  #asking(tracker: string, transactionId: number): Exchange | undefined {
    for (const exchange of this.#exchanges.values()) {
      if (exchange.transactionId === transactionId && exchange.tracker === tracker && exchange.asked) {
        return exchange;
      }
    }
    return undefined;
  }

  #forgetExpired(now: number): void {
    const used = new Set([...this.#exchanges.values()].map((exchange) => exchange.tracker));
    for (const [tracker, { connectionId, expiresAt }] of this.#connections) {
      const useless = connectionId === undefined || expiresAt <= now;
      if (useless && !used.has(tracker)) this.#connections.delete(tracker);
    }
  }
}

/** What a datagram says, or why it says nothing. */
type Answer = UdpTrackerResponse | { readonly type: "malformed"; readonly reason: string };

function decodeAnswer(bytes: Uint8Array, from: PeerAddress): Answer {
  try {
    return decodeUdpResponse(bytes, addressFamily(from.host));
  } catch (error) {
    if (error instanceof DecodeError) return { type: "malformed", reason: error.message };
    throw error;
  }
}

function encodeRequest({ request, transactionId }: Exchange, connectionId: bigint): Uint8Array {
  return encodeUdpRequest({ ...request, connectionId, transactionId });
}

function transactionIdOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(4);
}
