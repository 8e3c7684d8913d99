/** The datagrams of a UDP tracker, both directions (BEP 15 "UDP tracker protocol"). */

import { Cursor } from "../../bytes/cursor.ts";
import { decodeUtf8, encodeUtf8 } from "../../bytes/text.ts";
import { Writer } from "../../bytes/writer.ts";
import { DecodeError } from "../../errors.ts";
import { decodeCompactPeers, encodeCompactPeers } from "../../peer/compact_peer.ts";
import { type AddressFamily, formatIp, isIpv6, parseIp } from "../../peer/ip.ts";
import {
  type Announced,
  type AnnounceEvent,
  type AnnounceRequest,
  type SwarmCounts,
  UNKNOWN_LEFT,
} from "./announce.ts";
import { decodeUrlData, encodeUrlData } from "./udp_options.ts";

/** What a client sends. Transaction ids are unsigned 32-bit integers, connection ids 64 opaque bits. */
export type UdpTrackerRequest =
  /** Asks for a connection id (BEP 15 "Connect"). */
  | { readonly type: "connect"; readonly transactionId: number }
  /** BEP 15 "Announce". */
  | {
    readonly type: "announce";
    readonly connectionId: bigint;
    readonly transactionId: number;
    readonly request: AnnounceRequest;
    /** Path and query of the tracker's URL, perhaps empty; absent to leave the option out (BEP 41 "Option Types"). */
    readonly urlData?: string | undefined;
  }
  /** BEP 15 "Scrape". */
  | {
    readonly type: "scrape";
    readonly connectionId: bigint;
    readonly transactionId: number;
    /** 1 to 74 hashes of 20 bytes. */
    readonly infoHashes: readonly Uint8Array[];
  };

/** What a tracker sends. */
export type UdpTrackerResponse =
  /** The client may use the id for a minute. */
  | { readonly type: "connect"; readonly transactionId: number; readonly connectionId: bigint }
  /** BEP 15 "Announce". */
  | { readonly type: "announce"; readonly transactionId: number; readonly response: Announced }
  /** Counts in the order in which the request had the hashes (BEP 15 "Scrape"). */
  | { readonly type: "scrape"; readonly transactionId: number; readonly swarms: readonly SwarmCounts[] }
  /** The tracker refuses (BEP 15 "Errors"). */
  | { readonly type: "error"; readonly transactionId: number; readonly reason: string };

/** Opens every connect request (BEP 15 "Connect"). */
const PROTOCOL_ID = 0x41727101980n;

/** BEP 15 "UDP tracker protocol", the `action` field. */
const ACTION = { connect: 0, announce: 1, scrape: 2, error: 3 } as const;

/** BEP 15 "Announce", the `event` field. It has no word for a partial seed: `paused` goes out as none. */
const EVENT_CODE = { completed: 1, started: 2, stopped: 3, paused: 0 } as const;

/** The same backwards; 4 is what bittorrent-tracker's clients send for `paused`. */
const EVENTS: readonly (AnnounceEvent | undefined)[] = [
  undefined,
  "completed",
  "started",
  "stopped",
  "paused",
];

/** BEP 15 "Scrape": up to about 74 torrents, which fit a datagram that no link cuts. */
const MAX_SCRAPED = 74;

/** A request without its options. */
const ANNOUNCE_LENGTH = 98;

const SECOND_MS = 1000;

/** More than this no tracker may ask for, in seconds: a day. */
const LONGEST_INTERVAL = 86_400;

/**
 * Writes a request.
 *
 * @throws {RangeError} If a hash or peer id has not 20 bytes, or a scrape has no hashes or more than 74.
 */
export function encodeUdpRequest(request: UdpTrackerRequest): Uint8Array<ArrayBuffer> {
  switch (request.type) {
    case "connect":
      return new Writer(16).uint64(PROTOCOL_ID).uint32(ACTION.connect).uint32(request.transactionId).done();
    case "announce":
      return encodeAnnounce(request);
    case "scrape":
      return encodeScrape(request);
  }
}

function encodeAnnounce(message: Extract<UdpTrackerRequest, { type: "announce" }>): Uint8Array<ArrayBuffer> {
  const { request, urlData } = message;
  const options = urlData === undefined ? new Uint8Array() : encodeUrlData(urlData);
  return new Writer(ANNOUNCE_LENGTH + options.length)
    .uint64(message.connectionId).uint32(ACTION.announce).uint32(message.transactionId)
    .bytes(checkHash(request.infoHash)).bytes(checkHash(request.peerId))
    .uint64(BigInt(request.downloaded)).uint64(BigInt(request.left ?? UNKNOWN_LEFT)).uint64(
      BigInt(request.uploaded),
    )
    .uint32(request.event === undefined ? 0 : EVENT_CODE[request.event])
    .bytes(encodeIpField(request.ip))
    .uint32(request.key ?? 0).uint32(request.numWant ?? -1).uint16(request.port)
    .bytes(options).done();
}

/** The field has room for IPv4 only and is 0 for everything else (BEP 15 "IPv6"). */
function encodeIpField(ip: string | undefined): Uint8Array {
  const bytes = ip === undefined ? undefined : parseIp(ip);
  return bytes?.length === 4 ? bytes : new Uint8Array(4);
}

function encodeScrape(message: Extract<UdpTrackerRequest, { type: "scrape" }>): Uint8Array<ArrayBuffer> {
  const { infoHashes } = message;
  if (infoHashes.length < 1 || infoHashes.length > MAX_SCRAPED) {
    throw new RangeError(`Cannot encode scrape: ${infoHashes.length} info hashes, not 1 to ${MAX_SCRAPED}`);
  }
  const writer = new Writer(16 + 20 * infoHashes.length)
    .uint64(message.connectionId).uint32(ACTION.scrape).uint32(message.transactionId);
  for (const infoHash of infoHashes) writer.bytes(checkHash(infoHash));
  return writer.done();
}

function checkHash(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== 20) throw new RangeError(`Cannot encode hash: ${bytes.length} bytes, not 20`);
  return bytes;
}

/**
 * Reads a request, for a tracker. Bytes beyond what is defined are passed over. The connection id is for the caller to
 * check.
 *
 * @throws {DecodeError} If it is too short, no request, or a scrape without hashes or with more than 74.
 */
export function decodeUdpRequest(bytes: Uint8Array): UdpTrackerRequest {
  const cursor = new Cursor(bytes, "UDP tracker request");
  const connectionId = cursor.uint64(), action = cursor.uint32(), transactionId = cursor.uint32();
  switch (action) {
    case ACTION.connect:
      if (connectionId !== PROTOCOL_ID) cursor.fail("no protocol id");
      return { type: "connect", transactionId };
    case ACTION.announce: {
      const request = decodeAnnounce(cursor);
      return {
        type: "announce",
        connectionId,
        transactionId,
        request,
        urlData: decodeUrlData(cursor.rest()),
      };
    }
    case ACTION.scrape:
      return { type: "scrape", connectionId, transactionId, infoHashes: decodeHashes(cursor) };
    default:
      return cursor.fail(`no action ${action}`);
  }
}

function decodeAnnounce(cursor: Cursor): AnnounceRequest {
  const infoHash = cursor.bytes(20), peerId = cursor.bytes(20);
  const downloaded = decodeCount(cursor), left = decodeCount(cursor), uploaded = decodeCount(cursor);
  const event = EVENTS[cursor.uint32()], ip = cursor.bytes(4);
  const key = cursor.uint32(), numWant = cursor.uint32() | 0, port = cursor.uint16();
  if (port === 0) cursor.fail("port is 0");
  return {
    infoHash,
    peerId,
    port,
    uploaded,
    downloaded,
    left,
    event,
    key,
    numWant: numWant < 0 ? undefined : numWant,
    ip: ip.some((byte) => byte !== 0) ? formatIp(ip) : undefined,
  };
}

function decodeCount(cursor: Cursor): number {
  return Math.min(Number(cursor.uint64()), Number.MAX_SAFE_INTEGER);
}

function decodeHashes(cursor: Cursor): Uint8Array[] {
  const count = Math.floor(cursor.remaining / 20);
  if (count < 1 || count > MAX_SCRAPED) cursor.fail(`${count} info hashes, not 1 to ${MAX_SCRAPED}`);
  return Array.from({ length: count }, () => cursor.bytes(20));
}

/** Writes an answer; peers of the datagram's address family only, as its form has no room for others (BEP 15 "IPv6"). */
export function encodeUdpResponse(
  response: UdpTrackerResponse,
  family: AddressFamily,
): Uint8Array<ArrayBuffer> {
  const { transactionId } = response;
  switch (response.type) {
    case "connect":
      return new Writer(16).uint32(ACTION.connect).uint32(transactionId).uint64(response.connectionId).done();
    case "announce": {
      const { intervalMs, incomplete = 0, complete = 0, peers } = response.response;
      const compact = encodeCompactPeers(peers.filter(({ host }) => isIpv6(host) === (family === 6)), family);
      return new Writer(20 + compact.length).uint32(ACTION.announce).uint32(transactionId)
        .uint32(Math.ceil(intervalMs / SECOND_MS)).uint32(incomplete).uint32(complete).bytes(compact).done();
    }
    case "scrape": {
      const writer = new Writer(8 + 12 * response.swarms.length).uint32(ACTION.scrape).uint32(transactionId);
      for (const { complete, downloaded, incomplete } of response.swarms) {
        writer.uint32(complete).uint32(downloaded).uint32(incomplete);
      }
      return writer.done();
    }
    case "error": {
      const reason = encodeUtf8(response.reason);
      return new Writer(8 + reason.length).uint32(ACTION.error).uint32(transactionId).bytes(reason).done();
    }
  }
}

/**
 * Reads an answer; `family` is that of the datagram's source, which decides the form of the peers (BEP 15 "IPv6"). A
 * rest too short for a peer or a torrent is passed over: packets may grow.
 *
 * @throws {DecodeError} If it is too short or no answer; opentracker's 8-byte refusal of an announce is such a one.
 */
export function decodeUdpResponse(bytes: Uint8Array, family: AddressFamily): UdpTrackerResponse {
  const cursor = new Cursor(bytes, "UDP tracker response");
  const action = cursor.uint32(), transactionId = cursor.uint32();
  switch (action) {
    case ACTION.connect:
      return { type: "connect", transactionId, connectionId: cursor.uint64() };
    case ACTION.announce:
      return { type: "announce", transactionId, response: decodeAnnounced(cursor, family) };
    case ACTION.scrape:
      return { type: "scrape", transactionId, swarms: decodeSwarms(cursor) };
    case ACTION.error:
      return { type: "error", transactionId, reason: decodeUtf8(cursor.rest()).replace(/\0+$/, "") };
    default:
      throw new DecodeError(`Cannot decode UDP tracker response: no action ${action}`, { offset: 0 });
  }
}

function decodeAnnounced(cursor: Cursor, family: AddressFamily): Announced {
  const seconds = Math.min(Math.max(cursor.uint32(), 1), LONGEST_INTERVAL);
  const incomplete = cursor.uint32(), complete = cursor.uint32();
  const entry = family === 4 ? 6 : 18, length = cursor.remaining - cursor.remaining % entry;
  const peers = decodeCompactPeers(cursor.bytes(length), family);
  return { type: "announced", intervalMs: seconds * SECOND_MS, peers, complete, incomplete };
}

function decodeSwarms(cursor: Cursor): SwarmCounts[] {
  return Array.from({ length: Math.floor(cursor.remaining / 12) }, () => {
    const complete = cursor.uint32(), downloaded = cursor.uint32(), incomplete = cursor.uint32();
    return { complete, incomplete, downloaded };
  });
}
