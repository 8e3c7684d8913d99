/**
 * Torrents of libtorrent's own tests, and what libtorrent 2.0.8 makes of each. The corpus lies beside the project; without
 * it these tests are ignored, except on CI, where its absence is a failure.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { encodeHex } from "../../src/bytes/text.ts";
import { DecodeError } from "../../src/errors.ts";
import { type Metainfo, readMetainfo } from "../../src/metainfo/metainfo.ts";
import { readInfo } from "../../src/metainfo/read_info.ts";
import { CORPUS, hasCorpus } from "./corpus.ts";

/** The part of `expected.json` that is compared. */
interface Expected {
  readonly result: "ok" | "error";
  readonly v1_infohash: string | null;
  readonly v2_infohash: string | null;
  readonly name: string;
  readonly payload_size: number;
  readonly piece_length: number;
  readonly num_pieces: number;
  readonly num_real_files: number;
  readonly files: readonly {
    readonly path: string;
    readonly size: number;
    readonly flags?: readonly string[];
    readonly symlink?: string;
    readonly root?: string;
  }[];
  /** How many entries `files` has if it does not have all. */
  readonly files_truncated_at?: number;
  readonly trackers: readonly (readonly [url: string, tier: number])[];
  readonly web_seeds: readonly { readonly type: 0 | 1; readonly url: string }[];
  readonly dht_nodes: readonly (readonly [host: string, port: number])[];
  readonly private: boolean;
  readonly comment: string;
  readonly creator: string;
  readonly creation_date: number;
  readonly similar: readonly string[];
  readonly collections: readonly string[];
}

/** What is compared, in a form that both sides can be brought to. */
interface Summary {
  readonly hashes: readonly (string | null)[];
  readonly name: string;
  readonly sizes: readonly number[];
  readonly files: readonly string[];
  readonly trackers: readonly (readonly [url: string, tier: number])[];
  readonly webSeeds: readonly string[];
  readonly httpSeeds: readonly string[];
  readonly nodes: readonly (readonly [host: string, port: number])[];
  readonly private: boolean;
  readonly texts: readonly (string | number)[];
  readonly hints: readonly (readonly string[])[];
}

/** Where we read a torrent otherwise than libtorrent 2.0.8 does: why, and what we make of it. */
interface Deviation {
  readonly why: string;
  readonly result?: "ok" | "error";
  readonly change?: Partial<Summary>;
}

const WEB_SEED =
  "The URL is kept as it is; the slash that BEP 19 wants before the path is added by webSeedUrl().";
const LAYER =
  "BEP 52: a torrent is not valid if the piece layers do not match the roots. libtorrent's later versions agree.";

const DEVIATIONS: { readonly [file: string]: Deviation } = {
  "test_torrents/bad_name.torrent": {
    why:
      'The name is four zero bytes and "purely advisory" (BEP 3): it becomes four underscores, the rest is sound.',
    result: "ok",
  },
  "test_torrents/no_name.torrent": {
    why: 'The name is "purely advisory" (BEP 3): without it the torrent is called by its info hash.',
    result: "ok",
  },
  "test_torrents/invalid_name3.torrent": {
    why: "Windows cannot keep a trailing space; the same torrent has the same paths on every system.",
    change: { name: "foobar", files: ["foobar/foo/bar.txt 425", "foobar/foo/var.txt 425"] },
  },
  "test_torrents/long_name.torrent": {
    why: "The whole segment is held to 240 bytes, not the part before the extension.",
    change: {
      name: `${"abcdefghij0123456789".repeat(13).slice(0, 231)}.23456789`,
      files: [`${"abcdefghij0123456789".repeat(13).slice(0, 231)}.23456789 425`],
    },
  },
  "test_torrents/url_seed_multi.torrent": { why: WEB_SEED, change: { webSeeds: ["http://test.com/file"] } },
  "test_torrents/url_seed_multi_space.torrent": {
    why: WEB_SEED,
    change: { webSeeds: ["http://test.com/test%20file/foo%20bar"] },
  },
  "test_torrents/url_seed_multi_space_nolist.torrent": {
    why: WEB_SEED,
    change: { webSeeds: ["http://test.com/test%20file/foo%20bar"] },
  },
  "test_torrents/v2_invalid_filename2.torrent": {
    why:
      "A name of backslashes alone becomes a file of its own in the folder, not one in the folder's place.",
    change: {
      files: [
        "test/_ 1048576 6dae0824f0dc38043079dfacce900cb7b24f308868c2dff3b23f9af2f218903d",
        "test/_.1 1048576 5b9566a4d5301882644c1c6a083cb05f07f6370f887d35424a3d50e6d0559a3b",
        "test/stress_test2 1048576 a26b08dca3d9a762ced3bb56dd7a78e7fb9acefaea5a2a41de44c5c9169325f2",
      ],
    },
  },
  "test_torrents/v2_invalid_piece_layer_root.torrent": { why: LAYER, result: "error" },
  "test_torrents/v2_invalid_root_hash.torrent": { why: LAYER, result: "error" },
  "test_torrents/v2_unknown_piece_layer_entry.torrent": { why: LAYER, result: "error" },
};

const ignore = !hasCorpus && Deno.env.get("CI") !== "true";
const expected: { readonly [file: string]: Expected } = hasCorpus
  ? JSON.parse(Deno.readTextFileSync(new URL("expected.json", CORPUS))).torrents
  : {};

Deno.test(
  { name: "the corpus is there, all of it, and every deviation is about one of its files", ignore },
  () => {
    assertEquals(Object.keys(expected).length, 119);
    for (const file of Object.keys(DEVIATIONS)) assertEquals(file in expected, true, file);
  },
);

for (const [file, verdict] of Object.entries(expected)) {
  const deviation = DEVIATIONS[file], result = deviation?.result ?? verdict.result;
  Deno.test(`readMetainfo() ${result === "ok" ? "reads" : "refuses"} ${file}`, async () => {
    const bytes = await Deno.readFile(new URL(file, CORPUS));
    if (result === "error") {
      return void await assertRejects(() => readMetainfo(bytes), DecodeError, "Cannot decode");
    }
    const metainfo = await readMetainfo(bytes);
    if (verdict.result === "ok") {
      const wanted = { ...theirs(verdict), ...deviation?.change };
      assertEquals(ours(metainfo, wanted.files.length), wanted);
    }
    const fallbackName = encodeHex(metainfo.infoHash);
    assertEquals(readInfo(metainfo.rawInfo, { fallbackName }), metainfo.info);
  });
}

/** `listed` files are enough: of a long list `expected.json` has the start only. */
function ours(metainfo: Metainfo, listed: number): Summary {
  const { info, announce, nodes } = metainfo, real = info.files.filter((file) => !file.pad);
  const hex = (hash: Uint8Array | undefined) => hash ? encodeHex(hash) : null;
  return {
    hashes: [hex(metainfo.infoHashV1), hex(metainfo.infoHashV2)],
    name: info.name,
    sizes: [info.contentLength, info.pieceLength, info.pieceCount, real.length],
    files: real.slice(0, listed).map((file) =>
      fileLine(
        file.path.join("/"),
        file.length,
        file.symlink?.join("/"),
        hex(file.piecesRoot),
        file.executable,
      )
    ),
    trackers: announce.flatMap((tier, i) => tier.map((url) => [url, i] as const)),
    webSeeds: metainfo.webSeeds,
    httpSeeds: metainfo.httpSeeds,
    nodes: nodes.map(({ host, port }) => [host, port]),
    private: info.private,
    texts: [metainfo.comment ?? "", metainfo.createdBy ?? "", metainfo.creationDate ?? 0],
    hints: [metainfo.similar.map(encodeHex), metainfo.collections],
  };
}

function theirs(verdict: Expected): Summary {
  const flags = (file: { flags?: readonly string[] }) => file.flags ?? [];
  const real = verdict.files.filter((file) => !flags(file).includes("pad"));
  if (verdict.files_truncated_at === undefined) assertEquals(real.length, verdict.num_real_files);
  return {
    hashes: [verdict.v1_infohash, verdict.v2_infohash],
    name: verdict.name,
    sizes: [verdict.payload_size, verdict.piece_length, verdict.num_pieces, verdict.num_real_files],
    files: real.map((file) =>
      fileLine(file.path, file.size, file.symlink, file.root ?? null, flags(file).includes("executable"))
    ),
    trackers: verdict.trackers,
    webSeeds: verdict.web_seeds.filter((seed) => seed.type === 0).map((seed) => seed.url),
    httpSeeds: verdict.web_seeds.filter((seed) => seed.type === 1).map((seed) => seed.url),
    nodes: verdict.dht_nodes,
    private: verdict.private,
    texts: [verdict.comment, verdict.creator, verdict.creation_date],
    hints: [verdict.similar, verdict.collections],
  };
}

function fileLine(
  path: string,
  length: number,
  symlink: string | undefined,
  root: string | null,
  executable: boolean,
): string {
  return [path, length, symlink && `-> ${symlink}`, root, executable && "x"].filter(Boolean).join(" ");
}
