/** Whether the bytes of a piece are the right ones: SHA-1 for v1, Merkle hashes for v2, both for hybrids (BEP 3, 52). */

import { equals } from "@std/bytes/equals";
import { sha1 } from "../bytes/digest.ts";
import { encodeHex } from "../bytes/text.ts";
import { StateError } from "../errors.ts";
import { pieceContent, pieceSize } from "./geometry.ts";
import type { TorrentFile, TorrentInfo } from "./info.ts";
import { hashBlocks, merkleRoot, pieceLayer, treeHeight } from "./merkle.ts";
import { NODE_LENGTH } from "./node_hash.ts";
import type { PieceLayers } from "./piece_layers.ts";

/** What is needed to check pieces; a `Metainfo` is one. */
export interface PieceHashSource {
  /** The content. */
  readonly info: TorrentInfo;
  /** Hashes of pieces of files longer than a piece, as far as they are known; nothing for v1. */
  readonly pieceLayers?: PieceLayers;
}

/** The Merkle half of {@linkcode PieceHash}. */
export interface MerklePieceHash {
  /** The 32 bytes that the node over the piece must have. */
  readonly hash: Uint8Array;
  /** Layer of that node, counted from the leaves. */
  readonly layer: number;
  /** Bytes at the start of the piece that are the file; padding behind them is no part of the tree. */
  readonly length: number;
}

/** What a piece must hash to. Of a hybrid torrent both hashes count. */
export interface PieceHash {
  /** SHA-1 of the whole piece, padding included. */
  readonly sha1?: Uint8Array;
  /** The Merkle node. */
  readonly merkle?: MerklePieceHash;
}

/** The hashes of a piece that a torrent of its version needs. */
export interface HashedPiece {
  /** SHA-1 of the whole piece, padding included. */
  readonly sha1?: Uint8Array;
  /** The Merkle node over the file's bytes in the piece. */
  readonly merkle?: Uint8Array;
}

/**
 * What a piece must hash to. Both parts are absent while the layer of a v2-only file is unknown.
 *
 * @throws {RangeError} If there is no such piece.
 */
export function pieceHash(source: PieceHashSource, piece: number): PieceHash {
  const { info } = source, { file, length } = pieceContent(info, piece);
  const hash = info.version === "1"
    ? undefined
    : nodeHash(source, file, piece - file.offset / info.pieceLength);
  const merkle = hash && { hash, layer: pieceNodeLayer(file, info.pieceLength), length };
  const sha1 = info.pieces?.subarray(piece * 20, piece * 20 + 20);
  return { ...(sha1 && { sha1 }), ...(merkle && { merkle }) };
}

/** Whether bytes hash to what is wanted. An empty {@linkcode PieceHash} is never met. */
export async function matchesHash(bytes: Uint8Array, wanted: PieceHash): Promise<boolean> {
  const { merkle } = wanted;
  if (wanted.sha1 === undefined && merkle === undefined) return false;
  const [flat, node] = await Promise.all([wanted.sha1 && sha1(bytes), merkle && merkleNode(bytes, merkle)]);
  return (!flat || equals(flat, wanted.sha1!)) && (!node || equals(node, merkle!.hash));
}

/**
 * Whether bytes are the piece.
 *
 * @throws {RangeError} If there is no such piece.
 * @throws {StateError} If no hash of the piece is known yet: a v2 magnet link without the layer of the file.
 */
export async function verifyPiece(
  source: PieceHashSource,
  piece: number,
  bytes: Uint8Array,
): Promise<boolean> {
  const wanted = pieceHash(source, piece);
  if (wanted.sha1 === undefined && wanted.merkle === undefined) {
    throw new StateError(`Cannot verify piece ${piece}: its hash is not known yet`);
  }
  return bytes.length === pieceSize(source.info, piece) && await matchesHash(bytes, wanted);
}

/**
 * Hashes a piece for a new torrent: what {@linkcode pieceHash} will say of it.
 *
 * @throws {RangeError} If there is no such piece.
 */
export async function hashPiece(info: TorrentInfo, piece: number, bytes: Uint8Array): Promise<HashedPiece> {
  const { file, length } = pieceContent(info, piece), layer = pieceNodeLayer(file, info.pieceLength);
  const [flat, node] = await Promise.all([
    info.version === "2" ? undefined : sha1(bytes),
    info.version === "1" ? undefined : merkleNode(bytes, { layer, length }),
  ]);
  return { ...(flat && { sha1: flat }), ...(node && { merkle: node }) };
}

/** The layer of the node over a piece of a file: that of pieces, or the root of a file that has but one. */
export function pieceNodeLayer(file: TorrentFile, pieceLength: number): number {
  return Math.min(pieceLayer(pieceLength), treeHeight(file.length));
}

async function merkleNode(bytes: Uint8Array, node: Omit<MerklePieceHash, "hash">): Promise<Uint8Array> {
  return merkleRoot(await hashBlocks(bytes.subarray(0, node.length)), { from: 0, to: node.layer });
}

function nodeHash(source: PieceHashSource, file: TorrentFile, pieceOfFile: number): Uint8Array | undefined {
  if (file.piecesRoot === undefined || file.length <= source.info.pieceLength) return file.piecesRoot;
  const layer = source.pieceLayers?.get(encodeHex(file.piecesRoot)), at = pieceOfFile * NODE_LENGTH;
  return layer?.subarray(at, at + NODE_LENGTH);
}
