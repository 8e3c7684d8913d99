/** The info dictionary of a new torrent, and its piece layers (BEP 3, 27, 38, 47, 52). */

import type { Bencodable } from "../bencode/encode.ts";
import { encodeByteString, encodeUtf8 } from "../bytes/text.ts";
import type { TorrentEntries } from "./build_surroundings.ts";
import { filePieces } from "./geometry.ts";
import type { PieceHashes } from "./hash_content.ts";
import type { TorrentFile, TorrentInfo } from "./info.ts";
import { attributesOf, type ContentLayout, padPath, type SourceFile } from "./layout.ts";
import { merkleRoot, pieceLayer, treeHeight } from "./merkle.ts";
import { NODE_LENGTH } from "./node_hash.ts";

/** Keys of the info dictionary that have nothing to do with the content; they are part of what is hashed. */
export interface InfoExtras {
  /** Peers may come from the trackers alone (BEP 27). */
  readonly private?: boolean;
  /** Free text by which private trackers make info hashes differ. */
  readonly source?: string;
  /** Info hashes of torrents that may share files (BEP 38). */
  readonly similar?: readonly Uint8Array[];
  /** Collections that the torrent belongs to (BEP 38). */
  readonly collections?: readonly string[];
}

/** Builds the info dictionary. @throws {TypeError} If the hashes are not those of the layout. */
export function buildInfo(layout: ContentLayout, hashes: PieceHashes, extras: InfoExtras): TorrentEntries {
  const { info } = layout;
  return {
    "name": info.name,
    "piece length": info.pieceLength,
    ...(info.version !== "2" && buildV1(layout, checked(hashes.sha1, 20, info))),
    ...(info.version !== "1" && buildV2(layout, checked(hashes.merkle, NODE_LENGTH, info))),
    "private": extras.private ? 1 : undefined,
    "source": extras.source,
    "similar": extras.similar,
    "collections": extras.collections,
  };
}

/** Builds the piece layers; `undefined` for v1. */
export function buildPieceLayers(
  info: TorrentInfo,
  hashes: PieceHashes,
): ReadonlyMap<string, Uint8Array> | undefined {
  if (info.version === "1") return undefined;
  const merkle = checked(hashes.merkle, NODE_LENGTH, info), layers = new Map<string, Uint8Array>();
  for (const file of info.files) {
    if (file.pad || file.length <= info.pieceLength) continue;
    layers.set(encodeByteString(fileRoot(info, file, merkle)), fileLayer(info, file, merkle));
  }
  return layers;
}

function checked(hashes: Uint8Array | undefined, size: number, info: TorrentInfo): Uint8Array {
  if (hashes?.length === info.pieceCount * size) return hashes;
  throw new TypeError(
    `Cannot create torrent: the hasher did not give ${info.pieceCount} hashes of ${size} bytes`,
  );
}

/** `pieces`, and `files` or `length` (BEP 3 "info dictionary"). */
function buildV1(layout: ContentLayout, pieces: Uint8Array): TorrentEntries {
  const { info, sources } = layout;
  if (!info.multiFile) return { "pieces": pieces, ...buildFile(info.files[0]!, sources[0]!) };
  const files = info.files.map((file, i) => {
    const source = sources[i];
    if (source === undefined) return { "attr": "p", "length": file.length, "path": padPath(file.length) };
    return { ...buildFile(file, source), "path": source.path };
  });
  return { "pieces": pieces, "files": files };
}

/** `meta version` and `file tree` (BEP 52 "info dictionary"). */
function buildV2(layout: ContentLayout, merkle: Uint8Array): TorrentEntries {
  const { info, sources } = layout, tree: Folder = new Map();
  for (const [i, file] of info.files.entries()) {
    const source = sources[i];
    if (source === undefined) continue;
    const root = file.length > 0 ? fileRoot(info, file, merkle) : undefined;
    folderOf(tree, source.path).set("", { ...buildFile(file, source), "pieces root": root });
  }
  return { "meta version": 2, "file tree": tree };
}

/** What both versions say of a file (BEP 47 for all but the length). */
function buildFile(file: TorrentFile, source: SourceFile): TorrentEntries {
  const attributes = attributesOf(source);
  return {
    "attr": attributes === "" ? undefined : attributes,
    "length": file.length,
    "symlink path": source.symlink,
  };
}

/** A folder of a file tree; its keys are byte strings. */
type Folder = Map<string, Bencodable>;

/** The node of a path, made if it is not there. */
function folderOf(tree: Folder, path: readonly string[]): Folder {
  let folder = tree;
  for (const segment of path) {
    const key = encodeByteString(encodeUtf8(segment)), found = folder.get(key);
    const next: Folder = found instanceof Map ? found : new Map();
    folder.set(key, next);
    folder = next;
  }
  return folder;
}

/** The nodes over the pieces of a file. */
function fileLayer(info: TorrentInfo, file: TorrentFile, merkle: Uint8Array): Uint8Array {
  const { first, last } = filePieces(info, file.index);
  return merkle.subarray(first * NODE_LENGTH, (last + 1) * NODE_LENGTH);
}

function fileRoot(info: TorrentInfo, file: TorrentFile, merkle: Uint8Array): Uint8Array {
  const layer = fileLayer(info, file, merkle);
  if (layer.length === NODE_LENGTH) return layer;
  return merkleRoot(layer, { from: pieceLayer(info.pieceLength), to: treeHeight(file.length) });
}
