/** The hashes of every piece of some content, read front to back (BEP 3 "pieces", BEP 52 "piece layers"). */

import { ContentReader } from "./content_reader.ts";
import { pieceFiles, pieceSize } from "./geometry.ts";
import type { TorrentInfo } from "./info.ts";
import type { ContentLayout } from "./layout.ts";
import { NODE_LENGTH } from "./node_hash.ts";
import { hashPiece } from "./verify.ts";

/** How a long hashing is watched and stopped. */
export interface HashOptions {
  /** Stops it: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called after each piece with the bytes hashed so far, padding of v1 included, and all that there are. */
  readonly onProgress?: (hashedBytes: number, totalBytes: number) => void;
}

/** Hashes of all pieces of a layout, one behind the other. */
export interface PieceHashes {
  /** SHA-1 of each piece, padding included: 20 bytes each. For v1 and hybrid torrents. */
  readonly sha1?: Uint8Array;
  /** Merkle node over each piece: 32 bytes each, see `hashPiece`. For v2 and hybrid torrents. */
  readonly merkle?: Uint8Array;
}

/** A way to hash content: where there are files and workers, there are faster ones than {@linkcode hashContent}. */
export type ContentHasher = (layout: ContentLayout, options: HashOptions) => Promise<PieceHashes>;

/** Pieces that WebCrypto works on while the next is read. */
const IN_FLIGHT = 4;

/** Bytes of a SHA-1. */
const SHA1_LENGTH = 20;

/**
 * Hashes content with WebCrypto: one piece is read while others are hashed, and the memory of one piece is used for all.
 *
 * @throws {StorageError} If content cannot be read or has another length than announced.
 */
export async function hashContent(layout: ContentLayout, options: HashOptions = {}): Promise<PieceHashes> {
  const { info } = layout, content = new ContentReader(layout.sources, options.signal);
  const hashes = emptyHashes(info), buffer = new Uint8Array(info.pieceLength);
  const pending: Promise<void>[] = [];
  const total = info.version === "2" ? info.contentLength : info.length;
  let hashed = 0;
  try {
    for (let piece = 0; piece < info.pieceCount; piece++) {
      const bytes = buffer.subarray(0, pieceSize(info, piece));
      for (const span of pieceFiles(info, piece)) await content.read(span, bytes);
      // WebCrypto copies its input before the call returns, so the buffer is free again.
      const stored = storeHashes(hashes, info, piece, bytes)
        .then(() => options.onProgress?.(hashed += bytes.length, total));
      // It is awaited below; until then a fault in it must not count as unhandled.
      stored.catch(() => {});
      pending.push(stored);
      if (pending.length >= IN_FLIGHT) await pending.shift();
    }
    await content.end();
    await Promise.all(pending);
  } finally {
    await content.cancel();
    await Promise.allSettled(pending);
  }
  return hashes;
}

function emptyHashes(info: TorrentInfo): PieceHashes {
  return {
    ...(info.version !== "2" && { sha1: new Uint8Array(info.pieceCount * SHA1_LENGTH) }),
    ...(info.version !== "1" && { merkle: new Uint8Array(info.pieceCount * NODE_LENGTH) }),
  };
}

async function storeHashes(
  hashes: PieceHashes,
  info: TorrentInfo,
  piece: number,
  bytes: Uint8Array,
): Promise<void> {
  const { sha1, merkle } = await hashPiece(info, piece, bytes);
  if (sha1) hashes.sha1?.set(sha1, piece * SHA1_LENGTH);
  if (merkle) hashes.merkle?.set(merkle, piece * NODE_LENGTH);
}
