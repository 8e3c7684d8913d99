import { assert, assertEquals } from "@std/assert";
import { copyToSlab } from "../../src/bytes/slab.ts";

Deno.test("copyToSlab() makes copies of any length that nobody else writes to", () => {
  const originals = Array.from({ length: 600 }, (_, i) => new Uint8Array(i * 13 % 5000).fill(i));
  const copies = originals.map(copyToSlab);
  for (const [i, copy] of copies.entries()) {
    assertEquals(copy, originals[i]);
    assert(copy.length === 0 || copy.buffer !== originals[i]!.buffer);
  }
  assert(new Set(copies.map(({ buffer }) => buffer)).size < copies.length);
});
