/** The messages of SOCKS version 5 (RFC 1928) and of its username and password (RFC 1929). */

import { concat } from "@std/bytes/concat";
import { Cursor } from "../bytes/cursor.ts";
import { encodeByteString, encodeUtf8 } from "../bytes/text.ts";
import { Writer } from "../bytes/writer.ts";
import type { PeerAddress } from "../peer/address.ts";
import { formatIp, parseIp } from "../peer/ip.ts";

/** First byte of most messages. */
export const SOCKS_VERSION = 5;

/** How a client may prove who it is (RFC 1928 section 3). */
export const AUTHENTICATION = { none: 0, password: 2, nothingAcceptable: 0xff } as const;

/** What a client may ask for (RFC 1928 section 4). */
export const COMMANDS = { connect: 1, udpAssociate: 3 } as const;

/** Why a proxy refuses (RFC 1928 section 6). */
export const REFUSALS: Readonly<Record<number, string>> = {
  1: "the proxy failed",
  2: "the proxy's rules forbid it",
  3: "network unreachable",
  4: "host unreachable",
  5: "connection refused",
  6: "time to live expired",
  7: "the proxy does not support it",
  8: "the proxy does not support this type of address",
};

/** Kinds of address. */
const IPV4 = 1, NAME = 3, IPV6 = 4;

/** Bytes in front of a datagram's payload at most: the longest name. */
export const MAX_DATAGRAM_HEADER: number = 3 + 1 + 1 + 255 + 2;

/** Bytes of a reply that tell how long it is. */
export const REPLY_START_LENGTH = 5;

/** Says how we can prove who we are. */
export function encodeGreeting(hasPassword: boolean): Uint8Array {
  const methods = hasPassword ? [AUTHENTICATION.none, AUTHENTICATION.password] : [AUTHENTICATION.none];
  return Uint8Array.of(SOCKS_VERSION, methods.length, ...methods);
}

/** Username and password (RFC 1929). @throws {RangeError} If either is longer than 255 bytes, or there is no username. */
export function encodeCredentials(username: string, password: string): Uint8Array {
  const name = encodeUtf8(username), secret = encodeUtf8(password);
  if (name.length < 1 || name.length > 255 || secret.length > 255) {
    throw new RangeError("Cannot log in to proxy: username and password have up to 255 bytes each");
  }
  return new Writer(3 + name.length + secret.length)
    .uint8(1).uint8(name.length).bytes(name).uint8(secret.length).bytes(secret).done();
}

/** Asks for a connection or a relay of datagrams. */
export function encodeRequest(command: number, target: PeerAddress): Uint8Array {
  return concat([Uint8Array.of(SOCKS_VERSION, command, 0), encodeAddress(target)]);
}

/** How many bytes of a reply follow its start; `undefined` if it has an unknown type of address. */
export function replyRest(start: Uint8Array): number | undefined {
  switch (start[3]) {
    case IPV4:
      return 4 - 1 + 2;
    case IPV6:
      return 16 - 1 + 2;
    case NAME:
      return start[4]! + 2;
  }
}

/** Reads the address in a whole reply. The host may be a name. */
export function decodeReplyAddress(reply: Uint8Array): PeerAddress {
  return readAddress(new Cursor(reply.subarray(3), "SOCKS5 reply"));
}

/** Wraps a payload for the relay (RFC 1928 section 7). */
export function encodeDatagram(to: PeerAddress, payload: Uint8Array): Uint8Array {
  return concat([new Uint8Array(3), encodeAddress(to), payload]);
}

/**
 * Unwraps what the relay sent; the payload is a view.
 *
 * @throws {DecodeError} If it is malformed or a fragment: nobody sends those, and to drop them is allowed.
 */
export function decodeDatagram(
  bytes: Uint8Array,
): { readonly from: PeerAddress; readonly payload: Uint8Array } {
  const cursor = new Cursor(bytes, "SOCKS5 datagram");
  cursor.uint16();
  if (cursor.uint8() !== 0) cursor.fail("it is a fragment");
  return { from: readAddress(cursor), payload: cursor.rest() };
}

function encodeAddress({ host, port }: PeerAddress): Uint8Array {
  const ip = parseIp(host), writer = (length: number) => new Writer(length + 3);
  if (ip !== undefined) {
    return writer(ip.length).uint8(ip.length === 4 ? IPV4 : IPV6).bytes(ip).uint16(port).done();
  }
  const name = encodeUtf8(host);
  return writer(name.length + 1).uint8(NAME).uint8(name.length).bytes(name).uint16(port).done();
}

function readAddress(cursor: Cursor): PeerAddress {
  return { host: readHost(cursor), port: cursor.uint16() };
}

function readHost(cursor: Cursor): string {
  switch (cursor.uint8()) {
    case IPV4:
      return formatIp(cursor.bytes(4));
    case IPV6:
      return formatIp(cursor.bytes(16));
    case NAME:
      return encodeByteString(cursor.bytes(cursor.uint8()));
    default:
      return cursor.fail("unknown type of address");
  }
}
