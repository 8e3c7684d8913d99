/** Files for the demonstration: made of chance, and compared byte for byte in the end. */

import { createHash } from "node:crypto";
import { dirname, join } from "node:path";

/** A file of the payload: where it is below the payload's folder, and its share of the whole. */
const FILES: readonly (readonly [path: string, share: number])[] = [
  ["film.bin", 0.6],
  ["music/track 1.bin", 0.2],
  ["music/track 2.bin", 0.15],
  ["music/covers/front.bin", 0.05],
  ["read me.txt", 0],
];

const NOTE = "Made by 'bittorrent demo': nothing but chance in here.\n";

/** The most that `getRandomValues` gives at once. */
const CHUNK = 65_536;

/** Writes about `length` bytes in some files below `folder` and answers their paths. */
export async function makePayload(folder: string, length: number): Promise<readonly string[]> {
  for (const [path, share] of FILES) {
    const target = join(folder, path);
    await Deno.mkdir(dirname(target), { recursive: true });
    if (share === 0) await Deno.writeTextFile(target, NOTE);
    else await writeChance(target, Math.floor(length * share));
  }
  return FILES.map(([path]) => path);
}

async function writeChance(path: string, length: number): Promise<void> {
  const file = await Deno.create(path), chunk = new Uint8Array(CHUNK);
  try {
    for (let left = length; left > 0;) {
      crypto.getRandomValues(chunk);
      left -= await file.write(chunk.subarray(0, Math.min(left, CHUNK)));
    }
  } finally {
    file.close();
  }
}

/** Whether two files have the same SHA-256. */
export async function areAlike(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([sha256(a), sha256(b)]);
  return one === other;
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of (await Deno.open(path)).readable) hash.update(chunk);
  return hash.digest("hex");
}
