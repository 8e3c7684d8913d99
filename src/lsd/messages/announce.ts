/** The announce of local service discovery: `BT-SEARCH`, an HTTP request in one multicast datagram (BEP 14 "protocol"). */

import { decodeHex, decodeUtf8, encodeHex, encodeUtf8 } from "../../bytes/text.ts";
import { DecodeError } from "../../errors.ts";
import { formatPeerAddress, type PeerAddress } from "../../peer/address.ts";
import type { AddressFamily } from "../../peer/ip.ts";

/** Where announces go: the multicast group of each address family (BEP 14 "protocol"). */
export const LSD_GROUPS: Readonly<Record<AddressFamily, PeerAddress>> = {
  4: { host: "239.192.152.143", port: 6771 },
  6: { host: "ff15::efc0:988f", port: 6771 },
};

/** Bytes of the longest announce (BEP 14 "ihash": no fragments). */
const MAX_LENGTH = 1400;

/** Info hashes that fit into one announce, whatever its group, port and cookie. */
export const MAX_INFO_HASHES = 24;

/** Characters of the longest cookie that leaves room for {@linkcode MAX_INFO_HASHES}. */
const MAX_COOKIE_LENGTH = 64;

/** Somebody is in these swarms. */
export interface LsdAnnounce {
  /** Torrents, 20 bytes each: v2 hashes are cut. */
  readonly infoHashes: readonly Uint8Array[];
  /** Where the sender listens; its host is the source of the datagram. */
  readonly port: number;
  /** What the sender knows its own announces by. */
  readonly cookie?: string;
}

const INFO_HASH_LENGTH = 20;

/** Visible ASCII: a header value that no receiver misreads. */
const COOKIE = new RegExp(`^[!-~]{1,${MAX_COOKIE_LENGTH}}$`);

/**
 * Writes an announce for the group of an address family.
 *
 * @throws {RangeError} If there are no info hashes or more than {@linkcode MAX_INFO_HASHES}, one has not 20 bytes, the port
 * is none, or the cookie is not 1 to 64 visible ASCII characters.
 */
export function encodeLsdAnnounce(announce: LsdAnnounce, family: AddressFamily): Uint8Array<ArrayBuffer> {
  const fault = faultOf(announce);
  if (fault !== undefined) throw new RangeError(`Cannot encode local announce: ${fault}`);
  const { infoHashes, port, cookie } = announce;
  const lines = [
    "BT-SEARCH * HTTP/1.1",
    `Host: ${formatPeerAddress(LSD_GROUPS[family])}`,
    `Port: ${port}`,
    ...infoHashes.map((infoHash) => `Infohash: ${encodeHex(infoHash)}`),
    ...(cookie === undefined ? [] : [`cookie: ${cookie}`]),
  ];
  // Two empty lines, as the text has it and deployed clients send it.
  return encodeUtf8(`${lines.join("\r\n")}\r\n\r\n\r\n`);
}

/**
 * Reads an announce. Tolerant as HTTP is: names in any case, lines ended by LF alone, unknown headers, no end. An info hash
 * that is none, or one too many, is left out; so is the host, which says nothing that the socket does not know.
 *
 * @throws {DecodeError} If it is no `BT-SEARCH` request, has no port from 1 to 65535 or no info hash at all.
 */
export function decodeLsdAnnounce(bytes: Uint8Array): LsdAnnounce {
  const [request, ...lines] = decodeUtf8(bytes.subarray(0, MAX_LENGTH)).split(/\r?\n/);
  if (!/^BT-SEARCH \* HTTP\/1\.\d\s*$/i.test(request!)) throw undecodable("not a BT-SEARCH request");
  const headers = lines.map(readHeader);
  const valuesOf = (wanted: string) => headers.flatMap(({ name, value }) => name === wanted ? [value] : []);
  const port = readPort(valuesOf("port")[0]);
  // One line each is BEP 14's way; HTTP says that a list with commas is the same (RFC 2616 section 4.2).
  const infoHashes = valuesOf("infohash").flatMap((value) => value.split(",")).flatMap(readInfoHash);
  if (port === undefined) throw undecodable("no port");
  if (infoHashes.length === 0) throw undecodable("no info hash");
  const [cookie] = valuesOf("cookie");
  return { infoHashes: infoHashes.slice(0, MAX_INFO_HASHES), port, ...(cookie && { cookie }) };
}

function faultOf({ infoHashes, port, cookie }: LsdAnnounce): string | undefined {
  if (infoHashes.length === 0 || infoHashes.length > MAX_INFO_HASHES) {
    return `expected 1 to ${MAX_INFO_HASHES} info hashes, got ${infoHashes.length}`;
  }
  const odd = infoHashes.find(({ length }) => length !== INFO_HASH_LENGTH);
  if (odd !== undefined) return `expected ${INFO_HASH_LENGTH} bytes in an info hash, got ${odd.length}`;
  if (!Number.isInteger(port) || port < 1 || port > 65535) return `${port} is no port`;
  if (cookie !== undefined && !COOKIE.test(cookie)) {
    return "the cookie is not 1 to 64 visible ASCII characters";
  }
  return undefined;
}

function readHeader(line: string): { name: string; value: string } {
  const colon = line.indexOf(":");
  return {
    name: line.slice(0, Math.max(0, colon)).trim().toLowerCase(),
    value: line.slice(colon + 1).trim(),
  };
}

function readPort(value: string | undefined): number | undefined {
  if (value === undefined || !/^\d{1,5}$/.test(value)) return undefined;
  const port = Number(value);
  return port >= 1 && port <= 65535 ? port : undefined;
}

function readInfoHash(value: string): Uint8Array[] {
  const hex = value.trim();
  return /^[0-9a-fA-F]{40}$/.test(hex) ? [decodeHex(hex)] : [];
}

function undecodable(what: string): DecodeError {
  return new DecodeError(`Cannot decode local announce: ${what}`);
}
