/**
 * Checking, storing and reading a file of 512 MiB in the page cache, against `openssl dgst` over the same bytes: the limit
 * is two of them side by side, each with one half. Needs some 1 GiB of room in /dev/shm or the folder for temporary files.
 */

import { openPieceFiles } from "../src/io/deno/piece_files.ts";
import { hashWithWorkers } from "../src/io/deno/hash_content.ts";
import type { PieceStore } from "../src/io/storage.ts";
import { createTorrent } from "../src/metainfo/create.ts";
import { pieceSize } from "../src/metainfo/geometry.ts";
import { type Metainfo, readMetainfo } from "../src/metainfo/metainfo.ts";

const LENGTH = 512 << 20, PIECE = 1 << 20, BLOCK = 16384;
const parent = await Deno.stat("/dev/shm").then(() => "/dev/shm", () => undefined);
const directory = await Deno.makeTempDir(parent === undefined ? {} : { dir: parent });
const piece = crypto.getRandomValues(new Uint8Array(BLOCK));
addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));

function write(name: string, length: number): void {
  using file = Deno.openSync(`${directory}/${name}`, { write: true, create: true });
  const bytes = Uint8Array.from({ length: PIECE }, (_, i) => piece[i % BLOCK]!);
  for (let at = 0; at < length; at += PIECE) {
    bytes[0] = at / PIECE;
    file.writeSync(bytes);
  }
}

write("whole", LENGTH);
for (const half of ["half1", "half2"]) write(half, LENGTH / 2);

async function openssl(...names: readonly string[]): Promise<void> {
  const outputs = names.map((name) => {
    return new Deno.Command("openssl", { args: ["dgst", "-sha1", `${directory}/${name}`] }).output();
  });
  for (const { success, stderr } of await Promise.all(outputs)) {
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  }
}

const torrents = new Map<string, Metainfo>();
for (const version of ["1", "2", "hybrid"] as const) {
  const torrent = await createTorrent([{ path: ["whole"], length: LENGTH }], {
    version,
    pieceLength: PIECE,
    hasher: async ({ info }) => {
      const { sha1, merkle } = await hashWithWorkers({
        info,
        paths: [`${directory}/whole`],
        onHashed: () => {},
        onUnreadable: (_, error) => {
          throw error;
        },
      });
      return { ...(sha1 && { sha1: sha1.slice() }), ...(merkle && { merkle: merkle.slice() }) };
    },
  });
  torrents.set(version, await readMetainfo(torrent));
}

const options = { group: "check 512 MiB", n: 5, warmup: 1 };
Deno.bench(
  "limit: two openssl dgst -sha1, a half each",
  { ...options, baseline: true },
  async () => await openssl("half1", "half2"),
);
Deno.bench("one openssl dgst -sha1", options, async () => await openssl("whole"));
for (const [version, metainfo] of torrents) {
  Deno.bench(`checkAll(), version ${version}`, options, async () => {
    await using store = await openPieceFiles(metainfo, { directory });
    if (!(await store.checkAll()).isFull) throw new Error("not whole");
  });
}

/** Stores every piece, some at a time, from shared memory. */
async function storeAll(store: PieceStore, { info }: Metainfo): Promise<void> {
  using source = Deno.openSync(`${directory}/whole`);
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < info.pieceCount; index = next++) {
      const bytes = store.buffers.take(pieceSize(info, index))!;
      source.seekSync(index * PIECE, Deno.SeekMode.Start);
      source.readSync(bytes);
      if (await store.store(index, bytes) !== "stored") throw new Error("corrupt");
      store.buffers.give(bytes);
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
}

const v1 = torrents.get("1")!;
Deno.bench(
  "store 512 MiB, verified, from 16 pieces at a time",
  { group: "store", n: 3, warmup: 1 },
  async () => {
    await using store = await openPieceFiles(v1, { directory: `${directory}/out` });
    await storeAll(store, v1);
    await store.close();
    await Deno.remove(`${directory}/out`, { recursive: true });
  },
);

Deno.bench("read 512 MiB in blocks of 16 KiB", { group: "read", n: 3, warmup: 1 }, async () => {
  await using store = await openPieceFiles(v1, { directory });
  const into = new Uint8Array(BLOCK);
  for (let index = 0; index < v1.info.pieceCount; index++) {
    for (let begin = 0; begin < PIECE; begin += BLOCK) await store.read(index, begin, into);
  }
});
