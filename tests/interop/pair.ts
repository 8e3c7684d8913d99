/** The stage of nearly every test: one content, its torrent, a seed on host 2, a downloader on host 3. */
import { assertEquals } from "@std/assert";
import type { Client, Job } from "./clients/client.ts";
import {
  type Content,
  fingerprint,
  listing,
  type Torrent,
  type TorrentVersion,
  writeContent,
  writeTorrent,
} from "./contents.ts";
import { us } from "./interop.ts";
import type { Lab } from "./lab.ts";

/** A seed and a downloader of one torrent; host 1 is for a tracker. */
export interface Pair {
  readonly torrent: Torrent;
  readonly seedFolder: string;
  readonly downloadFolder: string;
}

/** Lays out the content and the torrent of a pair. */
export async function preparePair(
  lab: Lab,
  content: Content,
  announce?: string,
  version: TorrentVersion = "1",
): Promise<Pair> {
  const seedFolder = lab.host(2).folder("seed");
  await writeContent(content, seedFolder);
  const torrent = await writeTorrent(content, {
    folder: lab.folder,
    version,
    ...(announce === undefined ? {} : { announce }),
  });
  return { torrent, seedFolder, downloadFolder: lab.host(3).folder("download") };
}

/** Where we keep what a resumed download must know, for as long as we run. */
const NOTES_FOLDER = ".bittorrent";

const HASH_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** Throws unless the download is the same as the seed's content, byte by byte. */
export async function assertSame(pair: Pair, downloader?: Client): Promise<void> {
  const { torrent: { content }, seedFolder, downloadFolder } = pair;
  const isExpected = (line: string) =>
    downloader?.skipsEmptyFiles !== true || !line.endsWith(HASH_OF_NOTHING);
  const expected = (await fingerprint(content, seedFolder)).filter(isExpected);
  const found = await fingerprint(content, downloadFolder);
  assertEquals(
    found.filter((line) => downloader?.skipsEmptyFiles !== true || !line.endsWith(" NotFound")),
    expected,
  );
  if (downloader !== us) return;
  const isContent = (path: string) => !path.startsWith(`${NOTES_FOLDER}/`);
  assertEquals((await listing(downloadFolder)).filter(isContent), await listing(seedFolder));
}

/** What the seed of a pair is to do. */
export function seedJob(pair: Pair): Job {
  return { role: "seed", folder: pair.seedFolder, torrent: pair.torrent };
}

/** What the downloader of a pair is to do; `peers` for one that dials. */
export function downloadJob(pair: Pair, ...peers: readonly string[]): Job {
  return {
    role: "download",
    folder: pair.downloadFolder,
    torrent: pair.torrent,
    ...(peers.length > 0 && { peers }),
  };
}
