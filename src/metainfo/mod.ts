/**
 * Torrent files and magnet links: read, check, make, change (BEP 3, 5, 9, 12, 17, 19, 27, 38, 39, 46, 47, 52, 53).
 *
 * {@linkcode readMetainfo} opens a torrent file of version 1, version 2 or both, {@linkcode readInfo} the bare info
 * dictionary that peers send of a magnet link. Info hashes are computed over the bytes as they stand in the file. File
 * paths come out safe to store under on every system: no traversal, no hidden text, no two alike. Input is taken from
 * strangers: limits come before allocations, and only a `DecodeError` is thrown, which names the key at fault.
 *
 * {@linkcode pieceSize}, {@linkcode pieceFiles}, {@linkcode filePieces} and the like say where pieces, blocks and files
 * lie in each other. {@linkcode verifyPiece} checks a piece. {@linkcode createTorrent} makes torrents of bytes, blobs and
 * streams, {@linkcode editTorrent} changes trackers and texts and leaves the info hash alone, {@linkcode parseMagnet} and
 * {@linkcode formatMagnet} do magnet links. {@linkcode answerHashes} and {@linkcode proveHashes} are the two ends of a
 * v2 hash request.
 *
 * Nothing here touches files or the network; hashing is WebCrypto's.
 *
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { createTorrent, formatMagnet, magnetLink, readMetainfo, verifyPiece } from "@network/bittorrent/metainfo";
 *
 * const content = new TextEncoder().encode("Hello, swarm!");
 * const torrent = await createTorrent([{ path: ["hello.txt"], content }], {
 *   announce: [["http://tracker.example/announce"]],
 * });
 *
 * const metainfo = await readMetainfo(torrent);
 * assertEquals(metainfo.info.files[0]?.path, ["hello.txt"]);
 * assert(await verifyPiece(metainfo, 0, content));
 * assertEquals(
 *   formatMagnet(magnetLink(metainfo)),
 *   "magnet:?xt=urn:btih:926b8c8cf07a0577996cee07d649c4558c490077&dn=hello.txt&tr=http%3A%2F%2Ftracker.example%2Fannounce",
 * );
 * ```
 *
 * @module
 */

export type { TorrentFile, TorrentInfo, TorrentVersion } from "./info.ts";
export { type Metainfo, readMetainfo, type ReadOptions } from "./metainfo.ts";
export { type InfoOptions, readInfo } from "./read_info.ts";
export { type InfoHashes, infoHashes } from "./info_hash.ts";
export type { PathOptions } from "./paths.ts";
export { formatHostAndPort, type HostAndPort, parseHostAndPort } from "./host_and_port.ts";
export {
  BLOCK_LENGTH,
  blockCount,
  blockFiles,
  filePieces,
  type FileSpan,
  type PieceContent,
  pieceContent,
  pieceFiles,
  type PieceRange,
  pieceSize,
} from "./geometry.ts";
export {
  type HashedPiece,
  hashPiece,
  matchesHash,
  type MerklePieceHash,
  type PieceHash,
  pieceHash,
  type PieceHashSource,
  verifyPiece,
} from "./verify.ts";
export { isPieceLayer, type PieceLayers } from "./piece_layers.ts";
export {
  hashBlocks,
  type LayerSpan,
  layerWidth,
  merkleRoot,
  padHash,
  pieceLayer,
  treeHeight,
} from "./merkle.ts";
export {
  answerHashes,
  buildHashTree,
  type HashQuery,
  type HashTree,
  isHashQuery,
  MAX_HASHES,
  proveHashes,
  type ProvenHashes,
  type TreeNode,
  treeNode,
} from "./hash_tree.ts";
export { formatMagnet, type MagnetLink, magnetLink, parseMagnet } from "./magnet.ts";
export { webSeedUrl } from "./web_seed.ts";
export { type CreateOptions, createTorrent } from "./create.ts";
export type { InfoExtras } from "./build_info.ts";
export type { TorrentChanges, TorrentSurroundings } from "./build_surroundings.ts";
export { editTorrent } from "./edit.ts";
export { type ContentLayout, layoutContent, type LayoutOptions, type SourceFile } from "./layout.ts";
export { type ContentHasher, hashContent, type HashOptions, type PieceHashes } from "./hash_content.ts";
