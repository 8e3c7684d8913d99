/** What the client needs of a disk: a place for the content of each torrent. */

import type { PieceStore } from "../io/storage.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";

/** Where and how the content of one torrent is opened. */
export interface OpenStoreOptions {
  /** Folder that holds the torrent's top name. */
  readonly directory: string;
  /** Write into a file that exists with other content. */
  readonly overwrite: boolean;
}

/** Opens the content of one torrent. */
export type StoreFactory = (metainfo: Metainfo, options: OpenStoreOptions) => Promise<PieceStore>;
