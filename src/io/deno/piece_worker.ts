/** The worker's side: verifies and writes pieces, hashes whole contents. Started by `worker_lane.ts`. */

import { versionOf, type WrittenVersion } from "./file_version.ts";
import { hashPieces } from "./hash_pieces.ts";
import { storageFault } from "./storage_fault.ts";
import { SyncFiles } from "./sync_files.ts";
import { matchesHashSync } from "./sync_hash.ts";
import { nameWhole, writeWhole } from "./whole_files.ts";
import type { PieceToStore, StoreResult, WorkerReply, WorkerRequest } from "./worker_messages.ts";

/** The part of a worker's global scope that is needed; the types of windows have it otherwise. */
interface WorkerScope {
  onmessage: (event: MessageEvent<WorkerRequest>) => void;
  postMessage(reply: WorkerReply): void;
}

const scope = globalThis as unknown as WorkerScope;
const written = new SyncFiles("write"), read = new SyncFiles("read");

/** A file that pieces of one message were written to. */
interface WrittenFile {
  readonly file: number;
  /** How long the main thread knew it to be. */
  readonly knownLength: number;
  /** A write has hidden that it was shorter. */
  readonly wasCut: boolean;
  /** Belongs to the answer for the last of the pieces. */
  readonly versions: (WrittenVersion & { file: number })[];
}

/**
 * Verifies pieces and writes them, then looks at each file once, for all of its pieces: a look and an answer for each take 5 µs,
 * on both sides together.
 */
function storeAll(pieces: readonly PieceToStore[]): StoreResult[] {
  const files = new Map<string, WrittenFile>();
  const results = pieces.map((piece) => tryToStore(piece, files));
  for (const [path, { file, knownLength, wasCut, versions }] of files) {
    const version = written.version(path);
    versions.push({ file, ...version, wasCut: wasCut || version.length < knownLength });
  }
  return results;
}

/** What goes wrong with one piece says nothing about the next. */
function tryToStore(piece: PieceToStore, files: Map<string, WrittenFile>): StoreResult {
  try {
    return store(piece, files);
  } catch (error) {
    return { type: "failed", error: storageFault(error) };
  }
}

function store({ bytes, hash, spans }: PieceToStore, files: Map<string, WrittenFile>): StoreResult {
  if (!matchesHashSync(bytes, hash)) return { type: "corrupt" };
  const versions: (WrittenVersion & { file: number })[] = [], named: number[] = [];
  const short: string[] = [];
  for (const { path, finalPath, fileOffset, knownLength, pieceOffset, length } of spans) {
    const part = length === bytes.length ? bytes : bytes.subarray(pieceOffset, pieceOffset + length);
    if (finalPath !== undefined) {
      writeWhole(path, part);
      continue;
    }
    if (written.write(path, { offset: fileOffset, knownLength, bytes: part })) short.push(path);
  }
  // Only now: had a file its name when the next cannot be written, nobody would know that it is ours.
  for (const { file, path, finalPath, knownLength } of spans) {
    if (finalPath === undefined) {
      const before = files.get(path), wasCut = short.includes(path) || before?.wasCut === true;
      files.set(path, {
        file,
        knownLength: Math.max(knownLength, before?.knownLength ?? 0),
        wasCut,
        versions,
      });
    } else if (nameWhole(path, finalPath)) named.push(file);
    else versions.push({ file, ...versionOf(Deno.statSync(path)), wasCut: false });
  }
  return { type: "stored", written: versions, named };
}

scope.onmessage = ({ data }) => {
  const { task } = data;
  try {
    if (data.type === "store") {
      for (const path of data.dropped) written.drop(path);
      return scope.postMessage({ task, type: "stored", results: storeAll(data.pieces) });
    }
    hashPieces(
      data,
      read,
      (pieces, unreadable) => scope.postMessage({ task, type: "hashed", pieces, unreadable }),
    );
    scope.postMessage({ task, type: "done" });
  } catch (error) {
    scope.postMessage({ task, type: "failed", error: storageFault(error) });
  }
};
