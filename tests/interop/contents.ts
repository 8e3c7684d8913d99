/** What is shared in the tests: a single file and a folder with every oddity, their torrents, and fingerprints. */
import { command } from "./lab.ts";

/** libtorrent lives in Debian's own Python only, not in whatever `python3` is first on the path. */
export const PYTHON = "/usr/bin/python3";
/** Our script around libtorrent: maker and reader of torrents, and a peer. */
export const LIBTORRENT: string = new URL("./clients/libtorrent_peer.py", import.meta.url).pathname;

/** A file to share: path segments below the content's name, and its length in bytes. */
interface FilePlan {
  readonly path: readonly string[];
  readonly length: number;
}

/** Something to share: a single file (one plan with an empty path) or a folder. */
export interface Content {
  readonly name: string;
  /** What a test's name calls it. */
  readonly label: string;
  readonly pieceLength: number;
  readonly files: readonly FilePlan[];
}

/** 3 MiB + 777 B: the last piece and its last block are short. */
export const SINGLE: Content = {
  name: "one.bin",
  label: "one file",
  pieceLength: 65_536,
  files: [{ path: [], length: 3 * 1024 * 1024 + 777 }],
};

/** Sub-folders, an empty file, names beyond ASCII, and pieces that belong to several files at once. */
export const FOLDER: Content = {
  name: "a folder",
  label: "a folder",
  pieceLength: 32_768,
  files: [
    { path: ["a.bin"], length: 300_000 },
    { path: ["deep", "er", "c.bin"], length: 40_001 },
    { path: ["sub", "b.bin"], length: 1 },
    { path: ["sub", "empty.txt"], length: 0 },
    { path: ["sub", "ünï çødé 例.bin"], length: 70_001 },
    { path: ["z.bin"], length: 1_048_576 },
  ],
};

/** Deterministic noise (xorshift32), so that a failure can be looked at twice. */
function noise(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** Writes a content below `folder`. */
export async function writeContent(content: Content, folder: string): Promise<void> {
  for (const [index, file] of content.files.entries()) {
    const path = [folder, content.name, ...file.path].join("/");
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(path, noise(file.length, index + 1));
  }
}

async function sha256(path: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(digest).toHex();
}

/** Path below `folder` and SHA-256 of every file of a content found there, in order. Other files are not looked at. */
export async function fingerprint(content: Content, folder: string): Promise<string[]> {
  return await Promise.all(content.files.map(async (file) => {
    const relative = [content.name, ...file.path].join("/");
    const hash = await sha256(`${folder}/${relative}`).catch((error: Error) => error.name);
    return `${relative} ${hash}`;
  }));
}

/** Every file below a folder, as sorted relative paths: to see that nothing was left behind or added. */
export async function listing(folder: string, below = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(`${folder}/${below}`)) {
    const path = `${below}${entry.name}`;
    if (entry.isDirectory) paths.push(...await listing(folder, `${path}/`));
    else paths.push(path);
  }
  return paths.sort();
}

/** The versions a torrent can be of, by the names our CLI gives them. */
export type TorrentVersion = "1" | "2" | "hybrid";

/** A torrent file on disk and its info hashes in hex. */
export interface Torrent {
  readonly path: string;
  readonly content: Content;
  readonly infoHash?: string;
  readonly infoHashV2?: string;
}

/** What libtorrent says about a torrent file. */
export interface TorrentReading {
  readonly v1: string | null;
  readonly v2: string | null;
  readonly name: string;
  readonly length: number;
  readonly pieceLength: number;
  readonly pieceCount: number;
  readonly private: boolean;
  readonly files: readonly {
    readonly path: string;
    readonly length: number;
    readonly pad: boolean;
    readonly executable: boolean;
    /** Where a symbolic link leads; empty if it is none. */
    readonly link: string;
  }[];
  readonly trackers: readonly string[];
  readonly comment: string;
}

/** Lets libtorrent read a torrent file; throws with its words if it refuses. */
export async function readWithLibtorrent(path: string): Promise<TorrentReading> {
  return JSON.parse(await command(PYTHON, [LIBTORRENT, "show", path]));
}

const utf8 = new TextEncoder();

function bencodeText(text: string): string {
  return `${utf8.encode(text).length}:${text}`;
}

/** Puts trackers in front of a torrent that has none: no key that libtorrent writes sorts before them. */
function withTrackers(torrent: Uint8Array, [first, ...more]: readonly [string, ...string[]]): Uint8Array {
  const tiers = more.length === 0
    ? ""
    : `13:announce-listl${[first, ...more].map((url) => `l${bencodeText(url)}e`).join("")}e`;
  const key = utf8.encode(`d8:announce${bencodeText(first)}${tiers}`);
  const result = new Uint8Array(key.length + torrent.length - 1);
  result.set(key);
  result.set(torrent.subarray(1), key.length);
  return result;
}

interface Made {
  readonly bytes: Uint8Array;
  readonly v1: string | null;
  readonly v2: string | null;
}

const made = new Map<string, Promise<Made>>();

async function make(content: Content, version: TorrentVersion, isPrivate: boolean): Promise<Made> {
  const folder = await Deno.makeTempDir({ prefix: "network-bittorrent-content-" });
  try {
    await writeContent(content, folder);
    const path = `${folder}/made.torrent`;
    const source = `${folder}/${content.name}`, flags = isPrivate ? ["private"] : [];
    const hashes = JSON.parse(
      await command(PYTHON, [
        LIBTORRENT,
        "make",
        source,
        path,
        version,
        String(content.pieceLength),
        ...flags,
      ]),
    );
    return { bytes: await Deno.readFile(path), v1: hashes.v1, v2: hashes.v2 };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A tracker that nobody answers, for clients that ignore a torrent without one. */
export const DEAD_TRACKER = "http://10.55.0.99:1/announce";

/** What a torrent can be besides its content. */
export interface TorrentPlan {
  readonly version?: TorrentVersion;
  /** One tracker, or several tiers of one each. */
  readonly announce?: string | readonly [string, ...string[]];
  readonly isPrivate?: boolean;
}

/** Writes the torrent of a content, as libtorrent makes it, into `folder`. */
export async function writeTorrent(
  content: Content,
  options: TorrentPlan & { readonly folder: string },
): Promise<Torrent> {
  const { folder, version = "1", announce = DEAD_TRACKER, isPrivate = false } = options;
  const key = `${content.name}/${content.pieceLength}/${version}/${isPrivate}`;
  const torrent = await made.getOrInsertComputed(key, () => make(content, version, isPrivate));
  const path = `${folder}/${content.name.replaceAll(" ", "_")}-${version}.torrent`;
  await Deno.writeFile(
    path,
    withTrackers(torrent.bytes, typeof announce === "string" ? [announce] : announce),
  );
  return {
    path,
    content,
    ...(torrent.v1 === null ? {} : { infoHash: torrent.v1 }),
    ...(torrent.v2 === null ? {} : { infoHashV2: torrent.v2 }),
  };
}
