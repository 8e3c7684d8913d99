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

function store({ bytes, hash, spans }: PieceToStore): StoreResult {
  if (!matchesHashSync(bytes, hash)) return { type: "corrupt" };
  const versions: (WrittenVersion & { file: number })[] = [], named: number[] = [];
  for (const { file, path, finalPath, fileOffset, knownLength, pieceOffset, length } of spans) {
    const part = length === bytes.length ? bytes : bytes.subarray(pieceOffset, pieceOffset + length);
    if (finalPath !== undefined) writeWhole(path, part);
    else versions.push({ file, ...written.write(path, { offset: fileOffset, knownLength, bytes: part }) });
  }
  // Only now: had a file its name when the next cannot be written, nobody would know that it is ours.
  for (const { file, path, finalPath } of spans) {
    if (finalPath === undefined) continue;
    if (nameWhole(path, finalPath)) named.push(file);
    else versions.push({ file, ...versionOf(Deno.statSync(path)), wasCut: false });
  }
  return { type: "stored", written: versions, named };
}

/** What goes wrong with one piece says nothing about the next. */
function tryToStore(piece: PieceToStore): StoreResult {
  try {
    return store(piece);
  } catch (error) {
    return { type: "failed", error: storageFault(error) };
  }
}

scope.onmessage = ({ data }) => {
  const { task } = data;
  try {
    if (data.type === "store") {
      for (const path of data.dropped) written.drop(path);
      return scope.postMessage({ task, type: "stored", results: data.pieces.map(tryToStore) });
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
