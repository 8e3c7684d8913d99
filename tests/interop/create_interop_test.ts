/**
 * Torrents that we make, next to those that mktorrent and libtorrent make of the same files, and what libtorrent and
 * transmission-show read in ours. Ignored where the programs are absent, except on CI.
 */

import { assert, assertEquals } from "@std/assert";
import { decodeDictionary } from "../../src/bencode/decode.ts";
import { encodeHex } from "../../src/bytes/text.ts";
import { type CreateOptions, createTorrent } from "../../src/metainfo/create.ts";
import type { TorrentVersion } from "../../src/metainfo/info.ts";
import type { SourceFile } from "../../src/metainfo/layout.ts";
import { formatMagnet, magnetLink } from "../../src/metainfo/magnet.ts";
import { readMetainfo } from "../../src/metainfo/metainfo.ts";

const PYTHON = "/usr/bin/python3";
const VERSIONS: readonly TorrentVersion[] = ["1", "2", "hybrid"];

/** Lengths around blocks and pieces; in byte order, which is the one order all tools agree on. */
const CONTENT: readonly (readonly [path: string, length: number])[] = [
  ["a.txt", 40_000],
  ["b.bin", 200_001],
  ["block", 16_384],
  ["dir/deep/one", 1],
  ["dir/piece", 32_768],
  ["empty", 0],
  ["ünïcode", 98_305],
];

/** Writes a torrent of a path with libtorrent: version, piece length, path, output file. */
const LIBTORRENT_CREATE = `
import libtorrent as lt, os, sys
version, piece_length, path, output = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
flags = {"1": lt.create_torrent.v1_only, "2": lt.create_torrent.v2_only, "hybrid": 0}[version]
files = lt.file_storage()
for root, folders, names in os.walk(path) if os.path.isdir(path) else [(os.path.dirname(path), [], [os.path.basename(path)])]:
    for name in names:
        full = os.path.join(root, name)
        files.add_file(os.path.relpath(full, os.path.dirname(path)), os.path.getsize(full))
torrent = lt.create_torrent(files, piece_length, flags)
lt.set_piece_hashes(torrent, os.path.dirname(path))
open(output, "wb").write(lt.bencode(torrent.generate()))
`;

/** Prints what libtorrent reads in a torrent: hashes and files. */
const LIBTORRENT_READ = `
import libtorrent as lt, json, sys
info = lt.torrent_info(sys.argv[1])
hashes, files = info.info_hashes(), info.files()
print(json.dumps({
    "v1": str(hashes.v1) if hashes.has_v1() else None,
    "v2": str(hashes.v2) if hashes.has_v2() else None,
    "name": info.name(), "pieceLength": info.piece_length(),
    "files": [[files.file_path(i), files.file_size(i)] for i in range(files.num_files())
              if not files.file_flags(i) & lt.file_storage.flag_pad_file],
    "trackers": [[tracker.url, tracker.tier] for tracker in info.trackers()],
    "private": info.priv(), "comment": info.comment(), "creator": info.creator(), "date": info.creation_date(),
}))
`;

async function run(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function isInstalled(command: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

const onCi = Deno.env.get("CI") === "true";
const ignoreLibtorrent = !onCi && !await isInstalled(PYTHON, "-c", "import libtorrent");
const ignoreMktorrent = !onCi && !await isInstalled("mktorrent", "-h");
const ignoreTransmission = !onCi && !await isInstalled("transmission-show", "--version");

/** Runs a test with the content in `<folder>/content`. */
async function withContent(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [path, length] of CONTENT) {
      const full = `${folder}/content/${path}`;
      await Deno.mkdir(full.slice(0, full.lastIndexOf("/")), { recursive: true });
      await Deno.writeFile(full, Uint8Array.from({ length }, (_, i) => (i * 2654435761 >>> 15) + length));
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Our torrent of the content, or of one file of it. */
async function ourTorrent(
  folder: string,
  only: string | undefined,
  options: CreateOptions,
): Promise<Uint8Array> {
  const paths = only === undefined ? CONTENT.map(([path]) => path) : [only];
  const files = await Promise.all(paths.map(async (path): Promise<SourceFile> => {
    const content = await Deno.readFile(`${folder}/content/${path}`);
    return { path: path.split("/"), content };
  }));
  return await createTorrent(files, {
    pieceLength: 32768,
    ...only === undefined && { name: "content" },
    ...options,
  });
}

function infoOf(torrent: Uint8Array): Uint8Array {
  return decodeDictionary(torrent).dictionary("info")!.raw;
}

for (const only of [undefined, "b.bin", "block"]) {
  const what = only === undefined ? "a folder" : `the file ${only}`;

  for (const version of VERSIONS) {
    Deno.test(
      { name: `libtorrent makes the same torrent of ${what} (${version})`, ignore: ignoreLibtorrent },
      () =>
        withContent(async (folder) => {
          const path = `${folder}/content${only === undefined ? "" : `/${only}`}`,
            output = `${folder}/theirs.torrent`;
          await run(PYTHON, "-c", LIBTORRENT_CREATE, version, "32768", path, output);
          const theirs = await readMetainfo(await Deno.readFile(output));
          const ours = await readMetainfo(await ourTorrent(folder, only, { version }));
          assertEquals(ours.pieceLayers, theirs.pieceLayers);
          // libtorrent takes v1 files in the order that the folder has on the disk.
          if (version === "1") assertEquals(byPath(ours.info.files), byPath(theirs.info.files));
          if (version !== "1" || only !== undefined) assertEquals(text(ours.rawInfo), text(theirs.rawInfo));
        }),
    );

    Deno.test(
      { name: `libtorrent reads our torrent of ${what} (${version})`, ignore: ignoreLibtorrent },
      () =>
        withContent(async (folder) => {
          const torrent = await ourTorrent(folder, only, {
            version,
            announce: [["http://a/"], ["udp://b:1"]], // libtorrent shuffles a tier
            private: true,
            comment: "cömment",
            createdBy: "us",
            creationDate: 1234567,
          });
          const path = `${folder}/ours.torrent`, ours = await readMetainfo(torrent), { info } = ours;
          await Deno.writeFile(path, torrent);
          assertEquals(JSON.parse(await run(PYTHON, "-c", LIBTORRENT_READ, path)), {
            v1: ours.infoHashV1 ? encodeHex(ours.infoHashV1) : null,
            v2: ours.infoHashV2 ? encodeHex(ours.infoHashV2) : null,
            name: info.name,
            pieceLength: info.pieceLength,
            files: info.files.filter((file) => !file.pad).map((file) => [file.path.join("/"), file.length]),
            trackers: [["http://a/", 0], ["udp://b:1", 1]],
            private: true,
            comment: "cömment",
            creator: "us",
            date: 1234567,
          });
        }),
    );
  }

  Deno.test(
    { name: `mktorrent makes the same file, byte for byte, of ${what}`, ignore: ignoreMktorrent },
    () =>
      withContent(async (folder) => {
        const output = `${folder}/theirs.torrent`,
          path = `${folder}/content${only === undefined ? "" : `/${only}`}`;
        const flags = [
          "-d",
          "-p",
          "-l",
          "15",
          "-c",
          "a comment",
          "-s",
          "SRC",
          "-w",
          "http://w/",
          "-o",
          output,
        ];
        await run("mktorrent", ...flags, "-a", "http://a/", "-a", "http://b/,http://c/", path);
        const theirs = await Deno.readFile(output), createdBy = decodeDictionary(theirs).text("created by")!;
        const ours = await ourTorrent(folder, only, {
          version: "1",
          announce: [["http://a/"], ["http://b/", "http://c/"]],
          private: true,
          comment: "a comment",
          source: "SRC",
          webSeeds: ["http://w/"],
          createdBy,
        });
        assertEquals(text(infoOf(ours)), text(infoOf(theirs)));
        assertEquals(text(ours), text(theirs));
      }),
  );
}

Deno.test(
  { name: "transmission-show reads our torrent", ignore: ignoreTransmission },
  () =>
    withContent(async (folder) => {
      // Version 3.00 cannot open hybrids, whoever made them.
      const path = `${folder}/ours.torrent`, announce = [["http://a/"], ["http://b/", "http://c/"]];
      const torrent = await ourTorrent(folder, undefined, { version: "1", announce, comment: "a comment" });
      await Deno.writeFile(path, torrent);
      const shown = await run("transmission-show", path), ours = await readMetainfo(torrent);
      for (const line of ["Name: content", `Hash: ${encodeHex(ours.infoHash)}`, "Comment: a comment"]) {
        assert(shown.includes(line), shown);
      }
      for (const [file] of CONTENT) assert(shown.includes(`content/${file} (`), shown);
      const [, theirTiers] = /TRACKERS\s+([^]*?)\s+FILES/.exec(shown) ?? [];
      const tiers = announce.map((tier, i) => [`Tier #${i + 1}`, ...tier]).flat();
      assertEquals(theirTiers?.split("\n").map((line) => line.trim()).filter((line) => line !== ""), tiers);
      const magnet = (await run("transmission-show", "--magnet", path)).trim();
      assert(formatMagnet(magnetLink(ours)).startsWith(magnet.slice(0, magnet.indexOf("&"))), magnet);
    }),
);

/** Paths and lengths in an order of our own. */
function byPath(files: readonly { readonly path: readonly string[]; readonly length: number }[]): string[] {
  return files.map((file) => `${file.path.join("/")} ${file.length}`).sort();
}

/** Bytes as text that shows where two differ. */
function text(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}
