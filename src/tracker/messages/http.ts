/** Announces over HTTP, both directions: the query and the bencoded answer (BEP 3 "trackers", 7, 21, 23, 24, 31). */

import { BencodeDictionary, type BencodeValue } from "../../bencode/dictionary.ts";
import { type Bencodable, encodeThrough } from "../../bencode/encode.ts";
import { crc32c } from "../../bytes/crc32c.ts";
import { copyToSlab } from "../../bytes/slab.ts";
import { decodeUtf8, encodeUtf8, percentEncode } from "../../bytes/text.ts";
import { DecodeError } from "../../errors.ts";
import { decodeCompactPeers, encodeCompactPeers } from "../../peer/compact_peer.ts";
import { type AddressFamily, canonicalHost, formatIp, parseIp } from "../../peer/ip.ts";
import {
  type Announced,
  type AnnouncedPeer,
  type AnnounceEvent,
  type AnnounceRequest,
  type AnnounceResponse,
  type CompactPeers,
  type TrackerFailure,
  UNKNOWN_LEFT,
} from "./announce.ts";
import { appendQuery, encodeHash, joinQuery, Query } from "./query.ts";
import { bytesOf, decodeResponse, encodeFailure, failureOf, naturalOf, textOf } from "./response_fields.ts";

/** An answer as a tracker has it: it may keep peers in compact form. */
export type AnnounceAnswer =
  | Omit<Announced, "peers"> & { readonly peers: readonly AnnouncedPeer[] | CompactPeers }
  | TrackerFailure;

/** How an answer to an announce is written; the peer's request says what it would like. */
export interface AnnounceResponseOptions {
  /** Peers as strings of 6 and 18 bytes (BEP 23, 7); on by default. Otherwise as a list of dictionaries. */
  readonly compact?: boolean | undefined;
  /** Leaves the peer ids out of the list of dictionaries. */
  readonly noPeerId?: boolean | undefined;
}

const EVENTS: readonly AnnounceEvent[] = ["started", "completed", "stopped", "paused"];

const SECOND_MS = 1000;

/** What most trackers ask for, in seconds, for one that forgot it. */
const USUAL_INTERVAL = 1800;

/** Bounds of what a tracker may ask for, in seconds: a second and a day. */
const SHORTEST_INTERVAL = 1, LONGEST_INTERVAL = 86_400;

/** Trackers give 50 to 200 peers, and nobody dials more. */
const MAX_PEERS = 2000;

/** A DNS name: letters, digits, hyphens, underscores and dots, at most 253 of them (RFC 1035 section 2.3.4). */
const DNS_NAME = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?$/;

/**
 * The URL that announces to a tracker. What the tracker's URL has as a query stays in front. The `ipv4` and `ipv6` keys
 * of an early draft are never sent: they let anyone announce somebody else's address (BEP 7 "IP announce parameters").
 *
 * @throws {RangeError} If the info hash or the peer id has not 20 bytes.
 */
export function announceUrl(tracker: string, request: AnnounceRequest): string {
  return appendQuery(tracker, encodeAnnounceQuery(request));
}

/** Writes the query of an announce. @throws {RangeError} If the info hash or the peer id has not 20 bytes. */
export function encodeAnnounceQuery(request: AnnounceRequest): string {
  const flag = (value: boolean | undefined) => value ? 1 : undefined;
  return joinQuery([
    ["info_hash", encodeHash(request.infoHash, "info_hash")],
    ["peer_id", encodeHash(request.peerId, "peer_id")],
    ["port", request.port],
    ["uploaded", request.uploaded],
    ["downloaded", request.downloaded],
    ["left", request.left ?? UNKNOWN_LEFT],
    ["corrupt", request.corrupt],
    ["redundant", request.redundant],
    ["compact", request.compact === false ? 0 : 1],
    ["no_peer_id", flag(request.noPeerId)],
    ["numwant", request.numWant],
    ["key", request.key === undefined ? undefined : encodeKey(request.key)],
    ["event", request.event],
    ["trackerid", request.trackerId && percentEncode(request.trackerId)],
    ["ip", request.ip],
    ["supportcrypto", flag(request.supportCrypto)],
    ["requirecrypto", flag(request.requireCrypto)],
  ]);
}

/**
 * Reads the query of an announce, for a tracker. A number above 2^53 − 1 reads as that, an event that nobody knows as
 * none, a missing count as 0, a missing `left` as unknown. Hashes of other announces lie in the same buffer.
 *
 * @throws {DecodeError} If a hash, the peer id or the port is missing or wrong, or a number is none; the message is fit
 * to be a failure reason.
 */
export function decodeAnnounceQuery(query: string): AnnounceRequest {
  const values = new Query(query), isSet = (name: string) => values.raw(name) === "1";
  const compact = values.raw("compact"), key = values.raw("key"), ip = values.bytes("ip");
  const event = values.raw("event");
  return {
    infoHash: values.hash("info_hash"),
    peerId: values.hash("peer_id"),
    port: decodePort(values.raw("port")),
    uploaded: values.natural("uploaded") ?? 0,
    downloaded: values.natural("downloaded") ?? 0,
    left: values.natural("left"),
    event: EVENTS.find((one) => one === event),
    key: key ? decodeKey(key) : undefined,
    numWant: values.raw("numwant") === "-1" ? undefined : values.natural("numwant"),
    trackerId: values.bytes("trackerid"),
    ip: ip && canonicalHost(decodeUtf8(ip)),
    compact: compact === undefined ? undefined : compact === "1",
    noPeerId: isSet("no_peer_id"),
    supportCrypto: isSet("supportcrypto"),
    requireCrypto: isSet("requirecrypto"),
    corrupt: values.natural("corrupt"),
    redundant: values.natural("redundant"),
  };
}

function encodeKey(key: number): string {
  return (key >>> 0).toString(16).padStart(8, "0");
}

/** Keys are compared and nothing else: those that are no 32 bits in hexadecimal are folded into so many. */
function decodeKey(value: string): number {
  return /^[0-9a-fA-F]{1,8}$/.test(value) ? parseInt(value, 16) : crc32c(encodeUtf8(value));
}

function decodePort(value: string | undefined): number {
  const port = value !== undefined && /^[0-9]{1,5}$/.test(value) ? Number(value) : 0;
  if (port < 1 || port > 65535) throw new DecodeError("Cannot decode query: port is not 1 to 65535");
  return port;
}

/**
 * Reads a tracker's answer to an announce. `failure reason` goes before everything else; peers come compact or as a list
 * whatever was asked for (BEP 23). Intervals are held between a second and a day.
 *
 * @throws {DecodeError} If the answer is no bencoded dictionary, or its peers are neither bytes nor a list.
 */
export function decodeAnnounceResponse(bytes: Uint8Array): AnnounceResponse {
  const dictionary = decodeResponse(bytes), failure = failureOf(dictionary);
  if (failure !== undefined) return failure;
  const { peers, namedPeers } = decodePeers(dictionary);
  return {
    type: "announced",
    intervalMs: intervalOf(dictionary.get("interval")) ?? USUAL_INTERVAL * SECOND_MS,
    minIntervalMs: intervalOf(dictionary.get("min interval")),
    peers,
    namedPeers: namedPeers.length > 0 ? namedPeers : undefined,
    complete: naturalOf(dictionary.get("complete")),
    incomplete: naturalOf(dictionary.get("incomplete")),
    downloaded: naturalOf(dictionary.get("downloaded")),
    warning: textOf(dictionary.get("warning message")),
    trackerId: bytesOf(dictionary.get("tracker id")),
    externalIp: externalIpOf(dictionary.get("external ip")),
  };
}

function intervalOf(value: BencodeValue | undefined): number | undefined {
  const seconds = naturalOf(value);
  if (seconds === undefined) return undefined;
  return Math.min(Math.max(seconds, SHORTEST_INTERVAL), LONGEST_INTERVAL) * SECOND_MS;
}

/** BEP 24 has it binary; some trackers write text. Sixteen bytes can be either. */
function externalIpOf(value: BencodeValue | undefined): string | undefined {
  const bytes = bytesOf(value);
  if (bytes === undefined) return undefined;
  const written = canonicalHost(decodeUtf8(bytes));
  return written ?? (bytes.length === 4 || bytes.length === 16 ? formatIp(bytes) : undefined);
}

function decodePeers(dictionary: BencodeDictionary): { peers: AnnouncedPeer[]; namedPeers: AnnouncedPeer[] } {
  const peers: AnnouncedPeer[] = [], namedPeers: AnnouncedPeer[] = [];
  const value = dictionary.get("peers") ?? [], peers6 = bytesOf(dictionary.get("peers6"));
  if (value instanceof Uint8Array) peers.push(...compactPeersOf(value, 4));
  else if (!isList(value)) throw new DecodeError("Cannot decode announce response: peers are no list");
  else {for (const entry of value.slice(0, MAX_PEERS)) {
      const peer = listedPeerOf(entry);
      if (peer !== undefined) (canonicalHost(peer.host) === undefined ? namedPeers : peers).push(peer);
    }}
  if (peers6 !== undefined) peers.push(...compactPeersOf(peers6, 6));
  return { peers, namedPeers };
}

/** Takes the whole entries; a cut last one is passed over. */
function compactPeersOf(bytes: Uint8Array, family: AddressFamily): AnnouncedPeer[] {
  const entry = family === 4 ? 6 : 18;
  const count = Math.min(Math.floor(bytes.length / entry), MAX_PEERS);
  return decodeCompactPeers(bytes.subarray(0, count * entry), family);
}

function listedPeerOf(entry: BencodeValue): AnnouncedPeer | undefined {
  if (!(entry instanceof BencodeDictionary)) return undefined;
  const text = textOf(entry.get("ip"))?.replace(/^\[(.*)\]$/, "$1") ?? "";
  const host = canonicalHost(text) ?? (DNS_NAME.test(text) ? text : undefined);
  const port = naturalOf(entry.get("port")), peerId = bytesOf(entry.get("peer id"));
  if (host === undefined || port === undefined || port < 1 || port > 65535) return undefined;
  return peerId?.length === 20 ? { host, port, peerId } : { host, port };
}

function isList(value: BencodeValue): value is readonly BencodeValue[] {
  return Array.isArray(value);
}

/**
 * Writes an answer to an announce, for a tracker. Peers with DNS names fit the list only, not the compact form.
 *
 * @throws {RangeError} If the host of a compact peer is no IP address.
 */
export function encodeAnnounceResponse(
  response: AnnounceAnswer,
  options: AnnounceResponseOptions = {},
): Uint8Array<ArrayBuffer> {
  if (response.type === "failure") return encodeFailure(response);
  const { peers, namedPeers = [], externalIp, minIntervalMs } = response;
  const compact = options.compact === false ? undefined : compactPeers(peers);
  return encodeThrough(copyToSlab, {
    "complete": response.complete,
    "downloaded": response.downloaded,
    "external ip": externalIp === undefined ? undefined : parseIp(externalIp),
    "incomplete": response.incomplete,
    "interval": Math.ceil(response.intervalMs / SECOND_MS),
    "min interval": minIntervalMs && Math.ceil(minIntervalMs / SECOND_MS),
    "peers": compact?.ipv4 ?? listedPeers([...listOf(peers), ...namedPeers], options),
    "peers6": compact && compact.ipv6.length > 0 ? compact.ipv6 : undefined,
    "tracker id": response.trackerId,
    "warning message": response.warning,
  });
}

type AnsweredPeers = readonly AnnouncedPeer[] | CompactPeers;

function compactPeers(peers: AnsweredPeers): CompactPeers {
  if (!isListed(peers)) return peers;
  return { ipv4: encodeCompactPeers(peers, 4), ipv6: encodeCompactPeers(peers, 6) };
}

function listOf(peers: AnsweredPeers): readonly AnnouncedPeer[] {
  if (isListed(peers)) return peers;
  return [...decodeCompactPeers(peers.ipv4, 4), ...decodeCompactPeers(peers.ipv6, 6)];
}

function isListed(peers: AnsweredPeers): peers is readonly AnnouncedPeer[] {
  return Array.isArray(peers);
}

function listedPeers(peers: readonly AnnouncedPeer[], { noPeerId }: AnnounceResponseOptions): Bencodable {
  return peers.map(({ host, port, peerId }) => ({
    ip: host,
    "peer id": noPeerId ? undefined : peerId,
    port,
  }));
}
