/** What the client needs of a disk: a place for content and a place for its own notes. */

import type { PieceStore } from "../io/storage.ts";
import type { TorrentInfo } from "../metainfo/info.ts";

/** Where and how the content of one torrent is opened. */
export interface OpenStoreOptions {
  /** Folder that holds the torrent's top name. */
  readonly directory: string;
  /** Write into a file that exists with other content. */
  readonly overwrite: boolean;
}

/** Opens the content of one torrent. */
export type StoreFactory = (info: TorrentInfo, options: OpenStoreOptions) => Promise<PieceStore>;

/** Keeps small files of the client: resume data. Names are safe file names. */
export interface ResumeStore {
  /** The file's bytes, or `undefined` if there is none. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Replaces the file as a whole: after a crash the old or the new bytes are there, never a mixture. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Adds bytes at the end, making the file if needed. */
  append(name: string, bytes: Uint8Array): Promise<void>;
  /** Removes the file if it is there. */
  remove(name: string): Promise<void>;
}
