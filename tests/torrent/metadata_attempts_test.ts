import { assert, assertEquals } from "@std/assert";
import { MetadataAttempts } from "../../src/torrent/metadata_attempts.ts";
import { METADATA_BLOCK_LENGTH } from "../../src/wire/messages/metadata.ts";

const SIZE = METADATA_BLOCK_LENGTH + 100;
const peer = (key: number, size = SIZE, isSuspect = false) => ({ key, size, isSuspect });

Deno.test("MetadataAttempts has peers of one size contribute to one attempt, and suspects to one each", () => {
  const attempts = new MetadataAttempts();
  const taken = [peer(1), peer(2), peer(3), peer(4, SIZE + 1), peer(5, SIZE, true), peer(6, SIZE, true)]
    .map((one) => attempts.take(one, 0));
  assertEquals(taken, [0, 1, undefined, 0, 0, 0]);
  attempts.release(2);
  assertEquals(attempts.take(peer(3), 1), 1);
  assertEquals([attempts.oldestRequest(), attempts.late(0), attempts.late(1)], [0, [1, 4, 5, 6], [
    1,
    3,
    4,
    5,
    6,
  ]]);
});

Deno.test("MetadataAttempts looks at one hash at a time", () => {
  const attempts = new MetadataAttempts(), size = 10;
  for (const suspect of [peer(1, size, true), peer(2, size, true)]) {
    attempts.take(suspect, 0);
    attempts.of(suspect)!.put(0, new Uint8Array(size).fill(suspect.key), suspect.key);
  }
  assertEquals([attempts.verify()?.[0], attempts.verify()], [1, undefined]);
  assertEquals(attempts.progress(), { received: 1, blockCount: 1 });
  assertEquals([attempts.settle()?.senders(), attempts.settle(), attempts.verify()?.[0]], [
    [1],
    undefined,
    2,
  ]);
});

Deno.test("MetadataAttempts.keepOnly() drops what nobody goes on with", () => {
  const attempts = new MetadataAttempts();
  for (const one of [peer(1), peer(2, SIZE + 1)]) attempts.take(one, 0);
  attempts.keepOnly([peer(3)]);
  assertEquals([attempts.of(peer(1))?.size, attempts.of(peer(2, SIZE + 1))], [SIZE, undefined]);
});

Deno.test("MetadataAttempts holds no more than twice the longest metadata, and lets go of what is longest", () => {
  const attempts = new MetadataAttempts(), MIB = 1024 * 1024, block = new Uint8Array(METADATA_BLOCK_LENGTH);
  const liars = Array.from({ length: 8 }, (_, i) => peer(i + 2, 31 * MIB + i)), honest = peer(1, MIB);
  const put = (one: { key: number; size: number; isSuspect: boolean }) => {
    const index = attempts.take(one, 0);
    if (index !== undefined) attempts.put(one, index, block);
  };
  for (let i = 0; i < 31 * 64 - 1; i++) for (const one of i < 60 ? [honest, ...liars] : liars) put(one);
  const held = [honest, ...liars].map((one) => attempts.of(one)?.received ?? 0);
  assertEquals(held[0], 60);
  assert(held.reduce((sum, blocks) => sum + blocks, 0) <= 64 * 64, held.join());
});
