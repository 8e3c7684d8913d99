import { assertEquals } from "@std/assert";
import { DiskBacklog } from "../../src/client/disk_backlog.ts";

const MIB = 1 << 20;

/** Pieces that are being stored until one says that they are not. */
class Disk {
  readonly backlog: DiskBacklog;
  readonly #done: (() => void)[] = [];

  constructor(pieceLength: number) {
    this.backlog = new DiskBacklog(pieceLength);
  }

  /** Answers whether peers may still be read. */
  store(pieces: number): boolean {
    for (let i = 0; i < pieces; i++) this.backlog.add(new Promise((resolve) => this.#done.push(resolve)));
    return this.backlog.mayRead() === undefined;
  }

  async finish(pieces: number): Promise<void> {
    for (const done of this.#done.splice(0, pieces)) done();
    await Promise.resolve();
  }
}

Deno.test("DiskBacklog holds readers up above 8 MiB, two pieces at least and 64 at most", () => {
  for (const [pieceLength, most] of [[MIB, 8], [16 * MIB, 2], [16 * 1024, 64]] as const) {
    const disk = new Disk(pieceLength);
    assertEquals([disk.store(most), disk.store(1)], [true, false], `pieces of ${pieceLength} bytes`);
  }
});

Deno.test("DiskBacklog.mayRead() settles when enough is stored, and for all when it is closed", async () => {
  const disk = new Disk(4 * MIB), read: string[] = [];
  disk.store(4);
  void disk.backlog.mayRead()!.then(() => read.push("a"));
  await disk.finish(1);
  assertEquals(read, []);
  await disk.finish(1);
  await disk.finish(0);
  assertEquals(read, ["a"]);
  disk.store(1);
  void disk.backlog.mayRead()!.then(() => read.push("b"));
  disk.backlog.close();
  await Promise.resolve();
  assertEquals([read, disk.backlog.mayRead()], [["a", "b"], undefined]);
});

Deno.test("DiskBacklog.settled() waits for what is being stored, and for nothing that comes later", async () => {
  const disk = new Disk(MIB);
  let isSettled = false;
  disk.store(1);
  const settled = disk.backlog.settled().then(() => isSettled = true);
  disk.store(1);
  assertEquals(isSettled, false);
  await disk.finish(1);
  await settled;
});
