import { assertEquals } from "@std/assert";
import { copyInto } from "../../src/bytes/copy.ts";

Deno.test("copyInto() copies like set(), whatever the memory and the alignment", () => {
  const stream = Uint8Array.from({ length: 40_000 }, (_, i) => i * 7);
  for (const Memory of [ArrayBuffer, SharedArrayBuffer]) {
    for (const from of [0, 8, 13]) {
      for (const length of [0, 1, 100, 16384, 20_000]) {
        for (const offset of [0, 5, 16384]) {
          const source = stream.subarray(from, from + length);
          const target = new Uint8Array(new Memory(40_003), 3).fill(1);
          const expected = new Uint8Array(40_000).fill(1);
          copyInto(target, source, offset);
          expected.set(source, offset);
          assertEquals(target.slice(), expected);
        }
      }
    }
  }
});
