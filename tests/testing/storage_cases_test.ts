import { assertRejects } from "@std/assert";
import { FileStorage } from "../../src/io/deno/file_storage.ts";
import { MemoryStorage } from "../../src/io/memory_storage.ts";
import type { ContentStorage } from "../../src/io/storage.ts";
import { storageCases } from "../../src/testing/storage_cases.ts";
import { withFolder } from "../with_folder.ts";

for (const { name, run } of storageCases) {
  Deno.test(`MemoryStorage ${name}`, async () => {
    let storage: MemoryStorage | undefined;
    await run((files) => Promise.resolve(storage ??= new MemoryStorage(files)));
  });

  Deno.test(`FileStorage ${name}`, () =>
    withFolder(async (directory) => {
      await run((files) => FileStorage.open(files, { directory }));
    }));
}

/** Storages with one fault each. */
const FAULTS: Record<string, (good: MemoryStorage) => Partial<ContentStorage>> = {
  "forgets writes": () => ({ write: () => Promise.resolve() }),
  "makes zeros up": () => ({ read: () => Promise.resolve() }),
  "mixes files up": (good) => ({ write: (file, offset, bytes) => good.write(file % 2, offset, bytes) }),
  "finishes everything": () => ({ finish: () => Promise.resolve("finished") }),
  "never finishes": () => ({ finish: () => Promise.resolve("changed") }),
  "has no stamps": (good) => ({ stamps: async () => (await good.stamps()).map(() => undefined) }),
  "throws its own errors": (good) => ({
    read: (...args) => good.read(...args).catch(() => Promise.reject(new Error("own"))),
  }),
};

for (const [fault, make] of Object.entries(FAULTS)) {
  Deno.test(`storageCases find a storage that ${fault}`, async () => {
    await assertRejects(
      async () => {
        for (const { run } of storageCases) {
          let storage: ContentStorage | undefined;
          await run((files) => {
            const good = new MemoryStorage(files), faulty = make(good);
            storage ??= {
              read: (...args) => good.read(...args),
              write: (...args) => good.write(...args),
              stamps: () => good.stamps(),
              confirm: () => {},
              finish: (file) => good.finish(file),
              flush: () => good.flush(),
              close: () => good.close(),
              ...faulty,
            };
            return Promise.resolve(storage);
          });
        }
      },
      Error,
    );
  });
}
