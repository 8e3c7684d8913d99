/** Piece layers: the hashes that v2 pieces are checked by, outside the info dictionary (BEP 52 "piece layers"). */

import { equals } from "@std/bytes/equals";
import type { BencodeDictionary } from "../bencode/dictionary.ts";
import { decodeByteString, encodeHex } from "../bytes/text.ts";
import type { TorrentFile, TorrentInfo } from "./info.ts";
import { fault, within } from "./key_path.ts";
import { merkleRoot, pieceLayer, treeHeight } from "./merkle.ts";
import { NODE_LENGTH } from "./node_hash.ts";

/** From the hexadecimal root of a file to the hashes of its pieces, 32 bytes each. */
export type PieceLayers = ReadonlyMap<string, Uint8Array>;

/**
 * Reads the layers that a torrent file has. A layer may be missing, since peers can give it (BEP 52 "hash request").
 *
 * @throws {DecodeError} If a layer belongs to no file longer than a piece, or does not hash into the root.
 */
export function readPieceLayers(root: BencodeDictionary, info: TorrentInfo): PieceLayers {
  const layers = new Map<string, Uint8Array>(),
    given = info.version === "1" ? undefined : root.dictionary("piece layers");
  if (given === undefined) return layers;
  const files = layeredFiles(info);
  for (const [key, layer] of given.entries()) {
    const root = encodeHex(decodeByteString(key)), file = files.get(root);
    within(`piece layers.${root}`, () => {
      if (!(layer instanceof Uint8Array)) return fault("", "not a byte string");
      if (file === undefined) return fault("", "the root of no file longer than a piece");
      if (!isPieceLayer(layer, file, info.pieceLength)) fault("", "the hashes do not belong to the root");
      layers.set(root, layer);
    });
  }
  return layers;
}

/** Whether these are the hashes of all pieces of a file that is longer than a piece. */
export function isPieceLayer(layer: Uint8Array, file: TorrentFile, pieceLength: number): boolean {
  if (file.piecesRoot === undefined || layer.length !== Math.ceil(file.length / pieceLength) * NODE_LENGTH) {
    return false;
  }
  const span = { from: pieceLayer(pieceLength), to: treeHeight(file.length) };
  return span.from < span.to && equals(merkleRoot(layer, span), file.piecesRoot);
}

/** Files that need a layer, by root; equal files share one. */
function layeredFiles(info: TorrentInfo): ReadonlyMap<string, TorrentFile> {
  const files = new Map<string, TorrentFile>();
  for (const file of info.files) {
    if (file.piecesRoot && file.length > info.pieceLength) files.set(encodeHex(file.piecesRoot), file);
  }
  return files;
}
