import { assert, assertEquals, assertRejects } from "@std/assert";
import { DecodeError, StateError, StorageError } from "../../src/errors.ts";
import { openPieceFiles } from "../../src/io/deno/piece_files.ts";
import { openMemoryStore } from "../../src/io/memory_storage.ts";
import type { PieceStore } from "../../src/io/storage.ts";
import type { TorrentVersion } from "../../src/metainfo/info.ts";
import { pieceFiles, pieceSize } from "../../src/metainfo/geometry.ts";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";
import { withFolder } from "../with_folder.ts";
import { type SampleTorrent, sampleTorrent } from "./sample_torrent.ts";

type Open = (metainfo: Metainfo) => Promise<PieceStore>;

const WAYS: Record<string, (use: (open: Open) => Promise<void>) => Promise<void>> = {
  memory: (use) => use((metainfo) => Promise.resolve(openMemoryStore(metainfo))),
  files: (use) =>
    withFolder((directory) => use((metainfo) => openPieceFiles(metainfo, { directory, workers: false }))),
  workers: (use) =>
    withFolder((directory) => use((metainfo) => openPieceFiles(metainfo, { directory, workers: true }))),
};

async function storeAll(store: PieceStore, { metainfo, piece }: SampleTorrent): Promise<void> {
  for (let index = metainfo.info.pieceCount - 1; index >= 0; index--) {
    const bytes = store.buffers.take(pieceSize(metainfo.info, index))!;
    bytes.set(piece(index));
    assertEquals(await store.store(index, bytes), "stored");
    store.buffers.give(bytes);
  }
}

async function readPiece(
  store: PieceStore,
  metainfo: Metainfo,
  piece: number,
  step: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(pieceSize(metainfo.info, piece));
  for (let begin = 0; begin < bytes.length; begin += step) {
    await store.read(piece, begin, bytes.subarray(begin, begin + step));
  }
  return bytes;
}

for (const [way, use] of Object.entries(WAYS)) {
  for (const version of ["1", "2", "hybrid"] satisfies TorrentVersion[]) {
    Deno.test(`a store of a v${version} torrent in ${way} takes, gives, checks and finishes what it was given`, () =>
      use(async (open) => {
        const sample = await sampleTorrent({ version }), { metainfo } = sample;
        await using store = await open(metainfo);
        assertEquals((await store.checkAll()).count, 0);
        await storeAll(store, sample);
        for (let piece = 0; piece < metainfo.info.pieceCount; piece++) {
          assertEquals(await readPiece(store, metainfo, piece, 16384), sample.piece(piece));
          assertEquals(await readPiece(store, metainfo, piece, 1 << 20), sample.piece(piece));
          assertEquals(await store.check(piece), true);
        }
        const seen: [number, boolean][] = [];
        const valid = await store.checkAll({ onProgress: (piece, isValid) => seen.push([piece, isValid]) });
        assert(valid.isFull);
        assertEquals(seen.sort(([a], [b]) => a - b), Array.from(seen, (_, piece) => [piece, true]));
        assertEquals(seen.length, metainfo.info.pieceCount);
        for (const file of metainfo.info.files) assertEquals(await store.finish(file.index), "finished");
        await store.flush();
        for (const [index, stamp] of (await store.stamps()).entries()) {
          const file = metainfo.info.files[index]!;
          if (file.pad || file.length === 0) continue;
          assertEquals([stamp?.length, stamp?.partial], [file.length, false]);
        }
        assertEquals(await readPiece(store, metainfo, 0, 16384), sample.piece(0));
      }));
  }

  Deno.test(`store() in ${way} answers "corrupt" and writes nothing`, () =>
    use(async (open) => {
      const sample = await sampleTorrent();
      await using store = await open(sample.metainfo);
      const bytes = sample.piece(0);
      bytes[5]! ^= 1;
      assertEquals(await store.store(0, bytes), "corrupt");
      assertEquals(await store.store(0, sample.piece(0).subarray(1)), "corrupt");
      assertEquals(await store.check(0), false);
      await assertRejects(() => store.read(0, 0, new Uint8Array(10)), StorageError);
    }));

  Deno.test(`read() in ${way} never serves a piece's neighbour or old bytes`, () =>
    use(async (open) => {
      const sample = await sampleTorrent(), { metainfo } = sample;
      await using store = await open(metainfo);
      assertEquals(await store.store(0, sample.piece(0)), "stored");
      const into = new Uint8Array(16384);
      await store.read(0, 16384, into);
      await assertRejects(() => store.read(1, 0, into), StorageError);
      assertEquals(await store.store(1, sample.piece(1)), "stored");
      await store.read(1, 0, into);
      assertEquals(into, sample.piece(1).subarray(0, 16384));
    }));

  Deno.test(`read() in ${way} rejects what is not inside a piece`, () =>
    use(async (open) => {
      const sample = await sampleTorrent(), last = sample.metainfo.info.pieceCount - 1;
      await using store = await open(sample.metainfo);
      const bytes = sample.piece(last);
      assertEquals(await store.store(last, bytes), "stored");
      for (
        const [piece, begin, length] of [[last, 1, bytes.length], [last, -1, 1], [last + 1, 0, 1], [
          -1,
          0,
          1,
        ]] as const
      ) {
        await assertRejects(() => store.read(piece, begin, new Uint8Array(length)), RangeError);
      }
      await assertRejects(() => store.store(last + 1, bytes), RangeError);
      await assertRejects(() => store.check(-1), RangeError);
    }));

  Deno.test(`checkAll() in ${way} tells which pieces are there`, () =>
    use(async (open) => {
      const sample = await sampleTorrent({ version: "hybrid" }), { metainfo } = sample;
      await using store = await open(metainfo);
      for (const piece of [1, 3]) assertEquals(await store.store(piece, sample.piece(piece)), "stored");
      assertEquals([...(await store.checkAll()).indexes()], [1, 3]);
      assertEquals([await store.check(1), await store.check(2)], [true, false]);
    }));

  Deno.test(`checkAll() in ${way} rejects with the signal's reason`, () =>
    use(async (open) => {
      const sample = await sampleTorrent(), reason = new Error("enough");
      await using store = await open(sample.metainfo);
      await storeAll(store, sample);
      assertEquals(await assertRejects(() => store.checkAll({ signal: AbortSignal.abort(reason) })), reason);
      const controller = new AbortController();
      const check = store.checkAll({
        signal: controller.signal,
        onProgress: () => controller.abort(reason),
      });
      assertEquals(await assertRejects(() => check), reason);
    }));

  Deno.test(`close() in ${way} waits for what is under way, may be called twice, and ends everything`, () =>
    use(async (open) => {
      const sample = await sampleTorrent(), store = await open(sample.metainfo);
      let isStored = false;
      const work = store.store(0, sample.piece(0)).then(() => isStored = true);
      await Promise.all([store.close(), store.close()]);
      assertEquals(isStored, true);
      await work;
      await assertRejects(() => store.store(1, sample.piece(1)), StateError);
      await assertRejects(() => store.read(0, 0, new Uint8Array(1)), StateError);
      await assertRejects(() => store.check(0), StateError);
      await assertRejects(() => store.finish(0), StateError);
    }));

  Deno.test(`finish() in ${way} answers "changed" for a file that is not whole`, () =>
    use(async (open) => {
      const sample = await sampleTorrent();
      await using store = await open(sample.metainfo);
      assertEquals(await store.finish(0), "changed");
      assertEquals(await store.store(0, sample.piece(0)), "stored");
      assertEquals(await store.finish(0), "changed");
    }));

  Deno.test(`store() in ${way} takes pieces of thousands of files, many at a time`, () =>
    use(async (open) => {
      const files = Object.fromEntries(
        Array.from({ length: 2000 }, (_, i) => [`d${i % 7}/f${i}`, 700 + i % 300]),
      );
      const sample = await sampleTorrent({ files }), { info } = sample.metainfo;
      await using store = await open(sample.metainfo);
      const stored = await Promise.all(
        Array.from({ length: info.pieceCount }, (_, piece) => store.store(piece, sample.piece(piece))),
      );
      assert(stored.every((result) => result === "stored"));
      for (const file of info.files) assertEquals(await store.finish(file.index), "finished");
      const pieces = await Promise.all(
        Array.from(
          { length: info.pieceCount },
          (_, piece) => readPiece(store, sample.metainfo, piece, 16384),
        ),
      );
      pieces.forEach((bytes, piece) => assertEquals(bytes, sample.piece(piece)));
      assert((await store.checkAll()).isFull);
    }));

  Deno.test(`store() in ${way} rejects when the hash of a v2 piece is not known yet`, () =>
    use(async (open) => {
      const sample = await sampleTorrent({ version: "2" }), { info } = sample.metainfo;
      const pieceLayers = new Map<string, Uint8Array>();
      await using store = await open({ ...sample.metainfo, pieceLayers });
      await assertRejects(() => store.store(0, sample.piece(0)), StateError, "not known yet");
      assertEquals(await store.check(0), false);
      for (const [root, layer] of sample.metainfo.pieceLayers) pieceLayers.set(root, layer);
      assertEquals(await store.store(0, sample.piece(0)), "stored");
      assertEquals(await store.check(0), true);
      assertEquals(pieceFiles(info, 0).length, 1);
    }));
}

for (const [way, use] of Object.entries(WAYS)) {
  Deno.test(`a store in ${way} blames the author of a hybrid whose hashes contradict each other, and peers for wrong bytes`, () =>
    use(async (open) => {
      const { metainfo, piece } = await sampleTorrent({ version: "hybrid" });
      const pieces = metainfo.info.pieces!.slice();
      pieces[0]! ^= 1;
      await using store = await open({ ...metainfo, info: { ...metainfo.info, pieces } });
      await assertRejects(() => store.store(0, piece(0)), DecodeError, "contradict each other");
      assertEquals(await store.store(0, piece(1)), "corrupt");
      assertEquals(await store.store(1, piece(1)), "stored");
    }));
}
