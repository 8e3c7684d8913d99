import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { StorageError } from "../../../src/errors.ts";
import { openPieceFiles, type PieceFilesOptions } from "../../../src/io/deno/piece_files.ts";
import { FileStorage } from "../../../src/io/deno/file_storage.ts";
import type { PieceStore } from "../../../src/io/storage.ts";
import { filePieces } from "../../../src/metainfo/geometry.ts";
import type { TorrentFile } from "../../../src/metainfo/info.ts";
import { type SampleTorrent, sampleTorrent } from "../sample_torrent.ts";

/** Whether rights mean something to this process; to root they do not. */
const HAS_RIGHTS = Deno.build.os !== "windows" && Deno.uid() !== 0;

interface Scene {
  readonly root: string;
  readonly sample: SampleTorrent;
  readonly open: (options?: Partial<PieceFilesOptions>) => Promise<PieceStore>;
  /** The final path of a file of the sample. */
  readonly path: (name: string) => string;
}

function test(name: string, use: (scene: Scene) => Promise<void>): void {
  for (const workers of [false, true]) {
    Deno.test(`${name} (workers: ${workers})`, async () => {
      const root = await Deno.makeTempDir(), sample = await sampleTorrent();
      try {
        await use({
          root,
          sample,
          open: (options) =>
            openPieceFiles(sample.metainfo, { directory: `${root}/in`, workers, ...options }),
          path: (file) => `${root}/in/sample/${file}`,
        });
      } finally {
        await Deno.remove(root, { recursive: true });
      }
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

async function storeAll(store: PieceStore, sample: SampleTorrent): Promise<void> {
  for (let piece = 0; piece < sample.metainfo.info.pieceCount; piece++) {
    assertEquals(await store.store(piece, sample.piece(piece)), "stored");
  }
}

/** Puts the sample's content where it belongs. */
async function write({ sample, path }: Scene): Promise<void> {
  for (const { path: segments, index } of sample.metainfo.info.files) {
    const target = path(segments.slice(1).join("/"));
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(target, sample.contents[index]!);
  }
}

function fileOf({ sample }: Scene, name: string): TorrentFile {
  return sample.metainfo.info.files.find(({ path }) => path.slice(1).join("/") === name)!;
}

test("opening makes nothing", async ({ root, open }) => {
  const store = await open();
  await store.checkAll();
  await store.close();
  assertEquals([...Deno.readDirSync(root)], []);
});

test("files are .part until finish(), then have the content under their name", async (scene) => {
  const { open, path, sample } = scene;
  await using store = await open();
  await storeAll(store, sample);
  assert(await exists(path("a.bin.part")) && !await exists(path("a.bin")));
  assertEquals((await store.stamps())[0]?.partial, true);
  for (const { index, length, path: segments } of sample.metainfo.info.files) {
    assertEquals(await store.finish(index), "finished");
    const name = segments.slice(1).join("/");
    assertEquals(await Deno.readFile(path(name)), sample.contents[index]!);
    assertEquals((await Deno.stat(path(name))).size, length);
    assert(!await exists(path(`${name}.part`)));
  }
});

test("a store that is opened again goes on with its .part files", async ({ open, sample }) => {
  const first = await open();
  for (const piece of [0, 2]) await first.store(piece, sample.piece(piece));
  const before = await first.stamps();
  await first.close();
  await using second = await open();
  assertEquals(await second.stamps(), before);
  assertEquals([...(await second.checkAll()).indexes()], [0, 2]);
  await storeAll(second, sample);
  assert((await second.checkAll()).isFull);
});

test("complete files that are there are read, checked and finished without being touched", async (scene) => {
  const { open, path, sample } = scene;
  await write(scene);
  await using store = await open();
  const before = await store.stamps();
  assert((await store.checkAll()).isFull);
  for (const { index } of sample.metainfo.info.files) assertEquals(await store.finish(index), "finished");
  assertEquals(await store.stamps(), before);
  assertEquals(before[0]?.partial, false);
  assert(!await exists(path("a.bin.part")));
});

test("store() refuses a file with other content and leaves it alone", async (scene) => {
  const { open, path, sample } = scene;
  await write(scene);
  await Deno.writeTextFile(path("a.bin"), "mine");
  await using store = await open();
  await assertRejects(() => store.store(0, sample.piece(0)), StorageError, "it exists with other content");
  assertEquals(await Deno.readTextFile(path("a.bin")), "mine");
  assert(!await exists(path("a.bin.part")));
});

test("store() mends a file in which a valid piece was found", async (scene) => {
  const { open, path, sample } = scene;
  await write(scene);
  const broken = sample.contents[0]!.slice();
  broken.fill(0, 0, 10);
  await Deno.writeFile(path("a.bin"), broken);
  await using store = await open();
  assertEquals((await store.checkAll()).has(0), false);
  assertEquals(await store.store(0, sample.piece(0)), "stored");
  assert(await exists(path("a.bin.part")) && !await exists(path("a.bin")));
  assertEquals(await store.finish(0), "finished");
  assertEquals(await Deno.readFile(path("a.bin")), sample.contents[0]!);
});

test("store() writes into anything with overwrite, and cuts what is too long", async (scene) => {
  const { open, path, sample } = scene;
  await write(scene);
  await Deno.writeFile(path("a.bin"), new Uint8Array(200_000).fill(1));
  await using store = await open({ overwrite: true });
  await storeAll(store, sample);
  assertEquals(await store.finish(0), "finished");
  assertEquals(await Deno.readFile(path("a.bin")), sample.contents[0]!);
});

test("finish() notices that a file was changed, and is content after a check", async (scene) => {
  const { open, path, sample } = scene;
  await using store = await open();
  await storeAll(store, sample);
  await Deno.utime(path("a.bin.part"), 1000, 1000);
  assertEquals(await store.finish(0), "changed");
  assert((await store.checkAll()).isFull);
  assertEquals(await store.finish(0), "finished");

  const { index } = fileOf(scene, "c/d/e.bin");
  await Deno.truncate(path("c/d/e.bin.part"), 100);
  assertEquals(await store.finish(index), "changed");
  assert(!(await store.checkAll()).isFull);
  await storeAll(store, sample);
  await Deno.remove(path("c/d/e.bin.part"));
  assertEquals(await store.finish(index), "changed");
  await storeAll(store, sample);
  assertEquals(await store.finish(index), "finished");
  assertEquals(await Deno.readFile(path("c/d/e.bin")), sample.contents[index]!);
});

test("finish() notices that a file was cut while we wrote, though later writes made it long again", async (scene) => {
  const { open, path, sample } = scene, { info } = sample.metainfo;
  const file = info.files.toSorted((a, b) => b.length - a.length)[0]!,
    { last } = filePieces(info, file.index);
  await using store = await open();
  for (let piece = 0; piece < last; piece++) await store.store(piece, sample.piece(piece));
  await Deno.truncate(`${path(file.path.slice(1).join("/"))}.part`, 1);
  for (let piece = last; piece < info.pieceCount; piece++) await store.store(piece, sample.piece(piece));
  assertEquals(await store.finish(file.index), "changed");
  assert(!(await store.checkAll()).isFull);
  await storeAll(store, sample);
  assertEquals(await store.finish(file.index), "finished");
});

test("a finished file that vanishes is written anew", async (scene) => {
  const { open, path, sample } = scene;
  await using store = await open();
  await storeAll(store, sample);
  assertEquals(await store.finish(0), "finished");
  await Deno.remove(path("a.bin"));
  assertEquals((await store.checkAll()).has(0), false);
  await storeAll(store, sample);
  assertEquals(await store.finish(0), "finished");
  assertEquals(await Deno.readFile(path("a.bin")), sample.contents[0]!);
});

test("finish() refuses to replace a file that appeared meanwhile", async ({ open, path, sample }) => {
  await using store = await open();
  await storeAll(store, sample);
  await Deno.writeTextFile(path("a.bin"), "mine");
  await assertRejects(() => store.finish(0), StorageError, "it exists with other content");
  assertEquals(await Deno.readTextFile(path("a.bin")), "mine");
});

/** A file that lies in one piece, and that piece. */
function smallFile(scene: Scene): { readonly index: number; readonly piece: number; readonly place: string } {
  const { index, offset } = fileOf(scene, "b/small.txt");
  const piece = Math.floor(offset / scene.sample.metainfo.info.pieceLength);
  return { index, piece, place: scene.path("b/small.txt") };
}

test("a file in one piece is whole once it has its name, and is not taken for changed", async (scene) => {
  const { open, sample } = scene, { index, piece, place } = smallFile(scene);
  await using store = await open();
  await store.store(piece, sample.piece(piece));
  const names = [place, `${place}.part`], there = [await exists(names[0]!), await exists(names[1]!)];
  assertEquals(there.filter((isThere) => isThere).length, 1);
  assertEquals(await Deno.readFile(names[there.indexOf(true)]!), sample.contents[index]!);
  for (let times = 0; times < 2; times++) assertEquals(await store.finish(index), "finished");
  assertEquals(await Deno.readFile(place), sample.contents[index]!);
  assert(!await exists(`${place}.part`));
  assertEquals((await store.stamps())[index]?.partial, false);
  assertEquals(await store.check(piece), true);
});

test("a file in one piece does not replace one that appeared meanwhile", async (scene) => {
  const { open, sample } = scene, { index, piece, place } = smallFile(scene);
  await using store = await open();
  await Deno.mkdir(place.slice(0, place.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(place, "mine");
  assertEquals(await store.store(piece, sample.piece(piece)), "stored");
  assertEquals(await Deno.readFile(`${place}.part`), sample.contents[index]!);
  await assertRejects(() => store.finish(index), StorageError, "it exists with other content");
  assertEquals(await Deno.readTextFile(place), "mine");
});

test("a file in one piece that was looked at is noticed when it changes, and mended", async (scene) => {
  const { open, sample } = scene, { index, piece, place } = smallFile(scene);
  await using store = await open();
  const make = async () => {
    assertEquals(await store.store(piece, sample.piece(piece)), "stored");
    assertEquals(await store.finish(index), "finished");
    assertEquals(await Deno.readFile(place), sample.contents[index]!);
  };
  await make();
  await store.stamps();
  await Deno.writeTextFile(place, "0123456789");
  assertEquals(await store.finish(index), "changed");
  assertEquals(await store.check(piece), false);
  await make();
  await Deno.remove(place);
  assertEquals((await store.checkAll()).has(piece), false);
  await make();
});

test("read() of a truncated file rejects with its path and never makes up zeros", async (scene) => {
  const { open, path } = scene;
  await write(scene);
  await using store = await open();
  await Deno.truncate(path("a.bin"), 50_000);
  await store.read(0, 0, new Uint8Array(16384));
  const error = await assertRejects(
    () => store.read(1, 16384, new Uint8Array(16384)),
    StorageError,
    path("a.bin"),
  );
  assert(error.message.includes("it ends at byte 50000"), error.message);
});

test("store() rejects where a file is in the place of a folder, or a folder in the place of a file", async (scene) => {
  const { open, path, sample, root } = scene;
  await Deno.mkdir(path("a.bin"), { recursive: true });
  await using store = await open();
  await assertRejects(() => store.store(0, sample.piece(0)), StorageError, "a folder or a device");
  assertEquals(await store.check(0), false);
  await Deno.remove(path(""), { recursive: true });
  await Deno.writeTextFile(`${root}/in/sample`, "");
  await using other = await open();
  const error = await assertRejects(
    () => other.store(0, sample.piece(0)),
    StorageError,
    "a file is in the place",
  );
  assert(error.message.includes(`${root}/in/sample`), error.message);
});

test("store() keeps the system's error as the cause", async ({ open, root, sample, path }) => {
  await using store = await open();
  await store.store(0, sample.piece(0));
  await Deno.remove(root + "/in", { recursive: true });
  const last = sample.metainfo.info.pieceCount - 1;
  await assertRejects(() => store.store(last, sample.piece(last)), StorageError, "Cannot");
  await Deno.mkdir(`${root}/in/sample/z.bin.part`, { recursive: true });
  const error = await assertRejects(() => store.store(last, sample.piece(last)), StorageError, path("z.bin"));
  assertInstanceOf(error.cause, Error);
});

test("store() rejects in a folder without the right to write", async ({ open, root, sample }) => {
  if (!HAS_RIGHTS) return;
  await Deno.mkdir(`${root}/in`);
  await Deno.chmod(`${root}/in`, 0o555);
  await using store = await open();
  await assertRejects(() => store.store(0, sample.piece(0)), StorageError, "permission denied");
});

test("store() never follows a symbolic link out of the folder", async (scene) => {
  const { open, path, root, sample } = scene;
  if (Deno.build.os === "windows") return;
  await Deno.mkdir(`${root}/out`);
  await Deno.mkdir(`${root}/in`);
  const isRefused = async (piece: number) => {
    await using store = await open();
    await assertRejects(() => store.store(piece, sample.piece(piece)), StorageError, "symbolic link");
    assertEquals([...Deno.readDirSync(`${root}/out`)], []);
  };
  await Deno.symlink(`${root}/out`, `${root}/in/sample`);
  await isRefused(0);
  await Deno.remove(`${root}/in/sample`);
  await Deno.mkdir(`${root}/in/sample`);
  await Deno.symlink(`${root}/out`, path("c"));
  const { offset } = fileOf(scene, "c/d/e.bin"),
    inFolder = Math.ceil(offset / sample.metainfo.info.pieceLength);
  await isRefused(inFolder);
  await Deno.symlink(`${root}/out/new`, path("a.bin.part"));
  await using store = await open();
  await assertRejects(() => store.store(0, sample.piece(0)), StorageError, "a folder or a device");
  assertEquals([...Deno.readDirSync(`${root}/out`)], []);
});

test("store() goes through a symbolic link that stays inside the folder", async ({ open, path, root, sample }) => {
  if (Deno.build.os === "windows") return;
  await Deno.mkdir(`${root}/in/sample/elsewhere`, { recursive: true });
  await Deno.symlink("elsewhere", path("c"));
  await using store = await open();
  await storeAll(store, sample);
  assert(await exists(path("elsewhere/d/e.bin.part")));
});

function file(index: number, path: string[], more: Partial<TorrentFile> = {}): TorrentFile {
  return { index, path, length: 0, offset: 0, pad: false, executable: false, hidden: false, ...more };
}

Deno.test("FileStorage makes links inside its folder, executables and empty files", async () => {
  if (Deno.build.os === "windows") return;
  const directory = await Deno.makeTempDir();
  const files = [
    file(0, ["t", "bin", "run"], { length: 3, executable: true }),
    file(1, ["t", "lib", "latest"], { symlink: ["t", "bin", "run"] }),
    file(2, ["t", "empty"]),
    file(3, ["t", "bins"], { symlink: ["t", "bin"] }),
  ];
  const storage = await FileStorage.open(files, { directory });
  await storage.write(0, 0, new Uint8Array([1, 2, 3]));
  assertEquals(await storage.finish(0), "finished");
  assertEquals(await Deno.readLink(`${directory}/t/lib/latest`), "../bin/run");
  assertEquals(await Deno.readLink(`${directory}/t/bins`), "bin");
  assertEquals(await Deno.readFile(`${directory}/t/lib/latest`), new Uint8Array([1, 2, 3]));
  assertEquals((await Deno.stat(`${directory}/t/empty`)).size, 0);
  assertEquals((await Deno.stat(`${directory}/t/bin/run`)).mode! & 0o100, 0o100);
  await storage.close();

  const plain = await FileStorage.open(files, { directory: `${directory}/plain`, symlinks: false });
  await plain.write(0, 0, new Uint8Array([1, 2, 3]));
  assert((await Deno.lstat(`${directory}/plain/t/bins`)).isFile);
  await plain.close();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("FileStorage gives no file a .part name that another file or folder of the torrent has", async () => {
  const directory = await Deno.makeTempDir(),
    names = [["a"], ["A.PART"], ["a.part1"], ["b"], ["b.part", "c"], ["d"]];
  const files = names.map((path, index) => file(index, path, { length: 10 }));
  const content = (index: number) => new Uint8Array(10).fill(index + 1);
  const storage = await FileStorage.open(files, { directory });
  for (const { index } of files.toReversed()) await storage.write(index, 0, content(index));
  await storage.close();
  const again = await FileStorage.open(files, { directory });
  assert((await again.stamps()).every((stamp) => stamp?.partial === true && stamp.length === 10));
  for (const { index } of files) assertEquals(await again.finish(index), "finished");
  for (const { path, index } of files) {
    assertEquals(await Deno.readFile(`${directory}/${path.join("/")}`), content(index));
  }
  await again.close();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("FileStorage.open() rejects paths that could lead elsewhere", async () => {
  for (const path of [[], [".."], ["a", "..", "b"], ["a/b"], ["a\\b"], [""], ["a", "."], ["a\0b"]]) {
    await assertRejects(
      () => FileStorage.open([file(0, path)], { directory: "/nowhere" }),
      StorageError,
      "no safe path",
    );
  }
});

Deno.test("FileStorage serves reads and writes of one file at the same time, each where it belongs", async () => {
  const directory = await Deno.makeTempDir(), parts = 64, length = 10_000;
  const storage = await FileStorage.open([file(0, ["f"], { length: parts * length })], { directory });
  const part = (i: number) => new Uint8Array(length).fill(i + 1);
  await Promise.all(Array.from({ length: parts }, (_, i) => storage.write(0, i * length, part(i))));
  const read = Array.from({ length: parts }, async (_, i) => {
    const into = new Uint8Array(length);
    await Promise.all([storage.read(0, i * length, into), storage.write(0, 0, part(0))]);
    return into;
  });
  (await Promise.all(read)).forEach((bytes, i) => assertEquals(bytes, part(i)));
  await storage.close();
  await Deno.remove(directory, { recursive: true });
});
