import { assertEquals } from "@std/assert";
import { skeyHash } from "../../src/mse/keys.ts";
import { SkeyIndex } from "../../src/mse/skey_index.ts";

Deno.test("SkeyIndex finds each of many torrents by its name, and those taken away no more", () => {
  const index = new SkeyIndex();
  const hashes = Array.from({ length: 300 }, (_, i) => new Uint8Array(20).fill(i % 256).fill(i >> 8, 10));
  for (const hash of hashes) index.add(hash);
  for (const hash of hashes) assertEquals(index.find(skeyHash(hash)), hash);
  index.delete(hashes[7]!);
  assertEquals(index.find(skeyHash(hashes[7]!)), undefined);
  assertEquals(index.find(skeyHash(hashes[8]!)), hashes[8]);
  assertEquals(index.find(hashes[8]!), undefined);
});

Deno.test("add() of SkeyIndex does not keep the caller's memory", () => {
  const index = new SkeyIndex(), hash = new Uint8Array(20).fill(1), name = skeyHash(hash);
  index.add(hash);
  hash.fill(2);
  assertEquals(index.find(name), new Uint8Array(20).fill(1));
});
