import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Bitfield } from "../../src/bytes/bitfield.ts";
import {
  decodeResume,
  encodeResume,
  planCheck,
  type ResumeData,
  ResumeLog,
} from "../../src/client/resume.ts";
import { DecodeError, StorageError } from "../../src/errors.ts";
import { StateFiles } from "../../src/io/deno/state_files.ts";
import { MemoryStateStore } from "../../src/io/state_store.ts";
import { withFolder } from "../with_folder.ts";

const stamp = (length: number, modifiedMs: number, partial = true) => ({ length, modifiedMs, partial });

function data(over: Partial<ResumeData> = {}): ResumeData {
  const pieces = new Bitfield(10);
  for (const piece of [0, 1, 5, 9]) pieces.set(piece);
  return {
    infoHash: new Uint8Array(20).fill(7),
    pieces,
    stamps: [stamp(500, 1000.125), undefined, stamp(500, 2000, false)],
    clean: false,
    downloaded: 2 ** 40,
    uploaded: 3,
    peers: [{ host: "10.0.0.1", port: 6881 }, { host: "fd00::1", port: 1 }],
    ...over,
  };
}

/** Ten pieces: 0–4 in file 0, 5–9 in file 2; piece 4 also touches file 1. */
const filesOf = (piece: number) => piece < 4 ? [0] : piece === 4 ? [0, 1] : [2];

Deno.test("encodeResume() and decodeResume() round trip", () => {
  const decoded = decodeResume(encodeResume(data()), 10);
  assertEquals([...decoded.pieces.indexes()], [0, 1, 5, 9]);
  assertEquals({ ...decoded, pieces: 0 }, { ...data(), pieces: 0 });
});

Deno.test("decodeResume() refuses other formats, versions and piece counts, and only throws DecodeError", () => {
  assertThrows(() => decodeResume(encodeResume(data()), 11), DecodeError, "piece count");
  const text = new TextDecoder("latin1").decode(encodeResume(data()));
  const broken = Uint8Array.from(text.replace("7:versioni1e", "7:versioni2e"), (c) => c.charCodeAt(0));
  assertThrows(() => decodeResume(broken, 10), DecodeError, "version");
  fc.assert(fc.property(fc.nat(), fc.nat(255), (at, byte) => {
    const bytes = encodeResume(data()).slice();
    bytes[at % bytes.length] = byte;
    try {
      decodeResume(bytes, 10);
    } catch (error) {
      assert(error instanceof DecodeError, String(error));
    }
  }));
});

Deno.test("planCheck() trusts files that stand as they were and hashes the journal", () => {
  const before = data();
  const plan = planCheck(before, [2], [stamp(600, 1500), undefined, stamp(500, 2000, false)], filesOf);
  assertEquals([...plan.trusted.indexes()], [0, 1, 5, 9]);
  assertEquals(plan.doubtful, [2]);
});

Deno.test("planCheck() doubts a file that somebody else touched", () => {
  const plan = planCheck(data(), [2], [stamp(600, 1500), undefined, stamp(500, 2001, false)], filesOf);
  assertEquals([...plan.trusted.indexes()], [0, 1]);
  assertEquals(plan.doubtful, [2, 5, 9]);
});

Deno.test("planCheck() doubts a journal file that shrank, and everything newer after a clean end", () => {
  const shrunk = planCheck(data(), [2], [stamp(400, 1500), undefined, stamp(500, 2000)], filesOf);
  assertEquals([...shrunk.trusted.indexes()], [5, 9]);
  const clean = planCheck(
    data({ clean: true }),
    [2],
    [stamp(600, 1500), undefined, stamp(500, 2000)],
    filesOf,
  );
  assertEquals(clean.doubtful, [0, 1, 2]);
});

Deno.test("planCheck() doubts pieces of a file that is gone", () => {
  assertEquals(planCheck(data(), [], [undefined, undefined, stamp(500, 2000)], filesOf).doubtful, [0, 1]);
});

Deno.test("ResumeLog keeps what was recorded, in order, through snapshots", async () => {
  const store = new MemoryStateStore(), log = new ResumeLog(store, "ab");
  assertEquals(await log.load(10), undefined);
  await log.snapshot(() => Promise.resolve(data()));
  const records = [log.record(3), log.record(4), log.record(3)];
  await Promise.all(records);
  assertEquals((await log.load(10))!.journal, [3, 4]);
  void log.record(6);
  await log.snapshot(() => {
    void log.record(7); // while the snapshot is under way: it may not be part of it
    return Promise.resolve(data());
  });
  await log.record(8);
  assertEquals((await log.load(10))!.journal, [7, 8]);
  await store.append("ab.journal", Uint8Array.of(0, 0, 0, 2, 0, 0)); // the last write was cut
  assertEquals((await log.load(10))!.journal, [7, 8, 2]);
  await log.remove();
  assertEquals(await log.load(10), undefined);
});

Deno.test("ResumeLog takes no snapshot that is damaged", async () => {
  const store = new MemoryStateStore(), log = new ResumeLog(store, "ab");
  await store.write("ab.resume", encodeResume(data()).slice(1));
  assertEquals(await log.load(10), undefined);
});

Deno.test("StateFiles replaces, appends, removes, and leaves no empty folder", () =>
  withFolder(async (root) => {
    const files = new StateFiles(`${root}/state`);
    assertEquals(await files.read("a.resume"), undefined);
    await files.append("a.journal", Uint8Array.of(1));
    await files.append("a.journal", Uint8Array.of(2));
    await files.write("a.resume", Uint8Array.of(9));
    await files.write("a.resume", Uint8Array.of(8));
    assertEquals(await files.read("a.journal"), Uint8Array.of(1, 2));
    assertEquals(await files.read("a.resume"), Uint8Array.of(8));
    await files.remove("a.resume");
    await files.remove("a.resume");
    await files.remove("a.journal");
    assertEquals(await Array.fromAsync(Deno.readDir(root)), []);
  }));

Deno.test("StateFiles keeps a note while others remove the last of theirs, and the folder with it", () =>
  withFolder(async (root) => {
    const files = new StateFiles(`${root}/state`);
    const churn = async (name: string) => {
      for (let i = 0; i < 100; i++) {
        await files.append(`${name}.journal`, Uint8Array.of(1));
        await files.write(`${name}.resume`, Uint8Array.of(2));
        await files.remove(`${name}.journal`);
        await files.remove(`${name}.resume`);
      }
    };
    await Promise.all(["a", "b", "c"].map(churn));
    assertEquals(await Array.fromAsync(Deno.readDir(root)), []);
  }));

Deno.test("StateFiles says what stands in the way", () =>
  withFolder(async (root) => {
    await Deno.writeTextFile(`${root}/state`, "a file");
    const error = await assertRejects(
      () => new StateFiles(`${root}/state`).write("a", new Uint8Array(1)),
      StorageError,
      "Cannot write",
    );
    assert(error.cause !== undefined);
    await assertRejects(() => new StateFiles(root).read("../x"), TypeError, "unsafe name");
  }));

Deno.test("planCheck() looks at all of a file that somebody has put there since", () => {
  const whole = stamp(700, 9000, false);
  const plan = planCheck(data(), [], [whole, undefined, stamp(500, 2000, false)], filesOf);
  assertEquals([...plan.trusted.indexes()], [5, 9]);
  assertEquals(plan.doubtful, [0, 1, 2, 3, 4]);
  const absent = data({ stamps: [undefined, undefined, undefined], pieces: new Bitfield(10) });
  assertEquals(planCheck(absent, [], [stamp(1, 1), undefined, whole], filesOf).doubtful, [5, 6, 7, 8, 9]);
});
