/** What the main thread and its workers say to each other. Bytes in shared memory are not copied on the way. */

import type { TorrentInfo } from "../../metainfo/info.ts";
import type { PieceHash } from "../../metainfo/verify.ts";
import type { WrittenVersion } from "./file_version.ts";

/** A run of bytes of a piece and where it is written. */
export interface WriteSpan {
  /** Index of the file. */
  readonly file: number;
  /** Its path while it is not whole. */
  readonly path: string;
  /** If the run is the whole file: the path that it gets, unless something is there. */
  readonly finalPath?: string | undefined;
  /** Offset in the file. */
  readonly fileOffset: number;
  /** How long we know the file to be. */
  readonly knownLength: number;
  /** Offset in the piece. */
  readonly pieceOffset: number;
  /** Bytes. */
  readonly length: number;
}

/** A piece to be verified and written. */
export interface PieceToStore {
  /** The piece; in shared memory, or a copy. */
  readonly bytes: Uint8Array;
  /** What it must hash to. */
  readonly hash: PieceHash;
  /** Where it goes. */
  readonly spans: readonly WriteSpan[];
}

/** Verify pieces and write them, one after the other. */
export interface StoreTask {
  readonly type: "store";
  readonly pieces: readonly PieceToStore[];
  /** Files whose handles lead nowhere any more, by path. */
  readonly dropped: readonly string[];
}

/** Hash pieces from files until none is left; other workers have the same task. */
export interface HashTask {
  readonly type: "hash";
  /** The shape of the content. */
  readonly info: TorrentInfo;
  /** Where each file is, by index; `undefined` where it is nowhere. */
  readonly paths: readonly (string | undefined)[];
  /** Shared: the next piece to take. */
  readonly next: Int32Array;
  /** Shared: a SHA-1 per piece, if wanted. */
  readonly sha1: Uint8Array | undefined;
  /** Shared: a Merkle node per piece, if wanted. */
  readonly merkle: Uint8Array | undefined;
}

/** What a worker is told; `task` comes back with every answer. */
export type WorkerRequest = { readonly task: number } & (StoreTask | HashTask);

/** A piece that could not be hashed, and why. */
export interface UnreadablePiece {
  readonly piece: number;
  readonly error: StorageFault;
}

/** A `StorageError` on its way between threads. */
export interface StorageFault {
  readonly message: string;
  readonly causeMessage: string | undefined;
  readonly causeCode: string | undefined;
}

/** What became of one piece. */
export type StoreResult =
  | {
    readonly type: "stored";
    /** Files that were written to and bear the same name as before; of several pieces of a message, the last one to succeed tells. */
    readonly written: readonly (WrittenVersion & { readonly file: number })[];
    /** Files that were written and have their final name. */
    readonly named: readonly number[];
  }
  | { readonly type: "corrupt" }
  | { readonly type: "failed"; readonly error: StorageFault };

/** What a worker answers. */
export type WorkerReply =
  & { readonly task: number }
  & (
    /** What became of the pieces of a `store`, in their order. */
    | { readonly type: "stored"; readonly results: readonly StoreResult[] }
    /** The whole task failed. */
    | { readonly type: "failed"; readonly error: StorageFault }
    /** Pieces whose hashes are in the shared memory, and those that could not be read. More comes. */
    | {
      readonly type: "hashed";
      readonly pieces: readonly number[];
      readonly unreadable: readonly UnreadablePiece[];
    }
    /** No piece is left. */
    | { readonly type: "done" }
  );
