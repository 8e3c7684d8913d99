/** The files below a path, as content to make a torrent of. */

import { basename, join, resolve } from "node:path";
import type { SourceFile } from "../metainfo/layout.ts";
import { describeSystemError, Failure } from "./failure.ts";

/** A file on the disk to make a torrent of. */
export interface DiskFile extends SourceFile {
  /** Where it is. */
  readonly diskPath: string;
  readonly length: number;
}

/** What a path holds. */
export interface Source {
  /** Name of the folder or the file. */
  readonly name: string;
  /** Whether it is a folder: then the torrent has one, too. */
  readonly isFolder: boolean;
  readonly files: readonly DiskFile[];
}

/** How a path is listed. */
export interface ListOptions {
  /** Another name than that of the folder or the file. */
  readonly name?: string | undefined;
  /** What to leave out, by the name of the content: a torrent made of the folder it lies in must not contain itself. */
  readonly except?: (name: string) => string | undefined;
}

/**
 * Lists what is at a path; symbolic links are followed.
 *
 * @throws {Failure} If something cannot be read or is neither a file nor a folder.
 */
export async function listSource(path: string, options: ListOptions = {}): Promise<Source> {
  const { isDirectory } = await look(path, Deno.stat);
  const name = options.name ?? basename(await look(path, Deno.realPath));
  const files: DiskFile[] = [], except = options.except?.(name);
  if (isDirectory) await walk(path, [], { files, except: except && resolve(except), above: [] });
  else files.push(await describeFile(path, [name]));
  return { name, isFolder: isDirectory, files };
}

/** What a walk collects and must know. */
interface Walk {
  readonly files: DiskFile[];
  readonly except: string | undefined;
  /** Real paths of the folders above, against links that lead back to them. */
  readonly above: readonly string[];
}

async function walk(folder: string, segments: readonly string[], state: Walk): Promise<void> {
  const real = await look(folder, Deno.realPath);
  if (state.above.includes(real)) throw new Failure(`Cannot read "${folder}": the link leads in a circle`);
  const entries = await look(folder, (path) => Array.fromAsync(Deno.readDir(path)));
  for (const { name } of entries) {
    const path = join(folder, name);
    if (resolve(path) === state.except) continue;
    const below = [...segments, name];
    if ((await look(path, Deno.stat)).isDirectory) {
      await walk(path, below, { ...state, above: [...state.above, real] });
    } else state.files.push(await describeFile(path, below));
  }
}

async function describeFile(path: string, segments: readonly string[]): Promise<DiskFile> {
  const { isFile, size } = await look(path, Deno.stat);
  if (!isFile) throw new Failure(`Cannot make a torrent of "${path}": it is neither a file nor a folder`);
  return { path: segments, length: size, diskPath: path, content: () => openStream(path) };
}

/** Reads are few and memory is small. */
const CHUNK = 1 << 20;

/** Opens the file when the first byte is asked for. */
function openStream(path: string): ReadableStream<Uint8Array> {
  let file: Deno.FsFile | undefined;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      file ??= await look(path, Deno.open);
      const chunk = new Uint8Array(CHUNK), read = await readOrClose(file, chunk);
      if (read !== null) return controller.enqueue(chunk.subarray(0, read));
      file.close();
      controller.close();
    },
    cancel: () => file?.close(),
  }, { highWaterMark: 0 });
}

async function readOrClose(file: Deno.FsFile, into: Uint8Array): Promise<number | null> {
  try {
    return await file.read(into);
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Asks the file system. */
async function look<T>(path: string, ask: (path: string) => Promise<T>): Promise<T> {
  try {
    return await ask(path);
  } catch (error) {
    throw new Failure(`Cannot read "${path}": ${describeSystemError(error)}`);
  }
}
