/** Folders below the cache folder, each of which one running program has to itself. */

import { join } from "node:path";

/** As many of a kind may run at a time and keep what they know; nobody runs more of them on one machine. */
const MOST_OF_A_KIND = 16;

/** A folder that is ours until it is given back, or the program ends however it may. */
export interface CachePlace extends Disposable {
  /** Its path. */
  readonly folder: string;
}

/** Takes the folder of that name below `cache`, or another of the kind if it is in use; `undefined` if none can be had. */
export async function takePlace(cache: string, kind: string): Promise<CachePlace | undefined> {
  try {
    for (let number = 1; number <= MOST_OF_A_KIND; number++) {
      const folder = join(cache, number === 1 ? kind : `${kind}.${number}`), lock = await lockFolder(folder);
      if (lock !== undefined) return { folder, [Symbol.dispose]: () => lock.close() };
    }
  } catch {
    // Where nothing can be written nothing can be kept.
  }
  return undefined;
}

/** The lock goes with the file: nothing is left behind in its way by who is killed. */
async function lockFolder(folder: string): Promise<Deno.FsFile | undefined> {
  await Deno.mkdir(folder, { recursive: true });
  const file = await Deno.open(join(folder, "lock"), { write: true, create: true });
  if (await file.tryLock(true)) return file;
  file.close();
  return undefined;
}
