/** Meeting behind NATs with a third peer's help: `ut_holepunch` (BEP 55). */

import { Cursor } from "../../bytes/cursor.ts";
import { Writer } from "../../bytes/writer.ts";
import type { PeerAddress } from "../../peer/address.ts";
import { compactPeerAt, encodeCompactPeer } from "../../peer/compact_peer.ts";

/** Why a relay did not help, by `err_code` (BEP 55 "protocol extension"). */
export const HOLEPUNCH_ERRORS = { noSuchPeer: 1, notConnected: 2, noSupport: 3, noSelf: 4 } as const;

/** One variant per message. */
export type HolepunchMessage =
  /** To a relay: bring me together with the peer at `address`. */
  | { readonly type: "holepunchRendezvous"; readonly address: PeerAddress }
  /** From a relay: open a uTP connection to `address` now; the peer there does the same. */
  | { readonly type: "holepunchConnect"; readonly address: PeerAddress }
  /** From a relay: the rendezvous with `address` failed; `code` is one of {@linkcode HOLEPUNCH_ERRORS}, or unknown. */
  | { readonly type: "holepunchError"; readonly address: PeerAddress; readonly code: number };

/** The `msg_type` of every message; the index in this list. */
const HOLEPUNCH_TYPES = ["holepunchRendezvous", "holepunchConnect", "holepunchError"] as const;

/** The `addr_type` of IPv4 and IPv6; the index in this list. */
const FAMILIES = [4, 6] as const;

/** Whether an extension message is one of these. */
export function isHolepunch<T extends { readonly type: string }>(
  message: T,
): message is Extract<T, HolepunchMessage> {
  return (HOLEPUNCH_TYPES as readonly string[]).includes(message.type);
}

/** Writes the payload of a hole punch message. @throws {RangeError} If the host is no IP address. */
export function encodeHolepunch(message: HolepunchMessage): Uint8Array<ArrayBuffer> {
  const peer = encodeCompactPeer(message.address);
  return new Writer(2 + peer.length + 4)
    .uint8(HOLEPUNCH_TYPES.indexOf(message.type))
    .uint8(peer.length === 6 ? 0 : 1)
    .bytes(peer)
    .uint32(message.type === "holepunchError" ? message.code : 0)
    .done();
}

/**
 * Reads the payload of a hole punch message; `undefined` for an unknown message or address type, and for port 0. The
 * error code may be missing, as deployed clients write it in errors only.
 *
 * @throws {DecodeError} If the length does not fit the address type.
 */
export function decodeHolepunch(bytes: Uint8Array): HolepunchMessage | undefined {
  const cursor = new Cursor(bytes, "ut_holepunch");
  const type = HOLEPUNCH_TYPES[cursor.uint8()], family = FAMILIES[cursor.uint8()];
  if (type === undefined || family === undefined) return undefined;
  const address = compactPeerAt(cursor.bytes(family === 4 ? 6 : 18), 0, family);
  const code = cursor.remaining === 0 ? 0 : cursor.uint32();
  cursor.end();
  if (address === undefined) return undefined;
  return type === "holepunchError" ? { type, address, code } : { type, address };
}
