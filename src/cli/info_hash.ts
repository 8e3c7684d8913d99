/** Info hashes and other ids of 20 bytes as they are typed. */

import { decodeBase32, decodeHex } from "../bytes/text.ts";
import { DecodeError } from "../errors.ts";
import type { MagnetLink } from "../metainfo/magnet.ts";
import { UsageError } from "./arguments.ts";
import { isMagnet, readMagnet } from "./torrent_file.ts";

/** Reads 40 hex digits, 64 of a v2 hash (which are cut, BEP 52), or 32 of base 32; `undefined` if it is none of these. */
export function parseInfoHash(text: string): Uint8Array | undefined {
  try {
    if (/^[0-9a-f]{40}$|^[0-9a-f]{64}$/i.test(text)) return decodeHex(text).subarray(0, 20);
    if (/^[a-z2-7]{32}$/i.test(text)) return decodeBase32(text);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  return undefined;
}

/** Reads an info hash, or takes it out of a magnet link. @throws {UsageError} If there is none. */
export function readInfoHash(text: string): Uint8Array {
  if (isMagnet(text)) {
    const { infoHashV1, infoHashV2 } = readMagnet(text), infoHash = infoHashV1 ?? infoHashV2?.subarray(0, 20);
    if (infoHash !== undefined) return infoHash;
    throw new UsageError("The magnet link names no info hash");
  }
  const infoHash = parseInfoHash(text);
  if (infoHash === undefined) throw new UsageError(`"${text}" is neither 40 hex digits nor a magnet link`);
  return infoHash;
}

/** The same, or a link with a public key, for which the DHT knows one (BEP 46). @throws {UsageError} If there is neither. */
export function readTorrentName(text: string): Uint8Array | MagnetLink {
  const link = isMagnet(text) ? readMagnet(text) : undefined;
  return link?.publicKey && !link.infoHashV1 && !link.infoHashV2 ? link : readInfoHash(text);
}

/** Reads bytes of a fixed length. @throws {UsageError} If these are not so many hex digits. */
export function readHex(what: string, text: string, length: number): Uint8Array {
  if (text.length === 2 * length && /^[0-9a-f]+$/i.test(text)) return decodeHex(text);
  throw new UsageError(`Cannot use ${what}: "${text}" is not ${2 * length} hex digits`);
}
