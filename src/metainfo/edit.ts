/** Changes to a torrent file that leave it the same torrent: whatever stands outside the info dictionary. */

import type { BencodeDictionary } from "../bencode/dictionary.ts";
import { decodeDictionary } from "../bencode/decode.ts";
import { type Bencodable, encode } from "../bencode/encode.ts";
import { buildSurroundings, type TorrentChanges } from "./build_surroundings.ts";
import { fault } from "./key_path.ts";

/**
 * Writes a torrent file anew with some changes. The bytes of the info dictionary stay as they are, and so does every
 * other key that is not named; what was not canonical outside is now.
 *
 * @throws {DecodeError} If the bytes are no bencoded dictionary with an info dictionary.
 */
export function editTorrent(bytes: Uint8Array, changes: TorrentChanges): Uint8Array<ArrayBuffer> {
  const root: BencodeDictionary = decodeDictionary(bytes, { tolerant: true, allowTrailing: true });
  if (root.dictionary("info") === undefined) fault("info", "missing");
  const entries = new Map<string, Bencodable | undefined>(root.entries());
  for (const [key, value] of Object.entries(buildSurroundings(changes))) entries.set(key, value);
  return encode(entries);
}
