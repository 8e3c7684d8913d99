import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { createTorrent } from "../../src/metainfo/create.ts";
import { pieceSize } from "../../src/metainfo/geometry.ts";
import { readMetainfo } from "../../src/metainfo/metainfo.ts";
import { httpSeedUrl, webSeedSteps, webSeedUrl } from "../../src/metainfo/web_seed.ts";

const PIECE = 16384;

interface Sample {
  readonly version?: "1" | "2" | "hybrid";
  readonly files: readonly (readonly [path: string, length: number])[];
}

async function torrentOf({ version = "1", files }: Sample) {
  const sources = files.map(([path, length]) => ({ path: path.split("/"), content: new Uint8Array(length) }));
  return await readMetainfo(await createTorrent(sources, { name: "t", version, pieceLength: PIECE }));
}

/** All pieces as slices. */
function allOf({ info }: Awaited<ReturnType<typeof torrentOf>>) {
  return Array.from(
    { length: info.pieceCount },
    (_, piece) => ({ piece, begin: 0, length: pieceSize(info, piece) }),
  );
}

const FILES = { kind: "files", url: "http://w.example/pub" } as const;
const PIECES = { kind: "pieces", url: "http://w.example/seed.php" } as const;

Deno.test("webSeedUrl() escapes spaces, UTF-8 and what URLs mean something by, segment by segment", async () => {
  const { info } = await torrentOf({ files: [["sub dir/ünï #1?.bin", 5], ["100%", 5]] });
  assertEquals(
    info.files.map((file) => webSeedUrl("http://w.example/pub/", info, file)),
    ["http://w.example/pub/t/100%25", "http://w.example/pub/t/sub%20dir/%C3%BCn%C3%AF%20%231%3F.bin"].sort(),
  );
});

Deno.test("webSeedSteps() asks for a file once, across pieces", async () => {
  const torrent = await torrentOf({ files: [["a", 3 * PIECE], ["b", 100]] });
  const steps = webSeedSteps(FILES, torrent, allOf(torrent));
  assertEquals(steps.map((step) => step.type === "file" && [step.url, step.from, step.length, step.total]), [
    ["http://w.example/pub/t/a", 0, 3 * PIECE, 3 * PIECE],
    ["http://w.example/pub/t/b", 0, 100, 100],
  ]);
});

Deno.test("webSeedSteps() asks for each file of a piece of many, never for empty ones", async () => {
  const torrent = await torrentOf({ files: [["a", 10], ["b", 0], ["c", 20], ["d", PIECE]] });
  const steps = webSeedSteps(FILES, torrent, [{ piece: 0, begin: 0, length: PIECE }]);
  assertEquals(steps.map((step) => step.type === "file" && [step.url.at(-1), step.from, step.length]), [
    ["a", 0, 10],
    ["c", 0, 20],
    ["d", 0, PIECE - 30],
  ]);
});

Deno.test("webSeedSteps() makes padding of nothing (BEP 47)", async () => {
  const torrent = await torrentOf({ version: "hybrid", files: [["a", 100], ["b", PIECE + 5]] });
  const steps = webSeedSteps(FILES, torrent, allOf(torrent));
  assertEquals(steps.map(({ type, length }) => [type, length]), [
    ["file", 100],
    ["zeros", PIECE - 100],
    ["file", PIECE + 5],
    ...(torrent.info.files.at(-1)!.pad ? [["zeros", PIECE - 5] as [string, number]] : []),
  ]);
});

Deno.test("webSeedSteps() knows the short pieces of a v2 torrent (BEP 52)", async () => {
  const torrent = await torrentOf({ version: "2", files: [["a", 100], ["b", PIECE + 5]] });
  const steps = webSeedSteps(FILES, torrent, allOf(torrent));
  assertEquals(steps.map(({ type, length }) => [type, length]), [["file", 100], ["file", PIECE + 5]]);
});

Deno.test("webSeedSteps() asks a script piece by piece, without the padding (BEP 17)", async () => {
  const torrent = await torrentOf({ version: "hybrid", files: [["a", 100], ["b", PIECE + 5]] });
  const steps = webSeedSteps(PIECES, torrent, allOf(torrent).slice(0, 2));
  const rangeOf = (url: string) => url.replace(/^.*&piece=/, "");
  assertEquals(steps.map((step) => step.type === "piece" ? rangeOf(step.url) : step.length), [
    "0&ranges=0-99",
    PIECE - 100,
    "1",
  ]);
});

Deno.test("httpSeedUrl() is spelled as BEP 17 prints it", async () => {
  const { info } = await torrentOf({ files: [["a", 9 * PIECE]] });
  const infoHash = Uint8Array.from(
    [0x9c, 0xd9, 0x69, 0x8a, 0xf5, 0x55, 0x75, 0x1a, 0x91, 0x86, 0xae, 0x06, 0x6c, 0x57, 0xea, 0x21],
  );
  const torrent = { info, infoHash: new Uint8Array([...infoHash, 0x57, 0x23, 0x35, 0xe0]) };
  const start = "http://www.whatever.com/seed.php?info_hash=%9C%D9i%8A%F5Uu%1A%91%86%AE%06lW%EA%21W%235%E0";
  const whole = { piece: 3, begin: 0, length: PIECE }, part = { piece: 8, begin: 100, length: 200 };
  assertEquals(httpSeedUrl("http://www.whatever.com/seed.php", torrent, whole), `${start}&piece=3`);
  assertEquals(
    httpSeedUrl("http://www.whatever.com/seed.php", torrent, part),
    `${start}&piece=8&ranges=100-299`,
  );
  assertEquals(httpSeedUrl("http://w/?k=1", torrent, whole).slice(0, 24), "http://w/?k=1&info_hash=");
});

Deno.test("webSeedSteps() covers the slices exactly, whatever the files", async () => {
  const lengths = fc.array(fc.nat(3 * PIECE), { minLength: 1, maxLength: 8 });
  const versions = fc.constantFrom("1" as const, "2" as const, "hybrid" as const);
  await fc.assert(
    fc.asyncProperty(lengths, versions, async (files, version) => {
      fc.pre(files.some((length) => length > 0));
      const torrent = await torrentOf({ version, files: files.map((length, i) => [`f${i}`, length]) });
      const slices = allOf(torrent), length = slices.reduce((sum, slice) => sum + slice.length, 0);
      for (const source of [FILES, PIECES]) {
        const steps = webSeedSteps(source, torrent, slices);
        assertEquals(steps.reduce((sum, step) => sum + step.length, 0), length);
        for (const step of steps) {
          if (step.type === "file") assertEquals(step.from + step.length <= step.file.length, true);
        }
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("webSeedSteps() refuses a slice that leaves its piece", async () => {
  const torrent = await torrentOf({ files: [["a", 10]] });
  assertThrows(() => webSeedSteps(FILES, torrent, [{ piece: 0, begin: 5, length: 6 }]), RangeError);
});
