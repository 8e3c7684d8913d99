/** What every {@linkcode ContentStorage} must do, as cases that any test runner can run: for adapters of one's own. */

import { StorageError } from "../errors.ts";
import type { ContentStorage } from "../io/storage.ts";
import type { TorrentFile } from "../metainfo/info.ts";

/** Opens the storage under test. Within a case it must be the same place every time, empty at first. */
export type OpenTestStorage = (files: readonly TorrentFile[]) => Promise<ContentStorage>;

/** One thing that a storage must do. */
export interface StorageCase {
  /** What it must do, as the name of a test. */
  readonly name: string;
  /** Does it. @throws {Error} If the storage does something else. */
  run(open: OpenTestStorage): Promise<void>;
}

/** More files than any storage should keep open. */
const MANY_FILES = 300;

function filesOf(...lengths: readonly number[]): TorrentFile[] {
  let offset = 0;
  return lengths.map((length, index) => {
    offset += length;
    const path = ["torrent", `folder ${index % 5}`, `file ${index}`];
    return { index, path, length, offset: offset - length, pad: false, executable: false, hidden: false };
  });
}

/** Bytes that differ from their neighbours and from other seeds. */
function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 7 + seed * 13 + (i >> 8));
}

function expect(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`The storage must ${what}`);
}

function expectBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  expect(actual.length === expected.length && actual.every((byte, i) => byte === expected[i]), what);
}

async function expectStorageError(work: () => Promise<unknown>, what: string): Promise<void> {
  try {
    await work();
  } catch (error) {
    return expect(error instanceof StorageError, `reject with a StorageError, not with ${error}, to ${what}`);
  }
  expect(false, `reject to ${what}`);
}

async function readAll(storage: ContentStorage, file: number, length: number): Promise<Uint8Array> {
  const into = new Uint8Array(length);
  await storage.read(file, 0, into);
  return into;
}

/** Every case; run each with a place of its own. */
export const storageCases: readonly StorageCase[] = [
  {
    name: "gives back what was written, piece by piece in any order",
    async run(open) {
      const content = pattern(100_000, 1), storage = await open(filesOf(content.length));
      for (const start of [60_000, 0, 80_000, 20_000, 40_000]) {
        await storage.write(0, start, content.subarray(start, start + 20_000));
      }
      expectBytes(await readAll(storage, 0, content.length), content, "give back what was written");
      const middle = new Uint8Array(30_001);
      await storage.read(0, 19_999, middle);
      expectBytes(middle, content.subarray(19_999, 50_000), "read across writes");
      await storage.close();
    },
  },
  {
    name: "keeps files apart",
    async run(open) {
      const storage = await open(filesOf(1000, 1000, 1000));
      await Promise.all([0, 1, 2].map((file) => storage.write(file, 0, pattern(1000, file))));
      for (const file of [2, 0, 1]) {
        expectBytes(await readAll(storage, file, 1000), pattern(1000, file), "keep files apart");
      }
      await storage.close();
    },
  },
  {
    name: "rejects reads of what is not there, and makes no zeros up",
    async run(open) {
      const storage = await open(filesOf(1000, 1000));
      await expectStorageError(() => storage.read(1, 0, new Uint8Array(1)), "read a missing file");
      await storage.write(0, 0, pattern(500, 1));
      await expectStorageError(() => storage.read(0, 400, new Uint8Array(200)), "read beyond the end");
      await storage.read(0, 400, new Uint8Array(100));
      await storage.close();
    },
  },
  {
    name: "stamps what is there, and differently after a change",
    async run(open) {
      const storage = await open(filesOf(1000, 1000));
      expect(
        (await storage.stamps()).every((stamp) => stamp === undefined),
        "have no stamps of missing files",
      );
      await storage.write(1, 100, pattern(400, 1));
      const [missing, first] = await storage.stamps();
      expect(missing === undefined && first?.length === 500 && first.partial, "stamp a file with its length");
      await storage.write(1, 900, pattern(100, 1));
      const [, second] = await storage.stamps();
      expect(
        second?.length === 1000 && second.modifiedMs >= first!.modifiedMs,
        "stamp a longer file with its length",
      );
      await storage.close();
    },
  },
  {
    name: "finishes a whole file, reads it then, and takes writes to it again",
    async run(open) {
      const storage = await open(filesOf(1000));
      await storage.write(0, 0, pattern(1000, 1));
      storage.confirm(0);
      expect(await storage.finish(0) === "finished", "finish a whole file");
      expect((await storage.stamps())[0]?.partial === false, "stamp a finished file as not partial");
      expectBytes(await readAll(storage, 0, 1000), pattern(1000, 1), "read a finished file");
      expect(await storage.finish(0) === "finished", "finish a file twice");
      await storage.write(0, 10, pattern(10, 5));
      expect((await storage.stamps())[0]?.partial === true, "stamp a file that is written again as partial");
      expect(await storage.finish(0) === "finished", "finish a file again");
      await storage.close();
    },
  },
  {
    name: 'answers "changed" for a file that is missing or not whole',
    async run(open) {
      const storage = await open(filesOf(1000, 1000));
      await storage.write(0, 0, pattern(999, 1));
      for (const file of [0, 1]) {
        expect(await storage.finish(file) === "changed", "not finish what is not whole");
      }
      expect((await storage.stamps())[0]?.partial === true, "leave it partial");
      await storage.close();
    },
  },
  {
    name: "keeps content over closing and opening",
    async run(open) {
      const files = filesOf(1000, 1000), first = await open(files);
      await first.write(0, 0, pattern(1000, 1));
      await first.write(1, 0, pattern(600, 2));
      await first.finish(0);
      await first.flush();
      const stamps = await first.stamps();
      await first.close();
      await first.close();
      const second = await open(files), again = await second.stamps();
      const isSame = again.every((stamp, i) =>
        stamp?.length === stamps[i]?.length && stamp?.modifiedMs === stamps[i]?.modifiedMs &&
        stamp?.partial === stamps[i]?.partial
      );
      expect(isSame, "give the same stamps when opened again");
      expectBytes(await readAll(second, 0, 1000), pattern(1000, 1), "keep a finished file");
      expectBytes(await readAll(second, 1, 600), pattern(600, 2), "keep a partial file");
      await second.write(1, 600, pattern(400, 3));
      expect(await second.finish(1) === "finished", "go on with a partial file");
      await second.close();
    },
  },
  {
    name: "takes reads and writes of many files at the same time",
    async run(open) {
      const lengths = Array.from({ length: MANY_FILES }, (_, i) => 1000 + i),
        storage = await open(filesOf(...lengths));
      await Promise.all(lengths.map((length, file) => storage.write(file, 0, pattern(length, file))));
      const read = await Promise.all(lengths.map(async (length, file) => {
        const [bytes] = await Promise.all([
          readAll(storage, file, length),
          storage.write(file, 0, pattern(length, file)),
        ]);
        return bytes;
      }));
      read.forEach((bytes, file) =>
        expectBytes(bytes, pattern(lengths[file]!, file), "keep many files apart")
      );
      await storage.close();
    },
  },
];
