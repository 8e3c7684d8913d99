import { assert, assertEquals, assertRejects } from "@std/assert";
import { hashWithWorkers } from "../../../src/io/deno/hash_content.ts";
import { openPieceFiles } from "../../../src/io/deno/piece_files.ts";
import { PieceWorkers } from "../../../src/io/deno/piece_workers.ts";
import { StoreLane } from "../../../src/io/deno/store_lane.ts";
import type { WriteSpan } from "../../../src/io/deno/worker_messages.ts";
import { WorkerFailure, WorkerLane } from "../../../src/io/deno/worker_lane.ts";
import { StorageError } from "../../../src/errors.ts";
import { sha1 } from "../../../src/bytes/digest.ts";
import { hashContent } from "../../../src/metainfo/hash_content.ts";
import type { TorrentVersion } from "../../../src/metainfo/info.ts";
import { layoutContent } from "../../../src/metainfo/layout.ts";
import { withFolder } from "../../with_folder.ts";
import { sampleTorrent } from "../sample_torrent.ts";

for (const version of ["1", "2", "hybrid"] satisfies TorrentVersion[]) {
  Deno.test(`hashWithWorkers() finds the hashes that hashContent() finds, v${version}`, () =>
    withFolder(async (directory) => {
      // The last is longer than what a worker reads at once, and than what it takes at once.
      const lengths = [1, 0, 16384, 16385, 300_000, 5_000_000], kinds = { version, pieceLength: 131072 };
      const sources = lengths.map((length, i) => ({
        path: [`f${i}`],
        content: new Uint8Array(length).fill(i + 1),
      }));
      for (const { path, content } of sources) await Deno.writeFile(`${directory}/${path}`, content);
      const layout = layoutContent(sources, { name: "t", ...kinds }), { info } = layout, done: number[] = [];
      const hashes = await hashWithWorkers({
        info,
        paths: layout.sources.map((source) => source && `${directory}/${source.path}`),
        onHashed: (pieces) => done.push(...pieces),
        onUnreadable: (_, error) => {
          throw error;
        },
      });
      const expected = await hashContent(layout);
      assertEquals(hashes.sha1?.slice(), expected.sha1);
      assertEquals(hashes.merkle?.slice(), expected.merkle);
      assertEquals(done.sort((a, b) => a - b), Array.from({ length: info.pieceCount }, (_, i) => i));
    }));
}

Deno.test("hashWithWorkers() tells which pieces cannot be read, and why", () =>
  withFolder(async (directory) => {
    const content = new Uint8Array(40_000),
      sources = ["a", "b", "c"].map((name) => ({ path: [name], content }));
    const { info } = layoutContent(sources, { name: "t", version: "2", pieceLength: 32768 });
    await Deno.writeFile(`${directory}/a`, content.subarray(0, 33_000));
    await Deno.writeFile(`${directory}/b`, content);
    const unreadable: [number, string][] = [];
    await hashWithWorkers({
      info,
      paths: [`${directory}/a`, `${directory}/b`, undefined],
      onHashed: () => {},
      onUnreadable: (piece, { message }) => unreadable.push([piece, message.replace(directory, "")]),
    });
    assertEquals(unreadable.sort(([a], [b]) => a - b), [
      [1, 'Cannot read "/a": it ends at byte 33000'],
      [4, 'Cannot read "t/c": no such file'],
      [5, 'Cannot read "t/c": no such file'],
    ]);
  }));

Deno.test("hashWithWorkers() rejects with the signal's reason", async () => {
  const { info } = layoutContent([{ path: ["a"], content: new Uint8Array(1) }], { version: "1" });
  const job = { info, paths: [undefined], onHashed: () => {}, onUnreadable: () => {} };
  const reason = new Error("enough");
  const error = await assertRejects(() => hashWithWorkers({ ...job, signal: AbortSignal.abort(reason) }));
  assertEquals(error, reason);
  const controller = new AbortController(), work = hashWithWorkers({ ...job, signal: controller.signal });
  controller.abort(reason);
  assertEquals(await assertRejects(() => work), reason);
});

Deno.test("PieceWorkers.store() writes, refuses what is corrupt, and tells what the system says", () =>
  withFolder(async (directory) => {
    const workers = new PieceWorkers(), user = {}, path = `${directory}/a.part`;
    workers.attach(user);
    const bytes = new Uint8Array(new SharedArrayBuffer(1000)).fill(7), hash = { sha1: await sha1(bytes) };
    const span = { file: 3, path, fileOffset: 50, knownLength: 0, pieceOffset: 0, length: 1000 };
    const reply = await workers.store({ bytes, hash, spans: [span] });
    assert(reply.type === "stored");
    const { size, mtime } = await Deno.stat(path);
    assertEquals(reply.written, [{ file: 3, length: size, modifiedMs: mtime!.getTime(), wasCut: false }]);
    assertEquals((await Deno.readFile(path)).subarray(50), bytes.slice());
    const corrupt = await workers.store({ bytes: bytes.slice(1), hash, spans: [span] });
    assertEquals(corrupt.type, "corrupt");
    const lost = { ...span, path: `${directory}/no/a.part` };
    await assertRejects(
      () => workers.store({ bytes, hash, spans: [lost] }),
      StorageError,
      "no such file or folder",
    );
    workers.detach(user);
  }));

Deno.test("PieceWorkers.store() answers for each piece, however many go in one message", () =>
  withFolder(async (directory) => {
    const workers = new PieceWorkers(), user = {};
    workers.attach(user);
    const bytes = new Uint8Array(new SharedArrayBuffer(10)).fill(7), hash = { sha1: await sha1(bytes) };
    const span = (path: string) => ({
      ...{ file: 0, fileOffset: 0, knownLength: 0, pieceOffset: 0, length: 10 },
      path: `${directory}/${path}`,
    });
    const results = await Promise.allSettled([
      ...["a", "b", "no/c", "d"].map((path) => workers.store({ bytes, hash, spans: [span(path)] })),
      workers.store({ bytes: bytes.slice(1), hash, spans: [span("e")] }),
    ]);
    assertEquals(
      results.map((result) => result.status === "fulfilled" ? result.value.type : result.reason.name),
      ["stored", "stored", "StorageError", "stored", "corrupt"],
    );
    const names = await Array.fromAsync(Deno.readDir(directory), ({ name }) => name);
    assertEquals(names.sort(), ["a", "b", "d"]);
    workers.detach(user);
  }));

Deno.test("StoreLane.store() looks at a file once a message, and sees what was cut off meanwhile", () =>
  withFolder(async (directory) => {
    const lane = new StoreLane({ onIdle: () => {}, onFailed: () => {} }), path = `${directory}/a.part`;
    const bytes = new Uint8Array(new SharedArrayBuffer(10)).fill(7), hash = { sha1: await sha1(bytes) };
    const spanAt = (fileOffset: number, knownLength: number) => {
      return { file: 0, path, fileOffset, knownLength, pieceOffset: 0, length: 10 };
    };
    const store = async (...spans: WriteSpan[]) => {
      const reply = await lane.store({ bytes, hash, spans });
      assert(reply.type === "stored");
      return reply.written.map(({ length, wasCut }) => ({ length, wasCut }));
    };
    // The first goes alone, because the worker has nothing to do; the others wait together. Of the last only half is written.
    const lost = { ...spanAt(0, 0), path: `${directory}/no/b` };
    const answers = await Promise.allSettled([
      ...[0, 10, 20].map((offset) => store(spanAt(offset, 0))),
      store(spanAt(30, 0), lost),
    ]);
    assertEquals(answers.map((answer) => answer.status === "fulfilled" ? answer.value : answer.reason.name), [
      [{ length: 10, wasCut: false }],
      [],
      [{ length: 40, wasCut: false }],
      "StorageError",
    ]);
    await Deno.truncate(path, 25);
    assertEquals(await store(spanAt(0, 40)), [{ length: 25, wasCut: true }]);
    assertEquals(await store(spanAt(30, 40)), [{ length: 40, wasCut: true }]);
    assertEquals(await store(spanAt(30, 40)), [{ length: 40, wasCut: false }]);
    lane.close();
  }));

Deno.test("PieceWorkers.store() fails for pieces that wait when the last user leaves", async () => {
  const workers = new PieceWorkers(), user = {}, hash = { sha1: new Uint8Array(20) };
  workers.attach(user);
  const pieces = [1, 2, 3].map((length) => workers.store({ bytes: new Uint8Array(length), hash, spans: [] }));
  workers.detach(user);
  for (const piece of pieces) await assertRejects(() => piece, WorkerFailure);
});

Deno.test("PieceWorkers.drop() lets a file that was replaced be found again", () =>
  withFolder(async (directory) => {
    const workers = new PieceWorkers(), user = {}, path = `${directory}/a.part`;
    workers.attach(user);
    const bytes = new Uint8Array(10).fill(7), hash = { sha1: await sha1(bytes) };
    const store = () =>
      workers.store({
        bytes,
        hash,
        spans: [{ file: 0, path, fileOffset: 0, knownLength: 0, pieceOffset: 0, length: 10 }],
      });
    await store();
    await Deno.remove(path);
    workers.drop(path);
    await store();
    assertEquals(await Deno.readFile(path), bytes);
    workers.detach(user);
  }));

Deno.test("WorkerLane.close() ends what it was doing with an error", async () => {
  const lane = new WorkerLane(), hash = { sha1: new Uint8Array(20) };
  const task = lane.run(
    { type: "store", pieces: [{ bytes: new Uint8Array(1), hash, spans: [] }], dropped: [] },
    () => true,
  );
  lane.close();
  lane.close();
  await assertRejects(() => task, Error, "the worker was ended");
});

Deno.test("workers write to the file that is there, not to one that somebody has replaced", () =>
  withFolder(async (directory) => {
    const { metainfo, piece } = await sampleTorrent({ files: { "a.bin": 65_536 } });
    await using store = await openPieceFiles(metainfo, { directory, workers: true });
    const path = `${directory}/sample/a.bin.part`;
    assertEquals(await store.store(0, piece(0)), "stored");
    await Deno.copyFile(path, `${directory}/copy`);
    await Deno.rename(`${directory}/copy`, path);
    assertEquals(await store.store(1, piece(1)), "stored");
    assertEquals(await store.finish(0), "changed");
    assertEquals([await store.check(0), await store.check(1)], [true, false]);
    assertEquals(await store.store(1, piece(1)), "stored");
    assertEquals([await store.check(1), await store.finish(0)], [true, "finished"]);
  }));

Deno.test("workers name no file of a piece that cannot be written", () =>
  withFolder(async (directory) => {
    const { metainfo, piece } = await sampleTorrent({ files: { "a.bin": 100, "b.bin": 200 } });
    await using store = await openPieceFiles(metainfo, { directory, workers: true });
    const folder = `${directory}/sample`;
    await Deno.mkdir(`${folder}/b.bin.part`, { recursive: true });
    await assertRejects(() => store.store(0, piece(0)), StorageError);
    await Deno.remove(`${folder}/b.bin.part`);
    assertEquals(await store.store(0, piece(0)), "stored");
    assertEquals([await store.finish(0), await store.finish(1)], ["finished", "finished"]);
    const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    assertEquals(names.sort(), ["a.bin", "b.bin"]);
  }));

const ALLOWED = Deno.makeTempDirSync();

Deno.test({
  name: "without the right to start workers, everything is done on the main thread",
  permissions: { read: [ALLOWED], write: [ALLOWED] },
  async fn() {
    const sample = await sampleTorrent(), { info } = sample.metainfo;
    await using store = await openPieceFiles(sample.metainfo, { directory: ALLOWED, workers: true });
    const job = { info, paths: [], onHashed: () => {}, onUnreadable: () => {} };
    await assertRejects(() => hashWithWorkers(job), WorkerFailure);
    for (let piece = 0; piece < info.pieceCount; piece++) {
      assertEquals(await store.store(piece, sample.piece(piece)), "stored");
    }
    assert((await store.checkAll()).isFull);
    await store.close();
    await Deno.remove(ALLOWED, { recursive: true });
  },
});
