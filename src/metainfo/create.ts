/** New torrents from files, blobs and streams (BEP 3, 5, 12, 17, 19, 27, 38, 47, 52). */

import { encode } from "../bencode/encode.ts";
import { buildInfo, buildPieceLayers, type InfoExtras } from "./build_info.ts";
import { buildSurroundings, type TorrentSurroundings } from "./build_surroundings.ts";
import { type ContentHasher, hashContent, type HashOptions } from "./hash_content.ts";
import { layoutContent, type LayoutOptions, type SourceFile } from "./layout.ts";

/** What kind of torrent to make, and how. */
export interface CreateOptions extends LayoutOptions, InfoExtras, TorrentSurroundings, HashOptions {
  /** How to hash the content; {@linkcode hashContent} by default. */
  readonly hasher?: ContentHasher;
}

/**
 * Makes a torrent file. The same content and options give the same bytes: there is no date in them unless one is given.
 *
 * @throws {TypeError} If a path is no path, two files have the same one, or a length or content is missing.
 * @throws {RangeError} If the piece length is none, there is nothing to download or too much.
 * @throws {StorageError} If content cannot be read or has another length than announced.
 */
export async function createTorrent(
  files: readonly SourceFile[],
  options: CreateOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const layout = layoutContent(files, options), hash = options.hasher ?? hashContent;
  const { signal, onProgress } = options;
  const hashes = await hash(layout, { ...(signal && { signal }), ...(onProgress && { onProgress }) });
  return encode({
    ...buildSurroundings(options),
    "info": buildInfo(layout, hashes, options),
    "piece layers": buildPieceLayers(layout.info, hashes),
  });
}
