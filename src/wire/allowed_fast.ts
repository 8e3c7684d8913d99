/** The pieces that a new peer may ask for while choked, the same for all who follow the rule (BEP 6 "allowed fast set generation"). */

import { sha1Sync } from "../bytes/sha1_sync.ts";
import { parseIp } from "../peer/ip.ts";
import { readUint32 } from "./messages/uint32.ts";

/** What an allowed-fast set is computed from. */
export interface AllowedFastOptions {
  /** The peer's IP address. */
  readonly host: string;
  /** The 20-byte info hash of the connection. */
  readonly infoHash: Uint8Array;
  /** How many pieces the torrent has. */
  readonly pieceCount: number;
  /** How many pieces to allow; 10 by default ("we currently set k to 10"). */
  readonly size?: number;
}

/**
 * Computes the canonical allowed-fast set of a peer, in the order of its making: a smaller set is the start of a
 * larger one. Never more pieces than there are, and none for IPv6, where BEP 6 has no rule.
 */
export function allowedFastSet(options: AllowedFastOptions): number[] {
  const { infoHash, pieceCount } = options, ip = parseIp(options.host);
  if (ip?.length !== 4) return [];
  const size = Math.min(options.size ?? 10, pieceCount), pieces = new Set<number>();
  // The last octet is left out: nobody gets a second set by a second address in the same network.
  let digest: Uint8Array = Uint8Array.from([...ip.subarray(0, 3), 0, ...infoHash]);
  while (pieces.size < size) {
    digest = sha1Sync(digest);
    for (let at = 0; at < 20 && pieces.size < size; at += 4) pieces.add(readUint32(digest, at) % pieceCount);
  }
  return [...pieces];
}
