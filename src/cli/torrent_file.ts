/** Torrent files as commands are given them: read with a cap, decoded, with errors that name the file. */

import { DecodeError } from "../errors.ts";
import { type MagnetLink, parseMagnet } from "../metainfo/magnet.ts";
import { type Metainfo, readMetainfo } from "../metainfo/metainfo.ts";
import { UsageError } from "./arguments.ts";
import { describeSystemError, Failure } from "./failure.ts";

/** Longest torrent file that is read, in bytes: the hashes of 2 million pieces in both versions are 104 MiB. */
const MAX_TORRENT_LENGTH = 128 << 20;

/** A torrent file: its bytes and what they say. */
export interface TorrentFileContent {
  readonly bytes: Uint8Array;
  readonly metainfo: Metainfo;
}

/** Reads and decodes a torrent file. @throws {Failure} If it cannot be read, is too large or is no torrent. */
export async function readTorrentFile(path: string): Promise<TorrentFileContent> {
  const bytes = await readFile(path);
  try {
    return { bytes, metainfo: await readMetainfo(bytes) };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new Failure(`"${path}" is no torrent: ${error.message}`);
  }
}

/** Whether an argument is a magnet link rather than a path. */
export function isMagnet(argument: string): boolean {
  return /^magnet:/i.test(argument);
}

/** Reads a magnet link from the command line. @throws {UsageError} If it is none. */
export function readMagnet(argument: string): MagnetLink {
  try {
    return parseMagnet(argument);
  } catch (error) {
    if (error instanceof DecodeError) throw new UsageError(error.message);
    throw error;
  }
}

async function readFile(path: string): Promise<Uint8Array> {
  try {
    const file = await Deno.open(path);
    try {
      const { isDirectory, size } = await file.stat();
      if (isDirectory) throw new Deno.errors.IsADirectory();
      return await readCapped(file, size);
    } finally {
      file.close();
    }
  } catch (error) {
    throw new Failure(`Cannot read "${path}": ${describeSystemError(error)}`);
  }
}

/** Reads to the end, also from a pipe, which is longer than it says. */
async function readCapped(file: Deno.FsFile, size: number): Promise<Uint8Array> {
  // One byte more than it says, so that the end of an ordinary file is seen without growing.
  let buffer = new Uint8Array(Math.min(size, MAX_TORRENT_LENGTH) + 1), length = 0;
  for (;;) {
    if (size > MAX_TORRENT_LENGTH || length > MAX_TORRENT_LENGTH) {
      throw new RangeError(`longer than ${MAX_TORRENT_LENGTH >> 20} MiB, which no torrent is`);
    }
    const read = await file.read(buffer.subarray(length));
    if (read === null) return buffer.subarray(0, length);
    length += read;
    if (length < buffer.length) continue;
    const larger = new Uint8Array(Math.max(1 << 16, buffer.length * 2));
    larger.set(buffer);
    buffer = larger;
  }
}
